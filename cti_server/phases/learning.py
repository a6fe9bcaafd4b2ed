"""What deals that got through a phase say of how its best members work (spec P5). Pure.

A finding carries its evidence as sums by the branch and class of the customers, so that everybody is shown those of
their own customers only. Deals of one member resemble each other: the intervals are those of independent deals, hence
rather too narrow; they say what is worth proposing, not what is proved (decision 030)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from cti_server.phases.choosing import Rule, by_rate, by_sum
from cti_server.phases.estimating import Balance, Estimator
from cti_server.phases.intervals import Interval, between_shares, share
from cti_server.phases.model import ActionKind, InputItem, Phase, Service
from cti_server.phases.paths import ALL
from cti_server.phases.tallies import Book
from cti_server.phases.velocity import DAY

Kind = Literal["require", "action", "trial"]
"""``require``: an optional item becomes required; ``action``: another action is offered first; ``trial``: a required
item that takes long becomes optional for half of the members (``trials``)."""
YES: Final = "yes"
NO: Final = "no"
LONGER: Final = 1.5
"""A trial that was turned down is proposed again where the item takes so many times as long."""
FEWEST: Final = 10
"""With fewer deals of the best, or of the others, nothing is proposed."""
AFTERWARDS: Final = 600.0
"""An action that is recorded within so many seconds after the last item was filled in is still the one that filled
it in."""
AGAIN: Final = 2
"""With so many times the deals, what was turned down is looked at afresh."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A deal that got through a phase. Epoch seconds, UTC."""

    deal: int
    member: str
    came_at: float
    left_at: float
    size: str
    branch: str
    """The customer's, as the tier is."""
    tier: int
    filled: Mapping[int, float] = field(default_factory=dict)
    """Item -> when it was filled in."""
    done: Sequence[tuple[float, ActionKind]] = ()
    """What was done for it in the phase, the oldest first."""

    def has(self, item: InputItem) -> bool:
        """Whether an item was filled in before the deal moved on."""
        return item.id in self.filled and self.filled[item.id] <= self.left_at

    def completed_by(self, phase: Phase) -> ActionKind | None:
        """The action with which the required items were completed: the last one until then. Null where nothing was
        recorded."""
        required = [one.id for one in phase.items if one.required and one.concerns(self.size)]
        complete = max((self.filled[one] for one in required if one in self.filled), default=self.left_at)
        until = min(complete + AFTERWARDS, self.left_at)
        return next((kind for at, kind in reversed(self.done) if at <= until), None)


class Line(NamedTuple):
    """Deals that say the same: of a member (empty: of the others), of customers of a branch and class."""

    member: str
    said: str
    branch: str
    tier: int
    deals: int
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the best do and the phase does not ask for yet; or an item that takes long."""

    kind: Kind
    phase: int
    item: int | None
    title: str
    """The item as it was called then; of an action empty."""
    action: str
    """What would be offered first; of an item empty."""
    before: str
    """What is offered first now."""
    best: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def said(self) -> str:
        """What the lines count for it."""
        return self.action if self.kind == "action" else YES


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of the best members' deals say something, and how many of the others'."""

    best: int
    of_best: int
    rest: int
    of_rest: int

    @property
    def best_share(self) -> Interval:
        """Of the best members' deals."""
        return share(self.best, self.of_best)

    @property
    def rest_share(self) -> Interval:
        """Of the others' deals."""
        return share(self.rest, self.of_rest)

    @property
    def difference(self) -> Interval:
        """Of the two shares."""
        return between_shares(self.best_share, self.rest_share)

    @property
    def deals(self) -> int:
        """Both together."""
        return self.of_best + self.of_rest

    @property
    def enough(self) -> bool:
        """Whether there is enough to say something."""
        return min(self.of_best, self.of_rest) >= FEWEST


def shares(lines: Iterable[Line], said: str) -> Shares:
    """The shares of the deals that say something, over some lines."""
    sums: Counter[tuple[bool, bool]] = Counter()
    for one in lines:
        sums[bool(one.member), one.said == said] += one.deals
    best, rest = sums[True, True], sums[False, True]
    return Shares(best, best + sums[True, False], rest, rest + sums[False, False])


def best_members(service: Service, book: Book, place: int, most: int) -> tuple[str, ...]:
    """The members of most value in a phase, by the service's rule: with ours what is expected of each with any
    customer, few deals shrunk to the mean. At most half of those who handled some, so that there are others."""
    standing = book.standing(place, ALL)
    known = [member for member, tally in standing.of.items() if tally.decided]
    if service.rule is Rule.BALANCED:
        estimator = Estimator(Balance(), book, place, "", ("",) * place)
        values = {member: estimator.of(member).general for member in known}
    else:
        score = by_rate if service.rule is Rule.RATE else by_sum
        values = {member: score(standing.tally(member), standing.whole) for member in known}
    ranked = sorted(known, key=lambda member: (-values[member], member))
    return tuple(member for member in ranked[: min(most, len(known) // 2)] if values[member] > 0)


def findings(phase: Phase, best: Collection[str], passed: Sequence[Passed]) -> list[Finding]:
    """What the best members of a phase do and others mostly do not."""
    if not best:
        return []
    found = [_required(phase, item, best, passed) for item in phase.items if not item.required and not item.retired]
    return [one for one in (*found, _action(phase, best, passed)) if one is not None]


def material(before: Iterable[Line], now: Iterable[Line], said: str) -> bool:
    """Whether evidence says something that what was turned down did not: twice the deals, or a difference beyond the
    interval of then."""
    then, today = shares(before, said), shares(now, said)
    return today.deals >= AGAIN * max(1, then.deals) or today.difference.value > then.difference.high


def slow(phase: Phase, passed: Sequence[Passed], limit_days: int) -> Finding | None:
    """The required item that takes longest to fill in, from when a deal came to the phase: the mean of past deals; null
    where that does not reach the limit."""
    found: list[tuple[float, Finding]] = []
    for item in phase.items:
        if not item.required or item.retired:
            continue
        deals: Counter[tuple[str, int]] = Counter()
        seconds: Counter[tuple[str, int]] = Counter()
        for one in passed:
            if item.concerns(one.size) and one.has(item):
                deals[one.branch, one.tier] += 1
                seconds[one.branch, one.tier] += round(max(0.0, one.filled[item.id] - one.came_at))
        lines = tuple(Line("", YES, *key, deals[key], seconds[key]) for key in sorted(deals))
        days = mean_days(lines)
        if days is not None and deals.total() >= FEWEST and days >= limit_days:
            found.append((days, Finding("trial", phase.id, item.id, item.label, "", "", (), lines)))
    return max(found, key=lambda one: one[0])[1] if found else None


def mean_days(lines: Iterable[Line]) -> float | None:
    """How long an item took to fill in, over some lines; null where they hold no deal."""
    known = list(lines)
    deals = sum(one.deals for one in known)
    return sum(one.seconds for one in known) / deals / DAY if deals else None


def longer(before: Sequence[Line], now: Sequence[Line]) -> bool:
    """Whether a trial that was turned down is worth proposing again: twice the deals, or the item takes much longer."""
    deals = [sum(one.deals for one in lines) for lines in (before, now)]
    return deals[1] >= AGAIN * max(1, deals[0]) or (mean_days(now) or 0) >= LONGER * (mean_days(before) or 0)


def _required(phase: Phase, item: InputItem, best: Collection[str], passed: Sequence[Passed]) -> Finding | None:
    lines = _lines(best, [(one, YES if one.has(item) else NO) for one in passed if item.concerns(one.size)])
    found = shares(lines, YES)
    mostly = found.best_share.value > 0.5 > found.rest_share.value
    if not found.enough or not mostly or found.difference.sign <= 0:
        return None
    return Finding("require", phase.id, item.id, item.label, "", "", tuple(best), lines)


def _action(phase: Phase, best: Collection[str], passed: Sequence[Passed]) -> Finding | None:
    told = [(one, kind) for one in passed if (kind := one.completed_by(phase)) is not None]
    usual = Counter(kind for one, kind in told if one.member in best).most_common(1)
    if not usual or usual[0][0] == phase.action:
        return None
    action = usual[0][0]
    lines = _lines(best, told)
    found = shares(lines, action)
    if found.of_best < FEWEST or found.best_share.low <= 0.5:
        return None
    return Finding("action", phase.id, None, "", action, phase.action, tuple(best), lines)


def _lines(best: Collection[str], told: Iterable[tuple[Passed, str]]) -> tuple[Line, ...]:
    sums = Counter((one.member if one.member in best else "", said, one.branch, one.tier) for one, said in told)
    return tuple(Line(*key, deals) for key, deals in sorted(sums.items()))
