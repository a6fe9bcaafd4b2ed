"""Past deals under another rule: what it would have given, with its uncertainty (spec P4, dry run). Pure.

Only what happened is known. Where the rule would have chosen who really had the customer, what came of it counts; each
such customer counts the more, the more seldom that member had one in the phase (self-normalised inverse propensity).
That is right as far as chance decided who got whom. Room on desks, absences and trials are not replayed; deals
that are still open are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from heapq import merge
from random import Random
from typing import Final, NamedTuple

from cti_server.phases.availability import Obstacle
from cti_server.phases.choosing import Chooser, Question
from cti_server.phases.paths import ALL, Path
from cti_server.phases.tallies import Book

FEWEST: Final = 20
"""With fewer customers on whom the rule agrees, nothing is said."""
RESAMPLES: Final = 400


@dataclass(frozen=True, slots=True)
class PastDeal:
    """A deal whose worth is known. Epoch seconds, UTC."""

    path: Path
    came_at: tuple[float, ...]
    """When it came to each phase."""
    known_at: float


class Replayed(NamedTuple):
    """What is said of one phase; worths are means per customer in minor units."""

    phase: int
    customers: int
    agreed: int
    """Customers who had the member whom the rule would have chosen."""
    worth: int
    """As it was, over all of them."""
    under_rule: int | None
    """As the rule would have had it; null where too few agreed."""
    low: int = 0
    high: int = 0
    """95 % interval of that."""

    @property
    def verdict(self) -> str:
        """``few``, ``more``, ``less`` or ``open``: whether the interval says anything."""
        if self.under_rule is None:
            return "few"
        if self.low > self.worth:
            return "more"
        return "less" if self.high < self.worth else "open"


class _Everybody:
    """Whoever had customers in a phase; nobody is full or away."""

    def __init__(self, deals: Sequence[PastDeal], phases: int) -> None:
        self._of = [
            list(dict.fromkeys(one.path.members[phase] for one in deals if phase < len(one.path.members)))
            for phase in range(phases)
        ]

    def working(self, phase: int) -> Collection[str]:
        return self._of[phase]

    def obstacle(self, member: str, phase: int) -> Obstacle | None:
        return None if member in self._of[phase] else "phase"

    def load(self, member: str) -> tuple[int, int]:
        return 0, 1


class _Hit(NamedTuple):
    worth: int
    weight: float
    """0: the rule would have chosen somebody else."""


def replay(deals: Sequence[PastDeal], chooser: Chooser, phases: int) -> list[Replayed]:
    """What a rule would have given in each phase, going through the deals as they came."""
    staff, book = _Everybody(deals, phases), Book()
    for phase in range(phases):
        for member in staff.working(phase):
            book.join(phase, member, ALL)
    had = [
        Counter(one.path.members[phase] for one in deals if phase < len(one.path.members)) for phase in range(phases)
    ]
    hits: list[list[_Hit]] = [[] for _phase in range(phases)]
    chance = Random(0)
    for _at, number, phase in _moments(deals):
        path = deals[number].path
        if phase < 0:
            book.change(None, path)
            continue
        question = Question(phase, path.source, path.members[:phase])
        chosen = chooser.choose(book, question, staff).member
        member = path.members[phase]
        weight = had[phase].total() / had[phase][member] if chosen == member else 0.0
        hits[phase].append(_Hit(path.worth or 0, weight))
    return [_said(phase, found, chance) for phase, found in enumerate(hits)]


def _moments(deals: Sequence[PastDeal]) -> list[tuple[float, int, int]]:
    """(when, deal, phase) of every choice, and (when, deal, -1) where its worth became known; in order."""
    choices = sorted((at, number, phase) for number, one in enumerate(deals) for phase, at in enumerate(one.came_at))
    known = sorted((max(one.known_at, one.came_at[-1]), number, -1) for number, one in enumerate(deals))
    return list(merge(choices, known, key=lambda moment: (moment[0], moment[2] < 0)))


def _said(phase: int, hits: list[_Hit], chance: Random) -> Replayed:
    agreed = [one for one in hits if one.weight]
    worth = round(sum(one.worth for one in hits) / len(hits)) if hits else 0
    if len(agreed) < FEWEST:
        return Replayed(phase, len(hits), len(agreed), worth, None)
    drawn = sorted(_mean(chance.choices(agreed, k=len(agreed))) for _draw in range(RESAMPLES))
    edge = round(0.025 * RESAMPLES)
    return Replayed(phase, len(hits), len(agreed), worth, _mean(agreed), drawn[edge], drawn[-1 - edge])


def _mean(hits: Sequence[_Hit]) -> int:
    return round(sum(one.worth * one.weight for one in hits) / sum(one.weight for one in hits))
