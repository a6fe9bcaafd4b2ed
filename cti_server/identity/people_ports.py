"""What looking after users needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from cti_server.identity.accounts import Role, User
from cti_server.shared.scope import Scope

UserState = Literal["", "active", "locked"]


@dataclass(frozen=True, slots=True)
class WantedUsers:
    """Which users a list shows. ``text``: part of a name, kana, login, id or mail address; ``branch`` and ``role``:
    empty for all."""

    text: str = ""
    branch: str = ""
    role: str = ""
    state: UserState = ""


class Listed(NamedTuple):
    """A user in a list. ``seen``: when they last did something, epoch seconds, UTC; null where they are not signed
    in; ``factor``: since when they have a second factor."""

    user: User
    branch_name: str
    seen: float | None
    factor: float | None


class Reach(NamedTuple):
    """How much somebody sees: customers, and calls that are open."""

    customers: int
    open_calls: int


class PeopleRows(Protocol):
    """Users in lists, within one transaction."""

    def listed(
        self, wanted: WantedUsers, reach: str | None, roles: Sequence[str], after: str, most: int
    ) -> Sequence[Listed]:
        """In the order of their ids, after one. ``reach``: the only branch there is for the viewer; null: all;
        ``roles``: the only roles."""

    def branches(self, reach: str | None) -> Sequence[tuple[str, str]]:
        """Code and name of those that there are."""

    def administrators(self) -> Sequence[str]:
        """The ids of active users who may look after all users."""

    def role_of(self, user_id: str) -> Role:
        """A user's role."""

    def role_sizes(self) -> dict[str, int]:
        """How many users have each role; those that nobody has are missing."""

    def of_role(self, role: str, after: str, most: int) -> Sequence[tuple[User, str]]:
        """Users of a role with the name of their branch, in the order of their ids, after one."""

    def ids_of_role(self, role: str) -> Sequence[str]:
        """All users of a role."""

    def reach(self, scope: Scope) -> Reach:
        """What a scope lets somebody see, by the gate's own rule."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is a user's: customers by class, items that were handed to them, records that they are asked for, open deals
    of which they are the member."""

    customers: Mapping[int, int]
    items: int
    requests: int
    deals: int

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to hand over."""
        return not (sum(self.customers.values()) or self.items or self.requests or self.deals)


class HandoverRows(Protocol):
    """What is a user's, past the scope of who looks after users: counts only."""

    def belongings(self, user: str) -> Belongings:
        """What is a user's now."""

    def hand_over(self, user: str, to: Scope, by: str, at: float) -> None:
        """Moves items, requests and deals to whose scope it is, as far as it reaches (the rest is nobody's then), and
        has the customers follow."""
