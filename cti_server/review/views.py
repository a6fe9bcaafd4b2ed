"""What the pages of the review room show: plain data, already scoped. Times are epoch seconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cti_server.review.claims import PENDING, State
from cti_server.review.requests import WAITING, Standing

Row = TypeVar("Row")


@dataclass(slots=True)
class ClaimRow:
    """A record that claims a call which no exchange saw. ``exchange``, ``away_since`` and ``away_until`` say which one
    was not heard then; ``call_id`` is the call that was found later."""

    id: int
    history: int
    at: float
    state: State
    customer: str
    customer_name: str
    branch: str
    branch_name: str
    rep_name: str
    """The rep in charge."""
    by_name: str
    """Who made the record."""
    kind: str
    result: str
    note: str
    exchange: str = ""
    away_since: float | None = None
    away_until: float | None = None
    call_id: str = ""
    reason: str = ""
    settled_by_name: str = ""
    settled_at: float | None = None

    @property
    def pending(self) -> bool:
        """Whether it waits for somebody."""
        return self.state in PENDING


@dataclass(frozen=True, slots=True)
class ClaimQuery:
    """What a list of claims is filtered by. ``state`` empty: those that wait (open, away); ``all``: every one. ``by``:
    the user who made the record."""

    since: float
    until: float
    state: str = ""
    branch: str = ""
    by: str = ""


@dataclass(slots=True)
class RequestView:
    """A contact record that a reviewer asked for. ``call_at`` is when the call began."""

    id: int
    call: str
    call_at: float | None
    customer: str
    """Empty for a caller who is not registered."""
    customer_name: str
    branch: str
    branch_name: str
    to: str
    to_name: str
    by: str
    by_name: str
    at: float
    due_at: float
    note: str
    standing: Standing
    reminded_at: float | None = None
    escalated_at: float | None = None
    closed_at: float | None = None
    closed_by_name: str = ""

    @property
    def waiting(self) -> bool:
        """Whether the record is still missing."""
        return self.standing in WAITING


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """What a list of requests is filtered by. ``state`` empty: those that wait; ``all``: every one; else a
    ``requests.Standing``. ``to``: who is asked."""

    state: str = ""
    branch: str = ""
    to: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a reviewer chooses from when they ask for a record: who may be asked (user, name), the most likely one
    first; whose call it may be (code, name) where that has to be said; in how many business hours."""

    people: list[tuple[str, str]]
    customers: list[tuple[str, str]]
    hours: int


@dataclass(slots=True)
class Listed(Generic[Row]):
    """One page of a list. ``next`` is where the next one begins; null at the end."""

    rows: list[Row] = field(default_factory=list)
    next: str | None = None
