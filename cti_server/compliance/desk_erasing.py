"""Erasures and legal holds: asked for by one reviewer, decided by another."""

from __future__ import annotations

from dataclasses import dataclass, field

from cti_server.compliance.desk_base import PAGE, DeskBase
from cti_server.compliance.erasing import Erasure, Hold, Person, Prove, check_decision, check_person
from cti_server.compliance.exemptions import one_line
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.places import cursor_of, place_of
from cti_server.shared.viewer import needs

HOLDS: int = 200


@dataclass(slots=True)
class ErasurePage:
    """One page of the list. ``next`` is where the next one begins; null at the end."""

    rows: list[Erasure] = field(default_factory=list)
    next: str | None = None


class ErasingDesk(DeskBase):
    """Each act stands in the customer's trail; that somebody was erased stands in the trail of nobody."""

    @needs("audit")
    def erasures(self, state: str = "asked", cursor: str | None = None) -> ErasurePage:
        """Those that wait for a decision, or of another state; an empty one: all. The latest first."""
        rows, place = self.work.erasures.page(state, place_of(cursor), PAGE)
        return ErasurePage(rows, cursor_of(place))

    @needs("audit")
    def person_to_erase(self, code: str) -> Person:
        """A customer as far as the decision goes. NotFound outside the scope."""
        found = self.work.erasures.person(code.strip())
        if found is None:
            raise NotFound("There is no such customer")
        return found

    @needs("audit")
    def ask_erasure(self, code: str, reason: str) -> int:
        """Asks that a person is erased."""
        person = self.person_to_erase(code)
        check_person(person)
        why = one_line(reason)
        if self.work.erasures.asked_of(person.code):
            raise Conflict("This is asked for already; look at it again")
        now = self.clock.now()
        made = self.work.erasures.ask(person, why, self.viewer.id, now)
        self.work.erasures.note(person.code, self.viewer.id, now, "erasure asked", {"erasure": made, "reason": why})
        return made

    @needs("audit")
    def erase(self, erasure_id: int, prove: Prove, sure: bool) -> None:
        """Erases the person; nothing brings them back. Refused where the viewer asked for it themselves."""
        if not sure:
            raise Invalid("Tick that nothing brings it back", "sure", "erase-sure")
        one = self._erasure(erasure_id)
        check_decision(one, self.viewer.id)
        check_person(self.person_to_erase(one.customer))
        self.work.erasures.erase(one.id, self.viewer.id, self.clock.now(), prove)

    @needs("audit")
    def refuse_erasure(self, erasure_id: int, answer: str) -> None:
        """The records stay, for the reason given."""
        one = self._erasure(erasure_id)
        check_decision(one, self.viewer.id)
        why, now = one_line(answer), self.clock.now()
        self.work.erasures.decide(one.id, "refused", self.viewer.id, now, why)
        detail: dict[str, object] = {"erasure": one.id, "reason": why}
        self.work.erasures.note(one.customer, self.viewer.id, now, "erasure refused", detail)

    @needs("audit")
    def withdraw_erasure(self, erasure_id: int) -> None:
        """Takes back what was asked."""
        one = self._erasure(erasure_id)
        if one.state != "asked":
            raise Conflict("This was decided already; look at it again")
        now = self.clock.now()
        self.work.erasures.decide(one.id, "withdrawn", self.viewer.id, now, "")
        self.work.erasures.note(one.customer, self.viewer.id, now, "erasure withdrawn", {"erasure": one.id})

    # --- legal holds

    @needs("audit")
    def holds(self) -> list[Hold]:
        """Those that hold, then those that ended."""
        return self.work.erasures.holds(HOLDS)

    @needs("audit")
    def hold(self, code: str, reason: str) -> int:
        """Nothing of the customer's records goes until it ends."""
        person = self.person_to_erase(code)
        if person.held:
            raise Conflict("A legal hold stands already; look at it again")
        why, now = one_line(reason), self.clock.now()
        made = self.work.erasures.hold(person, why, self.viewer.id, now)
        self.work.erasures.note(person.code, self.viewer.id, now, "hold begun", {"hold": made, "reason": why})
        return made

    @needs("audit")
    def end_hold(self, hold_id: int, reason: str) -> None:
        """It holds no more."""
        found = self.work.erasures.hold_of(hold_id)
        if found is None:
            raise NotFound("There is no such hold")
        why, now = one_line(reason), self.clock.now()
        self.work.erasures.end_hold(hold_id, self.viewer.id, now, why)
        detail: dict[str, object] = {"hold": hold_id, "reason": why}
        self.work.erasures.note(found.customer, self.viewer.id, now, "hold ended", detail)

    def _erasure(self, erasure_id: int) -> Erasure:
        found = self.work.erasures.get(erasure_id)
        if found is None:
            raise NotFound("There is no such erasure")
        return found
