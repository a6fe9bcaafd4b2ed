"""Contact records that a reviewer asks a colleague for (spec C6)."""

from __future__ import annotations

from typing import Final

from cti_server.review.ports import PAGE, About, NewRequest, ReviewWork
from cti_server.review.requests import Schedule
from cti_server.review.views import Asking, Listed, RequestQuery, RequestView
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.places import cursor_of, place_of
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer, needs

NOTE_LONGEST: Final = 500
HOURS_MOST: Final = 400
ON_THE_DESK: Final = 20
NO_SUCH_CALL: Final = "There is no such call"


class RequestDesk:
    """Asking for records, and being asked: ``RequestDesk(work, viewer, clock)`` in one transaction."""

    def __init__(self, work: ReviewWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock

    # --- the reviewer

    @needs("audit")
    def requests(self, query: RequestQuery, cursor: str | None = None, limit: int = PAGE) -> Listed[RequestView]:
        """The records that were asked for, newest first."""
        found, following = self.work.requests.page(query, place_of(cursor), max(1, min(limit, PAGE)), self.clock.now())
        return Listed(found, cursor_of(following))

    @needs("audit")
    def requests_of(self, call_id: str) -> list[RequestView]:
        """Those about one call, the newest first."""
        return list(self.work.requests.of_call(call_id, self.clock.now()))

    @needs("audit")
    def exists(self, call_id: str) -> None:
        """Raises NotFound where there is no such call."""
        if not self.work.requests.whose(call_id):
            raise NotFound(NO_SUCH_CALL)

    @needs("audit")
    def asking(self, call_id: str) -> Asking | None:
        """What there is to choose from; null where no record can be asked for: nobody outside was called."""
        whose = [one for one in self.work.requests.whose(call_id) if one.label.kind != "internal"]
        if not whose:
            return None
        sure = _sure(whose)
        able: dict[str, str] = {}
        for one in [sure] if sure is not None else whose:
            able |= {user: name for user, name in self.work.requests.able(one.label, call_id) if user not in able}
        choices = [] if sure is not None else [(one.customer, one.name) for one in whose if one.customer]
        return Asking(list(able.items()), choices, int(self.work.policy.request_hours))

    @needs("audit")
    def ask(self, call_id: str, to: str, note: str, hours: float, customer: str | None = None) -> int:
        """Asks a colleague who may see the call's customer for a record, within so many business hours."""
        about = self._about(call_id, customer)
        if all(user != to for user, _name in self.work.requests.able(about.label, call_id)):
            raise Invalid("Choose a colleague who may see this customer and handle calls", "to", "request-to")
        if not 1 <= hours <= HOURS_MOST:
            raise Invalid("Choose a deadline between 1 and 400 business hours", "hours", "request-hours")
        bare = note.strip()
        if len(bare) > NOTE_LONGEST:
            raise Invalid("The note is longer than 500 characters; shorten it", "note", "request-note")
        now = self.clock.now()
        new = NewRequest(call_id, about, to, self.viewer.id, now, bare, self._plan(about.label.branch, now, hours))
        made = self.work.requests.add(new)
        if made is None:
            raise Conflict("A record of this call is asked for already; withdraw that request first")
        return made

    @needs("audit")
    def withdraw(self, request_id: int) -> RequestView:
        """The record is not needed any more."""
        request = self._request(request_id)
        if not request.waiting:
            raise Conflict("This request waits for nobody any more; look at it again")
        self.work.requests.withdraw(request_id, self.viewer.id, self.clock.now())
        return request

    def _plan(self, branch: str, now: float, hours: float) -> Schedule:
        policy, deadline = self.work.policy, self.work.requests.deadline
        due = deadline(branch, now, hours)
        soon = 0 < policy.remind_hours < hours
        remind = deadline(branch, now, hours - policy.remind_hours) if soon else None
        return Schedule(remind, due, deadline(branch, due, policy.escalate_hours))

    def _about(self, call_id: str, customer: str | None) -> About:
        whose = self.work.requests.whose(call_id)
        if not whose:
            raise NotFound(NO_SUCH_CALL)
        if whose[0].label.kind == "internal":
            raise Invalid("An internal call needs no contact record", "call", "request-internal")
        chosen = next((one for one in whose if customer and one.customer == customer), None) or _sure(whose)
        if chosen is None:
            raise Invalid("Choose the customer whom the record is about", "customer", "pick-first")
        return chosen

    # --- who is asked

    @needs("handle")
    def mine(self) -> list[RequestView]:
        """What the viewer is asked for; for the manager of a branch also what was escalated there. The most urgent
        first."""
        return list(self.work.requests.waiting_for(self._asked, self._managed, ON_THE_DESK, self.clock.now()))

    def count(self) -> int:
        """How many they are."""
        if not self.viewer.may("handle"):
            return 0
        return self.work.requests.count_waiting_for(self._asked, self._managed)

    @needs("handle")
    def asked(self, request_id: int) -> RequestView:
        """One that the viewer is asked for, or that was escalated to them. Anybody else's reads as not found."""
        found = self._request(request_id)
        escalated = found.escalated_at is not None and found.branch == self._managed
        if found.to not in self._asked and not escalated:
            raise NotFound("There is no such request")
        return found

    @property
    def _asked(self) -> list[str]:
        """In whose place the viewer answers: their own, and that of whom they stand in for."""
        return [self.viewer.id, *sorted(self.viewer.scope.absent)]

    @property
    def _managed(self) -> str | None:
        """The branch that the viewer manages."""
        return self.viewer.branch if self.viewer.scope.span is Span.BRANCH else None

    def _request(self, request_id: int) -> RequestView:
        found = self.work.requests.get(request_id, self.clock.now())
        if found is None:
            raise NotFound("There is no such request")
        return found


def _sure(whose: list[About]) -> About | None:
    """Whose the call is without anybody having to say so; null where they have to."""
    picked = [one for one in whose if one.picked]
    if len(picked) == 1:
        return picked[0]
    return whose[0] if len(whose) == 1 and whose[0].customer is None else None
