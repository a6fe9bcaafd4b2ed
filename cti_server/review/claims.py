"""Claims without a call: a record that says "telephone" though no exchange saw a call (spec C6). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

State = Literal["open", "away", "explained", "settled"]
"""``open``: nothing explains it; ``away``: an exchange was not heard then; ``explained``: a call was found later;
``settled``: a reviewer says why."""
PENDING: Final = ("open", "away")


class Away(NamedTuple):
    """A time in which an exchange was not heard; ``until`` is null while it lasts. Epoch seconds, UTC."""

    exchange: str
    since: float
    until: float | None


def explains(claimed_at: float, began_at: float, window: float) -> bool:
    """Whether a call that began then explains a record that was made at ``claimed_at``."""
    return abs(began_at - claimed_at) <= window


def away_at(claimed_at: float, gaps: Iterable[Away], window: float) -> Away | None:
    """The time in which an exchange was not heard and the call may have been; the longest ago where there are
    several. Null where every exchange was heard all the time."""
    hiding = [
        gap
        for gap in gaps
        if gap.since <= claimed_at + window and (gap.until is None or gap.until >= claimed_at - window)
    ]
    return min(hiding, key=lambda gap: gap.since, default=None)
