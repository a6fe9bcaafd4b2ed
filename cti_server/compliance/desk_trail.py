"""The audit trail, page by page."""

from __future__ import annotations

from cti_server.compliance.desk_base import PAGE, DeskBase
from cti_server.compliance.trail_pages import AREAS, TrailPage, TrailQuery
from cti_server.shared.errors import Invalid
from cti_server.shared.viewer import needs


class TrailDesk(DeskBase):
    """Reading only; that somebody read it is no entry of it, or it would never end."""

    @needs("audit")
    def trail(self, query: TrailQuery, after: int | None = None) -> TrailPage:
        """Entries of a period, the latest first."""
        if query.area and query.area not in AREAS:
            raise Invalid("Choose what it is about", "area", "trail-area")
        return self.work.trail_pages.page(query, after, PAGE)
