"""How a call stands: recorded or not, by when it has to be, and for whom it counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal, NamedTuple

from cti_server.compliance.business_hours import Calendar, day_number
from cti_server.compliance.rules import CallKind, Policy, Rule
from cti_server.shared.scope import Label

Kept = Literal["recorded", "open", "incomplete", "exempt", "unregistered"]
"""What is written down of a call that is over. ``open`` is due or overdue: which, only the time tells."""
Standing = Literal["recorded", "due", "overdue", "incomplete", "exempt", "unregistered", "live", "none"]
"""What is shown: ``live`` while the call lasts, ``none`` where it needs no record."""

STANDINGS: Final[tuple[Standing, ...]] = ("overdue", "due", "incomplete", "recorded", "exempt", "unregistered")
"""Those that are counted, the most urgent first."""
WAITING: Final = ("open", "incomplete")
"""Of which somebody has to do something."""


class Facts(NamedTuple):
    """What of a call that is over decides. Times are epoch seconds, UTC; ``seconds``: how long somebody talked, or
    waited where nobody answered; null where that is not known."""

    kind: CallKind
    seconds: float | None
    began_at: float
    over_at: float


class Seen(NamedTuple):
    """For whom a call shows up: its label, whose it is, and whether that is sure."""

    label: Label
    customer: str | None
    sure: bool


class Record(NamedTuple):
    """A contact record that answers the call."""

    result: str
    note: str


class Row(NamedTuple):
    """How a call stands for those who may see one label of it. ``day``: of its branch's clocks, as a number; ``due_at``
    epoch seconds, UTC; null where nothing is due."""

    label: Label
    customer: str | None
    kind: CallKind
    state: Kept
    day: int
    due_at: float | None
    began_at: float
    seconds: float | None


def shown(state: Kept, due_at: float | None, now: float) -> Standing:
    """How it stands at a moment."""
    if state != "open":
        return state
    return "overdue" if due_at is not None and due_at <= now else "due"


def state_of(rule: Rule, records: Iterable[Record], exempt: bool) -> Kept:
    """How a call for which a rule holds stands. One record that says all that the rule wants is enough."""
    found = list(records)
    if any(_complete(rule, record) for record in found):
        return "recorded"
    if exempt:
        return "exempt"
    return "incomplete" if found else "open"


def _complete(rule: Rule, record: Record) -> bool:
    said = {"result": record.result, "note": record.note}
    return all(said[part].strip() for part in rule.wants)


def rows_of(
    facts: Facts,
    seen: Sequence[Seen],
    records: Sequence[Record],
    exempt: bool,
    policy: Policy,
    calendar: Callable[[str], Calendar],
) -> list[Row]:
    """The rows of a call that is over. One for each label that its customers have, since each of their reps
    may owe the record, and one that is made answers for all; customers of the same label count once. Callers of whom
    nobody knows for sure who they are count as unregistered."""
    sure = [one for one in seen if one.sure and one.label.kind == "customer"]
    made: dict[Label, Row] = {}
    for one in sure or [one for one in seen if one.label.kind == "unregistered"]:
        label = one.label
        rule = policy.rule_for(facts.kind, facts.seconds, label.branch, label.confidentiality)
        if rule is None or label in made:
            continue
        hours = calendar(label.branch)
        state: Kept = state_of(rule, records, exempt) if sure else "unregistered"
        due = hours.due_at(facts.over_at, rule.hours) if state in WAITING else None
        day = day_number(hours.local_day(facts.began_at))
        made[label] = Row(label, one.customer, facts.kind, state, day, due, facts.began_at, facts.seconds)
    return list(made.values())
