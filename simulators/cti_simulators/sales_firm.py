"""A synthetic firm that sells a service, of which everything is known: how good each member is in their phase, with
each first contact and after each predecessor; when customers come, and how long contracts last. Pure, and the same for
a seed: two rules meet the same customers with the same luck, so that only the choice of members differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from random import Random
from typing import Final

PHASES: Final = ("nurturing", "closing", "success")
SOURCES: Final = ("web", "seminar", "referral", "telephone")
_SOURCE_WEIGHTS: Final = (4, 3, 2, 3)
_PRICES: Final = (40_000, 80_000, 100_000, 200_000)
"""Yen per month."""
_PRICE_WEIGHTS: Final = (3, 3, 2, 1)
_BASE: Final = (-0.2, -0.6)
"""How willing customers are to go on from a phase, as log odds."""
_MONTHS: Final = 14.0
"""How long a contract lasts with an average member, months."""
_DAYS: Final = (10.0, 15.0, 40.0)
"""How long a customer stays with a member in a phase, days."""


@dataclass(frozen=True, slots=True)
class Size:
    """How big the firm is, and for how many customers it is watched."""

    members: int = 8
    """In each phase, before somebody joins."""
    customers: int = 1800
    a_day: float = 4.0
    capacity: tuple[int, ...] = (7, 5, 5)
    """Customers that a member of a phase can hold at once: they are busy for about two thirds of it."""
    newcomer_after: float = 1 / 3
    """When in each phase a good new member begins: after this share of the customers."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How much members differ (standard deviations; log odds in the first phases, log months in the last)."""

    skill: float = 0.5
    by_source: float = 0.5
    by_predecessor: float = 0.35
    newcomer: float = 0.9
    """How much better than the average the new member is."""


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer, with its luck in each phase."""

    number: int
    at: float
    """When it comes; days."""
    source: str
    price: int
    keen: float
    """How keen it is: keen ones sign sooner, and stay longer."""
    luck: tuple[float, float, float]
    """0 to 1: it goes on where this is less than the chance; the last one says how long it stays."""
    days: tuple[float, ...]
    dice: tuple[float, ...]
    """What chance there is in the choice of a member."""


class Firm:
    """What is true of one firm. Members are named after their phase: ``n3``, ``c0``; the new one is the last."""

    def __init__(self, seed: int, size: Size | None = None, spread: Spread | None = None) -> None:
        self.size = size or Size()
        spread = spread or Spread()
        chance = Random(f"firm {seed}")
        self.members = tuple(tuple(f"{name[0]}{number}" for number in range(self.size.members + 1)) for name in PHASES)
        self._skill: dict[tuple[str, str], float] = {}
        for members in self.members:
            for member in members:
                general = spread.newcomer if member == members[-1] else chance.gauss(0, spread.skill)
                for source in SOURCES:
                    self._skill[member, source] = general + chance.gauss(0, spread.by_source)
        self._fit = {
            (before, member): chance.gauss(0, spread.by_predecessor)
            for earlier, members in zip(self.members, self.members[1:], strict=False)
            for before in earlier
            for member in members
        }
        self.newcomer_at = int(self.size.customers * self.size.newcomer_after)
        self.customers = _customers(Random(f"customers {seed}"), self.size)
        self.mean_price = sum(p * w for p, w in zip(_PRICES, _PRICE_WEIGHTS, strict=True)) / sum(_PRICE_WEIGHTS)
        self._truth: dict[tuple[int, str, str, str], float] = {}

    def newcomer(self, phase: int) -> str:
        """The good member who joins a phase later."""
        return self.members[phase][-1]

    def chance(self, phase: int, member: str, source: str, before: str) -> float:
        """How likely a member hands such a customer on (phases but the last)."""
        return 1 / (1 + exp(-(_BASE[phase] + self._skill[member, source] + self._fit.get((before, member), 0.0))))

    def mean_months(self, member: str, source: str, before: str) -> float:
        """How long a customer stays that this member looked after, on average."""
        return _MONTHS * exp(0.5 * (self._skill[member, source] + self._fit.get((before, member), 0.0)))

    def months(self, customer: Customer, member: str, before: str) -> int:
        """How long this customer stays; whole months, one at least."""
        mean = self.mean_months(member, customer.source, before) * customer.keen
        return 1 + int(-log(1 - customer.luck[2]) * mean)

    def worth(self, phase: int, member: str, source: str, before: str) -> float:
        """What such a customer is worth with a member, in truth: with average members after them; yen."""
        key = (phase, member, source, before)
        if key not in self._truth:
            self._truth[key] = self._worth(phase, member, source, before)
        return self._truth[key]

    def _worth(self, phase: int, member: str, source: str, before: str) -> float:
        if phase == len(PHASES) - 1:
            return self.mean_price * self.mean_months(member, source, before)
        after = self.members[phase + 1][:-1]
        later = sum(self.worth(phase + 1, one, source, member) for one in after) / len(after)
        return self.chance(phase, member, source, before) * later


def _customers(chance: Random, size: Size) -> Sequence[Customer]:
    at, found = 0.0, []
    for number in range(size.customers):
        at += chance.expovariate(size.a_day)
        keen = exp(chance.gauss(0, 0.3))
        quick = 1 / keen
        found.append(
            Customer(
                number=number,
                at=at,
                source=chance.choices(SOURCES, _SOURCE_WEIGHTS)[0],
                price=chance.choices(_PRICES, _PRICE_WEIGHTS)[0],
                keen=keen,
                luck=(chance.random(), chance.random(), chance.random()),
                days=tuple(days * quick * (0.3 + 0.7 * chance.expovariate(1)) for days in _DAYS),
                dice=tuple(chance.random() for _phase in _DAYS),
            )
        )
    return found
