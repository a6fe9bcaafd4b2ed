"""What the second factor needs of the outside. Times are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

Step = Literal["code", "set-up"]
"""What a sign-in still asks for after the password: a code, or that a second factor is set up."""


class SecondStepNeeded(Exception):
    """The password was right, and something more is asked for. ``token`` is that of a half sign-in, good for its second
    step only. An exception, so that nobody takes it for a session's."""

    def __init__(self, token: str, step: Step) -> None:
        super().__init__(step)
        self.token = token
        self.step = step


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """A user's authenticator app. ``sealed`` is its secret, encrypted; ``since`` null while it is being set up."""

    user: str
    sealed: str
    since: float | None
    last_step: int
    """The latest time step whose code was used; codes up to it count no more."""


@dataclass(frozen=True, slots=True)
class HalfSignIn:
    """A sign-in whose password was right. It is no session: nothing but its second step can be done with it."""

    id: str
    """The SHA-256 of its token."""
    user: str
    step: Step
    expires: float
    address: str


class Sealer(Protocol):
    """Encrypts what the database must not hold in clear."""

    def seal(self, plain: bytes, purpose: str) -> str:
        """Encrypts it; it can be opened for the same purpose only (whose and what for)."""

    def open(self, sealed: str, purpose: str) -> bytes:
        """What was sealed. Raises Unavailable where the key is another one."""


class FactorRows(Protocol):
    """Second factors, recovery codes and half sign-ins as they are kept, within one transaction."""

    def factor(self, user: str) -> SecondFactor | None:
        """A user's."""

    def put_factor(self, factor: SecondFactor) -> None:
        """Saves one as given."""

    def all_on(self) -> dict[str, float]:
        """Whose is on, since when."""

    def use_step(self, user: str, step: int) -> bool:
        """Notes that the code of a step was used; false where that or a later one was used in the meantime."""

    def drop_factor(self, user: str) -> None:
        """Forgets it, with its recovery codes and half sign-ins."""

    def put_recovery(self, user: str, keys: Iterable[str]) -> None:
        """Replaces a user's recovery codes (``totp.recovery_key``)."""

    def recovery_left(self, user: str) -> int:
        """How many were not used."""

    def use_recovery(self, user: str, key: str) -> bool:
        """Uses one up; false where there is none like it."""

    def half(self, half_id: str) -> HalfSignIn | None:
        """One by id."""

    def put_half(self, half: HalfSignIn) -> None:
        """Saves one as given."""

    def drop_half(self, half_id: str) -> bool:
        """Forgets one; false where there is none any more."""

    def drop_halves_of(self, user: str) -> None:
        """Forgets those of a user."""

    def drop_halves(self, before: float) -> None:
        """Forgets those that ended before then."""
