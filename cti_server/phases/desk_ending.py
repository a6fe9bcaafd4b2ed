"""Deals that end, and that begin again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cti_server.phases.desk_base import one_line
from cti_server.phases.desk_moving import Moving
from cti_server.phases.desk_valuing import contract_of
from cti_server.phases.model import Deal
from cti_server.phases.money import Money
from cti_server.shared.errors import Conflict
from cti_server.shared.viewer import needs


class Ending(Moving):
    """Ending."""

    @needs("handle")
    def lose(self, deal_id: int, reason: str) -> Deal:
        """Nothing came of it: worth 0, and its path stays."""
        deal, why, now = self._open(deal_id), one_line(reason), self.clock.now()
        if deal.start is not None:
            raise Conflict("This deal has a contract; enter when that ends instead")
        lost = self._nothing(deal, self._service(deal.service), why)
        lost = replace(lost, state="lost", closed_at=now, reason=why)
        self.work.deals.put(lost)
        self.work.deals.note(lost, self.viewer.id, now, "deal lost", {"reason": why})
        return lost

    @needs("handle")
    def cancel(self, deal_id: int, end: date, reason: str) -> Deal:
        """The customer cancelled its contract: what it was worth is known."""
        deal, why, now = self._seen_to(deal_id), one_line(reason), self.clock.now()
        if deal.start is None:
            raise Conflict("This deal has no contract; it can only be lost")
        if deal.state == "cancelled":
            raise Conflict("This contract was cancelled already; look at the deal again")
        before = contract_of(deal)
        ended = self._valued(replace(deal, end=end), self._service(deal.service), before, why)
        ended = replace(ended, state="cancelled", closed_at=now, reason=why)
        self.work.deals.put(ended)
        self.work.deals.note(ended, self.viewer.id, now, "deal cancelled", {"end": end.isoformat(), "reason": why})
        return ended

    @needs("handle")
    def reopen(self, deal_id: int) -> Deal:
        """Takes the end of a deal back."""
        deal, now = self._seen_to(deal_id), self.clock.now()
        if deal.state == "open":
            raise Conflict("This deal is open; look at it again")
        service = self._service(deal.service)
        before = contract_of(deal)
        again = replace(
            deal, state="won" if deal.through and deal.state == "cancelled" else "open", end=None, reason=""
        )
        if again.state == "open":
            again = replace(again, through=False, closed_at=None, due_at=now, again=None)
        if deal.start is None:
            again = replace(again, worth=None, predicted=True)
            self._keep(again, 0, "opened again", predicted=True)
        else:
            again = self._valued(again, service, before, "opened again")
        self.work.deals.put(again)
        self.work.deals.note(again, self.viewer.id, now, "deal opened again", {})
        return again

    @needs("handle")
    def change_contract(
        self, deal_id: int, first_contact: date, start: date, price: Money | None, plan: int | None
    ) -> Deal:
        """Another price, plan or day: what the deal is worth follows."""
        deal, now = self._seen_to(deal_id), self.clock.now()
        if deal.start is None:
            raise Conflict("This deal has no contract yet")
        service, before = self._service(deal.service), contract_of(deal)
        changed = replace(deal, first_contact=first_contact)
        changed = self._sign(changed, service, start, price, plan, "contract changed", before)
        self.work.deals.put(changed)
        self.work.deals.note(changed, self.viewer.id, now, "contract changed", {"start": start.isoformat()})
        return changed
