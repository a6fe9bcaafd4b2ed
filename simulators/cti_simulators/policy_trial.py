"""Rules for choosing members, tried on synthetic firms: what customers came to be worth, and with whom they went."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from heapq import heappop, heappush
from itertools import accumulate
from typing import Final, NamedTuple

from cti_server.phases.availability import Obstacle
from cti_server.phases.choosing import Chooser, Question
from cti_server.phases.cltv import Contract, Past, Terms, value
from cti_server.phases.money import Money
from cti_server.phases.paths import Path
from cti_server.phases.tallies import Book
from cti_server.phases.velocity import DAY, Pace
from cti_simulators.sales_firm import PHASES, Customer, Firm

TERMS: Final = Terms("JPY", months=Decimal(14), success_days=Decimal(25))
"""What the firm predicts with."""
PLAIN: Final = replace(TERMS, by_success_days=False)
_CONTRACT: Final = 1
"""The phase at whose end the contract is signed."""
_DAY_ONE: Final = date(2020, 1, 1)
_MONTH: Final = 30.4
"""Days."""
_NEXT: Final = 100
"""A new member is found once they get more than their share of so many choices."""
_FIRST: Final = 10
_FOUND: Final = 1.25
"""So many times an equal share is more than that."""


class Desk:
    """Who holds how many customers."""

    def __init__(self, firm: Firm) -> None:
        self._capacity = {
            member: room for members, room in zip(firm.members, firm.size.capacity, strict=True) for member in members
        }
        self._team = [list(members[:-1]) for members in firm.members]
        self.held: Counter[str] = Counter()

    def join(self, phase: int, member: str) -> None:
        """A new member begins."""
        self._team[phase].append(member)

    def working(self, phase: int) -> Collection[str]:
        """The members of a phase."""
        return self._team[phase]

    def obstacle(self, member: str, phase: int) -> Obstacle | None:
        """Whether a member is full."""
        return "full" if self.held[member] >= self._capacity[member] else None

    def load(self, member: str) -> tuple[int, int]:
        """What they hold, and can."""
        return self.held[member], self._capacity[member]

    def free(self, phase: int) -> list[str]:
        """The members of a phase who can take one more."""
        return [member for member in self._team[phase] if self.held[member] < self._capacity[member]]


Policy = Callable[[Book, Question, Desk, float], str]
"""Chooses one of those who are free (there is one); the number is chance, from 0 to 1."""


def at_random(book: Book, question: Question, desk: Desk, dice: float) -> str:
    """Anybody."""
    free = desk.free(question.phase)
    return free[int(dice * len(free))]


def round_robin() -> Policy:
    """One after the other."""
    turn: Counter[int] = Counter()

    def choose(book: Book, question: Question, desk: Desk, dice: float) -> str:
        team = list(desk.working(question.phase))
        for _member in team:
            turn[question.phase] += 1
            member = team[turn[question.phase] % len(team)]
            if desk.obstacle(member, question.phase) is None:
                return member
        raise AssertionError("nobody is free")

    return choose


def by_rule(chooser: Chooser) -> Policy:
    """One of the product's rules."""

    def choose(book: Book, question: Question, desk: Desk, dice: float) -> str:
        member = chooser.choose(book, question, desk, dice=dice).member
        assert member is not None
        return member

    return choose


def by_truth(firm: Firm, room: float = 0.3) -> Policy:
    """Whoever is best in truth; a full desk is dear, as with our rule."""

    def choose(book: Book, question: Question, desk: Desk, dice: float) -> str:
        before = question.members[-1] if question.members else ""

        def worth(member: str) -> float:
            held, capacity = desk.load(member)
            worth = firm.worth(question.phase, member, question.source, before)
            return worth - room * (held / capacity) ** 2 * worth

        return max(desk.free(question.phase), key=worth)

    return choose


class Predicted(NamedTuple):
    """A contract as it was predicted when it was signed, and what was paid in the end; yen."""

    plain: int
    """Price times months."""
    sharpened: int
    """That times expected success days over this customer's."""
    paid: int


class Passage(NamedTuple):
    """A customer who got through a phase: how long that was predicted to take when it came, and what it took; days."""

    phase: int
    came: float
    predicted: float | None
    """Null: too few were through it by then."""
    took: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one rule in one firm."""

    mean: float
    """Realised CLTV per customer, yen."""
    shares: tuple[tuple[float, ...], ...]
    """For each phase: the share of its customers that each member got, the busiest first."""
    found_after: tuple[int | None, ...]
    """For each phase: how many choices it took until the new member got more than their share; null: never."""
    waited: float
    """The share of customers that had to wait for a member."""
    contracts: tuple[Predicted, ...]
    passages: tuple[Passage, ...]
    """In the order in which they came to the phase."""


@dataclass(slots=True)
class _Deal:
    """A customer on its way."""

    customer: Customer
    members: tuple[str, ...] = ()
    path: Path | None = None
    contract: Contract | None = None
    worth: int | None = None
    """As it is predicted; yen."""
    months: int = 0
    """How long it stays."""
    came: float = 0.0
    """When it came to the phase, whether or not somebody had time; days."""
    predicted: float | None = None
    """What the phase was predicted to take then; days."""

    def sign(self, day: date) -> None:
        """The customer signs."""
        began = _day(self.customer.at)
        self.contract = Contract(began, max(day, began + timedelta(days=1)), Money(self.customer.price, "JPY"))
        self.worth = value(self.contract, TERMS, Past()).worth.minor

    @property
    def plain(self) -> int:
        """What is predicted without the success days; yen."""
        assert self.contract is not None
        return value(self.contract, PLAIN, Past()).worth.minor

    def end(self) -> int:
        """The customer leaves; what it was worth, yen."""
        assert self.contract is not None
        start = self.contract.start
        years, month = divmod(start.month - 1 + self.months, 12)
        left = replace(self.contract, end=date(start.year + years, month + 1, min(start.day, 28)))
        return value(left, TERMS, Past()).worth.minor


class Trial:
    """One firm's time under one rule, event by event."""

    def __init__(self, firm: Firm, policy: Policy) -> None:
        self.firm, self.policy = firm, policy
        self.desk, self.book = Desk(firm), Book()
        self._events: list[tuple[float, int, int, _Deal]] = []
        self._waiting: list[deque[_Deal]] = [deque() for _phase in PHASES]
        self._waited = 0
        self.chosen: list[list[str]] = [[] for _phase in PHASES]
        self._joined: list[int] = [0 for _phase in PHASES]
        self._realised: list[int] = []
        self._contracts: list[Predicted] = []
        self._paces = [Pace() for _phase in PHASES]
        self._passages: list[Passage] = []

    def run(self) -> Outcome:
        """Lets all customers come, and go."""
        for customer in self.firm.customers:
            heappush(self._events, (customer.at, customer.number, 0, _Deal(customer)))
        while self._events:
            at, number, step, deal = heappop(self._events)
            if step == 0 and number == self.firm.newcomer_at:
                self._newcomers()
            if step == 0:
                self._come(at, 0, deal)
            elif step <= len(PHASES):
                self._leave(at, step - 1, deal)
            else:
                self._end(deal)
        return self._outcome()

    def _newcomers(self) -> None:
        for phase in range(len(PHASES)):
            self.desk.join(phase, self.firm.newcomer(phase))
            self._joined[phase] = len(self.chosen[phase])

    def _come(self, at: float, phase: int, deal: _Deal) -> None:
        deal.came, deal.predicted = at, self._paces[phase].days
        self._enter(at, phase, deal)

    def _pass(self, at: float, phase: int, deal: _Deal) -> None:
        """The customer got through the phase: that is what the next ones are predicted from."""
        took, so_far = at - deal.came, self._paces[phase]
        self._paces[phase] = Pace(so_far.deals + 1, so_far.took + round(took * DAY))
        self._passages.append(Passage(phase, deal.came, deal.predicted, took))

    def _enter(self, at: float, phase: int, deal: _Deal) -> None:
        if not self.desk.free(phase):
            self._waited += 1
            self._waiting[phase].append(deal)
            return
        question = Question(phase, deal.customer.source, deal.members)
        member = self.policy(self.book, question, self.desk, deal.customer.dice[phase])
        self.desk.held[member] += 1
        self.chosen[phase].append(member)
        deal.members = (*deal.members, member)
        until = at + deal.customer.days[phase]
        heappush(self._events, (until, deal.customer.number, phase + 1, deal))

    def _leave(self, at: float, phase: int, deal: _Deal) -> None:
        customer, member = deal.customer, deal.members[-1]
        self.desk.held[member] -= 1
        before = deal.members[-2] if phase else ""
        if phase == len(PHASES) - 1:
            self._pass(at, phase, deal)
            self._serve(at, deal, self.firm.months(customer, member, before))
        elif customer.luck[phase] < self.firm.chance(phase, member, customer.source, before):
            if phase == _CONTRACT:
                deal.sign(_day(at))
            self._know(deal, Path(customer.source, deal.members, phase + 1, worth=deal.worth))
            self._pass(at, phase, deal)
            self._come(at, phase + 1, deal)
        else:
            self._know(deal, Path(customer.source, deal.members, phase, over=True, worth=0))
            self._realised.append(0)
        if self._waiting[phase] and self.desk.free(phase):
            self._enter(at, phase, self._waiting[phase].popleft())

    def _serve(self, at: float, deal: _Deal, months: int) -> None:
        """The customer knows the service now, and stays for so many months."""
        paid = deal.customer.price * months
        self._realised.append(paid)
        self._contracts.append(Predicted(deal.plain, deal.worth or 0, paid))
        deal.months = months
        self._know(deal, Path(deal.customer.source, deal.members, len(PHASES), worth=deal.worth))
        heappush(self._events, (at + months * _MONTH, deal.customer.number, len(PHASES) + 1, deal))

    def _end(self, deal: _Deal) -> None:
        """The contract was cancelled: what it was worth is known."""
        self._know(deal, Path(deal.customer.source, deal.members, len(PHASES), worth=deal.end()))

    def _know(self, deal: _Deal, path: Path) -> None:
        self.book.change(deal.path, path)
        deal.path = path

    def _outcome(self) -> Outcome:
        shares = tuple(
            tuple(sorted((chosen.count(one) / max(1, len(chosen)) for one in members), reverse=True))
            for members, chosen in zip(self.firm.members, self.chosen, strict=True)
        )
        return Outcome(
            mean=sum(self._realised) / len(self.firm.customers),
            shares=shares,
            found_after=tuple(self._found(phase) for phase in range(len(PHASES))),
            waited=self._waited / max(1, sum(map(len, self.chosen))),
            contracts=tuple(self._contracts),
            passages=tuple(sorted(self._passages, key=lambda one: one.came)),
        )

    def _found(self, phase: int) -> int | None:
        """How many choices it took until the new member lastingly got more than their share, and had the first ten."""
        newcomer, since = self.firm.newcomer(phase), self._joined[phase]
        wanted = _FOUND / (self.firm.size.members + 1)
        got = [member == newcomer for member in self.chosen[phase][since:]]
        so_far = list(accumulate(got, initial=0))
        for number in range(len(got) - _NEXT + 1):
            soon = so_far[number + _NEXT] - so_far[number]
            ever = so_far[-1] - so_far[number]
            if ever < _FIRST:
                return None
            if soon >= wanted * _NEXT and ever >= wanted * (len(got) - number):
                return so_far.index(so_far[number] + _FIRST)
        return None


def _day(at: float) -> date:
    return _DAY_ONE + timedelta(days=int(at))
