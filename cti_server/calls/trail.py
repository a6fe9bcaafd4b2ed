"""A call's trail: what the exchange told of it, who was told, who opened it, what was done (spec C6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cti_server.calls.log import CallLog
from cti_server.calls.ports import TrailEntry
from cti_server.calls.showing import Names
from cti_server.calls.views import TrailStep

__all__ = ["TrailEntry", "steps", "users"]


def users(entries: Iterable[TrailEntry]) -> list[str]:
    """Whom the entries name."""
    found: list[str] = []
    for entry in entries:
        found += [entry.user] if entry.user else []
        found += _people(entry.detail)
    return found


def steps(log: CallLog, entries: Sequence[TrailEntry], names: Names, customers: Mapping[str, str]) -> list[TrailStep]:
    """The steps in the order of time. ``customers`` are the names of the candidates that the viewer sees; an entry
    that was noted for each of several is one step."""
    found = _of_exchange(log)
    seen: set[tuple[float, str | None, str]] = set()
    for entry in entries:
        once = (entry.at, entry.user, entry.act)
        if entry.user is not None and once in seen:
            continue
        seen.add(once)
        found.append(TrailStep(entry.at, entry.act, _text(entry, names, customers)))
    return sorted(found, key=lambda step: step.at)


def _of_exchange(log: CallLog) -> list[TrailStep]:
    """What the exchange told. The texts are extensions and keys, the same in every language."""
    found = [TrailStep(log.started_at, "started", log.queue or "")]
    if log.ringing_at is not None:
        found.append(TrailStep(log.ringing_at, "ringing", ", ".join(log.rang_extensions or log.ringing_extensions)))
    if log.answered_at is not None:
        who = log.answered_by_extension or log.answered_by_number or log.talking_extension or ""
        found.append(TrailStep(log.answered_at, "answered", who))
    if log.transferred_to:
        at = log.answered_at if log.answered_at is not None else log.started_at
        found.append(TrailStep(at, "transferred", ", ".join(log.transferred_to)))
    if log.ended_at is not None:
        found.append(TrailStep(log.ended_at, "ended", log.disposition or ""))
    elif log.ended_between is not None:
        found.append(TrailStep(log.ended_between[1], "ended", log.disposition or ""))
    return found


def _text(entry: TrailEntry, names: Names, customers: Mapping[str, str]) -> str:
    people = ", ".join(names.person(user) for user in _people(entry.detail))
    if entry.user is None:
        if entry.act == "matched" and entry.customer is not None:
            return f"{customers.get(entry.customer, '')} ({entry.customer})".strip()
        return people
    return f"{names.person(entry.user)} → {people}" if people else names.person(entry.user)


def _people(detail: Mapping[str, Any]) -> list[str]:
    told = detail.get("users", [])
    return [user for user in told if isinstance(user, str)] if isinstance(told, list) else []
