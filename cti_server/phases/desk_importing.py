"""Bringing in past and open deals with their paths and contracts (spec 20: the rules need past ones to go by)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cti_server.phases.cltv import Past, Valuation
from cti_server.phases.deal_file import DealRow, RefusedRow
from cti_server.phases.deal_lots import Bringing, Known
from cti_server.phases.desk_base import PhaseBase
from cti_server.phases.desk_valuing import contract_of, made_of, valuation
from cti_server.phases.model import Deal, Service, Step, ValueChange
from cti_server.phases.money import Money, money
from cti_server.shared.errors import Invalid
from cti_server.shared.scope import Label
from cti_server.shared.viewer import needs

LOT: Final = 25
"""Deals of one transaction: what a telephone says waits behind it for some hundredths of a second."""
WHY: Final = "contract imported"


@dataclass(slots=True)
class Brought:
    """What came of an import."""

    rows: int = 0
    added: int = 0
    there: int = 0
    """Deals that were brought in before: they stay as they are."""
    refused: list[RefusedRow] = field(default_factory=list)
    """The first of them."""
    refusals: int = 0


class Importing(PhaseBase):
    """One lot of a file, in one transaction."""

    @needs("phases")
    def bring(self, service_id: int, rows: Iterable[DealRow], refuse: Callable[[RefusedRow], None]) -> Brought:
        """Adds what is not there yet; rows that can't be taken are handed to ``refuse``, and the others go on."""
        service = self._service(service_id)
        lot = list(rows)
        known = self.work.deal_imports.known(service_id, lot)
        past = self.work.deals.past(service_id)
        done, new = Brought(rows=len(lot)), list[Bringing]()
        for row in lot:
            try:
                label, zone = _customer(known, row)
                if (row.number, row.customer) in known.there:
                    done.there += 1
                    continue
                self._check(service, known, row, label, zone)
                one, past = self._made(service, row, label, past)
            except Invalid as bad:
                refuse(RefusedRow(row.line, bad.field or "", str(bad)))
                continue
            new.append(one)
        if new:
            self.work.deal_imports.add(service, new, past, self.viewer.id, self.clock.now())
        done.added = len(new)
        return done

    def _check(self, service: Service, known: Known, row: DealRow, label: Label, zone: str) -> None:
        """Everything that may be wrong but its contract."""
        if not service.phases or len(row.path) > len(service.phases):
            raise Invalid("The path has more steps than the service has phases", "path", "path-long")
        if row.state == "won" and len(row.path) < len(service.phases):
            raise Invalid("A deal that was won came through all phases; name who had it in each", "path", "path-short")
        today = datetime.fromtimestamp(self.clock.now(), ZoneInfo(zone)).date()
        if max(row.path[-1].day, row.closed or row.first_contact) > today:
            raise Invalid("This lies in the future", "path", "path-future")
        if any(came.member not in known.users for came in row.path):
            raise Invalid("The path names somebody who is no user here; users are named by their number", "path", "who")
        if row.state == "open":
            member = known.members.get(row.path[-1].member)
            if member is None or member.scope is None or service.phases[len(row.path) - 1].id not in member.works:
                raise Invalid("Who has the deal now does not work this phase; set them up for it first", "path", "idle")
            if not member.scope.admits(label):
                raise Invalid(
                    "Who has the deal now can't see the customer; change the rep in charge first",
                    "path",
                    "member-blind",
                )
        if row.start is not None and row.currency and row.currency != service.terms.currency:
            raise Invalid("The service is sold in another currency; convert the price first", "currency", "currency")

    def _made(self, service: Service, row: DealRow, label: Label, past: Past) -> tuple[Bringing, Past]:
        """The deal, and the past contracts with its own. Raises Invalid for a contract that can't be."""
        zone = ZoneInfo(self.viewer.timezone)

        def moment(day: date) -> float:
            return datetime.combine(day, time(12), zone).timestamp()

        now = self.clock.now()
        steps = tuple(
            Step(phase.id, came.member, moment(came.day)) for phase, came in zip(service.phases, row.path, strict=False)
        )
        is_open, is_lost = row.state == "open", row.state == "lost"
        deal = Deal(
            id=0,
            service=service.id,
            customer=row.customer,
            title=row.title,
            size=row.size,
            source=row.source,
            phase=steps[-1].phase,
            member=steps[-1].member,
            state=row.state,
            opened_at=steps[0].at,
            entered_at=steps[-1].at,
            due_at=now if is_open else steps[-1].at,
            first_contact=row.first_contact,
            steps=steps,
            start=None if is_lost else row.start,
            end=row.end,
            price=None if is_lost or row.price is None else money(row.price, service.terms.currency),
            closed_at=None if is_open else min(now, moment(row.closed or row.end or row.path[-1].day)),
            reason=row.reason,
            through=row.state == "won" or (row.state == "cancelled" and len(steps) == len(service.phases)),
        )
        contract = contract_of(deal)
        made: Valuation | None = None
        if contract is not None:
            made = valuation(contract, service.terms, past)
            past = past.plus(contract)
        if is_lost:
            nothing = replace(deal, worth=Money(0, service.terms.currency), predicted=False)
            return Bringing(row.number, label, nothing, ValueChange(now, self.viewer.id, WHY, 0, False, {})), past
        if made is None:
            return Bringing(row.number, label, deal, None), past
        change = ValueChange(now, self.viewer.id, WHY, made.worth.minor, made.predicted, made_of(made))
        return Bringing(row.number, label, replace(deal, worth=made.worth, predicted=made.predicted), change), past


def _customer(known: Known, row: DealRow) -> tuple[Label, str]:
    """Whose deal it is. Invalid for a customer whom the viewer does not see: that there is a deal with them is nothing
    to be told either."""
    if row.customer not in known.customers:
        raise Invalid("There is no customer of this code, or it lies outside what you may see", "customer", "unknown")
    return known.customers[row.customer]


def lots(rows: Iterable[DealRow | RefusedRow]) -> Iterable[list[DealRow | RefusedRow]]:
    """The rows of a file, as many at a time as one transaction takes."""
    there = iter(rows)
    while lot := list(islice(there, LOT)):
        yield lot
