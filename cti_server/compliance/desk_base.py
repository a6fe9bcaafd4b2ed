"""What the parts of the compliance desk share."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from cti_server.compliance.ports import ComplianceWork, Place
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid
from cti_server.shared.viewer import Viewer

PAGE: Final = 50
EXPORT_STEP: Final = 500


class DeskBase:
    """For one viewer, in one transaction."""

    def __init__(self, work: ComplianceWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names. Raises Invalid where it is none."""
    if not cursor:
        return None
    at, line, number = cursor.rpartition("_")
    with suppress(ValueError):
        if line:
            return Place(float(at), int(number))
    raise Invalid("This list can't go on from there; open it again from its beginning", "cursor", "bad-cursor")


def cursor_of(place: Place | None) -> str | None:
    """The cursor that names a place."""
    return None if place is None else f"{place.at!r}_{place.id}"
