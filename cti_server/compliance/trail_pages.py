"""The whole audit trail in pages, for reviewers: what is shown of it, and what it is asked by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

AREAS: Final = (
    *("call", "customer", "user", "role", "exchange", "extension", "profile", "phases", "rules"),
    *("export", "customers", "audit"),
)
"""What an entry can be about (its subject's kind)."""


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """``since``, ``until``: epoch seconds, UTC; ``login``: whose acts, empty: everybody's; ``area``: of `AREAS`, empty:
    all."""

    since: float
    until: float
    login: str = ""
    area: str = ""


@dataclass(frozen=True, slots=True)
class TrailLine:
    """An entry. ``by_name`` is empty for the server itself; ``erased``: what named a person was taken out. Of calls and
    customers the details stand on their own pages, where it is known who may read them."""

    id: int
    at: float
    by: str
    by_name: str
    act: str
    area: str
    subject: str
    erased: bool
    hidden: bool = False
    """Whether who did it is not told: the call may be somebody's too of whom the reader sees nothing."""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrailPage:
    """One page, the latest first. ``next``: where it goes on, null at the end; ``back_to``: how far it was looked
    through, where that is not to the end (epoch seconds, UTC)."""

    rows: Sequence[TrailLine]
    next: int | None = None
    back_to: float | None = None


class TrailShelf(Protocol):
    """The trail within the scope."""

    def page(self, query: TrailQuery, after: int | None, limit: int) -> TrailPage:
        """Entries before one (null: from the end of the period); looks through so many at most, whatever is found."""
