"""A call as plain data, with the names, units and meanings that whoever holds our reading against the truth uses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cti_server.calls.log import CallLog


def as_truth(log: CallLog) -> dict[str, Any]:
    """A call with the fields and units that ``corpus/ami/README.md`` defines: ISO times in UTC, seconds with one
    digit."""
    return {
        "direction": log.direction,
        "caller_number": log.caller_number,
        "caller_name": log.caller_name,
        "dialed_number": log.dialed_number,
        "presented_number": log.presented_number,
        "answered": log.answered,
        "answered_by_extension": log.answered_by_extension,
        "answered_by_number": log.answered_by_number,
        "rang_extensions": log.rang_extensions,
        "attempted_extensions": log.attempted_extensions,
        "started_at": iso(log.started_at),
        "answered_at": iso(log.answered_at),
        "pbx_answered_at": iso(log.pbx_answered_at),
        "ended_at": iso(log.ended_at),
        "ended_between": [iso(at) for at in log.ended_between] if log.ended_between else None,
        "ring_seconds": _tenths(log.ring_seconds),
        "wait_seconds": _tenths(log.wait_seconds) if log.answered or log.ended_at else None,
        "talk_seconds": _tenths(log.talk_seconds)
        if log.ended_at or not log.answered or log.ended_between is None
        else None,
        "hold_seconds": _tenths(log.hold_seconds),
        "queue": log.queue,
        "transferred_to": log.transferred_to,
        "final_extension": log.final_extension,
        "hangup_by": log.hangup_by,
        "disposition": log.disposition,
        "voicemail_left": log.voicemail_left,
        "linkedids": log.linkedids,
        "fax": log.fax,
        "recording": log.recording,
        "state": log.state,
        "marks": log.marks,
    }


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def iso(at: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
