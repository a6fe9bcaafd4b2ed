"""Customers' use of a service (spec P2; seed 000, usage history 206): what its own server tells of it, and what that
prompts the member to do. Pure: readings and rules in, prompts made of facts out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal, Protocol

from cti_server.phases.model import Action, Deal, Plan
from cti_server.phases.money import Money
from cti_server.phases.velocity import DAY

Measure = Literal["value", "change", "rate"]
"""What is held against the threshold: the newest reading, its difference to the one ``days`` before, or that
difference in per cent of the earlier one."""
Side = Literal["below", "above"]
Advice = Literal["explain", "plan"]
"""``explain``: how to use what the rule names; ``plan``: propose the higher plan."""
MEASURES: Final = ("value", "change", "rate")
SIDES: Final = ("below", "above")
ADVICES: Final = ("explain", "plan")
LONGEST_DAYS: Final = 365
KEPT_DAYS: Final = 400
"""So long readings are kept: what the longest rule looks back on."""
SHOWN: Final = 120
"""The newest readings of an index that a page shows."""


@dataclass(frozen=True, slots=True)
class Index:
    """Something that is measured of a customer's use. ``key``: what the service's server calls it."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What an index was at a moment (epoch seconds, UTC)."""

    at: float
    value: Decimal


@dataclass(frozen=True, slots=True)
class UsageRule:
    """When a customer's use prompts an action. ``days``: how far back a change is measured, and how long a reading
    says something; ``topic``: what is to be explained."""

    id: int
    service: int
    index: str
    measure: Measure
    side: Side
    threshold: Decimal
    days: int
    advice: Advice
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rule that a customer's use meets."""

    rule: UsageRule
    label: str
    """The index as people call it."""
    measured: Decimal
    now: Reading
    before: Reading | None
    """What a change is measured from."""
    since: float
    """The first of the readings in a row that meet the rule."""
    plan: Plan | None = None
    """The plan to propose."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the last time that a service's server was asked, or told us."""

    at: float
    problem: str = ""
    """The code of what went wrong; empty: nothing."""
    kept: int = 0
    same: int = 0
    """Readings that were there already."""
    refused: int = 0
    why: Mapping[str, int] = field(default_factory=dict)
    """Reason of refusal -> how many."""
    first: Sequence[int] = ()
    """Places of the first that were refused, from 1."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the use of a service is known from. ``address`` empty: it is told by its server only (push)."""

    service: int
    indexes: tuple[Index, ...] = ()
    address: str = ""
    secret: str = ""
    """The name of the file that the token lies in; empty: none."""
    every_hours: int = 24
    asked_at: float | None = None
    heard_at: float | None = None
    """When readings came last."""
    latest: float | None = None
    """The newest reading that came by asking; from there on it is asked again."""
    outcome: Outcome | None = None
    version: int = 1

    def label(self, key: str) -> str:
        """What people call an index."""
        return next((one.label for one in self.indexes if one.key == key), key)


@dataclass(frozen=True, slots=True)
class Told:
    """A reading as it was told of a customer."""

    place: int
    """In what was told, from 1."""
    customer: str
    index: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class IndexHistory:
    """An index of one customer: its newest readings, the oldest first."""

    index: Index
    readings: Sequence[Reading]


@dataclass(frozen=True, slots=True)
class Usage:
    """A customer's use of a service."""

    indexes: Sequence[IndexHistory]
    prompts: Sequence[Prompt]
    """All that are met, also those that were seen to."""


class UsageShelf(Protocol):
    """Sources and rules (nothing of customers), and readings within the scope."""

    def source(self, service: int) -> Source | None:
        """Where a service's use is known from."""

    def sources(self) -> list[Source]:
        """All of them."""

    def put_source(self, source: Source) -> None:
        """Adds or changes one; Conflict unless the version is current."""

    def outcome(self, service: int, outcome: Outcome, *, asked: bool, latest: float | None) -> None:
        """Keeps what came of a time that readings were asked for, or told."""

    def rules(self, service: int) -> list[UsageRule]:
        """A service's, in the order in which they were made."""

    def add_rule(self, rule: UsageRule) -> int:
        """Keeps a new one; gives its id."""

    def remove_rule(self, rule: int) -> None:
        """Takes one away."""

    def readings(self, service: int, customers: Sequence[str]) -> dict[str, dict[str, list[Reading]]]:
        """Customer -> index -> readings, the oldest first."""

    def seen(self, customers: Sequence[str]) -> set[str]:
        """Those of these codes that are customers within the scope."""

    def keep(self, service: int, told: Sequence[Told]) -> list[Told]:
        """Keeps readings; gives those that are new or other than what was known of the moment."""

    def open_deals(self, service: int, customers: Sequence[str]) -> list[Deal]:
        """The open deals of these customers in a service."""


def prompts(
    rules: Sequence[UsageRule],
    source: Source,
    readings: Mapping[str, Sequence[Reading]],
    plans: Sequence[Plan],
    price: Money | None,
    now: float,
) -> list[Prompt]:
    """The rules that a customer's use meets; explaining comes before selling. ``readings``: by index, the oldest first;
    ``price``: what the customer pays a month, so that a higher plan is one that costs more; without one to propose
    a rule that proposes is not met."""
    higher = _higher(plans, price)
    found = [_met(rule, source.label(rule.index), readings.get(rule.index, ()), now) for rule in rules]
    met = [one if one.rule.advice == "explain" else _with_plan(one, higher) for one in found if one is not None]
    return sorted((one for one in met if one is not None), key=lambda one: ADVICES.index(one.rule.advice))


def unanswered(met: Sequence[Prompt], actions: Sequence[Action], now: float) -> list[Prompt]:
    """Those of the prompts that nothing was done about: since the use came to be so, and within the rule's days.
    ``actions``: the deal's, newest first; a call in vain is none."""
    last = next((one.at for one in actions if one.answered is not False), None)
    return [one for one in met if last is None or last < max(one.since, now - one.rule.days * DAY)]


def _met(rule: UsageRule, label: str, readings: Sequence[Reading], now: float) -> Prompt | None:
    if not readings or now - readings[-1].at > rule.days * DAY:
        return None
    moments = [one.at for one in readings]
    at = len(readings) - 1
    newest = _measured(rule, readings, moments, at)
    if newest is None or not _beyond(rule, newest[0]):
        return None
    while at > 0:
        earlier = _measured(rule, readings, moments, at - 1)
        if earlier is None or not _beyond(rule, earlier[0]):
            break
        at -= 1
    return Prompt(rule, label, newest[0], readings[-1], newest[1], readings[at].at)


def _measured(
    rule: UsageRule, readings: Sequence[Reading], moments: Sequence[float], at: int
) -> tuple[Decimal, Reading | None] | None:
    """What is held against the threshold at a reading, and what it was measured from; null where it can't be told."""
    value = readings[at].value
    if rule.measure == "value":
        return value, None
    place = bisect_right(moments, moments[at] - rule.days * DAY) - 1
    if place < 0 or moments[place] < moments[at] - 2 * rule.days * DAY:
        return None
    before = readings[place]
    if rule.measure == "change":
        return value - before.value, before
    return (100 * (value - before.value) / abs(before.value), before) if before.value else None


def _beyond(rule: UsageRule, measured: Decimal) -> bool:
    return measured < rule.threshold if rule.side == "below" else measured > rule.threshold


def _higher(plans: Sequence[Plan], price: Money | None) -> Plan | None:
    """The next plan that costs more than the customer pays; for who pays nothing yet, the least that costs anything."""
    pays = price.minor if price else 0
    return min((one for one in plans if one.price.minor > pays), key=lambda one: one.price.minor, default=None)


def _with_plan(one: Prompt, higher: Plan | None) -> Prompt | None:
    if higher is None:
        return None
    return Prompt(one.rule, one.label, one.measured, one.now, one.before, one.since, higher)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as it is kept."""
    return {
        name: dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple | list) else value
        for name, value in ((name, getattr(outcome, name)) for name in Outcome.__slots__)
    }
