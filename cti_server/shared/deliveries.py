"""What the screens were told of a call: made by the live hub, kept in the database, read by whoever asks why there was
no pop-up. Times are epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

TOLD_MOST: Final = 50
"""So many people of a call are kept, besides those whom it concerns by name: whose telephone rings, whose customer it
is."""


class Told(NamedTuple):
    """One user's screens. ``kind``: ``call`` (the card), ``taken`` (that a call was taken, no more: spec C4), ``late``
    (with all calls that were going on, when a screen was opened). ``cut_at``: a screen was cut off then, as too much
    waited for it."""

    at: float
    kind: str
    cut_at: float | None = None


class Delivery(NamedTuple):
    """One call: ``at`` is when the screens were first told of it. Whom it names may be somebody who saw it as that of
    a customer whom the reader must not know of."""

    call_id: str
    at: float
    told: Mapping[str, Told]
    rang: Mapping[str, float]
    """Users whose telephones rang or talked, since when."""
    away: Mapping[str, float]
    """Users whom it concerned by name, and who had no screen open; since when."""
