"""Looking after users on a page (spec/50): who is there, adding and changing them, locking them out, and the way back
in for who forgot a password.

Whoever looks after users and is held to a branch looks after that branch's, and can't give a role that reaches further
than their own: otherwise they could give themselves what they were not given. Nobody locks themselves out, and the last
one who looks after all users stays.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from cti_server.identity import seating
from cti_server.identity.accounts import Role, User, Viewer, login_key
from cti_server.identity.desk_base import Base, can_give, check_user, looked_after, reach_of, somebody_left
from cti_server.identity.people_ports import Listed, WantedUsers
from cti_server.identity.ports import AccountRows, Session
from cti_server.identity.sessions import stands
from cti_server.shared.errors import Conflict, Invalid, NotFound

PAGE: Final = 50
LONGEST: Final = 100
"""Characters of a name, a login, a mail address."""
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for each other when they are read to somebody."""


class Page(NamedTuple):
    """Users, and the id after which more follow; empty: these are all."""

    rows: Sequence[Listed]
    after: str


@dataclass(frozen=True, slots=True)
class Person:
    """One user for who looks after them. ``sessions``: the latest used first; ``factor``: since when they have a second
    factor; ``tokens``: how many API tokens open something in their name; ``mine``: it is the viewer."""

    user: User
    role: Role
    sessions: tuple[Session, ...]
    factor: float | None
    tokens: int
    has_password: bool
    mine: bool


class Administering(Base):
    """What the viewer may do about others' accounts. Each use case opens a transaction and checks in it."""

    # --- one's own sessions

    def my_sessions(self, viewer: Viewer) -> list[Session]:
        """Where the viewer is signed in, the latest used first."""
        with self._rows() as rows:
            return self._sessions(rows, viewer.id)

    def end_my_session(self, viewer: Viewer, key: str) -> None:
        """Ends one of the viewer's own, by its key (:func:`key_of`). NotFound where there is none."""
        with self._rows(write=True) as rows:
            self._end_one(rows, viewer.id, key, viewer.id)

    def end_my_others(self, viewer: Viewer, current: str) -> int:
        """Ends all of the viewer's but the present one (its id); gives how many there were."""
        with self._rows(write=True) as rows:
            ended = self._end_all(rows, viewer.id, keep=current)
            if ended:
                rows.note(self._clock.now(), viewer.id, "sessions-ended", viewer.id, {"number": ended})
            return ended

    # --- looking

    def people(self, viewer: Viewer, wanted: WantedUsers, after: str = "") -> Page:
        """Those whom the viewer looks after."""
        viewer.require("users")
        with self._rows() as rows:
            roles = [role.name for role in rows.roles() if can_give(viewer, role)]
            found = rows.people.listed(wanted, reach_of(viewer), roles, after, PAGE + 1)
        more = len(found) > PAGE
        return Page(found[:PAGE], found[PAGE - 1].user.id if more else "")

    def person(self, viewer: Viewer, user_id: str) -> Person:
        """One. NotFound outside the viewer's reach."""
        viewer.require("users")
        with self._rows() as rows:
            user = looked_after(rows, viewer, user_id)
            factor = rows.second_factors.factor(user_id)
            return Person(
                user,
                rows.people.role_of(user_id),
                tuple(self._sessions(rows, user_id)),
                factor.since if factor is not None else None,
                len(rows.tokens.of(user_id)),
                bool(rows.password(user_id)),
                user_id == viewer.id,
            )

    def choices(self, viewer: Viewer) -> tuple[Sequence[tuple[str, str]], list[Role]]:
        """The branches and roles that the viewer can give."""
        viewer.require("users")
        with self._rows() as rows:
            roles = [role for role in rows.roles() if can_give(viewer, role)]
            return rows.people.branches(reach_of(viewer)), roles

    # --- changing

    def add(self, viewer: Viewer, user: User) -> str:
        """Adds a user; gives a password for the first sign-in, which is kept nowhere."""
        viewer.require("users")
        user = _trimmed(user)
        password = new_password()
        made = self._hasher.hash(password)
        with self._rows(write=True) as rows:
            if rows.user(user.id) is not None:
                raise Invalid("There is a user of this number already; choose another", "id", "user-taken")
            self._check(rows, viewer, user)
            rows.put_user(user)
            rows.put_password(user.id, made)
            rows.note(self._clock.now(), viewer.id, "user-added", user.id, {"role": user.role, "branch": user.branch})
        return password

    def change(self, viewer: Viewer, user: User, seen: str) -> None:
        """Saves what was changed. Conflict where somebody changed them since ``seen`` (:func:`state_of`)."""
        viewer.require("users")
        user = _trimmed(user)
        with self._rows(write=True) as rows:
            before = looked_after(rows, viewer, user.id)
            if state_of(before) != seen:
                raise Conflict("Somebody else changed this user in the meantime; look at what changed, then save again")
            user = replace(user, active=before.active, dial=before.dial, extensions=before.extensions)
            self._check(rows, viewer, user, before)
            with somebody_left(rows):
                rows.put_user(user)
            changed = {name: getattr(user, name) for name in _FIELDS if getattr(user, name) != getattr(before, name)}
            if not changed:
                return
            if "role" in changed or "branch" in changed:
                self._end_all(rows, user.id)
            told = {"fields": sorted(changed)} | {name: changed[name] for name in ("role", "branch") if name in changed}
            rows.note(self._clock.now(), viewer.id, "user-changed", user.id, told)

    def lock(self, viewer: Viewer, user_id: str, locked: bool) -> None:
        """Keeps a user out, at once, or lets them in again."""
        viewer.require("users")
        with self._rows(write=True) as rows:
            user = looked_after(rows, viewer, user_id)
            self._not_oneself(viewer, user_id)
            with somebody_left(rows):
                rows.put_user(replace(user, active=not locked))
            now = self._clock.now()
            if locked:
                self._end_all(rows, user_id)
                rows.end_tokens(user_id, now)
                seating.sign_out(rows.telephones, user_id, now, forced=True)
            rows.note(now, viewer.id, "user-disabled" if locked else "user-enabled", user_id, {})

    def new_password(self, viewer: Viewer, user_id: str) -> str:
        """Gives a user who forgot theirs another password, this once; all their sessions end."""
        viewer.require("users")
        password = new_password()
        made = self._hasher.hash(password)
        with self._rows(write=True) as rows:
            looked_after(rows, viewer, user_id)
            rows.put_password(user_id, made)
            self._end_all(rows, user_id)
            rows.note(self._clock.now(), viewer.id, "password-changed", user_id, {})
        return password

    def end_session(self, viewer: Viewer, user_id: str, key: str) -> None:
        """Ends a session of a user; an empty key: all of them."""
        viewer.require("users")
        with self._rows(write=True) as rows:
            looked_after(rows, viewer, user_id)
            if key:
                self._end_one(rows, user_id, key, viewer.id)
                return
            ended = self._end_all(rows, user_id)
            rows.note(self._clock.now(), viewer.id, "sessions-ended", user_id, {"number": ended})

    def within(self, viewer: Viewer, user_id: str) -> None:
        """NotFound where the viewer does not look after this user."""
        viewer.require("users")
        with self._rows() as rows:
            looked_after(rows, viewer, user_id)

    # --- the rules

    def _check(self, rows: AccountRows, viewer: Viewer, user: User, before: User | None = None) -> None:
        if not user.name or len(user.name) > LONGEST or len(user.kana) > LONGEST or len(user.login) > LONGEST:
            raise Invalid("A user needs a name and a login of at most 100 characters each", "name", "user-name")
        if user.mail and ("@" not in user.mail[1:-1] or len(user.mail) > LONGEST or not user.mail.isprintable()):
            raise Invalid("This is no mail address; write it as name@example.jp", "mail", "user-mail")
        same = rows.by_login(user.login)
        if same is not None and same.id != user.id:
            raise Invalid("Somebody else signs in with this login; choose another", "login", "login-taken")
        check_user(rows, user)
        role = rows.role(user.role)
        if reach_of(viewer) not in (None, user.branch) or role is None or not can_give(viewer, role):
            raise Invalid("You can't give this branch or role; choose among those in the list", "role", "role-beyond")
        if before is not None and user.id == viewer.id and (user.role, user.branch) != (before.role, before.branch):
            raise Invalid(
                "You can't change your own role or branch; somebody else who looks after users has to",
                "role",
                "own-role",
            )

    def _sessions(self, rows: AccountRows, user_id: str) -> list[Session]:
        """Those that are not over; one that is stays kept until somebody signs in."""
        now = self._clock.now()
        standing = (one for one in rows.sessions_of(user_id) if stands(one, self._policy, now))
        return sorted(standing, key=lambda one: -one.seen)

    def _not_oneself(self, viewer: Viewer, user_id: str) -> None:
        if user_id == viewer.id:
            raise Invalid("You can't lock yourself out; somebody else who looks after users has to", "user", "own-lock")

    def _end_one(self, rows: AccountRows, user_id: str, key: str, by: str) -> None:
        session = next((one for one in rows.sessions_of(user_id) if key_of(one) == key), None)
        if session is None:
            raise NotFound("This session is over already")
        rows.end_session(session, self._clock.now())
        rows.note(self._clock.now(), by, "session-ended", user_id, {"address": session.address})


_FIELDS: Final = ("login", "name", "kana", "mail", "branch", "role", "language", "timezone")


def key_of(session: Session) -> str:
    """What a session is called on a page: the beginning of its id, which opens nothing."""
    return session.id[:16]


def state_of(user: User) -> str:
    """A user as a form knew them, so that two who change the same don't overwrite each other."""
    known = "\x1f".join(getattr(user, name) for name in _FIELDS)
    return hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def new_password() -> str:
    """A password to be read to somebody: four groups of four letters and digits (79 bits)."""
    groups = ("".join(secrets.choice(_LETTERS) for _letter in range(4)) for _group in range(4))
    return "-".join(groups)


def _trimmed(user: User) -> User:
    def clean(text: str) -> str:
        return " ".join(text.split())

    return replace(
        user,
        id=clean(user.id),
        login=login_key(user.login),
        name=clean(user.name),
        kana=clean(user.kana),
        mail=clean(user.mail),
        timezone=clean(user.timezone),
    )
