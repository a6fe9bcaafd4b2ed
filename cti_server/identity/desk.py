"""The use cases of the identity room: signing in and out, who a session is, and the accounts themselves (spec/50)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from cti_server.identity import seating
from cti_server.identity.accounts import RIGHTS, Dialling, Role, User, Viewer, login_key
from cti_server.identity.ports import AccountRows, Failures, Hasher, OpenRows, Session, SignedIn
from cti_server.identity.sessions import (
    FORGOTTEN_AFTER,
    SEEN_EVERY,
    SessionPolicy,
    failed_again,
    new_token,
    session_id,
    stands,
)
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, NotFound, Unavailable
from cti_server.shared.people import Branch
from cti_server.shared.telephones import Seat

LANGUAGES: Final = ("ja", "en")
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 200
"""Characters: more costs time, not safety."""


class LiveSession(NamedTuple):
    """Whose session it is; ``id`` is what a ``SessionEnded`` notice names."""

    id: str
    viewer: Viewer


class Accounts:
    """All use cases. Each opens a transaction of its own."""

    def __init__(self, rows: OpenRows, hasher: Hasher, clock: Clock, policy: SessionPolicy | None = None) -> None:
        self._rows = rows
        self._hasher = hasher
        self._clock = clock
        self._policy = policy or SessionPolicy()

    # --- sessions

    def sign_in(self, login: str, password: str, address: str) -> str:
        """A new session's token. Raises Invalid where login or password are wrong (always the same sentence, after the
        same time) and Unavailable where there were too many attempts.

        An attempt counts as failed before the password is looked at, so that many at once gain nothing.
        """
        now = self._clock.now()
        keys = [f"login:{login_key(login)}", f"address:{address}"]
        with self._rows(write=True) as rows:
            known = rows.failures(keys)
            wait = max((one.blocked_until - now for one in known.values()), default=0.0)
            if wait > 0:
                raise Unavailable(f"There were too many attempts to sign in; try again in {int(wait) + 1} seconds")
            for key in keys:
                rows.put_failures(failed_again(key, known.get(key), now))
            user = rows.by_login(login_key(login))
            kept = rows.password(user.id) if user is not None and user.active else ""
        if not self._hasher.verify(kept, password) or user is None or not kept:
            raise Invalid("Login or password is wrong", "password", "wrong-sign-in")
        renewed = self._hasher.hash(password) if self._hasher.outdated(kept) else None
        token = new_token()
        with self._rows(write=True) as rows:
            rows.drop_old_failures(now - FORGOTTEN_AFTER)
            _forgive(rows, keys, known)
            if renewed is not None:
                rows.put_password(user.id, renewed)
            rows.drop_expired(now, now - self._policy.idle)
            rows.put_session(Session(session_id(token), user.id, now, now, now + self._policy.longest, address))
            rows.note(now, user.id, "signed-in", user.id, {"address": address})
        return token

    def sign_out(self, token: str) -> str | None:
        """Ends a session; gives its id. Null if there was none."""
        with self._rows(write=True) as rows:
            session = rows.session(session_id(token))
            if session is None:
                return None
            rows.end_session(session, self._clock.now())
            seating.sign_out(rows.telephones, session.user, self._clock.now(), forced=False)
            rows.note(self._clock.now(), session.user, "signed-out", session.user, {})
        return session.id

    def viewer_of(self, token: str) -> Viewer | None:
        """Whose session it is; null if there is none or it is over. Counts as the user doing something."""
        now = self._clock.now()
        with self._rows() as rows:
            found = self._standing(rows, session_id(token), now)
            if found is not None and found.session.seen < now - SEEN_EVERY:
                found.session.seen = now
                rows.put_session(found.session)
        return None if found is None else _viewer_of(found)

    def by_token(self, token: str) -> LiveSession | None:
        """The session of a live stream; does not count as the user doing something."""
        return self.by_id(session_id(token))

    def by_id(self, session: str) -> LiveSession | None:
        """The same, by the session's id."""
        with self._rows() as rows:
            found = self._standing(rows, session, self._clock.now())
        return None if found is None else LiveSession(session, _viewer_of(found))

    def end_sessions(self, user_id: str, by: str | None = None) -> int:
        """Ends all sessions of a user; gives how many there were."""
        with self._rows(write=True) as rows:
            self._existing(rows, user_id)
            ended = self._end_all(rows, user_id)
            seating.sign_out(rows.telephones, user_id, self._clock.now(), forced=True)
            rows.note(self._clock.now(), by, "sessions-ended", user_id, {"sessions": ended})
        return ended

    def viewer(self, user_id: str) -> Viewer:
        """A user as the viewer of a command, a report by mail or a test. NotFound where there is none or it is
        disabled."""
        with self._rows() as rows:
            user = self._existing(rows, user_id)
            if not user.active:
                raise NotFound(f"The user {user_id} is disabled")
            return _viewer_for(rows, user, self._clock.now())

    def _standing(self, rows: AccountRows, session: str, now: float) -> SignedIn | None:
        """A session that is not over, of a user who is not disabled."""
        found = rows.signed_in(session, now)
        return found if found is not None and found.user.active and stands(found.session, self._policy, now) else None

    def _end_all(self, rows: AccountRows, user_id: str, keep: str | None = None) -> int:
        ended = [session for session in rows.sessions_of(user_id) if session.id != keep]
        for session in ended:
            rows.end_session(session, self._clock.now())
        return len(ended)

    # --- what users choose themselves

    def set_language(self, viewer: Viewer, language: str) -> None:
        """Keeps the language that the user chose."""
        self.set_preferences(viewer, language=language)

    def preferences(self, viewer: Viewer) -> dict[str, Any]:
        """What the user chose for their screens (keys, notifications ...): plain data that the pages define."""
        with self._rows() as rows:
            return rows.preferences(viewer.id)

    def set_preferences(
        self,
        viewer: Viewer,
        *,
        language: str | None = None,
        timezone: str | None = None,
        dial: Dialling | None = None,
        screens: dict[str, Any] | None = None,
    ) -> None:
        """Keeps what is given; null leaves a choice as it is. ``timezone`` empty: the branch's. ``screens`` is merged
        into :meth:`preferences`."""
        with self._rows(write=True) as rows:
            user = self._existing(rows, viewer.id)
            if language is not None:
                user = replace(user, language=language)
            if timezone is not None:
                user = replace(user, timezone=timezone)
            if dial is not None:
                user = replace(user, dial=dial)
            _check(rows, user)
            rows.put_user(user)
            if screens is not None:
                rows.put_preferences(user.id, rows.preferences(user.id) | screens)

    def change_password(self, viewer: Viewer, old: str, new: str, token: str | None = None) -> None:
        """Changes the user's own password; all sessions but that of ``token`` end. Raises Invalid where the old one is
        wrong or the new one won't do."""
        _check_password(new)
        with self._rows() as rows:
            kept = rows.password(viewer.id)
        if not self._hasher.verify(kept, old):
            raise Invalid("The old password is wrong", "old", "wrong-password")
        made = self._hasher.hash(new)
        with self._rows(write=True) as rows:
            rows.put_password(viewer.id, made)
            self._end_all(rows, viewer.id, session_id(token) if token else None)
            rows.note(self._clock.now(), viewer.id, "password-changed", viewer.id, {})

    # --- accounts

    def users(self) -> list[User]:
        """All users, by id."""
        with self._rows() as rows:
            return rows.users()

    def add_user(self, user: User, password: str | None, by: str | None = None) -> None:
        """Adds a user with its extensions; without a password nobody can sign in as them yet."""
        if password is not None:
            _check_password(password)
        made = self._hasher.hash(password) if password is not None else ""
        user = replace(user, login=login_key(user.login))
        with self._rows(write=True) as rows:
            if rows.user(user.id) is not None:
                raise Invalid(f"There is a user {user.id} already; choose another id", "id", "user-taken")
            same = rows.by_login(user.login)
            if same is not None:
                raise Invalid(
                    f"The login “{user.login}” is that of user {same.id}; choose another", "login", "login-taken"
                )
            _check(rows, user)
            rows.put_user(user)
            rows.put_password(user.id, made)
            for exchange, extension in user.extensions:
                self._give(rows, exchange, extension, user.id, by)
            rows.note(self._clock.now(), by, "user-added", user.id, {"role": user.role, "branch": user.branch})

    def set_password(self, user_id: str, password: str, by: str | None = None) -> None:
        """Gives a user another password and ends all their sessions."""
        _check_password(password)
        made = self._hasher.hash(password)
        with self._rows(write=True) as rows:
            self._existing(rows, user_id)
            rows.put_password(user_id, made)
            self._end_all(rows, user_id)
            rows.note(self._clock.now(), by, "password-changed", user_id, {})

    def set_active(self, user_id: str, active: bool, by: str | None = None) -> None:
        """Lets a user in or keeps them out; who is kept out loses all sessions at once."""
        with self._rows(write=True) as rows:
            rows.put_user(replace(self._existing(rows, user_id), active=active))
            if not active:
                self._end_all(rows, user_id)
                seating.sign_out(rows.telephones, user_id, self._clock.now(), forced=True)
            rows.note(self._clock.now(), by, "user-enabled" if active else "user-disabled", user_id, {})

    def set_role(self, user_id: str, role: str, by: str | None = None) -> None:
        """Gives a user another role."""
        with self._rows(write=True) as rows:
            user = replace(self._existing(rows, user_id), role=role)
            _check(rows, user)
            rows.put_user(user)
            rows.note(self._clock.now(), by, "role-given", user_id, {"role": role})

    def roles(self) -> list[Role]:
        """All roles, by name."""
        with self._rows() as rows:
            return rows.roles()

    def put_role(self, role: Role, by: str | None = None) -> None:
        """Adds a role or changes its authorities."""
        unknown = sorted(set(role.rights) - set(RIGHTS))
        if unknown:
            raise Invalid(f"There is no right “{unknown[0]}”; there are {', '.join(RIGHTS)}", "rights", "wrong-right")
        if not role.classes <= {1, 2, 3}:
            raise Invalid("Customer classes are 1, 2 and 3", "classes", "wrong-classes")
        if not role.name.strip():
            raise Invalid("A role needs a name", "name", "wrong-name")
        with self._rows(write=True) as rows:
            rows.put_role(role)
            authorities = {"span": role.span, "classes": sorted(role.classes), "rights": sorted(role.rights)}
            rows.note(self._clock.now(), by, "role-changed", role.name, authorities)

    def give_extension(self, exchange: str, extension: str, user_id: str, by: str | None = None) -> None:
        """Says whose an extension of an exchange is. Raises Invalid where it is somebody else's."""
        with self._rows(write=True) as rows:
            self._give(rows, exchange, extension, self._existing(rows, user_id).id, by)

    def _give(self, rows: AccountRows, exchange: str, extension: str, user_id: str, by: str | None) -> None:
        telephones = rows.telephones
        seating.check_free_for(telephones, exchange, extension, user_id)
        seating.assign(telephones, exchange, extension, user_id, shared=False, now=self._clock.now(), by=by)

    def take_extension(self, exchange: str, extension: str, by: str | None = None) -> None:
        """Takes an extension from whoever has it; it is free then, for who takes it for the day."""
        with self._rows(write=True) as rows:
            known = rows.telephones.telephone(exchange, extension)
            if known is None or known.user is None:
                raise NotFound(f"Extension {extension} of exchange {exchange} is nobody's")
            seating.assign(rows.telephones, exchange, extension, None, shared=False, now=self._clock.now(), by=by)

    def common_extension(self, exchange: str, extension: str, *, shared: bool, by: str | None = None) -> None:
        """Makes an extension a shared telephone, or a free one. Raises Invalid where it is somebody's own."""
        with self._rows(write=True) as rows:
            known = rows.telephones.telephone(exchange, extension)
            if known is not None and known.user is not None:
                raise Invalid(
                    f"Extension {extension} of exchange {exchange} is that of user {known.user}; take it from them "
                    "first",
                    "extension",
                    "extension-taken",
                )
            seating.assign(rows.telephones, exchange, extension, None, shared=shared, now=self._clock.now(), by=by)

    def sits_at(self, exchange: str, extension: str) -> Seat | None:
        """Who took an extension for the day, if somebody did."""
        with self._rows() as rows:
            known = rows.telephones.telephone(exchange, extension)
            return known.seat(self._clock.now()) if known is not None else None

    def _existing(self, rows: AccountRows, user_id: str) -> User:
        user = rows.user(user_id)
        if user is None:
            raise NotFound(f"There is no user {user_id}")
        return user


def _forgive(rows: AccountRows, keys: Iterable[str], before: dict[str, Failures]) -> None:
    """A sign-in that succeeded: the login starts afresh; its address gets back only the attempt that it took."""
    for key in keys:
        if key in before and key.startswith("address:"):
            rows.put_failures(before[key])
        else:
            rows.forget_failures([key])


def _viewer_for(rows: AccountRows, user: User, now: float) -> Viewer:
    role, branch = rows.role(user.role), rows.branch(user.branch)
    if role is None or branch is None:  # the database forbids it by foreign keys
        raise NotFound(f"The user {user.id} has no role or no branch")
    rings_at = tuple(rows.telephones.rings_at(user.id, user.extensions, now))
    return _made(user, role, branch, rings_at)


def _viewer_of(found: SignedIn) -> Viewer:
    return _made(found.user, found.role, found.branch, found.rings_at)


def _made(user: User, role: Role, branch: Branch, rings_at: tuple[tuple[str, str], ...]) -> Viewer:
    return Viewer(
        id=user.id,
        login=user.login,
        name=user.name,
        branch=user.branch,
        branch_name=branch.name,
        role=user.role,
        scope=role.scope(user.id, user.branch),
        rights=role.rights,
        language=user.language,
        timezone=user.timezone or branch.timezone,
        dial=user.dial,
        extensions=rings_at,
    )


def _check(rows: AccountRows, user: User) -> None:
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


def _check_password(password: str) -> None:
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; take a longer one"
            if len(password) < SHORTEST_PASSWORD
            else f"A password has at most {LONGEST_PASSWORD} characters; take a shorter one",
            "password",
            "wrong-password-length",
        )
