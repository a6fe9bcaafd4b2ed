"""Calls as they were meant against calls as they were read, field by field (spec O4: where they differ)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

SAME_START = 2.0
"""Seconds by which the beginning of a call that was read may lie from the one that was meant."""
RECORDS_NEAR_BY = 3600.0
"""The same for calls of which only records tell: they may print the minute only, or nothing but the end."""
SAME_SECONDS = 1.0
"""Durations that differ by less are the same."""


class Meant(NamedTuple):
    """A call that must come out. ``at``: its beginning, epoch seconds UTC. In ``fields`` an empty text is null."""

    title: str
    at: float
    fields: Mapping[str, Any]


class FieldCheck(NamedTuple):
    """One field of a call."""

    name: str
    expected: Any
    got: Any
    same: bool


class CallCheck(NamedTuple):
    """One call that was meant. ``found``: whether it was read at all; without it no field was."""

    title: str
    at: float
    found: bool
    fields: tuple[FieldCheck, ...]

    @property
    def same(self) -> bool:
        """Whether it was read as it was meant."""
        return self.found and all(field.same for field in self.fields)

    @property
    def differences(self) -> list[FieldCheck]:
        """The fields that were read otherwise."""
        return [field for field in self.fields if not field.same]


class Comparison(NamedTuple):
    """All calls that were meant, and those that were read besides (as ``truth.as_truth`` tells them)."""

    calls: list[CallCheck]
    besides: list[dict[str, Any]]

    @property
    def same(self) -> bool:
        """Whether everything was read as it was meant, and nothing else."""
        return not self.besides and all(call.same for call in self.calls)


def compare(meant: Sequence[Meant], read: Sequence[dict[str, Any]], near_by: float = SAME_START) -> Comparison:
    """Finds for each call that was meant the one that was read, by its beginning, and holds them side by side.
    ``near_by``: seconds between both beginnings at most."""
    left = list(read)
    checks = []
    for call in meant:
        near = [one for one in left if abs(_epoch(one["started_at"]) - call.at) <= near_by]
        got = min(near, key=lambda one: (*_unlike(call, one), abs(_epoch(one["started_at"]) - call.at)), default=None)
        if got is not None:
            left.remove(got)
        checks.append(CallCheck(call.title, call.at, got is not None, _fields(call, got) if got else ()))
    return Comparison(checks, left)


def _unlike(call: Meant, one: dict[str, Any]) -> tuple[int, int]:
    """How many of what names a call differ, and how many of all its fields."""
    fields = _fields(call, one)
    named = ("direction", "caller_number", "dialed_number")
    return sum(not field.same for field in fields if field.name in named), sum(not field.same for field in fields)


def _fields(call: Meant, got: dict[str, Any]) -> tuple[FieldCheck, ...]:
    return tuple(_check(name, None if value == "" else value, got[name]) for name, value in call.fields.items())


def _check(name: str, expected: Any, got: Any) -> FieldCheck:
    if name.endswith("_seconds") and expected is not None and got is not None:
        return FieldCheck(name, expected, got, abs(expected - got) < SAME_SECONDS)
    return FieldCheck(name, expected, got, expected == got)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
