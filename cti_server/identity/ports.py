"""What the identity room needs of the outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from cti_server.identity.accounts import Role, User
from cti_server.identity.factor_ports import FactorRows
from cti_server.identity.people_ports import HandoverRows, PeopleRows
from cti_server.identity.standing_ports import Absence, StandInRows
from cti_server.identity.telephone_ports import TelephoneRows
from cti_server.identity.token_ports import TokenRows
from cti_server.shared.people import Branch


class Hasher(Protocol):
    """Makes and checks password hashes; slow on purpose, so that it is done by few at a time."""

    def hash(self, password: str) -> str:
        """A salted hash to keep."""

    def verify(self, kept: str, password: str) -> bool:
        """Whether this is the password; takes as long for an empty ``kept`` as for any."""

    def outdated(self, kept: str) -> bool:
        """Whether a hash ought to be made anew, with today's parameters."""


@dataclass(slots=True)
class Session:
    """A sign-in. ``id`` is the SHA-256 of the token; times are epoch seconds, UTC."""

    id: str
    user: str
    created: float
    seen: float
    expires: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session with its user, the user's role and branch, the (exchange, extension) where their calls ring now, and
    for whom they stand in."""

    session: Session
    user: User
    role: Role
    branch: Branch
    rings_at: tuple[tuple[str, str], ...]
    stands_in: tuple[Absence, ...] = ()


@dataclass(slots=True)
class Failures:
    """Failed sign-ins of a login or an address."""

    key: str
    count: int
    last_at: float
    blocked_until: float


class AccountRows(Protocol):
    """Users, roles, extensions and sessions as they are kept, within one transaction."""

    def user(self, user_id: str) -> User | None:
        """One by id, with extensions."""

    def by_login(self, login: str) -> User | None:
        """One by login (as :func:`accounts.login_key` makes it)."""

    def users(self) -> list[User]:
        """All, by id."""

    def put_user(self, user: User) -> None:
        """Saves one as given; extensions and password stay as they are."""

    def password(self, user_id: str) -> str:
        """The password's hash; empty where there is none."""

    def put_password(self, user_id: str, kept: str) -> None:
        """Keeps another hash."""

    def preferences(self, user_id: str) -> dict[str, Any]:
        """What the user chose for their screens."""

    def put_preferences(self, user_id: str, chosen: dict[str, Any]) -> None:
        """Keeps it."""

    def role(self, name: str) -> Role | None:
        """One by name."""

    def roles(self) -> list[Role]:
        """All, by name."""

    def put_role(self, role: Role) -> None:
        """Saves one as given."""

    def drop_role(self, name: str) -> None:
        """Removes one that nobody has."""

    def tell_rights(self, users: Sequence[str], at: float) -> None:
        """Their open screens are looked at again: they may see more or less by now."""

    def note_role(self, at: float, by: str | None, act: str, role: str, detail: dict[str, Any]) -> None:
        """Adds to the trail what was done to a role."""

    def branch(self, code: str) -> Branch | None:
        """One by code."""

    @property
    def telephones(self) -> TelephoneRows:
        """Whose the extensions are, and who sits there."""

    @property
    def people(self) -> PeopleRows:
        """Users in lists."""

    @property
    def second_factors(self) -> FactorRows:
        """Second factors and half sign-ins."""

    @property
    def tokens(self) -> TokenRows:
        """API tokens."""

    @property
    def handover(self) -> HandoverRows:
        """What is a user's, and its way to another."""

    @property
    def stand_ins(self) -> StandInRows:
        """Who stands in for whom."""

    def end_tokens(self, user_id: str, at: float) -> int:
        """Ends the API tokens of a user who is disabled or left; gives how many there were."""

    def session(self, session_id: str) -> Session | None:
        """One by id."""

    def signed_in(self, session_id: str, now: float) -> SignedIn | None:
        """One with its user; asked by every page and stream, and so in few look-ups."""

    def put_session(self, session: Session) -> None:
        """Saves one as given."""

    def end_session(self, session: Session, at: float) -> None:
        """Ends it; the live streams are told."""

    def sessions_of(self, user_id: str) -> list[Session]:
        """Those of a user."""

    def drop_expired(self, before: float, idle_before: float) -> None:
        """Forgets sessions that are over."""

    def failures(self, keys: Iterable[str]) -> dict[str, Failures]:
        """Failed sign-ins by key."""

    def put_failures(self, failures: Failures) -> None:
        """Saves them."""

    def forget_failures(self, keys: Iterable[str]) -> None:
        """Drops them."""

    def drop_old_failures(self, before: float) -> None:
        """Drops those of which the last one was before then (epoch seconds, UTC)."""

    def note(self, at: float, by: str | None, act: str, user_id: str, detail: dict[str, Any]) -> None:
        """Adds to the trail what was done to a user's account."""


class OpenRows(Protocol):
    """Opens a transaction. ``write``: with the write lock from the start."""

    def __call__(self, *, write: bool = False) -> AbstractContextManager[AccountRows]:
        """Commits when its block ends."""
