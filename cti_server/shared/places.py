"""Where a page of a list ends, and how an address says it: the next page begins below it, however long the list is."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Final, NamedTuple

from cti_server.shared.errors import Invalid

MOST_ID: Final = 2**63 - 1
"""The largest number that a database keeps."""


class Place(NamedTuple):
    """``at``: epoch seconds, UTC, of the last row; ``id``: its number, where several are of the same moment."""

    at: float
    id: int


def cursor_of(place: Place | None) -> str | None:
    """The word in an address that names a place."""
    return None if place is None else f"{place.at!r}_{place.id}"


def place_of(cursor: str | None) -> Place | None:
    """The place that a word names; null for none. Raises Invalid where it is no place."""
    if not cursor:
        return None
    at, line, number = cursor.rpartition("_")
    with suppress(ValueError):
        found = Place(float(at), int(number)) if line else None
        if found is not None and math.isfinite(found.at) and 0 <= found.id <= MOST_ID:
            return found
    raise Invalid("This list can't go on from there; open it again from its beginning", "cursor", "bad-cursor")
