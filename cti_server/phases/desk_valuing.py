"""What a deal is worth, kept with its history (spec P3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

from cti_server.phases.cltv import Contract, Past, Terms, Valuation, value
from cti_server.phases.desk_base import PhaseBase
from cti_server.phases.model import Deal, Service, ValueChange
from cti_server.phases.money import Money, same_currency
from cti_server.shared.errors import Invalid


class Valuing(PhaseBase):
    """Contracts and values. Each gives the deal with its value, to be put by who asked."""

    def _sign(
        self,
        deal: Deal,
        service: Service,
        start: date,
        price: Money | None,
        plan: int | None,
        why: str,
        before: Contract | None = None,
    ) -> Deal:
        """The deal with a contract, in place of the one ``before``: at a price, or at a plan's."""
        known = next((one for one in service.plans if one.id == plan), None)
        if price is None and known is not None:
            price = known.price
        if price is None:
            raise Invalid("Enter a price a month, or choose a plan", "price", "price-missing")
        same_currency(price, service.terms.currency)
        signed = replace(deal, start=start, price=price, plan=plan)
        return self._valued(signed, service, before, why)

    def _unsign(self, deal: Deal, why: str) -> Deal:
        """The deal without its contract."""
        self.work.deals.past_changes(deal.service, contract_of(deal), None)
        bare = replace(deal, start=None, end=None, price=None, plan=None, worth=None, predicted=True)
        if deal.worth is not None:
            self._keep(bare, 0, why, predicted=True)
        return bare

    def _valued(self, deal: Deal, service: Service, before: Contract | None, why: str) -> Deal:
        """The deal with what it is worth now, by its contract."""
        now = contract_of(deal)
        if now is None:
            return deal
        past = self.work.deals.past(service.id)
        if before is not None:
            past = past.minus(before)
        made = valuation(now, service.terms, past)
        self.work.deals.past_changes(service.id, before, now)
        worth = made.worth if made else None
        if made is not None and worth != deal.worth:
            self._keep(deal, made.worth.minor, why, made.predicted, made_of(made))
        return replace(deal, worth=worth, predicted=made.predicted if made else True)

    def _nothing(self, deal: Deal, service: Service, why: str) -> Deal:
        """The deal, lost: worth 0."""
        self._keep(deal, 0, why, predicted=False)
        return replace(deal, worth=Money(0, service.terms.currency), predicted=False)

    def _keep(self, deal: Deal, worth: int, why: str, predicted: bool, facts: dict[str, str] | None = None) -> None:
        change = ValueChange(self.clock.now(), self.viewer.id, why, worth, predicted, facts or {})
        self.work.done.value(deal.id, change)


def valuation(contract: Contract, terms: Terms, past: Past) -> Valuation | None:
    """What a contract is worth; null where the service says nothing to predict with, and no contract did so far: that
    is nobody's mistake. Raises Invalid for a contract that can't be valued."""
    try:
        return value(contract, terms, past)
    except Invalid as unknown:
        if not (unknown.code or "").startswith("no-past"):
            raise
        return None


def contract_of(deal: Deal) -> Contract | None:
    """A deal's contract; null where it has none."""
    if deal.start is None:
        return None
    return Contract(deal.first_contact, deal.start, deal.price, deal.end)


def made_of(made: Valuation) -> dict[str, str]:
    """The product's parts, as text."""
    facts = {"price": _text(made.price), "months": _text(made.months), "factor": _text(made.factor)}
    if made.expected_days is not None:
        facts |= {"expected_days": _text(made.expected_days), "success_days": str(made.success_days)}
    return facts


def _text(number: Fraction) -> str:
    """A number as people write it, to two places where it has more."""
    return f"{number.numerator:,}" if number.denominator == 1 else f"{float(number):,.2f}"
