"""When a call was, by the clock of an exchange whose records say it without a zone, and sometimes without a year."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cti_server.calls.records import YearlessTime

_EPOCH: Final = datetime(1970, 1, 1)
AHEAD: Final = 86_400.0
"""Seconds that an exchange's clock may be ahead of ours. What lies further ahead belongs to the year before: a buffer
that was read after New Year."""
_CLOCKS_DIFFER: Final = 300.0
_LEAP_YEARS: Final = 9
"""The 29th of February comes again after eight years at most."""


def epoch(local: datetime, zone: str, heard: float) -> float:
    """A moment on the exchange's clock (naive) as epoch seconds, UTC.

    An hour that the clock showed twice (the end of summer time) is the later one, unless that would be after the
    record was ``heard``. One that it skipped counts on from before.
    """
    first, second = _offsets(zone, local.year, local.month, local.day, local.hour, local.minute // 15)
    naive = (local - _EPOCH).total_seconds()
    twice = first > second
    return naive - second if twice and naive - second <= heard + _CLOCKS_DIFFER else naive - first


def with_year(when: YearlessTime, zone: str, heard: float) -> float | None:
    """The newest moment that a time without a year can mean, given when it was ``heard`` (epoch seconds, UTC); null
    where there is no such day."""
    year = datetime.fromtimestamp(heard, ZoneInfo(zone)).year + 1
    for candidate in range(year, year - _LEAP_YEARS, -1):
        try:
            local = datetime(candidate, when.month, when.day, when.hour, when.minute, when.second)
        except ValueError:
            continue
        at = epoch(local, zone, heard)
        if at <= heard + AHEAD:
            return at
    return None


@lru_cache(maxsize=4096)
def _offsets(zone: str, year: int, month: int, day: int, hour: int, quarter: int) -> tuple[float, float]:
    """Seconds from UTC within a quarter of an hour: when the clock shows it first, and when it shows it again."""
    local = datetime(year, month, day, hour, quarter * 15, tzinfo=ZoneInfo(zone))
    offsets = local.utcoffset(), local.replace(fold=1).utcoffset()
    first, second = (0.0 if offset is None else offset.total_seconds() for offset in offsets)
    return first, second
