"""A call's trail: what the exchange told of it, who was told, who opened it, what was done (spec C6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cti_server.calls.log import CallLog
from cti_server.calls.ports import SeenCall, TrailEntry
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


def steps(
    log: CallLog, entries: Sequence[TrailEntry], names: Names, seen: SeenCall, readable: Callable[[str], bool]
) -> list[TrailStep]:
    """The steps in the order of time; ``log`` is the entry as the viewer may read it, ``seen`` the call;
    ``readable``: whether they may read what a colleague wrote about it.

    An entry that was noted for each of several candidates is one step. One that names only colleagues who see none of
    the viewer's candidates is none: it would say that there are others.
    """
    customers = {one.code: one.name for one in seen.customers}
    found = _of_exchange(log)
    noted: set[tuple[float, str | None, str]] = set()
    for entry in entries:
        once = (entry.at, entry.user, entry.act)
        named = [name for user in _people(entry.detail) if (name := names.person_who_sees(user, seen))]
        if (entry.user is not None and once in noted) or (_people(entry.detail) and not named):
            continue
        noted.add(once)
        told = str(entry.detail.get("reason") or "") if entry.user is not None else ""
        reason = told if told and readable(entry.user or "") else ""
        found.append(TrailStep(entry.at, entry.act, _text(entry, names, customers, ", ".join(named)), reason))
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


def _text(entry: TrailEntry, names: Names, customers: Mapping[str, str], people: str) -> str:
    if entry.user is None:
        if entry.act == "matched" and entry.customer is not None:
            return f"{customers.get(entry.customer, '')} ({entry.customer})".strip()
        return people
    return f"{names.person(entry.user)} → {people}" if people else names.person(entry.user)


def _people(detail: Mapping[str, Any]) -> list[str]:
    told = detail.get("users", [])
    return [user for user in told if isinstance(user, str)] if isinstance(told, list) else []
