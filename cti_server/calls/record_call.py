"""From the records of one call to its entry in the call log. What they don't say is null."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.events import Event, RecordRead
from cti_server.calls.log import IN_PART, CallLog, Direction, Disposition
from cti_server.calls.record_times import epoch, with_year
from cti_server.calls.records import CallRecord
from cti_server.shared.phone import withheld
from cti_server.shared.positions import Position

PartyReader = Callable[[str | None], str | None]
"""An outside number as received -> E.164, or None where it is none."""

_IN_PART: Final = re.compile(r"\?|\d[Xx.*]{2,}\d?|\d[Xx]$")
"""What makes print in place of digits that they keep to themselves: ``?`` (HiPath), ``.`` and ``X`` (Panasonic),
``*`` (DBS). A single x before digits introduces an extension."""
_OUTCOMES: Final[dict[str, Disposition]] = {
    "busy": "busy",
    "failed": "failed",
    "congestion": "failed",
    "abandoned": "abandoned",
}
_SURE: Final[tuple[Direction, ...]] = ("in", "out", "internal")


class Told(NamedTuple):
    """A record as it was told."""

    at: float
    """When it arrived; epoch seconds, UTC."""
    record: CallRecord
    raw: bytes


@dataclass(slots=True)
class RecordedCall:
    """The records that are one call, in the order of their arrival."""

    id: str
    position: Position
    """Where reading has to begin to get all of them."""
    told: list[Told] = field(default_factory=list)
    mark: str = ""
    """``more-records-awaited`` or ``may-be-completed`` while others may come."""
    marks: list[str] = field(default_factory=list)
    """The other marks of its entry as it was told last."""


class _Times(NamedTuple):
    """When a call began and ended, and how that is known."""

    started: float
    ended: float | None
    mark: str = ""


def log_of(call: RecordedCall, plan: ExchangePlan, party: PartyReader) -> CallLog:
    """The entry of a call as far as its records tell."""
    told = [one for one in call.told if not only_adds(one.record)] or list(call.told)
    told.sort(key=lambda one: one.record.continuation is False)  # which says that it is the last, whenever it came
    records = [one.record for one in told]
    direction = _direction(records)
    answered = _answered(records)
    times = _times(told, plan.timezone)
    ring = _ring_seconds(records, answered)
    number = next((record.external_number for record in records if record.external_number), None)
    in_part = number is not None and _IN_PART.search(number) is not None
    log = CallLog(
        id=call.id,
        exchange=plan.id,
        branch=plan.branch,
        direction=direction,
        state="ended",
        started_at=times.started,
        party_e164=None if in_part or direction == "internal" else party(number),
        queue=_text(records, "queue"),
        answered=answered,
        ended_at=times.ended,
        ring_seconds=ring,
        wait_seconds=None,
        talk_seconds=_talk_seconds(records, answered),
        hold_seconds=0.0 if answered is False else _held(records),
        disposition=_disposition(records, answered),
        fax=_text(records, "fax") in ("1", "true", "yes"),
        recording=_text(records, "recording"),
        linkedids=[key] if (key := records[0].call_key) else [],
        marks=[mark for mark in (times.mark, IN_PART if in_part else "", call.mark) if mark],
        over_when_told=True,
    )
    log.answered_at = _answered_at(told, log, plan.timezone)
    _name_sides(log, records + [one.record for one in call.told if only_adds(one.record)], number)
    return log


def record_times(told: Told, zone: str) -> tuple[float | None, float | None]:
    """(start, end) that a record prints; epoch seconds, UTC. Null where it doesn't."""
    return _start(told, zone), _end(told, zone)


def record_stamp(zone: str, event: Event) -> float | None:
    """When by the exchange's clock a call was over of which it wrote a record; its start where no more is known. Null
    of what is no record, or tells no time."""
    if not isinstance(event, RecordRead):
        return None
    times = _times([Told(event.at, event.record, event.raw)], zone)
    if times.mark == "no-time-said":
        return None
    return times.started if times.ended is None else times.ended


def only_adds(record: CallRecord) -> bool:
    """Whether it only adds to another record, such as a line with the caller's name."""
    return (
        record.continuation is True
        and record.direction is None
        and record.extension is None
        and record.started_at_local is None
        and record.started_at_no_year is None
        and record.ended_at_local is None
        and record.ended_at_no_year is None
    )


# -- when


def _start(told: Told, zone: str) -> float | None:
    record = told.record
    if record.started_at_local is not None:
        return epoch(record.started_at_local, zone, told.at)
    return None if record.started_at_no_year is None else with_year(record.started_at_no_year, zone, told.at)


def _end(told: Told, zone: str) -> float | None:
    record = told.record
    if record.ended_at_local is not None:
        return epoch(record.ended_at_local, zone, told.at)
    return None if record.ended_at_no_year is None else with_year(record.ended_at_no_year, zone, told.at)


def _times(told: Sequence[Told], zone: str) -> _Times:
    starts = [start for one in told if (start := _start(one, zone)) is not None]
    ends = [end for one in told if (end := _end(one, zone)) is not None]
    if starts:
        started = min(starts)
        return _Times(started, max(ends) if ends else _end_worked_out(told, started))
    if not ends:
        return _Times(told[0].at, None, "no-time-said")
    began = [_began(one.record, end) for one in told if (end := _end(one, zone)) is not None]
    started, whole = min(began)
    return _Times(started, max(ends), "start-worked-out" if whole else "start-not-said")


def _began(record: CallRecord, end: float) -> tuple[float, bool]:
    """The earliest moment that a record with an end vouches for, and whether the call began then: only where every
    part of it is in the record."""
    talked = record.duration_seconds
    rang = record.ring_seconds
    if record.answered is False:
        return end - (rang or 0), rang is not None
    return end - (talked or 0) - (rang or 0), record.answered is True and talked is not None and rang is not None


def _end_worked_out(told: Sequence[Told], started: float) -> float | None:
    """Start and lengths give the end where none is missing."""
    total = 0.0
    longest = 0.0
    for one in told:
        record = one.record
        said = _number(record, "total_seconds")
        if said is not None:
            longest = max(longest, said)
            continue
        parts = [record.ring_seconds, record.duration_seconds if record.answered is not False else 0]
        if record.answered is None or any(part is None for part in parts):
            return None
        held = (_number(record, "hold_seconds") or 0.0) + (_number(record, "park_seconds") or 0.0)
        total += sum(part or 0 for part in parts) + held
    return started + max(total, longest)


def _answered_at(told: Sequence[Told], log: CallLog, zone: str) -> float | None:
    if not log.answered:
        return None
    first = next((one for one in told if _taken(one.record)), None)
    if first is None:
        return None
    if log.marks and log.marks[0] == "no-time-said":
        return None
    if _start(first, zone) is not None:  # what some makes call talk includes waiting; ringing is what it says
        return log.started_at + log.ring_seconds if log.ring_seconds is not None else None
    end = _end(first, zone)
    talked = first.record.duration_seconds
    return end - talked if end is not None and talked is not None else None


# -- what


def _direction(records: Sequence[CallRecord]) -> Direction | None:
    said = {record.direction for record in records}
    return next((direction for direction in _SURE if direction in said), None)


def _answered(records: Sequence[CallRecord]) -> bool | None:
    said = [_taken(record) for record in records]
    return True if True in said else None if None in said else False


def _taken(record: CallRecord) -> bool | None:
    """Whether a person answered: a mailbox is none."""
    return False if record.answered and _voicemail(record) else record.answered


def _ring_seconds(records: Sequence[CallRecord], answered: bool | None) -> float | None:
    """Until the first answer: what later records say of ringing is about transfers."""
    if not answered:
        known = [record.ring_seconds for record in records if record.ring_seconds is not None]
        return float(max(known)) if known else None
    total = 0.0
    for record in records:
        if _taken(record):
            return None if record.ring_seconds is None else total + record.ring_seconds
        if record.continuation:
            total += record.ring_seconds or 0
    return None


def _talk_seconds(records: Sequence[CallRecord], answered: bool | None) -> float | None:
    if answered is None:
        return None
    talked = [record.duration_seconds for record in records if _taken(record)]
    return None if None in talked else float(sum(seconds or 0 for seconds in talked))


def _disposition(records: Sequence[CallRecord], answered: bool | None) -> Disposition | None:
    said = [outcome for record in records if (outcome := _OUTCOMES.get(_word(record, "disposition")))]
    if answered:
        return "answered"
    if any(_voicemail(record) for record in records):
        return "voicemail"
    if said:
        return said[0]
    return "missed" if answered is False else None


def _voicemail(record: CallRecord) -> bool:
    further = record.further
    return "voicemail" in further or ("disposition" in further and _word(record, "disposition") == "voicemail")


# -- who


def _name_sides(log: CallLog, records: Sequence[CallRecord], number: str | None) -> None:
    """Caller and called, who rang, who answered, who was given the call."""
    shown = None if withheld(number) else number
    ours = [record.extension for record in records if record.extension]
    called = _text(records, "called_number") or _text(records, "dnis")
    if log.direction == "internal":
        log.caller_number, log.dialed_number = ours[0] if ours else None, called
        log.caller_name = _text(records, "caller_name")
        log.rang_extensions = [called] if called else []
        log.answered_by_extension = log.final_extension = called if log.answered else None
        log.transferred_to = _given_to(records, called)
    elif log.direction == "out":
        log.caller_number, log.dialed_number = ours[0] if ours else None, number
        log.answered_by_number = shown if log.answered else None
        log.transferred_to = _given_to(records, ours[0] if ours else None)
        log.final_extension = log.transferred_to[-1] if log.transferred_to else log.caller_number
    else:
        log.caller_number, log.dialed_number = shown, called
        log.caller_name = _text(records, "caller_name") if shown else None
        _name_receivers(log, records)


def _name_receivers(log: CallLog, records: Sequence[CallRecord]) -> None:
    rang = sorted({record.extension for record in records if record.extension})
    if log.disposition == "busy":
        log.attempted_extensions = rang
        return
    log.rang_extensions = rang
    if log.answered is False:
        return
    took = next((record.extension for record in records if _taken(record) is not False and record.extension), None)
    if log.answered:
        log.answered_by_extension = took
    log.transferred_to = _given_to(records, took)
    log.final_extension = log.transferred_to[-1] if log.transferred_to else took


def _given_to(records: Sequence[CallRecord], first: str | None) -> list[str]:
    """Who the call went to after ``first`` had it, in order."""
    went: list[str] = []
    has = first
    for record in records:
        if _taken(record) is False:
            continue
        parties = [record.extension] if record.direction != "internal" or record.transferred else []
        for party in (*parties, _word(record, "third_party", fold=False) or None):
            if party and has is not None and party != has:
                went.append(party)
            has = party or has
    return went


# -- what else a record says


def _word(record: CallRecord, name: str, *, fold: bool = True) -> str:
    value = record.further.get(name)
    if value is None:
        return ""
    text = str(value).strip()
    return text.casefold() if fold else text


def _text(records: Sequence[CallRecord], name: str) -> str | None:
    for record in records:
        if name in record.further and (text := _word(record, name, fold=False)):
            return text
    return None


def _number(record: CallRecord, name: str) -> float | None:
    value = record.further.get(name)
    return float(value) if isinstance(value, int) else None


def _held(records: Sequence[CallRecord]) -> float | None:
    """Seconds on hold and parked, where the make says so."""
    names = ("hold_seconds", "park_seconds")
    known = [value for record in records for name in names if (value := _number(record, name)) is not None]
    return sum(known) if known else None
