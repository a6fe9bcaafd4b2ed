"""The reviewer at work on coverage: ``ComplianceDesk(work, viewer, clock)`` in one transaction. What lies outside the
viewer's scope reads as not found."""

from __future__ import annotations

from cti_server.compliance.desk_coverage import CoverageDesk
from cti_server.compliance.desk_erasing import ErasingDesk
from cti_server.compliance.desk_exemptions import ExemptionDesk
from cti_server.compliance.desk_rules import RulesDesk
from cti_server.compliance.desk_trail import TrailDesk
from cti_server.compliance.desk_views import ViewsDesk


class ComplianceDesk(CoverageDesk, ErasingDesk, ExemptionDesk, RulesDesk, TrailDesk, ViewsDesk):
    """One door over its parts."""
