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


def again_after(pace: Pace, target_days: int | None) -> float:
    """How long until a deal is suggested again, seconds. Where deals go faster than their target customers are easy to
    talk to just now, and the interval is shortened; where they go slower it is stretched."""
    days = pace.days
    if days is None or not target_days:
        return AGAIN_AFTER
    return AGAIN_AFTER * min(MOST, max(1 / MOST, days / target_days))
