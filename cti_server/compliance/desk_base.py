"""What the parts of the compliance desk share."""

from __future__ import annotations

from typing import Final

from cti_server.compliance.ports import ComplianceWork
from cti_server.shared.clock import Clock
from cti_server.shared.viewer import Viewer

PAGE: Final = 50
EXPORT_STEP: Final = 500


class DeskBase:
    """For one viewer, in one transaction."""

    def __init__(self, work: ComplianceWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock
