"""A contact record that a reviewer asks for: how it stands, and when somebody is told again (spec C6). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["open", "answered", "withdrawn"]
Standing = Literal["asked", "overdue", "escalated", "answered", "withdrawn"]
Step = Literal["reminder", "deadline", "escalation"]
WAITING: Final[frozenset[Standing]] = frozenset({"asked", "overdue", "escalated"})


@dataclass(frozen=True, slots=True)
class Schedule:
    """When who is asked is reminded (null: the time is too short for it), when the record is due, and when the branch's
    managers are told. Epoch seconds, UTC."""

    remind_at: float | None
    due_at: float
    escalate_at: float


@dataclass(frozen=True, slots=True)
class Done:
    """What was done of it; null: not yet."""

    reminded_at: float | None = None
    pressed_at: float | None = None
    """Reminded at the deadline."""
    escalated_at: float | None = None


def standing(state: State, due_at: float, escalated_at: float | None, now: float) -> Standing:
    """How a request stands."""
    if state != "open":
        return state
    if escalated_at is not None:
        return "escalated"
    return "overdue" if due_at <= now else "asked"


def steps(plan: Schedule, done: Done, now: float) -> list[Step]:
    """What has to be done now, each once. Where its time went by unnoticed (the server was down), the reminder before
    the deadline is left out for the one at it."""
    found: list[Step] = []
    if plan.due_at <= now:
        if done.pressed_at is None:
            found.append("deadline")
    elif plan.remind_at is not None and plan.remind_at <= now and done.reminded_at is None:
        found.append("reminder")
    if plan.escalate_at <= now and done.escalated_at is None:
        found.append("escalation")
    return found
