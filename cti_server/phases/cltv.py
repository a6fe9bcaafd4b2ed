"""What a customer is worth over its life (spec P3). Exact: fractions inside, rounded once, half to even, to the
currency's smallest unit.

``price x months x a x (expected success days / this customer's)`` is a *prediction*. Once a contract was cancelled its
months are known, so that price x real months is what was paid: the last two factors only sharpen a prediction (they say
how long a customer is likely to stay) and have nothing left to say.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from cti_server.phases.money import Money, same_currency
from cti_server.shared.errors import Invalid

MOST: Final = 10**15
"""Smallest units of a currency that one contract can be worth, so that sums over thousands can be kept."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a service predicts. What is null is the mean of past contracts."""

    currency: str
    months: Decimal | None = None
    """Predicted months of a contract."""
    factor: Decimal = Decimal(1)
    """The constant ``a``."""
    by_success_days: bool = True
    """Whether a quick contract counts as one that lasts longer."""
    success_days: Decimal | None = None
    """Expected days from the first contact to the contract."""

    def __post_init__(self) -> None:
        for value in (self.months, self.factor, self.success_days):
            if value is not None and not (value.is_finite() and value > 0):
                raise Invalid("Months, days and the constant must be more than 0", "terms", "terms-positive")


@dataclass(frozen=True, slots=True)
class Contract:
    """What a customer signed. Days are those of the customer's branch."""

    first_contact: date
    start: date
    price: Money | None = None
    """Per month; null: the mean of past ones."""
    end: date | None = None
    """The first day on which the service is no longer paid, once it was cancelled."""

    def __post_init__(self) -> None:
        if self.start < self.first_contact:
            raise Invalid("The contract is older than the first contact; mend one of the two", "start", "start-early")
        if self.end is not None and self.end < self.start:
            raise Invalid(
                "The contract would end before it began; enter the day from which it is not paid", "end", "end-early"
            )
        if self.price is not None and self.price.minor < 0:
            raise Invalid("A price can't be less than 0", "price", "price-negative")

    @property
    def success_days(self) -> int:
        """Days from the first contact to the contract."""
        return (self.start - self.first_contact).days

    @property
    def months(self) -> int | None:
        """How many months were paid; null while the contract runs."""
        return None if self.end is None else months_paid(self.start, self.end)


def months_paid(start: date, end: date) -> int:
    """The months that began before ``end``; each begins on the day of the start, or on the last one of a shorter
    month."""
    months = (end.year - start.year) * 12 + end.month - start.month
    begins = min(start.day, monthrange(end.year, end.month)[1])
    return months + (begins < end.day)


@dataclass(frozen=True, slots=True)
class Past:
    """The contracts of a service so far, as sums: one more or less costs the same however many there are."""

    prices: int = 0
    price_total: int = 0
    ended: int = 0
    months_total: int = 0
    contracts: int = 0
    days_total: int = 0

    def plus(self, contract: Contract, sign: int = 1) -> Past:
        """With this contract too."""
        months, price = contract.months, contract.price
        return replace(
            self,
            prices=self.prices + (sign if price else 0),
            price_total=self.price_total + (sign * price.minor if price else 0),
            ended=self.ended + (0 if months is None else sign),
            months_total=self.months_total + sign * (months or 0),
            contracts=self.contracts + sign,
            days_total=self.days_total + sign * contract.success_days,
        )

    def minus(self, contract: Contract) -> Past:
        """Without this contract again."""
        return self.plus(contract, -1)


@dataclass(frozen=True, slots=True)
class Valuation:
    """What a contract is worth, and what that was made of."""

    worth: Money
    price: Fraction
    """Minor units per month."""
    months: Fraction
    predicted: bool
    factor: Fraction = Fraction(1)
    expected_days: Fraction | None = None
    """Null: the days were not counted in."""
    success_days: int | None = None


def value(contract: Contract, terms: Terms, past: Past) -> Valuation:
    """What this contract is worth; ``past`` does not count it. Raises Invalid with a sentence where it can't be
    said."""
    price = _price(contract, terms, past)
    real = contract.months
    if real is not None:
        return Valuation(_worth(price * real, terms), price, Fraction(real), predicted=False)
    months = Fraction(terms.months) if terms.months is not None else _mean(past.months_total, past.ended, "months")
    factor = Fraction(terms.factor)
    plain = price * months * factor
    if not terms.by_success_days:
        return Valuation(_worth(plain, terms), price, months, True, factor)
    days = contract.success_days
    if days == 0:
        raise Invalid(
            "The contract was made on the day of the first contact, so there are no success days to divide by; "
            "enter when the first contact was, or leave success days out for this service",
            "first_contact",
            "success-days-zero",
        )
    given = terms.success_days
    expected = Fraction(given) if given is not None else _mean(past.days_total, past.contracts, "success_days")
    worth = _worth(plain * expected / days, terms)
    return Valuation(worth, price, months, True, factor, expected, days)


def _worth(exact: Fraction, terms: Terms) -> Money:
    rounded = round(exact)
    if rounded > MOST:
        raise Invalid(
            "A contract can't be worth that much; look at the price, and at what the service predicts with",
            "price",
            "worth-too-much",
        )
    return Money(rounded, terms.currency)


def _price(contract: Contract, terms: Terms, past: Past) -> Fraction:
    if contract.price is not None:
        return Fraction(same_currency(contract.price, terms.currency).minor)
    return _mean(past.price_total, past.prices, "price")


def _mean(total: int, count: int, field: str) -> Fraction:
    if count == 0:
        raise Invalid(
            "No past contract says this yet; enter what the service is to predict with", field, f"no-past-{field}"
        )
    return Fraction(total, count)
