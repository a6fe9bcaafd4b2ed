"""Which calls need a contact record, how soon, and what it has to say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Final, Literal

from cti_server.compliance.business_hours import DAY_MINUTES, USUAL_WEEK, Calendar, Week
from cti_server.shared.errors import Invalid

CallKind = Literal["answered", "missed", "out"]
"""Came in and was answered, came in and was not, was made by us."""
Part = Literal["result", "note"]
"""What a record may have to say."""

KINDS: Final[tuple[CallKind, ...]] = ("answered", "missed", "out")
PARTS: Final[tuple[Part, ...]] = ("result", "note")
CLASSES: Final = (1, 2, 3)
EVERY_BRANCH: Final = ""
"""Stands for all branches that have nothing of their own."""
MOST_HOURS: Final = 1000.0
MOST_RULES: Final = 50


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls of these kinds, lengths, classes and branches need a record within so many business hours.

    ``longer_than`` and ``at_most`` are seconds, ``at_most`` null for no bound; no ``branches``: every one.
    Longer than 0 are all calls, also those for which an exchange that counts whole seconds says 0. A call of which the
    length is not known is as long as it has to be.
    """

    name: str
    kinds: frozenset[CallKind] = frozenset({"answered", "missed"})
    longer_than: float = 0.0
    at_most: float | None = None
    classes: frozenset[int] = frozenset(CLASSES)
    branches: frozenset[str] = frozenset()
    hours: float = 8.0
    wants: frozenset[Part] = frozenset()

    def holds_for(self, kind: CallKind, seconds: float | None, branch: str, confidentiality: int | None) -> bool:
        """Whether it holds for a call; without a class: for one whose caller's class is not known."""
        return (
            kind in self.kinds
            and (not self.branches or branch in self.branches)
            and (confidentiality is None or confidentiality in self.classes)
            and (seconds is None or self._as_long(seconds))
        )

    def _as_long(self, seconds: float) -> bool:
        long_enough = not self.longer_than or seconds > self.longer_than
        return long_enough and (self.at_most is None or seconds <= self.at_most)

    def meets(self, other: Rule) -> bool:
        """Whether there can be a call for which both hold."""
        ends = [one.at_most for one in (self, other) if one.at_most is not None]
        return (
            bool(self.kinds & other.kinds)
            and bool(self.classes & other.classes)
            and (not self.branches or not other.branches or bool(self.branches & other.branches))
            and max(self.longer_than, other.longer_than) < min(ends, default=float("inf"))
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """All that decides how calls stand: rules, the target (per cent of the calls that need a record), business hours
    and holidays, each by branch."""

    rules: tuple[Rule, ...]
    target: float = 99.0
    weeks: Mapping[str, Week] = field(default_factory=lambda: {EVERY_BRANCH: USUAL_WEEK})
    holidays: Mapping[str, Mapping[date, str]] = field(default_factory=dict)

    def rule_for(self, kind: CallKind, seconds: float | None, branch: str, confidentiality: int | None) -> Rule | None:
        """The rule that holds for a call; null where it needs no record. Where several hold they ask for the same."""
        held = (rule for rule in self.rules if rule.holds_for(kind, seconds, branch, confidentiality))
        return next(held, None)

    def calendar(self, branch: str, zone: str) -> Calendar:
        """The business hours of a branch."""
        week = self.weeks.get(branch) or self.weeks[EVERY_BRANCH]
        own = self.holidays.get(branch, {})
        return Calendar(zone, week, {**self.holidays.get(EVERY_BRANCH, {}), **own})


def checked(policy: Policy) -> Policy:
    """The policy itself. Raises Invalid with a sentence where it can't be taken."""
    if not 0 < policy.target <= 100:
        raise Invalid("The target is a share of the calls: more than 0 and at most 100 per cent", "target", "target")
    if len(policy.rules) > MOST_RULES:
        raise Invalid("There are more than 50 rules; put some together", "rules", "rules-many")
    for rule in policy.rules:
        _check_rule(rule)
    names = Counter(rule.name for rule in policy.rules)
    for name, times in names.items():
        if times > 1:
            raise Invalid(f"Two rules are called “{name}”; give one of them another name", "name", "rule-name-twice")
    for one, other in combinations(policy.rules, 2):
        _check_pair(one, other)
    for week in policy.weeks.values():
        _check_week(week)
    return policy


def _check_rule(rule: Rule) -> None:
    if not rule.name or len(rule.name) > 60:
        raise Invalid("A rule needs a name of at most 60 characters", "name", "rule-name")
    if not rule.kinds:
        raise Invalid(f"“{rule.name}” holds for no kind of call; choose at least one", "kinds", "rule-kinds")
    if not rule.classes:
        raise Invalid(f"“{rule.name}” holds for no class of customer; choose at least one", "classes", "rule-classes")
    if not 0 < rule.hours <= MOST_HOURS:
        raise Invalid(f"“{rule.name}” needs a number of business hours between 0 and 1000", "hours", "rule-hours")
    if rule.longer_than < 0 or (rule.at_most is not None and rule.at_most <= rule.longer_than):
        raise Invalid(f"No call is as long as “{rule.name}” says; set its seconds right", "longer_than", "rule-length")


def _check_pair(one: Rule, other: Rule) -> None:
    """Two rules that hold for the same calls have to ask for the same."""
    if not one.meets(other):
        return
    if one.hours != other.hours:
        raise Invalid(
            f"“{one.name}” and “{other.name}” hold for the same calls, but one gives {_plain(one.hours)} business "
            f"hours and the other {_plain(other.hours)}; make them agree, or hold for different calls",
            "hours",
            "rules-contradict-hours",
        )
    if one.wants != other.wants:
        raise Invalid(
            f"“{one.name}” and “{other.name}” hold for the same calls, but don’t ask the same of the record; make them "
            "agree, or hold for different calls",
            "wants",
            "rules-contradict-wants",
        )


def _check_week(week: Week) -> None:
    if not any(week):
        raise Invalid("A branch is open on at least one day of the week", "hours", "week-closed")
    for opening in week:
        if opening is not None and not 0 <= opening.opens < opening.closes <= DAY_MINUTES:
            raise Invalid("A branch closes later on the day than it opens", "hours", "week-hours")


def _plain(number: float) -> str:
    return f"{number:g}"


DEFAULT: Final = Policy((Rule("Calls of registered customers"),))
"""Of a new installation: every call that came in from a registered customer, within a business day."""
