"""A choice as it is kept and read again: its facts in plain values."""

from __future__ import annotations

from typing import Any

from cti_server.phases.choosing import Candidate, Choice
from cti_server.phases.model import Service

SHOWN_MOST = 20
"""Passed-over members are kept by name up to here."""


def reasons_of(choice: Choice, service: Service, picked: str | None) -> dict[str, Any]:
    """What was known when a member was chosen. ``picked``: whom a person took instead of the first; null: nobody."""
    return {
        "best": [_facts(one, service) for one in choice.best],
        "passed": [{"member": one.member, "why": one.why} for one in choice.passed_over[:SHOWN_MOST]],
        "widened": choice.widened,
        "trial": choice.trial,
        "picked": picked,
    }


def _facts(one: Candidate, service: Service) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "member": one.member,
        "score": one.score,
        "among": one.among.kind,
        "name": one.among.name,
        "decided": one.tally.decided,
        "handed_on": one.tally.handed_on,
        "settled": one.tally.settled,
        "total": one.tally.total,
        "held": one.held,
        "capacity": one.capacity,
    }
    if one.among.kind == "earlier":
        facts["earlier"] = service.phases[one.among.phase].id
    if one.estimate is not None:
        facts |= {"worth": one.estimate.worth, "share": one.estimate.share, "each": one.estimate.each}
    return facts
