"""What all use cases of the phases room share."""

from __future__ import annotations

from cti_server.phases.model import Deal, Phase, Service
from cti_server.phases.ports import PhaseWork
from cti_server.phases.trials import as_tried
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer

REASON_LONGEST = 200


class PhaseBase:
    """For a viewer, in one transaction."""

    def __init__(self, work: PhaseWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock

    @property
    def partly(self) -> bool:
        """Whether the viewer sees a part of the customers only."""
        return self.viewer.scope.span is not Span.ALL or not self.viewer.scope.classes >= {1, 2, 3}

    def _deal(self, deal_id: int) -> Deal:
        found = self.work.deals.get(deal_id)
        if found is None:
            raise NotFound("There is no such deal")
        return found

    def _acts(self, deal: Deal) -> bool:
        """Whether the viewer sees to a deal: its member does, whoever may where it waits, and who looks after a branch
        or the firm."""
        return (
            deal.member in (None, self.viewer.id, *self.viewer.scope.absent) or self.viewer.scope.span is not Span.OWN
        )

    def _seen_to(self, deal_id: int) -> Deal:
        """A deal that the viewer sees to. NotAllowed where it is somebody else's."""
        deal = self._deal(deal_id)
        if not self._acts(deal):
            raise NotAllowed("Another member sees to this deal; ask them, or their manager")
        return deal

    def _open(self, deal_id: int) -> Deal:
        deal = self._seen_to(deal_id)
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

    def _asked(self, service: Service, deal: Deal) -> Phase:
        """A deal's phase as its member is asked: in a trial an item may be optional for them."""
        phase = self._phase(service, deal.phase)
        item = self.work.trials.optional_for(phase.id, deal.member)
        return phase if item is None else as_tried(phase, item)


def one_line(text: str, field: str = "reason", longest: int = REASON_LONGEST) -> str:
    """A few words in one line. Raises Invalid where there are none, or too many."""
    bare = " ".join(text.split())
    if not bare:
        raise Invalid("Something is missing; write a few words", field, f"{field}-missing")
    if len(bare) > longest:
        raise Invalid("That is too long; shorten it", field, f"{field}-long")
    return bare
