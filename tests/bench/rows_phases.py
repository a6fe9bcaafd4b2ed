"""Who should take a customer, as past deals and members grow."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection
from random import Random

from cti_server.phases.availability import Obstacle
from cti_server.phases.choosing import Chooser, Question, Rule
from cti_server.phases.paths import Path
from cti_server.phases.tallies import Book
from tests.bench.measure import Row, percentile

SIZES = {"small": ((2_000, 30), (10_000, 60)), "full": ((10_000, 100), (1_000_000, 1_000))}
SOURCES = ("web", "seminar", "referral", "telephone")


class Team:
    """A third of the members works each phase; every third one is full."""

    def __init__(self, members: int) -> None:
        self.phases = [[f"{phase}-{number}" for number in range(members // 3)] for phase in range(3)]
        self.held = Counter({member: 20 for phase in self.phases for member in phase[::3]})

    def working(self, phase: int) -> Collection[str]:
        return self.phases[phase]

    def obstacle(self, member: str, phase: int) -> Obstacle | None:
        return "full" if self.held[member] >= 20 else None

    def load(self, member: str) -> tuple[int, int]:
        return self.held[member], 20


def _path(chance: Random, team: Team) -> Path:
    source = chance.choice(SOURCES)
    reached = chance.choice((1, 1, 2, 3, 3))
    members = tuple(chance.choice(team.phases[phase]) for phase in range(reached))
    if reached < 3:
        return Path(source, members, reached - 1, over=True, worth=0)
    return Path(source, members, 3, worth=chance.randrange(100_000, 5_000_000))


def _each(work: Callable[[int], object], runs: int) -> float:
    """The median time of one of them, seconds."""
    taken = []
    for run in range(runs):
        begun = time.perf_counter()
        work(run)
        taken.append(time.perf_counter() - begun)
    return percentile(taken, 0.5)


def _look_up(numbers: dict[int, str]) -> float:
    return _each(lambda run: numbers[run * 7919 % len(numbers)], 2_000)


def _choice(chooser: Chooser, book: Book, questions: list[Question], team: Team) -> float:
    for question in questions:  # an order is sorted when it is first asked for
        chooser.choose(book, question, team, 3)
    return _each(lambda run: chooser.choose(book, questions[run % len(questions)], team, 3, 0.5), 600)


def _change(book: Book, changed: list[tuple[Path, Path]]) -> float:
    return _each(lambda run: book.change(*changed[run]), len(changed))


def choosing(size: str) -> list[Row]:
    """A choice by the patent's rule and by ours, and one deal's change, against one look-up in a dictionary of all
    deals."""
    rows: dict[str, list[tuple[int, float, float]]] = {}
    for deals, members in SIZES["full" if size == "huge" else size]:
        chance = Random(deals)
        team, book = Team(members), Book()
        for _deal in range(deals):
            book.change(None, _path(chance, team))
        questions = [
            Question(phase, chance.choice(SOURCES), tuple(chance.choice(one) for one in team.phases[:phase]))
            for phase in range(3)
            for _n in range(50)
        ]
        numbers = {number: str(number) for number in range(deals)}
        look_up = _look_up(numbers)
        changed = [(_path(chance, team), _path(chance, team)) for _n in range(300)]
        for before, _now in changed:
            book.change(None, before)
        for rule in (Rule.SUM, Rule.EARLIER, Rule.BALANCED):
            runs = _choice(Chooser(rule), book, questions, team)
            rows.setdefault(f"choice by the rule “{rule}”", []).append((deals, runs, look_up))
        change = _change(book, changed)
        rows.setdefault("a deal's change", []).append((deals, change, look_up))
    return [_row(name, points) for name, points in rows.items()]


def _row(name: str, points: list[tuple[int, float, float]]) -> Row:
    (few, little, _), (many, much, look_up) = points
    shown = f"{few:,}: {little * 1e6:.1f} µs, {many:,}: {much * 1e6:.1f} µs; {much / look_up:,.0f} look-ups in a dict"
    return Row(f"{name} at {many:,} past deals against {few:,}", much / little, "×", 3.0, False, shown)
