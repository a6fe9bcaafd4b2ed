"""Values that follow the service: another number of months, constant or number of expected days changes what every
contract is predicted to be worth (spec P3). Lot by lot, so that nothing waits; each deal with its history."""

from __future__ import annotations

from typing import Final

from cti_server.phases.desk_valuing import Valuing, contract_of
from cti_server.shared.errors import Invalid

LOT: Final = 20
"""Deals of one transaction: a telephone's pop-up waits behind it."""
WHY: Final = "terms changed"


class Revaluing(Valuing):
    """The server's own work, in the name of who changed the terms."""

    def revalue(self, service_id: int, after: int) -> int | None:
        """Values a service's contracts anew, those of the deals after one; gives the last of them, null at the end.
        A deal whose worth stays as it was is left alone, so that it can be done again; so is one of which the new terms
        can't say it (signed on the day of the first contact, and success days count now): it keeps what it was worth
        until its contract is mended, and holds up none of the others."""
        service = self.work.set_up.service(service_id)
        if service is None:
            return None
        found = self.work.deals.with_contract(service_id, after, LOT)
        for deal in found:
            try:
                valued = self._valued(deal, service, contract_of(deal), WHY)
            except Invalid:
                continue
            if (valued.worth, valued.predicted) != (deal.worth, deal.predicted):
                self.work.deals.put(valued)
        return found[-1].id if len(found) == LOT else None
