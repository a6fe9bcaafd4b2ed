"""What the exchange's own record gives back of calls that a gap hid: calls that nobody heard of, and the missing parts
of those that were cut (spec O1, decision 009).

A pure function of a call as it is known and as the record tells it; whatever the order and however often, the outcome
is the same. A call that was heard from beginning to end is left as it is: the record knows less."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from cti_server.calls.log import CallLog
from cti_server.calls.recorded_calls import MARK, RecordedCall

UNSURE: Final = frozenset({"cut-by-gap", "start-not-seen", "end-not-seen"})
"""Marks of calls that were not heard from beginning to end."""
NEAR: Final = 2.0
"""Seconds between the beginnings of what is taken for the same call where the record keeps no ids."""

_SAID: Final = ("queue", "dialed_number", "presented_number", "caller_number", "caller_name", "party_e164")

Gain = Literal["recovered", "completed", "known"]


class GapFetch(NamedTuple):
    """What was fetched for one gap at one time."""

    gap: float
    """``started_at`` of the gap: names it within its exchange."""
    at: float
    """When it was fetched; epoch seconds, UTC, by our clock."""
    source: str
    """Where it was fetched from: ``csv`` or ``table``; empty where there is nowhere to fetch from."""
    calls: list[RecordedCall]
    unread: int = 0
    """Rows that could not be read."""
    problem: str = ""
    """Why nothing could be fetched: a code of ``cti_adapters.exchanges.status.SENTENCES``."""
    problem_values: Mapping[str, str] = MappingProxyType({})
    finished: bool = False
    """Nothing more is expected."""


class Recovered(NamedTuple):
    """What came of one recorded call. ``logs`` are the entries to be written: the call, where the record gave it
    anything, and what turned out to be only a part of it (with ``merged_into``)."""

    gain: Gain
    logs: list[CallLog]


class Entries:
    """Entries of an exchange, to be found by the ids of their legs."""

    def __init__(self, logs: Iterable[CallLog]) -> None:
        self._logs: dict[str, CallLog] = {}
        self._by_leg: dict[str, set[str]] = {}
        for log in logs:
            self.put(log)

    def put(self, log: CallLog) -> None:
        """Takes an entry in, or its newer state."""
        self._logs[log.id] = log
        for leg in (log.id.removeprefix(f"{log.exchange}-"), *log.linkedids):
            self._by_leg.setdefault(leg, set()).add(log.id)

    def of(self, call: RecordedCall) -> list[CallLog]:
        """Those that are about a recorded call."""
        ids = {id for leg in call.legs for id in self._by_leg.get(leg, ())} if call.legs else set(self._logs)
        return [log for id in sorted(ids) if same_call(call, log := self._logs[id])]

    def recover(self, call: RecordedCall) -> Recovered:
        """See `recover`."""
        return recover(call, self.of(call))


def recover(call: RecordedCall, entries: list[CallLog]) -> Recovered:
    """The call as it is to be written. ``entries``: those that are about it, see `same_call`."""
    if not entries:
        return Recovered("recovered", [replace(call.log)])
    entry = min(entries, key=lambda log: (log.id != call.log.id, _apart(call, log)))
    if any(log.state != "ended" for log in entries) or not any(UNSURE & set(log.marks) for log in entries):
        return Recovered("known", [])
    completed = _completed(entry, call) if UNSURE & set(entry.marks) else entry
    parts = [
        replace(log, merged_into=entry.id)
        for log in entries
        if log is not entry and call.legs and UNSURE & set(log.marks) and log.direction == "internal"
    ]
    changed = [] if completed == entry else [replace(completed, over_when_told=True)]
    return Recovered("completed" if changed or parts else "known", [*changed, *parts])


def same_call(call: RecordedCall, log: CallLog) -> bool:
    """Whether an entry is about this call or a part of it: by the ids of its legs; where the record keeps none, by who
    called and when."""
    if log.exchange != call.log.exchange or log.merged_into is not None:
        return False
    if call.legs:
        return log.id == call.log.id or not call.legs.isdisjoint(log.linkedids)
    same = (log.direction, log.caller_number) == (call.log.direction, call.log.caller_number)
    return same and _apart(call, log) <= NEAR


def _apart(call: RecordedCall, log: CallLog) -> float:
    return abs(log.started_at - call.log.started_at)


def _completed(known: CallLog, call: RecordedCall) -> CallLog:
    told = call.log
    log = replace(known, marks=list(known.marks))
    begun_unseen = "start-not-seen" in log.marks
    if begun_unseen:
        _beginning(log, told)
    if log.ended_at is None and told.ended_at is not None and told.ended_at >= log.started_at:
        _ending(log, told)
    _answer(log, known, told)
    if len(told.transferred_to) > len(log.transferred_to):
        log.transferred_to = list(told.transferred_to)
        log.final_extension = told.final_extension or log.final_extension
    if log.pbx_answered_at is None and (begun_unseen or not known.answered):
        log.pbx_answered_at = told.pbx_answered_at
    if log.direction == told.direction:
        for field in _SAID:
            if getattr(log, field) is None:
                setattr(log, field, getattr(told, field))
        log.rang_extensions = sorted({*log.rang_extensions, *told.rang_extensions})
        refused = {*log.attempted_extensions, *told.attempted_extensions}
        log.attempted_extensions = sorted(refused - set(log.rang_extensions))
    log.linkedids = list(dict.fromkeys([*log.linkedids, *told.linkedids]))
    if log != known and MARK not in log.marks:
        log.marks.append(MARK)
    return log


def _beginning(log: CallLog, told: CallLog) -> None:
    log.started_at = told.started_at
    log.marks.remove("start-not-seen")


def _ending(log: CallLog, told: CallLog) -> None:
    log.ended_at, log.ended_between = told.ended_at, None
    if "end-not-seen" in log.marks:
        log.marks.remove("end-not-seen")
    if told.final_extension and told.answered:
        log.final_extension = told.final_extension


def _answer(log: CallLog, known: CallLog, told: CallLog) -> None:
    """Who took it and when, and the durations that follow from that."""
    end = log.ended_at
    if told.answered and not log.answered:
        log.answered, log.disposition = True, "answered"
        log.answered_by_extension, log.answered_by_number = told.answered_by_extension, told.answered_by_number
        log.final_extension = told.final_extension
    elif not log.answered and told.disposition is not None and known.ended_at is None:
        log.disposition = told.disposition
    exactly = log.answered and told.answered and told.answered_at is not None
    if exactly and (log.answered_at is None or "start-not-seen" in known.marks):
        assert told.answered_at is not None
        log.answered_at = max(told.answered_at, log.started_at)
    if log.answered:
        if log.answered_at is not None:
            log.wait_seconds = log.answered_at - log.started_at
            log.talk_seconds = max(0.0, end - log.answered_at) if end is not None else log.talk_seconds
            if log.answered_at != known.answered_at:
                log.ring_seconds = _rang(known, told, log.answered_at)
        elif end is not None and known.ended_at is None and known.ended_between is not None:
            log.talk_seconds = (log.talk_seconds or 0.0) + end - known.ended_between[0]
    elif end is not None and known.ended_at is None:
        log.wait_seconds = end - log.started_at
        log.ring_seconds = max(known.ring_seconds or 0.0, told.ring_seconds or 0.0)


def _rang(known: CallLog, told: CallLog, until: float) -> float | None:
    """For how long it rang: from what was heard of it, else as the record tells."""
    if known.ringing_at is not None and "start-not-seen" not in known.marks:
        return max(0.0, until - known.ringing_at)
    return told.ring_seconds
