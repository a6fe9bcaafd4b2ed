"""Whose telephone an extension is, and was: the one rule of it (spec C1, C5). Pure.

An extension is somebody's own, or shared (nobody's: who took a call there is entered by hand), or free. Whoever takes
one for the day sits at it, whosever it is, until a set hour, their sign-out, or somebody else takes it. So at each
moment an extension has at most one holder, and a call that came then is theirs for good. Times are epoch seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Ending = Literal["", "left", "moved", "taken", "time", "signed-out", "shared", "removed", "administrator", "changed"]
"""Why somebody sits at an extension no more: they left, or sat down elsewhere; somebody else took it; its hour came, or
the sign-out that it was to last until; it became a shared one, or was removed; an administrator ended it. ``changed``:
it was theirs and became somebody else's own. Empty while they sit there."""


@dataclass(frozen=True, slots=True)
class Seat:
    """That somebody had an extension for a time. ``day``: they took it for the day; else it was their own and is no
    more. ``until`` is when it is over at the latest, ``ended_at`` when somebody or something ended it."""

    user: str
    since: float
    until: float
    ended_at: float | None = None
    day: bool = True
    at_sign_out: bool = False
    ended_why: Ending = ""
    ended_by: str | None = None
    id: int | None = None

    @property
    def over(self) -> float:
        """From when on it holds no more; nobody has to write that down for it to be so."""
        return self.until if self.ended_at is None else min(self.until, self.ended_at)

    def covers(self, at: float) -> bool:
        """Whether it holds at a moment."""
        return self.since <= at < self.over


@dataclass(frozen=True, slots=True)
class Held:
    """Who has an extension at a moment. ``since``: from when on, where they took it for the day."""

    user: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class Telephone:
    """An extension of an exchange: whose it is (null: nobody's) since when, and who else had it."""

    exchange: str
    extension: str
    user: str | None = None
    shared: bool = False
    since: float = 0.0
    seats: Sequence[Seat] = ()

    def held(self, at: float) -> Held | None:
        """Who has it at a moment; null: nobody."""
        day = self.seat(at)
        if day is not None:
            return Held(day.user, day.since)
        if self.since <= at:
            return Held(self.user) if self.user is not None else None
        return next((Held(one.user) for one in self.seats if not one.day and one.covers(at)), None)

    def seat(self, at: float) -> Seat | None:
        """Who sits there for the day at a moment."""
        return next((one for one in self.seats if one.day and one.covers(at)), None)
