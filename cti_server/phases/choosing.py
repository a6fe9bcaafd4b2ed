"""Who should take a customer in a phase: the four rules of the patent, and ours (spec P4, S501-S504, decision
026). Pure.

Whichever rule holds, a member must be able to take the customer. A choice carries the facts that it was made of, in
codes that pages put into words."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from cti_server.phases.availability import Obstacle
from cti_server.phases.estimating import Balance, Estimate, Estimator
from cti_server.phases.paths import ALL, Among, same_earlier, same_source
from cti_server.phases.tallies import Book, Score, Tally

CLOSER_LOOK: Final = 8
"""Our rule looks closely at so many of each order."""
LOOKED_AT_WHOLE: Final = 32
"""Where no more work a phase, it looks at all of them."""


class Rule(StrEnum):
    """How the next member is chosen."""

    BALANCED = "balanced"
    """Ours: what this customer is expected to be worth with them, shrunk to the mean, and a share of trials."""
    SUM = "sum"
    """The patent's first: the sum of the CLTV of the customers that they handled in this phase."""
    RATE = "rate"
    """That sum times their hand-on rate in the phase."""
    EARLIER = "earlier"
    """The sum over customers that this customer's member of an earlier phase handled in that phase."""
    SOURCE = "source"
    """The sum over customers with the same first contact."""


class Question(NamedTuple):
    """For which customer a member is wanted."""

    phase: int
    source: str
    members: tuple[str, ...]
    """Who handled it in the phases before."""


class Staff(Protocol):
    """Those who may be chosen, as they are just now."""

    def working(self, phase: int) -> Collection[str]:
        """The members who work a phase."""

    def obstacle(self, member: str, phase: int) -> Obstacle | None:
        """Why a member can't take another customer in this phase."""

    def load(self, member: str) -> tuple[int, int]:
        """How many customers they hold, and can."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One who can take the customer, and the facts behind their place."""

    member: str
    score: int
    """Minor units of the currency (times a share, with the rules that say so); it orders candidates."""
    among: Among
    """The paths that it was counted over."""
    tally: Tally
    held: int
    capacity: int
    estimate: Estimate | None = None
    """What our rule made of it."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """One who would have come before the last of the candidates, and why they can't take the customer."""

    member: str
    score: int
    why: Obstacle


@dataclass(frozen=True, slots=True)
class Choice:
    """The best, in their order. ``widened``: nobody handled such customers, so all paths were counted. ``trial``: the
    first one is there to be found out about, not for what is known of them."""

    rule: Rule
    best: tuple[Candidate, ...]
    passed_over: tuple[PassedOver, ...] = ()
    widened: bool = False
    trial: bool = False

    @property
    def member(self) -> str | None:
        """Who should take the customer; null where nobody can."""
        return self.best[0].member if self.best else None


@dataclass(frozen=True, slots=True)
class Chooser:
    """The rule of a service. ``earlier``: which phase the rule EARLIER goes by; null: the one right before."""

    rule: Rule
    earlier: int | None = None
    balance: Balance = field(default_factory=Balance)

    def choose(self, book: Book, question: Question, staff: Staff, best: int = 1, dice: float = 1.0) -> Choice:
        """The ``best`` members for a customer. ``dice``: a number from 0 to 1 by chance, which says whether this is one
        of the trials of our rule."""
        if self.rule is Rule.BALANCED:
            return _balanced(self.balance, book, question, staff, best, dice)
        return self._summed(book, question, staff, best)

    def among(self, question: Question) -> Among:
        """The paths that the rule counts for this customer."""
        if self.rule is Rule.SOURCE:
            return same_source(question.source)
        if self.rule is Rule.EARLIER and question.phase > 0:
            phase = question.phase - 1 if self.earlier is None else min(self.earlier, question.phase - 1)
            return same_earlier(phase, question.members[phase])
        return ALL

    def _summed(self, book: Book, question: Question, staff: Staff, best: int) -> Choice:
        score = by_rate if self.rule is Rule.RATE else by_sum
        among = self.among(question)
        found: list[Candidate] = []
        passed: list[PassedOver] = []
        seen: set[str] = set()
        for lot in dict.fromkeys((among, ALL)):
            for points, members in _groups(book, question.phase, lot, score):
                able = [one for one in members if one not in seen and _able(staff, question, one, points, passed)]
                seen.update(members)
                found += (_candidate(book, question, staff, one, points, lot) for one in _least_loaded(staff, able))
                if len(found) >= best:
                    return Choice(self.rule, tuple(found[:best]), tuple(passed), found[0].among != among)
        rest = [one for one in staff.working(question.phase) if one not in seen]
        able = [one for one in rest if _able(staff, question, one, 0, passed)]
        found += (_candidate(book, question, staff, one, 0, ALL) for one in _least_loaded(staff, able))
        widened = bool(found) and found[0].among != among
        return Choice(self.rule, tuple(found[:best]), tuple(passed), widened)


def by_sum(tally: Tally, whole: Tally) -> int:
    """The patent's value of a member."""
    return tally.total


def by_rate(tally: Tally, whole: Tally) -> int:
    """That times the share of customers that they handed on."""
    return tally.total * tally.handed_on // tally.decided if tally.decided else 0


def by_mean(tally: Tally, whole: Tally) -> int:
    """Roughly what a customer is worth with a member: where our rule begins to look."""
    strength = 20
    mean = whole.total // whole.settled if whole.settled else 0
    return (tally.total + strength * mean) // (tally.settled + strength)


def by_unknown(tally: Tally, whole: Tally) -> int:
    """Who is known least, first."""
    return -tally.decided


def _groups(book: Book, phase: int, among: Among, score: Score) -> Iterator[tuple[int, list[str]]]:
    """Members with the same score, the best first, as long as it is more than nothing."""
    for points, group in groupby(book.standing(phase, among).best(score), itemgetter(0)):
        if points <= 0:
            return
        yield points, [member for _points, member in group]


def _able(staff: Staff, question: Question, member: str, points: int, passed: list[PassedOver]) -> bool:
    why = staff.obstacle(member, question.phase)
    if why is not None and why != "phase":
        passed.append(PassedOver(member, points, why))
    return why is None


def _least_loaded(staff: Staff, members: list[str]) -> list[str]:
    """Those with the most room first; by name where that is the same, so that a choice can be repeated."""

    def key(member: str) -> tuple[float, str]:
        held, capacity = staff.load(member)
        return held / capacity, member

    return sorted(members, key=key)


def _candidate(book: Book, question: Question, staff: Staff, member: str, points: int, among: Among) -> Candidate:
    tally = book.standing(question.phase, among).tally(member)
    return Candidate(member, points, among, _copy(tally), *staff.load(member))


def _copy(tally: Tally) -> Tally:
    return Tally(tally.decided, tally.handed_on, tally.settled, tally.total)


def _balanced(balance: Balance, book: Book, question: Question, staff: Staff, best: int, dice: float) -> Choice:
    estimator = Estimator(balance, book, question.phase, question.source, question.members)
    passed: list[PassedOver] = []
    judged: list[tuple[int, float, str, Estimate]] = []
    for member in _closer(book, question, staff, passed):
        held, capacity = staff.load(member)
        estimate = estimator.of(member)
        judged.append((-balance.score(estimate, held, capacity), held / capacity, member, estimate))
    judged.sort(key=itemgetter(0, 1, 2))
    trial = dice < balance.trials and len(judged) > 1
    if trial:
        judged.sort(key=lambda one: (-balance.curiosity(one[3]), *one[1:3]))
    found = [
        Candidate(
            member, -points, ALL, _copy(book.standing(question.phase, ALL).tally(member)), *staff.load(member), of
        )
        for points, _load, member, of in judged[:best]
    ]
    return Choice(Rule.BALANCED, tuple(found), tuple(passed), trial=trial)


def _closer(book: Book, question: Question, staff: Staff, passed: list[PassedOver]) -> list[str]:
    """Those who can take the customer and are worth a closer look: everybody in a small firm, else the best of each lot
    of paths and those of whom least is known."""
    working = staff.working(question.phase)
    if len(working) <= LOOKED_AT_WHOLE:
        return [one for one in working if _able(staff, question, one, 0, passed)]
    lots = [ALL, same_source(question.source)]
    if question.phase:
        lots.append(same_earlier(question.phase - 1, question.members[question.phase - 1]))
    found: dict[str, None] = {}
    for score, among in [(by_unknown, ALL), *((by_mean, lot) for lot in lots)]:
        room = CLOSER_LOOK
        for points, member in book.standing(question.phase, among).best(score):
            if member in found or _able(staff, question, member, points if score is by_mean else 0, passed):
                found[member] = None
                room -= 1
                if room == 0:
                    break
    return list(found) or [one for one in working if _able(staff, question, one, 0, passed)]
