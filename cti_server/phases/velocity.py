"""How fast deals go through a phase, held against its target, and how soon one is suggested again (spec P6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY: Final = 86400.0
AGAIN_AFTER: Final = 2 * DAY
"""When a deal is suggested again after something was done for it, where nothing else is known."""
MOST: Final = 2.0
"""The interval is at most halved, or doubled."""
FEWEST: Final = 5
"""With fewer deals behind it, a mean says nothing yet."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The deals that got through a phase: how many, and how long they took together; seconds."""

    deals: int = 0
    took: int = 0

    @property
    def days(self) -> float | None:
        """The predicted time of a deal in the phase: the mean of past ones, days; null where there are too few."""
        return self.took / self.deals / DAY if self.deals >= FEWEST else None


@dataclass(frozen=True, slots=True)
class Again:
    """Why a deal is suggested again when it is."""

    seconds: float
    """From when something was done."""
    days: float | None = None
    """What deals take for the phase: the mean of past ones; null where there are too few."""
    target: int | None = None
    """Days; null: none is set."""

    @property
    def changed(self) -> int:
        """-1: sooner than usual; 1: later; 0: as usual."""
        return (self.seconds > AGAIN_AFTER) - (self.seconds < AGAIN_AFTER)

    @property
    def bounded(self) -> bool:
        """Whether it would be changed more, but for the bounds."""
        return self.changed != 0 and self.seconds in (AGAIN_AFTER * MOST, AGAIN_AFTER / MOST)


def again(pace: Pace, target_days: int | None) -> Again:
    """When a deal is suggested again. Where deals go faster than their target customers are easy to talk to just now,
    and the interval is shortened; where they go slower it is stretched."""
    days = pace.days
    if days is None or not target_days:
        return Again(AGAIN_AFTER, days, target_days)
    return Again(AGAIN_AFTER * min(MOST, max(1 / MOST, days / target_days)), days, target_days)
