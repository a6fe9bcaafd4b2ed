"""Lists that go on below a place: what the room's lists share."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from cti_server.review.ports import Place
from cti_server.shared.errors import Invalid

PAGE: Final = 50


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names. Raises Invalid where it is none."""
    if not cursor:
        return None
    at, line, number = cursor.rpartition("_")
    with suppress(ValueError):
        if line:
            return Place(float(at), int(number))
    raise Invalid("This list can't go on from there; open it again from its beginning", "cursor", "bad-cursor")
