"""Bringing in past and open deals with their paths and contracts (spec 20: the rules need past ones to go by)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from cti_server.phases.cltv import Contract, value
from cti_server.phases.deal_file import DealRow, RefusedRow
from cti_server.phases.desk_valuing import Valuing
from cti_server.phases.model import Deal, NewDeal, Service, Step
from cti_server.phases.money import Money, money
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.scope import Label
from cti_server.shared.viewer import needs

LOT: Final = 200
"""Deals of one transaction: nobody's page waits for long."""
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


class Importing(Valuing):
    """One lot of a file, in one transaction."""

    @needs("phases")
    def bring(self, service_id: int, rows: Iterable[DealRow], refuse: Callable[[RefusedRow], None]) -> Brought:
        """Adds what is not there yet; rows that can't be taken are handed to ``refuse``, and the others go on."""
        service = self._service(service_id)
        done = Brought()
        for row in rows:
            done.rows += 1
            try:
                if self._there_before(service_id, row):
                    done.there += 1
                    continue
                self._check(service, row)
            except (Invalid, NotFound) as bad:
                refuse(RefusedRow(row.line, getattr(bad, "field", None) or "", str(bad)))
                continue
            self._add(service, row)
            done.added += 1
        return done

    def _there_before(self, service_id: int, row: DealRow) -> bool:
        """Whether the deal was brought in before. Invalid for a customer whom the viewer does not see: that there is a
        deal with them is nothing to be told either."""
        if self.work.deals.customer(row.customer) is None:
            raise Invalid(
                "There is no customer of this code, or it lies outside what you may see", "customer", "unknown"
            )
        return self.work.deals.imported(service_id, row.number, row.customer)

    def _check(self, service: Service, row: DealRow) -> None:
        """Everything else that may be wrong, before anything is written."""
        if not service.phases or len(row.path) > len(service.phases):
            raise Invalid("The path has more steps than the service has phases", "path", "path-long")
        if row.state == "won" and len(row.path) < len(service.phases):
            raise Invalid("A deal that was won came through all phases; name who had it in each", "path", "path-short")
        today = self.work.deals.branch_day(row.customer, self.clock.now())
        if max(row.path[-1].day, row.closed or row.first_contact) > today:
            raise Invalid("This lies in the future", "path", "path-future")
        names = self.work.deals.names([came.member for came in row.path])
        if any(came.member not in names for came in row.path):
            raise Invalid("The path names somebody who is no user here; users are named by their number", "path", "who")
        if row.state == "open":
            member = self.work.set_up.member(row.path[-1].member)
            customer = self.work.deals.customer(row.customer)
            works = member is not None and service.phases[len(row.path) - 1].id in member.works
            if member is None or member.scope is None or customer is None or not works:
                raise Invalid("Who has the deal now does not work this phase; set them up for it first", "path", "idle")
            label = Label("customer", customer.branch, customer.rep, customer.confidentiality)
            if not member.scope.admits(label):
                raise Invalid(
                    "Who has the deal now can't see the customer; change the rep in charge first",
                    "path",
                    "member-blind",
                )
        if row.start is not None:
            self._check_contract(service, row, row.start)

    def _check_contract(self, service: Service, row: DealRow, start: date) -> None:
        if row.currency and row.currency != service.terms.currency:
            raise Invalid("The service is sold in another currency; convert the price first", "currency", "currency")
        try:
            value(
                Contract(row.first_contact, start, self._price(service, row), row.end),
                service.terms,
                self.work.deals.past(service.id),
            )
        except Invalid as bad:
            if not (bad.code or "").startswith("no-past"):
                raise

    def _add(self, service: Service, row: DealRow) -> None:
        zone = ZoneInfo(self.viewer.timezone)

        def moment(day: date) -> float:
            return datetime.combine(day, time(12), zone).timestamp()

        new = NewDeal(service.id, row.customer, row.title, row.size, row.source, row.first_contact)
        deal_id = self.work.deals.add(new, service.phases[0].id, moment(row.path[0].day))
        self.work.deals.keep_imported(service.id, row.number, row.customer, deal_id)
        deal = self._deal(deal_id)
        steps = tuple(
            Step(phase.id, came.member, moment(came.day)) for phase, came in zip(service.phases, row.path, strict=False)
        )
        now = self.clock.now()
        is_open = row.state == "open"
        deal = replace(
            deal,
            steps=steps,
            phase=steps[-1].phase,
            member=steps[-1].member,
            entered_at=steps[-1].at,
            due_at=now if is_open else steps[-1].at,
            state=row.state,
            through=row.state == "won" or (row.state == "cancelled" and len(steps) == len(service.phases)),
            closed_at=None if is_open else min(now, moment(row.closed or row.end or row.path[-1].day)),
            reason=row.reason,
            end=row.end,
        )
        deal = self._worth(deal, service, row)
        self.work.deals.put(deal)
        self.work.deals.note(deal, self.viewer.id, now, "deal imported", {"number": row.number})

    def _worth(self, deal: Deal, service: Service, row: DealRow) -> Deal:
        if row.state == "lost":
            return self._nothing(deal, service, WHY)
        if row.start is None:
            return deal
        return self._sign(deal, service, row.start, self._price(service, row), None, WHY)

    @staticmethod
    def _price(service: Service, row: DealRow) -> Money | None:
        return None if row.price is None else money(row.price, service.terms.currency)


def lots(rows: Iterable[DealRow | RefusedRow]) -> Iterable[list[DealRow | RefusedRow]]:
    """The rows of a file, as many at a time as one transaction takes."""
    there = iter(rows)
    while lot := list(islice(there, LOT)):
        yield lot
