"""What all use cases of the phases room share."""

from __future__ import annotations

from cti_server.phases.model import Deal, Phase, Service
from cti_server.phases.ports import PhaseWork
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import Viewer

REASON_LONGEST = 200


class PhaseBase:
    """For a viewer, in one transaction."""

    def __init__(self, work: PhaseWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock

    def _deal(self, deal_id: int) -> Deal:
        found = self.work.deals.get(deal_id)
        if found is None:
            raise NotFound("There is no such deal")
        return found

    def _open(self, deal_id: int) -> Deal:
        deal = self._deal(deal_id)
        if deal.state != "open":
            raise Conflict("This deal is over; open it again first")
        return deal

    def _service(self, service_id: int) -> Service:
        found = self.work.set_up.service(service_id)
        if found is None:
            raise NotFound("There is no such service")
        return found

    def _phase(self, service: Service, phase_id: int) -> Phase:
        """One of the service's phases; where it was taken out of the order meanwhile, the first one."""
        return next((one for one in service.phases if one.id == phase_id), service.phases[0])


def one_line(text: str, field: str = "reason", longest: int = REASON_LONGEST) -> str:
    """A few words in one line. Raises Invalid where there are none, or too many."""
    bare = " ".join(text.split())
    if not bare:
        raise Invalid("Something is missing; write a few words", field, f"{field}-missing")
    if len(bare) > longest:
        raise Invalid("That is too long; shorten it", field, f"{field}-long")
    return bare
