"""A call log entry as a row of ``calls`` and back."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from sqlalchemy import Engine, select

from cti_adapters.storage import mapping
from cti_adapters.storage.schema import calls
from cti_server.calls.log import CallLog, Direction, Disposition, Side, State, outside_party
from cti_server.shared.phone import TAIL_DIGITS, tail


def party_tail(log: CallLog) -> str | None:
    """The last digits of the outside party's number, as the look-up of probable matches compares them."""
    number = outside_party(log)
    digits = tail(number) if number else ""
    return digits if len(digits) == TAIL_DIGITS else None


def as_row(log: CallLog) -> dict[str, Any]:
    """The columns of ``calls`` that are the exchange's."""
    return {
        "id": log.id,
        "exchange": log.exchange,
        "branch": log.branch,
        "direction": log.direction,
        "state": log.state,
        "started_at": log.started_at,
        "caller_number": log.caller_number,
        "caller_name": log.caller_name,
        "dialed_number": log.dialed_number,
        "presented_number": log.presented_number,
        "party_e164": log.party_e164,
        "party_tail": party_tail(log),
        "queue": log.queue,
        "rang_extensions": log.rang_extensions,
        "attempted_extensions": log.attempted_extensions,
        "ringing_extensions": log.ringing_extensions,
        "talking_extension": log.talking_extension,
        "answered": log.answered,
        "answered_by_extension": log.answered_by_extension,
        "answered_by_number": log.answered_by_number,
        "final_extension": log.final_extension,
        "transferred_to": log.transferred_to,
        "ringing_at": log.ringing_at,
        "answered_at": log.answered_at,
        "pbx_answered_at": log.pbx_answered_at,
        "ended_at": log.ended_at,
        "ended_between": list(log.ended_between) if log.ended_between else None,
        "ring_seconds": log.ring_seconds,
        "wait_seconds": log.wait_seconds,
        "talk_seconds": log.talk_seconds,
        "hold_seconds": log.hold_seconds,
        "hangup_by": log.hangup_by,
        "disposition": log.disposition,
        "voicemail_left": log.voicemail_left,
        "fax": log.fax,
        "recording": log.recording,
        "linkedids": log.linkedids,
        "marks": log.marks,
    }


OURS: Final = frozenset(
    {"match", "customer_code", "receiver", "item_id", "open", "handled", "handled_by", "handled_at", "version"}
)
"""The columns of ``calls`` that are not the exchange's."""


def stored_calls(engine: Engine, since: float | None, until: float | None, branch: str | None) -> Iterator[CallLog]:
    """The whole call log, the oldest call first, past the gate: for the command line of the server's own machine.
    ``branch`` is that of the exchange; a call is within the times when it began there (epoch seconds, UTC)."""
    with engine.connect() as connection:
        codes = [row.branch for row in connection.execute(select(calls.c.branch).distinct())]
    streams = (_of_branch(engine, code, since, until) for code in codes if branch in (None, code))
    # Each comes in the order of its index; sorting a million calls would take the memory that they do.
    yield from heapq.merge(*streams, key=lambda log: (log.started_at, log.id))


def _of_branch(engine: Engine, branch: str, since: float | None, until: float | None) -> Iterator[CallLog]:
    query = select(calls).where(calls.c.branch == branch).order_by(calls.c.started_at, calls.c.id)
    if since is not None:
        query = query.where(calls.c.started_at >= since)
    if until is not None:
        query = query.where(calls.c.started_at < until)
    with engine.connect() as connection:
        for row in connection.execute(query.execution_options(yield_per=1000)).mappings():
            yield as_log(dict(row))


_THEIRS: Final = tuple(column.name for column in calls.c if column.name not in OURS and column.name != "party_tail")


def as_log(row: mapping.Call | Mapping[str, Any]) -> CallLog:
    """The entry that a row holds."""
    values = row if isinstance(row, Mapping) else {name: getattr(row, name) for name in _THEIRS}
    between = cast("list[float] | None", values["ended_between"])
    return CallLog(
        id=values["id"],
        exchange=values["exchange"],
        branch=values["branch"],
        direction=cast("Direction | None", values["direction"]),
        state=cast(State, values["state"]),
        started_at=values["started_at"],
        caller_number=values["caller_number"],
        caller_name=values["caller_name"],
        dialed_number=values["dialed_number"],
        presented_number=values["presented_number"],
        party_e164=values["party_e164"],
        queue=values["queue"],
        rang_extensions=list(values["rang_extensions"]),
        attempted_extensions=list(values["attempted_extensions"]),
        ringing_extensions=list(values["ringing_extensions"]),
        talking_extension=values["talking_extension"],
        answered=values["answered"],
        answered_by_extension=values["answered_by_extension"],
        answered_by_number=values["answered_by_number"],
        final_extension=values["final_extension"],
        transferred_to=list(values["transferred_to"]),
        ringing_at=values["ringing_at"],
        answered_at=values["answered_at"],
        pbx_answered_at=values["pbx_answered_at"],
        ended_at=values["ended_at"],
        ended_between=(between[0], between[1]) if between else None,
        ring_seconds=values["ring_seconds"],
        wait_seconds=values["wait_seconds"],
        talk_seconds=values["talk_seconds"],
        hold_seconds=values["hold_seconds"],
        hangup_by=cast("Side | None", values["hangup_by"]),
        disposition=cast("Disposition | None", values["disposition"]),
        voicemail_left=values["voicemail_left"],
        fax=values["fax"],
        recording=values["recording"],
        linkedids=list(values["linkedids"]),
        marks=list(values["marks"]),
    )
