"""What looking after users needs of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from cti_server.identity.accounts import Role, User

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
