"""What a customer is expected to be worth with a member: our rule's estimate (decision 026). Pure, whole numbers only.

Worth is taken apart into *how likely the member hands the customer on* and *what customers that they handed on are
worth*: the first is known soon and varies little, the second late and wildly. Either is shrunk to the mean of all
members by as many imaginary deals as ``Balance`` says, so that a lucky deal or two is not skill; then it is sharpened
by how the member does with this first contact, and after this predecessor, shrunk to what the member does in general.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Final

from cti_server.phases.paths import ALL, same_earlier, same_source
from cti_server.phases.tallies import Book, Tally

UNIT: Final = 1_000_000
"""Shares are counted in millionths."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is expected, and of how much it was made."""

    worth: int
    """Minor units: share handed on times what those are worth."""
    share: int
    """Handed on, in millionths."""
    each: int
    """What one that was handed on is worth, minor units."""
    general: int
    """What is expected of this member with any customer, minor units."""
    decided: int
    """On how many of the member's deals this rests."""
    mean: int
    """What is expected of any member with any customer, minor units."""


@dataclass(frozen=True, slots=True)
class Balance:
    """How our rule weighs. The numbers are those that ``cti policy compare`` was tried with."""

    rate_strength: int = 20
    """Imaginary deals behind a hand-on rate."""
    worth_strength: int = 60
    """Imaginary deals behind what customers are worth."""
    special_strength: int = 20
    """Imaginary deals behind how a member does with one first contact, or after one predecessor."""
    trials: float = 0.1
    """The share of customers given to whoever might turn out to be best."""
    room: int = 30
    """How much a full desk counts against a member: per cent of what they do in general."""

    def score(self, estimate: Estimate, held: int, capacity: int) -> int:
        """The estimate, less what the member's place is worth to customers still to come: the fuller the desk, the
        dearer."""
        dear = estimate.general * self.room * held * held
        return estimate.worth - dear // (100 * capacity * capacity)

    def curiosity(self, estimate: Estimate) -> int:
        """How good the member might be: the estimate with a margin that shrinks as deals are seen."""
        return estimate.worth + 2 * estimate.mean * 1000 // isqrt(UNIT * (estimate.decided + 1))


class Estimator:
    """The estimates for one customer."""

    def __init__(self, balance: Balance, book: Book, phase: int, source: str, members: tuple[str, ...]) -> None:
        self.balance = balance
        lots = [ALL, same_source(source)]
        if phase:
            lots.append(same_earlier(phase - 1, members[phase - 1]))
        self._all, *self._special = (book.standing(phase, among) for among in lots)
        self.share = _share(self._all.whole, UNIT, balance.rate_strength)
        self.each = _each(self._all.whole, 0, 0)
        self._shares = [_share(one.whole, self.share, balance.special_strength) for one in self._special]
        self._eaches = [_each(one.whole, self.each, balance.special_strength) for one in self._special]

    def of(self, member: str) -> Estimate:
        """What is expected of this customer with a member."""
        balance, tally = self.balance, self._all.tally(member)
        share = general_share = _share(tally, self.share, balance.rate_strength)
        each = general_each = _each(tally, self.each, balance.worth_strength)
        for standing, lot_share, lot_each in zip(self._special, self._shares, self._eaches, strict=True):
            own = standing.tally(member)
            prior = general_share * lot_share // max(self.share, 1)
            share = share * _share(own, prior, balance.special_strength) // max(general_share, 1)
            prior = general_each * lot_each // max(self.each, 1)
            each = each * _each(own, prior, 3 * balance.special_strength) // max(general_each, 1)
        share = min(share, UNIT)
        return Estimate(
            worth=share * each // UNIT,
            share=share,
            each=each,
            general=general_share * general_each // UNIT,
            decided=tally.decided,
            mean=self.share * self.each // UNIT,
        )


def _share(tally: Tally, prior: int, strength: int) -> int:
    """The share handed on, shrunk to ``prior``; millionths."""
    seen = tally.decided + strength
    return (tally.handed_on * UNIT + strength * prior) // seen if seen else prior


def _each(tally: Tally, prior: int, strength: int) -> int:
    """What one that was handed on is worth, shrunk to ``prior``; minor units."""
    seen = tally.settled_on + strength
    return (tally.total + strength * prior) // seen if seen > 0 else prior
