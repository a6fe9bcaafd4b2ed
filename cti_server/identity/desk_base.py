"""What all use cases of the identity room stand on, and how an account is checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cti_server.identity.accounts import Role, User, Viewer
from cti_server.identity.ports import AccountRows, Hasher, OpenRows
from cti_server.identity.sessions import SessionPolicy
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.scope import Span

LANGUAGES: Final = ("ja", "en")
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 200
"""Characters: more costs time, not safety."""


BOUND: Final = frozenset({"handle", "customers", "unregistered", "export"})
"""Rights that go no further than the span of a role does; all others are about the whole firm."""


class Base:
    """The tables, the clock, and how passwords and sessions are dealt with. Each use case opens a transaction."""

    def __init__(self, rows: OpenRows, hasher: Hasher, clock: Clock, policy: SessionPolicy | None = None) -> None:
        self._rows = rows
        self._hasher = hasher
        self._clock = clock
        self._policy = policy or SessionPolicy()

    def _existing(self, rows: AccountRows, user_id: str) -> User:
        user = rows.user(user_id)
        if user is None:
            raise NotFound(f"There is no user {user_id}")
        return user

    def _end_all(self, rows: AccountRows, user_id: str, keep: str | None = None) -> int:
        """Ends a user's sessions (but ``keep``), and sign-ins that lack their second step."""
        rows.second_factors.drop_halves_of(user_id)
        ended = [session for session in rows.sessions_of(user_id) if session.id != keep]
        for session in ended:
            rows.end_session(session, self._clock.now())
        return len(ended)


def can_give(viewer: Viewer, role: Role) -> bool:
    """Whether a role reaches no further than the viewer who would give it, or look after somebody who has it."""
    if viewer.scope.span is Span.ALL:
        return True
    near = role.span in (Span.OWN, viewer.scope.span) and role.classes <= viewer.scope.classes
    return near and role.rights - BOUND <= viewer.rights


def reach_of(viewer: Viewer) -> str | None:
    """The branch whose users the viewer looks after; null: all."""
    return None if viewer.scope.span is Span.ALL else viewer.branch


def looked_after(rows: AccountRows, viewer: Viewer, user_id: str) -> User:
    """One whom the viewer, who looks after users, looks after. NotFound for others."""
    user, reach = rows.user(user_id), reach_of(viewer)
    if user is None or reach not in (None, user.branch):
        raise NotFound("There is no such user")
    role = rows.role(user.role)
    if role is None or not can_give(viewer, role):
        raise NotFound("There is no such user")
    return user


@contextmanager
def somebody_left(rows: AccountRows) -> Iterator[None]:
    """Refuses what leaves nobody who looks after all users."""
    before = rows.people.administrators()
    yield
    if before and not rows.people.administrators():
        raise Invalid(
            "Nobody would be left who looks after all users; give somebody else that role first", "role", "last-one"
        )


def check_user(rows: AccountRows, user: User) -> None:
    """Raises Invalid for what a user can't be."""
    if not user.id.strip() or not user.login:
        raise Invalid("A user needs an id and a login", "id", "wrong-user")
    if rows.branch(user.branch) is None:
        raise Invalid(f"There is no branch “{user.branch}”; the settings name the branches", "branch", "wrong-branch")
    if rows.role(user.role) is None:
        known = ", ".join(f"“{role.name}”" for role in rows.roles())
        raise Invalid(f"There is no role “{user.role}”; there are {known}", "role", "wrong-role")
    if user.language not in LANGUAGES:
        raise Invalid(f"“{user.language}” is no language of the pages; choose ja or en", "language", "wrong-language")
    if user.dial not in ("pbx", "tel"):
        raise Invalid("Dialling is done by the exchange (pbx) or by the computer (tel)", "dial", "wrong-dial")


def check_password(password: str) -> None:
    """Raises Invalid for a password that is too short, or longer than it helps."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; take a longer one"
            if len(password) < SHORTEST_PASSWORD
            else f"A password has at most {LONGEST_PASSWORD} characters; take a shorter one",
            "password",
            "wrong-password-length",
        )
