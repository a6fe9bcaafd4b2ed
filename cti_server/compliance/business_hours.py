"""When a branch is open, and when a number of its business hours have gone by. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DAY_MINUTES: Final = 24 * 60
_EPOCH: Final = date(1970, 1, 1)


class Opening(NamedTuple):
    """From when to when a branch is open on a day, in minutes after midnight of its clocks."""

    opens: int
    closes: int


Week = tuple[Opening | None, ...]
"""Monday to Sunday; null where the branch stays closed."""

OFFICE_HOURS: Final = Opening(9 * 60, 17 * 60)
USUAL_WEEK: Final[Week] = (OFFICE_HOURS,) * 5 + (None, None)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business hours of one branch. The week has at least one day on which it is open."""

    zone: str
    week: Week = USUAL_WEEK
    holidays: Mapping[date, str] = field(default_factory=dict)
    _opened: dict[date, tuple[float, float] | None] = field(default_factory=dict, compare=False, repr=False)

    def local_day(self, at: float) -> date:
        """The day of the branch's clocks at a moment (epoch seconds, UTC)."""
        return datetime.fromtimestamp(at, ZoneInfo(self.zone)).date()

    def opened(self, day: date) -> tuple[float, float] | None:
        """From when to when it is open on a day (epoch seconds, UTC); null where it stays closed."""
        if day not in self._opened:
            hours = None if day in self.holidays else self.week[day.weekday()]
            self._opened[day] = hours and (_moment(day, hours.opens, self.zone), _moment(day, hours.closes, self.zone))
        return self._opened[day]

    def due_at(self, since: float, hours: float) -> float:
        """When so many business hours have gone by since a moment (epoch seconds, UTC)."""
        left = hours * 3600.0
        day = self.local_day(since)
        while True:
            opened = self.opened(day)
            if opened is not None:
                start = max(opened[0], since)
                if start + left <= opened[1]:
                    return start + left
                left -= max(opened[1] - start, 0.0)
            day += timedelta(days=1)


def _moment(day: date, minutes: int, zone: str) -> float:
    if minutes == DAY_MINUTES:
        day, minutes = day + timedelta(days=1), 0
    return datetime.combine(day, time(minutes // 60, minutes % 60), ZoneInfo(zone)).timestamp()


def day_number(day: date) -> int:
    """A day as it is kept: days since 1 January 1970."""
    return (day - _EPOCH).days


def day_of(number: int) -> date:
    """The day that a number stands for."""
    return _EPOCH + timedelta(days=number)
