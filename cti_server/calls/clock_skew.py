"""How far an exchange's clock is from ours, from the times that it writes and those at which they arrive (spec O1).

What an exchange says arrives later than it happened, never earlier: of many differences between arrival and stamp the
least is the clocks' difference and hardly any delay.

Of an exchange that writes records, the stamp is the end of a call. Such a record may also lie in a buffer until a link
is there: what comes late soon after a link came up says nothing of the clock, and nothing does that comes late from
files that are dropped now and then. What comes before it happened always does.
"""

from __future__ import annotations

from typing import Final

WINDOW: Final = 300.0
"""Seconds of arrivals of which the least difference is taken; that of the last window holds until this one is over."""
LIMIT: Final = 5.0
"""Seconds from which on a skew is reported, unless an exchange's settings say another limit."""
CATCHING_UP: Final = 60.0
"""Seconds after a link came up in which records may come out of a buffer."""
_MINUTE: Final = 60.0
_ZONE_STEP: Final = 1800.0
_ZONE_NEAR: Final = 60.0
"""A skew so near to a number of half-hours is a wrong zone or a missed change of summer time."""
_FURTHEST_ZONE: Final = 14 * 3600.0 + _ZONE_NEAR


class SkewMeter:
    """Measures one exchange's clock. Times are epoch seconds, UTC.

    ``buffered``: what it says may have waited for the link; ``delayed``: it waits always.
    """

    def __init__(self, *, buffered: bool = False, delayed: bool = False) -> None:
        self._buffered = buffered
        self._delayed = delayed
        self._live_from = float("inf") if delayed else float("-inf")
        self._minutes = buffered or delayed
        self._begun = float("-inf")
        self._least: float | None = None
        self._before: float | None = None

    def take(self, stamp: float, arrived: float) -> None:
        """Something that the exchange stamped arrived."""
        late = arrived - stamp
        if late > 0.0 and arrived < self._live_from:
            return
        if stamp % _MINUTE:
            self._minutes = False
        if not 0.0 <= arrived - self._begun < WINDOW:
            follows = 0.0 <= arrived - self._begun < 2 * WINDOW
            self._before = self._least if follows else None
            self._begun, self._least = arrived, late
        elif self._least is None or late < self._least:
            self._least = late

    def link_up(self, at: float) -> None:
        """The link came up: what waited for it comes now."""
        if self._buffered and not self._delayed:
            self._live_from = at + CATCHING_UP

    @property
    def unsure(self) -> float:
        """Seconds by which the stamps themselves may be off: a minute, as long as none has told a second."""
        return _MINUTE if self._minutes else 0.0

    @property
    def ahead(self) -> float | None:
        """Seconds by which the exchange's clock is ahead of ours (negative: behind); null while nothing is known."""
        known = [late for late in (self._least, self._before) if late is not None]
        return -min(known) if known else None


def said(ahead: float | None, limit: float = LIMIT) -> tuple[str, dict[str, str]]:
    """The reason that a skew is reported with, and its parameters; an empty code within the limit."""
    if ahead is None or abs(ahead) <= limit:
        return "", {}
    steps = round(ahead / _ZONE_STEP)
    if steps and abs(ahead) <= _FURTHEST_ZONE and abs(ahead - steps * _ZONE_STEP) <= _ZONE_NEAR:
        return "zone-looks-wrong", {"hours": f"{abs(steps) / 2:g}"}
    return ("clock-ahead" if ahead > 0 else "clock-behind"), {"seconds": f"{abs(ahead):.0f}"}
