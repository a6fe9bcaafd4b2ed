"""API tokens as they are kept, and what their use cases need of the outside. Times are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

TokenScope = Literal["calls", "customers", "report", "audit", "live", "usage"]


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token with which a program reads in a user's name. ``key`` is the SHA-256 of its text; ``used`` null: never;
    ``ended`` null: it was not revoked."""

    id: int
    key: str
    user: str
    name: str
    scopes: tuple[TokenScope, ...]
    created: float
    expires: float
    made_by: str | None
    used: float | None = None
    ended: float | None = None


class TokenRows(Protocol):
    """API tokens within one transaction."""

    def by_key(self, key: str) -> ApiToken | None:
        """One by the SHA-256 of its text."""

    def of(self, user: str | None) -> Sequence[ApiToken]:
        """A user's, or everybody's, that were not revoked; the latest first."""

    def add(self, token: ApiToken) -> ApiToken:
        """Keeps a new one; gives it with its id."""

    def used(self, token: ApiToken, at: float) -> None:
        """Notes that it was used."""

    def end(self, token: ApiToken, at: float) -> None:
        """Revokes it; its live streams are told."""
