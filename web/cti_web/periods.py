"""The span of time that a list shows, as it stands in a page's address: ``period=today|week|month``, or ``from`` and
``to``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

PeriodKey = Literal["today", "week", "month", "custom"]
_DAYS: dict[PeriodKey, int] = {"today": 1, "week": 7, "month": 30}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of one zone, first and last included. ``since`` and ``until`` are epoch seconds, UTC; ``until`` is
    the first moment that is out."""

    key: PeriodKey
    first: date
    last: date
    since: float
    until: float

    @property
    def address(self) -> dict[str, str]:
        """Its part of a page's address."""
        if self.key == "custom":
            return {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return {} if self.key == "today" else {"period": self.key}


def read(arguments: MultiDict[str, str], zone: str, now: float) -> Period:
    """The period that an address asks for. What can't be read counts as today; days the wrong way round are turned."""
    today = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    first, last = _date(arguments.get("from")), _date(arguments.get("to"))
    if first or last:
        first = first or last or today
        last = last or max(first, today)
        return _days("custom", min(first, last), max(first, last), zone)
    key: PeriodKey = "today"
    for known in _DAYS:
        if arguments.get("period") == known:
            key = known
    return _days(key, today - timedelta(days=_DAYS[key] - 1), today, zone)


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _days(key: PeriodKey, first: date, last: date, zone: str) -> Period:
    return Period(key, first, last, midnight(first, zone), midnight(last + timedelta(days=1), zone))


def midnight(on: date, zone: str) -> float:
    """When the day begins in the zone, epoch seconds, UTC."""
    return datetime.combine(on, time(), ZoneInfo(zone)).timestamp()


MONTH: MultiDict[str, str] = MultiDict({"period": "month"})
"""An address that asks for the last 30 days."""
NOTHING: MultiDict[str, str] = MultiDict()
"""An address that names no period: today."""
WEEK: MultiDict[str, str] = MultiDict({"period": "week"})
"""An address that asks for the last 7 days."""
