"""The phases room's use cases: ``PhaseDesk(work, viewer, clock)`` in one transaction. What lies outside the viewer's
scope reads as not found. One door over ``desk_*.py``."""

from __future__ import annotations

from cti_server.phases.desk_acting import Acting
from cti_server.phases.desk_asking import Asking
from cti_server.phases.desk_ending import Ending
from cti_server.phases.desk_importing import Importing
from cti_server.phases.desk_learning import Learning
from cti_server.phases.desk_replaying import Replaying
from cti_server.phases.desk_setting_up import SettingUp
from cti_server.phases.desk_trying import Trying


class PhaseDesk(Acting, Asking, Ending, Importing, Replaying, Learning, Trying, SettingUp):
    """Everything that reps, managers and administrators do with phases."""
