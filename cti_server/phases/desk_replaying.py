"""What another rule would have given (spec P4): for who looks after a branch or the firm."""

from __future__ import annotations

from cti_server.phases.choosing import Chooser, Rule
from cti_server.phases.desk_lists import Lists
from cti_server.phases.replaying import replay
from cti_server.phases.views import DryRun

NEWEST = 2000


class Replaying(Lists):
    """Replaying."""

    def dry_run(self, service_id: int, rule: Rule) -> DryRun:
        """The newest deals whose worth is known, of the viewer's customers, under a rule."""
        self._manages()
        service = self._service(service_id)
        places = {one.id: place for place, one in enumerate(service.phases)}
        earlier = places.get(service.earlier) if service.earlier is not None else None
        deals = self.work.done.past_deals(service, NEWEST)
        return DryRun(service, rule, len(deals), replay(deals, Chooser(rule, earlier), len(service.phases)))
