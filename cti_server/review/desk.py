"""The reviewer at work: ``ReviewDesk(work, viewer, clock)`` in one transaction. What lies outside the viewer's scope
reads as not found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cti_server.review.ports import PAGE, ReviewWork
from cti_server.review.views import ClaimQuery, ClaimRow, Listed
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.places import cursor_of, place_of
from cti_server.shared.viewer import Viewer, needs

EXPORT_STEP: Final = 500
REASON_LONGEST: Final = 200


class ReviewDesk:
    """Claims without a call."""

    def __init__(self, work: ReviewWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock

    @needs("audit")
    def claims(self, query: ClaimQuery, cursor: str | None = None, limit: int = PAGE) -> Listed[ClaimRow]:
        """The records of a time that claim a call which no exchange saw, newest first."""
        found, following = self.work.claims.page(query, place_of(cursor), max(1, min(limit, EXPORT_STEP)))
        return Listed(found, cursor_of(following))

    @needs("export")
    def export_claims(self, query: ClaimQuery) -> Iterator[ClaimRow]:
        """All of them, to be taken away; that stands in the trail."""
        self.viewer.require("audit")
        told = {"since": query.since, "until": query.until, "state": query.state, "branch": query.branch}
        self.work.claims.note_export(self.viewer.id, self.clock.now(), "claims without a call", told)
        return self._all(query)

    def _all(self, query: ClaimQuery) -> Iterator[ClaimRow]:
        place = None
        while True:
            found, place = self.work.claims.page(query, place, EXPORT_STEP)
            yield from found
            if place is None:
                return

    @needs("audit")
    def settle_claim(self, claim_id: int, reason: str) -> None:
        """Says why there is no call; the reason is kept, and stands in the customer's trail."""
        claim = self._claim(claim_id)
        if not claim.pending:
            raise Conflict("This claim waits for nobody any more; look at it again")
        why, now = one_line(reason), self.clock.now()
        self.work.claims.settle(claim_id, self.viewer.id, now, why)
        self._note(claim, "claim settled", why)

    @needs("audit")
    def unsettle_claim(self, claim_id: int) -> None:
        """Takes a settling back."""
        claim = self._claim(claim_id)
        if claim.state != "settled":
            raise Conflict("This claim is not settled; look at it again")
        self.work.claims.unsettle(claim_id)
        self._note(claim, "claim settling taken back", "")

    def _claim(self, claim_id: int) -> ClaimRow:
        found = self.work.claims.get(claim_id)
        if found is None:
            raise NotFound("There is no such claim")
        return found

    def _note(self, claim: ClaimRow, act: str, reason: str) -> None:
        detail = {"claim": claim.id, "history": claim.history} | ({"reason": reason} if reason else {})
        self.work.claims.note(claim.id, claim.customer, self.viewer.id, self.clock.now(), act, detail)


def one_line(text: str) -> str:
    """A reason in one line. Raises Invalid where there is none, or too long a one."""
    bare = " ".join(text.split())
    if not bare:
        raise Invalid("The reason is missing; write a few words", "reason", "reason-missing")
    if len(bare) > REASON_LONGEST:
        raise Invalid("The reason is longer than 200 characters; shorten it", "reason", "reason-long")
    return bare
