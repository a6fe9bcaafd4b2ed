"""Password hashes by argon2id (RFC 9106), few at a time: each takes 64 MiB and four lanes."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cti_server.shared.errors import Unavailable

AT_ONCE: Final = 2
PATIENCE: Final = 10.0
"""Seconds that a sign-in waits for its turn."""


class Argon2:
    """The identity room's ``Hasher``."""

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65_536, lanes: int = 4, at_once: int = AT_ONCE) -> None:
        self._argon2 = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=lanes)
        self._turns = threading.BoundedSemaphore(at_once)
        self._nobody = self._argon2.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """A salted hash to keep."""
        with _Turn(self._turns):
            return self._argon2.hash(password)

    def verify(self, kept: str, password: str) -> bool:
        """Whether this is the password. Without a kept hash it takes as long, and is not."""
        with _Turn(self._turns):
            try:
                return self._argon2.verify(kept or self._nobody, password) and bool(kept)
            except (VerificationError, InvalidHashError):
                return False

    def outdated(self, kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(kept)


class _Turn:
    def __init__(self, turns: threading.BoundedSemaphore) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        if not self._turns.acquire(timeout=PATIENCE):
            raise Unavailable("Too many people sign in just now; try again in a moment")

    def __exit__(self, *_error: object) -> None:
        self._turns.release()
