"""What a service's server says of its customers' use, as JSON (docs/usage.md): read strictly, since it may lie."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from cti_server.phases.usage import KEPT_DAYS, Reading, Told
from cti_server.phases.velocity import DAY
from cti_server.shared.errors import Invalid

MOST: Final = 5_000
"""Readings of one message."""
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one message."""
EARLY: Final = 3600.0
"""A reading may be so many seconds ahead of our clock."""
_BOUND: Final = Decimal(10) ** 15
_PLACES: Final = 9
LONGEST_KEY: Final = 100


@dataclass(slots=True)
class Message:
    """What was understood. ``refused``: (place, reason) of readings that were not."""

    told: list[Told] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    more: str = ""
    """With what the rest is asked for; empty: this is all."""


def read(body: bytes, indexes: Collection[str], now: float) -> Message:
    """Understands a message: ``{"readings": [{"customer", "index", "at", "value"}], "next"}``. A reading that can't be
    taken is refused with its reason and the others go on. Invalid where the whole is no such message."""
    if len(body) > LARGEST:
        raise Invalid("The message is too large; send at most 5,000 readings at a time", "readings", "usage-large")
    try:
        whole = json.loads(body, parse_float=Decimal, parse_int=Decimal, parse_constant=_no_number)
    except (ValueError, InvalidOperation, RecursionError) as bad:
        raise Invalid("The answer is not JSON; ask who runs the service's server", "readings", "usage-json") from bad
    rows = whole.get("readings") if isinstance(whole, dict) else None
    if not isinstance(rows, list):
        raise Invalid(
            "The answer has no list “readings”; docs/usage.md shows what it looks like", "readings", "usage-shape"
        )
    if len(rows) > MOST:
        raise Invalid("The message is too large; send at most 5,000 readings at a time", "readings", "usage-large")
    found = Message()
    for place, row in enumerate(rows, 1):
        made = _reading(place, row, indexes, now)
        if isinstance(made, str):
            found.refused.append((place, made))
        else:
            found.told.append(made)
    more = whole.get("next")
    found.more = more if isinstance(more, str) and len(more) <= 500 and more.isprintable() else ""
    return found


def _reading(place: int, row: Any, indexes: Collection[str], now: float) -> Told | str:
    """A reading, or why it can't be taken."""
    if not isinstance(row, dict):
        return "shape"
    customer, index = row.get("customer"), row.get("index")
    if not isinstance(customer, str) or not 0 < len(customer) <= LONGEST_KEY:
        return "customer"
    if not isinstance(index, str) or index not in indexes:
        return "index"
    value = row.get("value")
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value) >= _BOUND:
        return "value"
    at = _moment(row.get("at"))
    if at is None:
        return "at"
    if at > now + EARLY:
        return "future"
    if at < now - KEPT_DAYS * DAY:
        return "old"
    return Told(place, customer, index, Reading(at, round(value, _PLACES).normalize()))


def _moment(text: Any) -> float | None:
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else found.timestamp()
    except (ValueError, OverflowError):
        return None


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
