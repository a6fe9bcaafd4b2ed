"""The second factor's use cases: an authenticator app beside the password, recovery codes for whoever lost the
telephone, and the second step of a sign-in (spec/50)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from cti_server.identity import totp
from cti_server.identity.accounts import User, Viewer
from cti_server.identity.factor_ports import HalfSignIn, Sealer, SecondFactor, Step
from cti_server.identity.ports import AccountRows, Hasher, OpenRows
from cti_server.identity.sessions import session_id
from cti_server.identity.throttling import Attempt, attempt, keys_of
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound

ISSUER: Final = "Yobirin"
HALF_SECONDS: Final = 600.0
"""So long the second step may take; then the password is asked for again."""
WRONG_CODE: Final = (
    "This code is not right; type the one that the app shows now, and check that the telephone's clock is set by itself"
)
OVER: Final = "This sign-in took too long; begin again with your login and password"


class State(NamedTuple):
    """How a user's second factor is. ``since``: epoch seconds, null where there is none; ``left``: unused recovery
    codes; ``required``: the user's role can't do without."""

    since: float | None
    left: int
    required: bool


class SetUp(NamedTuple):
    """What an app is given: the secret as it is typed, and the address that the QR code holds."""

    secret: str
    address: str


@dataclass(frozen=True, slots=True)
class Half:
    """A sign-in that lacks its second step: whose, and which step."""

    id: str
    user: User
    step: Step


class SecondFactors:
    """All use cases. ``required``: the roles that can't do without a second factor."""

    def __init__(
        self, rows: OpenRows, hasher: Hasher, sealer: Sealer, clock: Clock, required: Iterable[str] = ()
    ) -> None:
        self._rows = rows
        self._hasher = hasher
        self._sealer = sealer
        self._clock = clock
        self._required = frozenset(required)

    # --- one's own

    def state(self, viewer: Viewer) -> State:
        """How the viewer's is."""
        with self._rows() as rows:
            factor = rows.second_factors.factor(viewer.id)
            since = factor.since if factor is not None else None
            left = rows.second_factors.recovery_left(viewer.id) if since is not None else 0
        return State(since, left, viewer.role in self._required)

    def begin(self, user_id: str) -> SetUp:
        """What the user's app has to be given; the same until it is on, so that a page may be loaded again. Conflict
        where a second factor is on already."""
        with self._rows(write=True) as rows:
            user = rows.user(user_id)
            if user is None:
                raise NotFound(f"There is no user {user_id}")
            factor = rows.second_factors.factor(user_id)
            if factor is not None and factor.since is not None:
                raise Conflict("Your second factor is on already; turn it off first to use another app")
            if factor is None:
                secret = totp.new_secret()
                rows.second_factors.put_factor(SecondFactor(user_id, self._sealed(user_id, secret), None, 0))
            else:
                secret = self._secret(factor)
        return SetUp(totp.shown(secret), totp.address(secret, user.login, ISSUER))

    def turn_on(self, viewer: Viewer, code: str) -> list[str]:
        """Turns on what :meth:`begin` gave, once the app shows its codes. Gives the recovery codes, this once."""
        tried = self._attempt(viewer.id)
        with self._rows(write=True) as rows:
            codes = self.confirmed(rows, viewer.id, code)
            tried.succeeded(rows)
        return codes

    def turn_off(self, viewer: Viewer, password: str, code: str) -> None:
        """Turns it off, given both factors. Invalid where one is wrong or the role can't do without."""
        if viewer.role in self._required:
            raise Invalid("Your role can't do without a second factor", "code", "factor-required")
        tried = self._attempt(viewer.id)
        with self._rows() as rows:
            kept = rows.password(viewer.id)
        if not self._hasher.verify(kept, password):
            raise Invalid("The password is wrong", "password", "wrong-password")
        with self._rows(write=True) as rows:
            self.check(rows, viewer.id, code)
            rows.second_factors.drop_factor(viewer.id)
            rows.note(self._clock.now(), viewer.id, "second-factor-off", viewer.id, {})
            tried.succeeded(rows)

    def new_recovery(self, viewer: Viewer, code: str) -> list[str]:
        """Other recovery codes in place of those that are left, given a code of the app."""
        tried = self._attempt(viewer.id)
        with self._rows(write=True) as rows:
            self.check(rows, viewer.id, code)
            codes = self._put_recovery(rows, viewer.id)
            rows.note(self._clock.now(), viewer.id, "recovery-codes-made", viewer.id, {})
            tried.succeeded(rows)
        return codes

    # --- an administrator's

    def on(self) -> dict[str, float]:
        """Who has a second factor, since when."""
        with self._rows() as rows:
            return rows.second_factors.all_on()

    def reset(self, user_id: str, by: str | None = None) -> None:
        """Takes a user's second factor away, for whoever lost telephone and recovery codes; their sessions end. Where
        the role needs one, the next sign-in sets it up. Invalid where there is none."""
        with self._rows(write=True) as rows:
            if rows.user(user_id) is None:
                raise NotFound(f"There is no user {user_id}")
            if rows.second_factors.factor(user_id) is None:
                raise Invalid("This user has no second factor", "user", "no-second-factor")
            rows.second_factors.drop_factor(user_id)
            now = self._clock.now()
            for session in rows.sessions_of(user_id):
                rows.end_session(session, now)
            rows.note(now, by, "second-factor-reset", user_id, {})

    def _attempt(self, user_id: str) -> Attempt:
        """Counts an attempt of somebody who is in: what others do at the same address is no matter of theirs."""
        return attempt(self._rows, [f"code:{user_id}"], self._clock.now())

    # --- the second step of a sign-in

    def attempt(self, user_id: str, address: str, device: str | None) -> Attempt:
        """Counts an attempt at a user's code. Raises Unavailable where there were too many."""
        return attempt(self._rows, keys_of(f"code:{user_id}", address, device), self._clock.now())

    def step_for(self, rows: AccountRows, user: User) -> Step | None:
        """What a sign-in still asks for once the password is right."""
        factor = rows.second_factors.factor(user.id)
        if factor is not None and factor.since is not None:
            return "code"
        return "set-up" if user.role in self._required else None

    def put_half(self, rows: AccountRows, token: str, user: User, step: Step, address: str) -> None:
        """Keeps a sign-in that lacks its second step."""
        now = self._clock.now()
        rows.second_factors.drop_halves(now)
        rows.second_factors.put_half(HalfSignIn(session_id(token), user.id, step, now + HALF_SECONDS, address))

    def half(self, token: str) -> Half:
        """A sign-in that lacks its second step. Invalid where there is none or it took too long."""
        with self._rows() as rows:
            return self.standing(rows, token)

    def standing(self, rows: AccountRows, token: str) -> Half:
        """The same, within a transaction."""
        half = rows.second_factors.half(session_id(token))
        user = rows.user(half.user) if half is not None and self._clock.now() < half.expires else None
        if half is None or user is None or not user.active:
            raise Invalid(OVER, "code", "half-over")
        return Half(half.id, user, half.step)

    def check(self, rows: AccountRows, user_id: str, typed: str) -> bool:
        """Takes a code of the user's app or a recovery code, which counts once. Raises Invalid where it is neither.
        Gives whether it was a recovery code."""
        factor = rows.second_factors.factor(user_id)
        if factor is None or factor.since is None:
            raise Invalid("Your second factor is off by now; sign in again", "code", "factor-off")
        if totp.like_recovery_code(typed):
            if not rows.second_factors.use_recovery(user_id, totp.recovery_key(typed)):
                raise Invalid(
                    "This recovery code is not right, or was used before; each counts once", "code", "wrong-recovery"
                )
            rows.note(self._clock.now(), user_id, "recovery-code-used", user_id, {})
            return True
        self._use(rows, factor, typed)
        return False

    def confirmed(self, rows: AccountRows, user_id: str, typed: str) -> list[str]:
        """Turns on what was begun, within a transaction; gives the recovery codes."""
        factor = rows.second_factors.factor(user_id)
        if factor is None or factor.since is not None:
            raise Conflict("Somebody turned this second factor on or off in the meantime; begin again")
        step = self._use(rows, factor, typed)
        rows.second_factors.put_factor(replace(factor, since=self._clock.now(), last_step=step))
        rows.note(self._clock.now(), user_id, "second-factor-on", user_id, {})
        return self._put_recovery(rows, user_id)

    def _use(self, rows: AccountRows, factor: SecondFactor, typed: str) -> int:
        secret, now = self._secret(factor), self._clock.now()
        step = totp.step_matching(secret, typed, now, factor.last_step)
        if step is None or not rows.second_factors.use_step(factor.user, step):
            if totp.step_matching(secret, typed, now, -1) is not None:
                raise Invalid(
                    "This code was used before; wait until the app shows the next one, at most half a minute",
                    "code",
                    "code-used",
                )
            raise Invalid(WRONG_CODE, "code", "wrong-code")
        return step

    def _put_recovery(self, rows: AccountRows, user_id: str) -> list[str]:
        codes = totp.new_recovery_codes()
        rows.second_factors.put_recovery(user_id, [totp.recovery_key(code) for code in codes])
        return codes

    def _sealed(self, user_id: str, secret: bytes) -> str:
        return self._sealer.seal(secret, f"second factor of {user_id}")

    def _secret(self, factor: SecondFactor) -> bytes:
        return self._sealer.open(factor.sealed, f"second factor of {factor.user}")
