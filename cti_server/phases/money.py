"""Money: whole minor units of a currency, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from cti_server.shared.errors import Invalid

DIGITS: Final = {"JPY": 0, "KRW": 0, "USD": 2, "EUR": 2, "GBP": 2, "CNY": 2, "SGD": 2}
"""The currencies that can be used -> how many digits stand behind the point (ISO 4217)."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount; ``minor`` counts the smallest unit of its currency (yen, cents)."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if self.currency not in DIGITS:
            raise Invalid("This currency is not known here; use one of the list", "currency", "currency-unknown")

    @property
    def amount(self) -> Decimal:
        """The amount in whole units, as people write it."""
        return Decimal(self.minor).scaleb(-DIGITS[self.currency])


def money(amount: Decimal | int, currency: str) -> Money:
    """An amount in whole units (yen, dollars). Raises Invalid where it has digits that the currency has not."""
    exact = Fraction(amount) * 10 ** DIGITS.get(currency, 0)
    if exact.denominator != 1:
        raise Invalid("The amount has more digits behind the point than its currency", "amount", "amount-digits")
    return Money(exact.numerator, currency)


def same_currency(price: Money, currency: str) -> Money:
    """The price, where it is in this currency. Raises Invalid where it is in another one."""
    if price.currency != currency:
        raise Invalid(
            "The price is in another currency than the service; enter it in the service's", "price", "other-currency"
        )
    return price
