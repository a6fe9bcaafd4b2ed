"""Signing in and out, and who a session is (spec/50)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

from cti_server.identity import seating
from cti_server.identity.accounts import Role, User, Viewer, login_key
from cti_server.identity.desk_base import Base
from cti_server.identity.devices import Devices
from cti_server.identity.factor_ports import Sealer, SecondStepNeeded, Step
from cti_server.identity.ports import AccountRows, Hasher, OpenRows, Session, SignedIn
from cti_server.identity.second_factor import OVER, Half, SecondFactors
from cti_server.identity.sessions import SEEN_EVERY, SessionPolicy, new_token, session_id, stands
from cti_server.identity.standing_in import stands_in
from cti_server.identity.standing_ports import Absence
from cti_server.identity.throttling import attempt, failed, keys_of
from cti_server.identity.tokens import STREAM, ApiTokens, TokenUse
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, NotAllowed, NotFound
from cti_server.shared.people import Branch


class LiveSession(NamedTuple):
    """Whose session it is; ``id`` is what a ``SessionEnded`` notice names."""

    id: str
    viewer: Viewer


class SigningIn(Base):
    """From a login to a viewer. ``second_factors`` and ``tokens`` have use cases of their own.
    ``only_administrators``: everybody else signs in by the firm's own sign-in, not by password."""

    def __init__(
        self,
        rows: OpenRows,
        hasher: Hasher,
        clock: Clock,
        policy: SessionPolicy | None,
        sealer: Sealer,
        required: Iterable[str] = (),
        *,
        only_administrators: bool = False,
    ) -> None:
        super().__init__(rows, hasher, clock, policy)
        self._only_administrators = only_administrators
        self.second_factors = SecondFactors(rows, hasher, sealer, clock, required)
        self._devices = Devices(sealer)
        self.tokens = ApiTokens(rows, clock, self._viewer_for)

    def sign_in(self, login: str, password: str, address: str, browser: str = "") -> str:
        """A new session's token. ``browser`` is what :meth:`remembered` gave it before. Raises Invalid where login or
        password are wrong (always the same sentence, after the same time), Unavailable where there were too many
        attempts, and SecondStepNeeded where the password was right and more is asked for."""
        with self._rows() as rows:
            user = rows.by_login(login_key(login))
            kept = rows.password(user.id) if user is not None and user.active else ""
        device = self._devices.known(browser, user.id) if user is not None else None
        tried = attempt(self._rows, keys_of(f"login:{login_key(login)}", address, device), self._clock.now())
        if not self._hasher.verify(kept, password) or user is None or not kept:
            self._refused(user, address, "password")
            raise Invalid("Login or password is wrong", "password", "wrong-sign-in")
        if self._only_administrators and not self._looks_after_users(user):
            self._refused(user, address, "single sign-on only")
            raise NotAllowed("Your role signs in by the firm's single sign-on, not by password")
        renewed = self._hasher.hash(password) if self._hasher.outdated(kept) else None
        token = new_token()
        with self._rows(write=True) as rows:
            tried.succeeded(rows)
            if renewed is not None:
                rows.put_password(user.id, renewed)
            step = self.second_factors.step_for(rows, user)
            if step is None:
                self._enter(rows, token, user, address, {})
            else:
                self.second_factors.put_half(rows, token, user, step, address)
        if step is not None:
            raise SecondStepNeeded(token, step)
        return token

    def sign_in_as(self, login: str, address: str) -> str:
        """A new session's token for whom the firm's own sign-in named; a second factor is that sign-in's matter.
        Invalid where there is no such user, or they are disabled."""
        token = new_token()
        with self._rows(write=True) as rows:
            user = rows.by_login(login_key(login))
            if user is not None and user.active:
                self._enter(rows, token, user, address, {"by": "single sign-on"})
                return token
        self._refused(user, address, "nobody here")
        raise Invalid(f"“{login}” is not a user here; ask an administrator", "login", "nobody-here")

    def _refused(self, user: User | None, address: str, why: str) -> None:
        """Notes a sign-in that failed. What was typed isn't kept: it may be a password in the wrong field."""
        with self._rows(write=True) as rows:
            known = "" if user is None else user.id
            rows.note(self._clock.now(), None, "sign-in failed", known, {"address": address, "why": why})

    @contextmanager
    def _noting(self, half: Half, address: str) -> Iterator[None]:
        """Notes a second step that fails, whose transaction is undone."""
        try:
            yield
        except Invalid:
            self._refused(half.user, address, "code")
            raise

    def _looks_after_users(self, user: User) -> bool:
        with self._rows() as rows:
            role = rows.role(user.role)
        return role is not None and "users" in role.rights

    def second_step(self, half_token: str, code: str, address: str, browser: str = "") -> str:
        """The session's token, once the code of a half sign-in is right too. Invalid where it isn't, or where the half
        sign-in is over; Unavailable where there were too many attempts."""
        token = new_token()
        half = self.second_factors.half(half_token)
        tried = self.second_factors.attempt(half.user.id, address, self._devices.known(browser, half.user.id))
        with self._noting(half, address), self._rows(write=True) as rows:
            recovery = self.second_factors.check(rows, half.user.id, code)
            self._end_half(rows, half_token, "code")
            tried.succeeded(rows)
            self._enter(rows, token, half.user, address, {"second": "recovery code" if recovery else "code"})
        return token

    def set_up_step(self, half_token: str, code: str, address: str, browser: str = "") -> tuple[str, list[str]]:
        """The session's token and the recovery codes, once a second factor was set up in the middle of a sign-in."""
        token = new_token()
        half = self.second_factors.half(half_token)
        tried = self.second_factors.attempt(half.user.id, address, self._devices.known(browser, half.user.id))
        with self._noting(half, address), self._rows(write=True) as rows:
            self._end_half(rows, half_token, "set-up")
            codes = self.second_factors.confirmed(rows, half.user.id, code)
            tried.succeeded(rows)
            self._enter(rows, token, half.user, address, {"second": "set up"})
        return token, codes

    def _end_half(self, rows: AccountRows, half_token: str, step: Step) -> None:
        """A half sign-in does for one session, and for the step that it was made for."""
        half = self.second_factors.standing(rows, half_token)
        if half.step != step or not rows.second_factors.drop_half(half.id):
            raise Invalid(OVER, "code", "half-over")

    def _enter(self, rows: AccountRows, token: str, user: User, address: str, how: dict[str, str]) -> None:
        """Makes the session."""
        now = self._clock.now()
        rows.drop_expired(now, now - self._policy.idle)
        rows.put_session(Session(session_id(token), user.id, now, now, now + self._policy.longest, address))
        rows.note(now, user.id, "signed-in", user.id, {"address": address} | how)

    def remembered(self, browser: str, token: str) -> str:
        """What a browser keeps from a sign-in on: that this user was in there, beside those who were before."""
        with self._rows() as rows:
            session = rows.session(session_id(token))
        return browser if session is None else self._devices.with_user(browser, session.user)

    def wrong_link(self, address: str) -> None:
        """Counts a questionnaire's link that there is not. Raises Unavailable where there were too many from this
        address; a good link is never slowed down, since nobody guesses 192 bits."""
        failed(self._rows, [f"link:{address}"], self._clock.now())

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

    def by_token(self, token: str) -> LiveSession | TokenUse | None:
        """The session of a live stream; does not count as the user doing something."""
        return self.by_id(session_id(token))

    def by_id(self, session: str) -> LiveSession | TokenUse | None:
        """The same, by the session's id (or that of an API token's stream)."""
        if session.startswith(STREAM):
            return self.tokens.by_stream(session)
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
            return self._viewer_for(rows, user_id)

    def _viewer_for(self, rows: AccountRows, user_id: str) -> Viewer:
        user = self._existing(rows, user_id)
        if not user.active:
            raise NotFound(f"The user {user_id} is disabled")
        return _viewer_for(rows, user, self._clock.now())

    def _standing(self, rows: AccountRows, session: str, now: float) -> SignedIn | None:
        """A session that is not over, of a user who is not disabled."""
        found = rows.signed_in(session, now)
        return found if found is not None and found.user.active and stands(found.session, self._policy, now) else None


def _viewer_for(rows: AccountRows, user: User, now: float) -> Viewer:
    role, branch = rows.role(user.role), rows.branch(user.branch)
    if role is None or branch is None:  # the database forbids it by foreign keys
        raise NotFound(f"The user {user.id} has no role or no branch")
    rings_at = tuple(rows.telephones.rings_at(user.id, user.extensions, now))
    return _made(user, role, branch, rings_at, tuple(rows.stand_ins.now(user.id, now)))


def _viewer_of(found: SignedIn) -> Viewer:
    return _made(found.user, found.role, found.branch, found.rings_at, found.stands_in)


def _made(
    user: User, role: Role, branch: Branch, rings_at: tuple[tuple[str, str], ...], absences: tuple[Absence, ...]
) -> Viewer:
    scope = replace(role.scope(user.id, user.branch), stands_in=stands_in(role, absences))
    return Viewer(
        id=user.id,
        login=user.login,
        name=user.name,
        branch=user.branch,
        branch_name=branch.name,
        role=user.role,
        scope=scope,
        rights=role.rights,
        language=user.language,
        timezone=user.timezone or branch.timezone,
        dial=user.dial,
        extensions=rings_at,
        stands_in_for=tuple((one.user, one.name, one.until) for one in absences if one.user in scope.absent),
    )
