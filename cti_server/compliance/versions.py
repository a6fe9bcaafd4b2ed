"""The policy's versions: each says from which calls on it holds; how one is written down. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from cti_server.compliance.business_hours import USUAL_WEEK, Opening, Week
from cti_server.compliance.rules import DEFAULT, EVERY_BRANCH, KINDS, PARTS, Policy, Rule


@dataclass(frozen=True, slots=True)
class Version:
    """A policy as it was saved. It holds for calls that began at ``since`` or later (epoch seconds, UTC), until the
    next version says otherwise."""

    number: int
    policy: Policy
    since: float
    at: float = 0.0
    by: str = ""
    by_name: str = ""
    note: str = ""


FIRST: Final = Version(0, DEFAULT, float("-inf"))
"""What holds as long as nobody saved anything."""


def in_force(versions: Sequence[Version], began_at: float) -> Version:
    """The version that holds for a call: the latest that reaches back to it. ``versions``: by number."""
    return next((one for one in reversed(versions) if one.since <= began_at), FIRST)


def as_json(policy: Policy) -> dict[str, Any]:
    """The policy as it is kept."""
    return {
        "target": policy.target,
        "rules": [_rule_json(rule) for rule in policy.rules],
        "weeks": {branch: [list(one) if one else None for one in week] for branch, week in policy.weeks.items()},
        "holidays": {
            branch: {day.isoformat(): name for day, name in sorted(days.items())}
            for branch, days in policy.holidays.items()
            if days
        },
    }


def from_json(kept: Mapping[str, Any]) -> Policy:
    """The policy that was kept."""
    weeks = {branch: _week(week) for branch, week in kept["weeks"].items()}
    holidays = {
        branch: {date.fromisoformat(day): str(name) for day, name in days.items()}
        for branch, days in kept["holidays"].items()
    }
    rules = tuple(_rule(one) for one in kept["rules"])
    return Policy(rules, float(kept["target"]), {EVERY_BRANCH: USUAL_WEEK} | weeks, holidays)


def _rule_json(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "kinds": [kind for kind in KINDS if kind in rule.kinds],
        "longer_than": rule.longer_than,
        "at_most": rule.at_most,
        "classes": sorted(rule.classes),
        "branches": sorted(rule.branches),
        "hours": rule.hours,
        "wants": [part for part in PARTS if part in rule.wants],
    }


def _rule(kept: Mapping[str, Any]) -> Rule:
    return Rule(
        name=kept["name"],
        kinds=frozenset(kept["kinds"]),
        longer_than=float(kept["longer_than"]),
        at_most=None if kept["at_most"] is None else float(kept["at_most"]),
        classes=frozenset(kept["classes"]),
        branches=frozenset(kept["branches"]),
        hours=float(kept["hours"]),
        wants=frozenset(kept["wants"]),
    )


def _week(kept: Sequence[Sequence[int] | None]) -> Week:
    return cast(Week, tuple(Opening(*one) if one else None for one in kept))
