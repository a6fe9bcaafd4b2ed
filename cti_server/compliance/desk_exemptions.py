"""Exemptions: asked for with a reason by one reviewer, decided by another."""

from __future__ import annotations

from dataclasses import dataclass, field

from cti_server.compliance.desk_base import EXPORT_STEP, PAGE, DeskBase
from cti_server.compliance.exemptions import HOLDING, Exemption, check_decision, check_withdrawal, one_line
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.places import cursor_of, place_of
from cti_server.shared.viewer import needs


@dataclass(slots=True)
class ExemptionPage:
    """One page of the list. ``next`` is where the next one begins; null at the end."""

    rows: list[Exemption] = field(default_factory=list)
    next: str | None = None


class ExemptionDesk(DeskBase):
    """Each act stands in the call's trail."""

    @needs("audit")
    def exemptions(self, state: str = "asked", cursor: str | None = None, limit: int = PAGE) -> ExemptionPage:
        """Those that wait for a decision, or of another state; an empty one: all. The latest first."""
        rows, place = self.work.exemptions.page(state, place_of(cursor), max(1, min(limit, EXPORT_STEP)))
        return ExemptionPage(rows, cursor_of(place))

    @needs("audit")
    def ask_exemption(self, call_id: str, reason: str) -> int:
        """Asks that a call needs no record. NotFound outside the scope."""
        shelf = self.work.exemptions
        now = self.clock.now()
        over = self.work.standings.over(call_id)
        if over is None:
            raise NotFound("There is no such call")
        if not over:
            raise Invalid("This call is going on; wait until it is over", "reason", "call-live")
        why = one_line(reason)
        if any(one.state in HOLDING for one in shelf.of_call(call_id)):
            raise Conflict("There is an exemption of this call already; look at it again")
        if not any(
            row.standing not in ("recorded", "unregistered") for row in self.work.standings.of_call(call_id, now)
        ):
            raise Invalid("This call needs no record, or has it; there is nothing to exempt", "reason", "not-owed")
        made = shelf.ask(call_id, why, self.viewer.id, now)
        shelf.note(call_id, self.viewer.id, now, "exemption asked", {"exemption": made, "reason": why})
        return made

    @needs("audit")
    def approve_exemption(self, exemption_id: int) -> None:
        """The call needs no record from now on. Refused where the viewer asked for it themselves."""
        one = self._one(exemption_id)
        check_decision(one, self.viewer.id)
        now = self.clock.now()
        self.work.exemptions.decide(one.id, "approved", self.viewer.id, now, "")
        detail = {"exemption": one.id, "reason": one.reason}
        self.work.exemptions.note(one.call_id, self.viewer.id, now, "exemption approved", detail)

    @needs("audit")
    def refuse_exemption(self, exemption_id: int, answer: str) -> None:
        """The call needs its record, for the reason given."""
        one = self._one(exemption_id)
        check_decision(one, self.viewer.id)
        why, now = one_line(answer), self.clock.now()
        self.work.exemptions.decide(one.id, "refused", self.viewer.id, now, why)
        detail = {"exemption": one.id, "reason": why}
        self.work.exemptions.note(one.call_id, self.viewer.id, now, "exemption refused", detail)

    @needs("audit")
    def withdraw_exemption(self, exemption_id: int) -> None:
        """Takes one back, whether it was approved or not."""
        one = self._one(exemption_id)
        check_withdrawal(one)
        now = self.clock.now()
        self.work.exemptions.decide(one.id, "withdrawn", self.viewer.id, now, "")
        self.work.exemptions.note(one.call_id, self.viewer.id, now, "exemption withdrawn", {"exemption": one.id})

    def _one(self, exemption_id: int) -> Exemption:
        found = self.work.exemptions.get(exemption_id)
        if found is None:
            raise NotFound("There is no such exemption")
        return found
