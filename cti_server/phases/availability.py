"""Whether a member can take a customer: hours of work, absences, and how many customers they hold (spec P4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from cti_server.shared.errors import Invalid

Obstacle = Literal["full", "absent", "hours", "phase", "scope"]
"""``full``: holds as many customers as they can; ``absent``: away for longer than the customer may wait; ``hours``:
does not work soon enough; ``phase``: does not work this phase; ``scope``: may not see the customer."""
_LOOK_AHEAD: Final = 8
"""Days: a week, and the day on which the week before it ends."""


class Absence(NamedTuple):
    """A time away; epoch seconds, UTC."""

    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Hours:
    """The working week: weekday (0 is Monday) -> from, until; in the zone of the member's branch."""

    zone: str
    week: Mapping[int, tuple[time, time]]

    def __post_init__(self) -> None:
        if any(since >= until for since, until in self.week.values()):
            raise Invalid("A working day must end after it begins", "hours", "hours-order")

    def spans(self, since: float) -> list[tuple[float, float]]:
        """When the member works, from a moment on, for about a week; epoch seconds, UTC."""
        zone = ZoneInfo(self.zone)
        today = datetime.fromtimestamp(since, zone).date()
        found = []
        for ahead in range(-1, _LOOK_AHEAD):
            day = today + timedelta(days=ahead)
            if day.weekday() in self.week:
                begin, end = (datetime.combine(day, at, zone).timestamp() for at in self.week[day.weekday()])
                if end > since:
                    found.append((max(begin, since), end))
        return found


@dataclass(frozen=True, slots=True)
class Staffing:
    """What a member can take. ``hours`` null: at any time."""

    capacity: int
    """The customers that they can hold at once, over all phases."""
    hours: Hours | None = None
    absences: Sequence[Absence] = field(default=())

    def free_from(self, at: float) -> float | None:
        """The first moment from ``at`` on at which they work; null where there is none within a week of working
        days."""
        moment = at
        for begin, end in [(at, float("inf"))] if self.hours is None else self.hours.spans(at):
            moment = max(begin, moment)
            for away in sorted(self.absences):
                if away.since <= moment < away.until:
                    moment = away.until
            if moment < end:
                return moment
        return None

    def back_at(self, at: float) -> float | None:
        """When they are back, where they are away at a moment (absences that touch count as one); null where they are
        there."""
        back = None
        for away in sorted(self.absences):
            if away.since <= (at if back is None else back) < away.until:
                back = away.until
        return back

    def obstacle(self, held: int, at: float, patience: float) -> Obstacle | None:
        """Why they can't take another customer who may wait for ``patience`` seconds; null where they can."""
        if held >= self.capacity:
            return "full"
        moment = self.free_from(at)
        if moment is not None and moment <= at + patience:
            return None
        away = any(one.since <= at + patience and one.until > at for one in self.absences)
        return "absent" if away else "hours"
