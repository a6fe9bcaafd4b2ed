"""Recorded scenarios (`tests/golden/<id>-<slug>/`) and how a folded call is held against their truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
TOLERANCE = (0.1, 0.2)
"""Of times and of durations, in seconds. The truths allow (0.5, 1); most are taken from the streams to the
millisecond."""
WIDE_TOLERANCE = (0.5, 1.0)
WIDE = ("C3", "E")
"""Where the truth, which is taken from SIP, knows better than a stream can: a conference that lets a caller go
slowly, and what happened while nobody listened."""
UNSEEN = {
    "E2-ended-in-cut": {"ended_at", "ended_between", "talk_seconds", "hangup_by"},
    "E9-queue-answered-in-cut": {"answered_at", "ring_seconds"},
    "E10-one-of-two-ended-in-cut": {"ended_at", "ended_between", "talk_seconds", "hangup_by"},
    "E7-killed-while-ringing": {"ring_seconds"},
}
"""What only the exchange's own record knows."""
UNSEEN_CALLS = {"E5-whole-call-in-cut": [0]}
TIMES = ("started_at", "answered_at", "pbx_answered_at", "ended_at")
OPTIONAL = ("attempted_extensions", "answered_by_number", "ended_between", "presented_number", "voicemail_left")
"""Fields that a truth leaves out where there is nothing to say."""


@dataclass(frozen=True)
class Recording:
    """One scenario."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def streams(self) -> list[Path]:
        """The bytes of its connections, in order."""
        return sorted(self.folder.glob("ami*.raw"), key=lambda path: (len(path.name), path.name))

    @property
    def truth(self) -> list[dict[str, Any]]:
        """Its calls as a person counts them."""
        calls: list[dict[str, Any]] = json.loads((self.folder / "truth.json").read_text("utf-8"))
        return calls

    def differences(self, told: list[dict[str, Any]]) -> list[str]:
        """What is wrong with the calls that were told, as sentences."""
        unseen = UNSEEN_CALLS.get(self.name, [])
        truth = [call for number, call in enumerate(self.truth) if number not in unseen]
        tolerance = WIDE_TOLERANCE if self.name.startswith(WIDE) else TOLERANCE
        return differences(told, truth, UNSEEN.get(self.name, set()), tolerance)


def recordings() -> list[Recording]:
    """All of them."""
    return [Recording(path.parent) for path in sorted(FOLDER.glob("*/truth.json"))]


def epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def differences(
    told: list[dict[str, Any]], truth: list[dict[str, Any]], unseen: set[str], tolerance: tuple[float, float]
) -> list[str]:
    """What is wrong with the calls that were told, as sentences."""
    if len(told) != len(truth):
        seen = [(call["direction"], call["caller_number"], call["dialed_number"]) for call in told]
        return [f"{len(told)} calls where {len(truth)} were: {seen}"]
    found = []
    by_groups = {tuple(call["linkedids"]): call for call in told}  # calls of one moment may come in either order
    for number, right in enumerate(truth):
        call = by_groups.get(tuple(right["linkedids"]), told[number])
        for field, wanted in right.items():
            if field not in unseen | {"notes"} and not equal(field, call.get(field), wanted, tolerance):
                found.append(f"call {number}: {field} is {call.get(field)!r}, should be {wanted!r}")
        for field in OPTIONAL:
            if field not in right and field not in unseen and call[field] not in (None, []):
                found.append(f"call {number}: {field} is {call[field]!r}, should not be there")
    return found


def equal(field: str, told: Any, wanted: Any, tolerance: tuple[float, float]) -> bool:
    if told is None or wanted is None:
        return told is wanted
    if field in TIMES:
        return abs(epoch(told) - epoch(wanted)) <= tolerance[0]
    if field == "ended_between":
        return epoch(told[0]) <= epoch(wanted[1]) and epoch(wanted[0]) <= epoch(told[1])
    if field.endswith("_seconds"):
        return bool(abs(told - wanted) <= tolerance[1])
    return bool(told == wanted)
