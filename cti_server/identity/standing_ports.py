"""Stand-ins as they are kept, and what their use cases need of the outside. Times are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StandIn:
    """``user`` does the work of ``absent`` from ``since`` until ``until``, or until it was ended before. ``made_by``
    and ``ended_by`` are users, null where a command did it."""

    id: int
    absent: str
    user: str
    since: float
    until: float
    note: str
    made_by: str | None
    made_at: float
    ended_at: float | None = None
    ended_by: str | None = None
    absent_name: str = ""
    user_name: str = ""


@dataclass(frozen=True, slots=True)
class Absence:
    """Somebody for whom one stands in now. ``classes``: the customers that they see by their role."""

    user: str
    name: str
    until: float
    classes: frozenset[int]


class StandInRows(Protocol):
    """Stand-ins within one transaction."""

    def of(self, user: str, after: float) -> Sequence[StandIn]:
        """Those that a user is in, on either side, and that last beyond then; the earliest first. Without those that
        were ended."""

    def one(self, stand_in: int) -> StandIn | None:
        """One that was not ended."""

    def add(self, stand_in: StandIn) -> int:
        """Keeps a new one; gives its id."""

    def end(self, stand_in: int, at: float, by: str | None) -> None:
        """Ends one."""

    def now(self, user: str, now: float) -> Sequence[Absence]:
        """For whom a user stands in at a moment."""

    def standing_for(self, users: Sequence[str], now: float) -> Sequence[str]:
        """Who stands in for one of some users at a moment."""

    def colleagues(self, user: str, branch: str | None) -> Sequence[tuple[str, str]]:
        """Id and name of other active users who handle calls, of a branch or of all, by name."""
