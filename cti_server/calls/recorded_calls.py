"""From the rows of an exchange's own record to calls as a caller would count them (spec C2, O1).

The record is written for bills. It shows who was put through to whom and when it was over; it is silent about who hung
up, about a transfer's moment of answer and about the dialled number once a call was sent on. What it can't tell stays
null."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from cti_server.calls.call_plan import ExchangePlan, LegKind, is_feature_code, shown_number
from cti_server.calls.cdr import CdrRow, Station
from cti_server.calls.log import CallLog, Direction, Disposition

MARK: Final = "from-record"
"""Marks a call that the exchange's own record told of, in whole or in part."""
AT_ONCE: Final = 0.25
"""Nobody answers a telephone so quickly, in seconds: it was the exchange that did."""
FELT_RINGING: Final = 1.0
"""A telephone that was tried for so long rang."""
_PATHS: Final = frozenset({"s", "h", "i", "t", "a", "o", "e", ""})
"""Places in the exchange's routing that are no numbers."""
_RANK: Final = {"in": 0, "out": 1, "internal": 2}


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call as the record tells it."""

    log: CallLog
    legs: frozenset[str]
    """Ids of the legs and groups of all of its rows: one of them is in the id of the call, or was."""
    exact: bool
    """Its times are exact; otherwise they may be a second off."""


def recorded_calls(
    rows: Iterable[CdrRow], plan: ExchangePlan, party: Callable[[str | None], str | None] = lambda _: None
) -> list[RecordedCall]:
    """The calls of which the rows tell, the oldest first. A row that is there twice counts once. ``party``: an outside
    number as received -> E.164, or None where it is none."""
    calls = []
    for group in _groups(sorted(set(rows), key=_order)):
        call = _call(group, plan, party)
        if call is not None:
            calls.append(call)
    return sorted(calls, key=lambda call: (call.log.started_at, call.log.id))


def _order(row: CdrRow) -> tuple[float, float, str, str]:
    return row.started_at, row.ended_at, row.leg, row.reached.channel if row.reached else ""


def _groups(rows: Sequence[CdrRow]) -> list[list[CdrRow]]:
    """Rows that tell of one call: those with a leg or a group in common, and those that share a channel at the same
    time, as a consultation shares one with the call that was transferred after it."""
    of = list(range(len(rows)))

    def root(number: int) -> int:
        while of[number] != number:
            of[number] = of[of[number]]
            number = of[number]
        return number

    named: dict[str, int] = {}
    channels: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        for id in {row.leg, row.group} - {""}:
            of[root(number)] = root(named.setdefault(id, number))
        for channel in _channels(row):
            earlier = channels.setdefault(channel, [])
            for other in earlier[-8:]:
                if _touch(rows[other], row):
                    of[root(number)] = root(other)
            earlier.append(number)
    groups: dict[int, list[CdrRow]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(root(number), []).append(row)
    return list(groups.values())


def _channels(row: CdrRow) -> set[str]:
    if row.doing == "conference":  # who is in one room has a call of their own
        return {row.caller.pair or row.caller.channel} if row.caller.inner else set()
    stations = [row.caller, *([row.reached] if row.reached else [])]
    return {station.pair or station.channel for station in stations if station.inner >= 0}


def _touch(one: CdrRow, two: CdrRow) -> bool:
    """Whether they overlap: after a restart an exchange gives the same names again."""
    slack = 0.1 if one.exact and two.exact else 1.0
    return one.started_at <= two.ended_at + slack and two.started_at <= one.ended_at + slack


def _serial(id: str) -> tuple[float, int]:
    """Ids are made of the second of birth and a counter."""
    second, _, count = id.rpartition("-")[2].partition(".")
    return (float(second), int(count)) if second.isdecimal() and count.isdecimal() else (float("inf"), 0)


# ---------------------------------------------------------------------- one call
class _Reading:
    """The rows of one call, with what can be said of them."""

    def __init__(self, rows: list[CdrRow], plan: ExchangePlan) -> None:
        self.rows = rows
        self.plan = plan
        self.id, self.own = min(self._strands(), key=self._rank)
        self.first = self.own[0]
        self.way = self._way(self.own)

    def _strands(self) -> list[tuple[str, list[CdrRow]]]:
        """What the exchange kept apart: a call, and a consultation that became part of it. Each with the id of its
        first leg and that leg's rows."""
        strands: dict[str, list[CdrRow]] = {}
        for row in self.rows:
            strands.setdefault(row.group, []).append(row)
        return [_strand(group, rows) for group, rows in strands.items()]

    def _rank(self, strand: tuple[str, list[CdrRow]]) -> tuple[int, float]:
        return _RANK[self._way(strand[1])], strand[1][0].started_at

    def kind(self, station: Station | None) -> LegKind:
        return "aid" if station is None else self.plan.kind(station.channel, station.peer, station.inner)

    def _way(self, own: list[CdrRow]) -> Direction:
        first = own[0]
        if self.kind(first.caller) == "trunk":
            return "in"
        for row in own:
            kind = self.kind(self.person(row) or row.reached)
            if kind in ("trunk", "extension"):
                return "out" if kind == "trunk" else "internal"
        inside = is_feature_code(first.dialled) or self.plan.is_extension(first.dialled) or first.dialled in _PATHS
        return "internal" if inside else "out"

    def behind(self, row: CdrRow) -> CdrRow | None:
        """The row of what was dialled behind an inner pair that this row reached."""
        if row.reached is None or row.reached.inner <= 0:
            return None
        pair = row.reached.pair
        return next((one for one in self.rows if one.caller.pair == pair and one.reached is not None), None)

    def person(self, row: CdrRow) -> Station | None:
        """The telephone or trunk that a row reached, through inner pairs."""
        for _ in range(8):
            if row.reached is None or row.reached.inner == 0:
                return row.reached
            further = self.behind(row)
            if further is None:
                return None
            row = further
        return None

    def dialled_on_trunk(self, row: CdrRow) -> str | None:
        """The outside number that a row's trunk was to reach."""
        if self.kind(row.reached) == "inner":
            further = self.behind(row)
            return self.dialled_on_trunk(further) if further is not None else None
        for one in self.rows:  # the row that dialled it knows the number
            if one.reached == row.reached and one.caller.inner == 2 and one.outside:
                return shown_number(one.outside)
        return shown_number(row.outside)

    # -- who took it
    def talks(self) -> list[CdrRow]:
        """The rows in which a person was there, in order. One that lasted no time only leads to the next: a pickup,
        a pair that went out of the way."""
        answered = [
            row
            for row in self.own
            if row.ending == "answered" and row.doing != "conference" and self.person(row) is not None
        ]
        return [
            row
            for row, following in pairwise([*answered, None])
            if row is not None and not (following is not None and _leads(row, following))
        ]

    def answer_time(self, talk: CdrRow) -> float | None:
        """When a person took the call; null where only the exchange's own answer is known."""
        lead = [row for row in self.own if row.ending == "answered" and row.started_at <= talk.started_at]
        for row in lead:
            if row.answered_at is not None and not self._at_once(row) and self.person(row) is not None:
                return row.answered_at
        if talk.doing != "queue":
            return None
        # The queue rang several at once, and the others stopped when this one took it.
        others = [
            row.ended_at
            for row in self.own
            if row.ending == "no-answer" and row.doing == "queue" and row.started_at - 1 <= talk.started_at
            if talk.started_at + AT_ONCE < row.ended_at < talk.ended_at
        ]
        return max(others, default=None)

    def _at_once(self, row: CdrRow) -> bool:
        assert row.answered_at is not None
        return row.answered_at - row.started_at < (AT_ONCE if row.exact else 1.0)

    def by_exchange(self) -> float | None:
        """When the exchange itself answered; null where it didn't, or a person did before it."""
        for row in self.own:
            if row.answered_at is None:
                continue
            if row.ending == "answered" and self.person(row) is not None and not self._at_once(row):
                return None
            if row.ending == "answered" and row.doing == "dial" and not row.exact:
                return None  # within one second: nobody knows who
            return row.answered_at
        return None


def _strand(group: str, rows: list[CdrRow]) -> tuple[str, list[CdrRow]]:
    legs = sorted({row.leg for row in rows if row.leg}, key=_serial)
    id = group or (legs[0] if legs else "")
    own = [row for row in rows if row.leg == id]
    if not own:
        # Its first leg has no row, or the record keeps no ids: then the leg that called first.
        named = rows[0].leg or rows[0].caller.channel
        own = [row for row in rows if (row.leg or row.caller.channel) == named]
        id = id or f"{int(rows[0].started_at)}.{rows[0].caller.channel}"
    return id, own


def _leads(row: CdrRow, following: CdrRow) -> bool:
    """Whether an answered row lasted no time and only led to the next."""
    if row.answered_at is None:
        return False
    slack = 0.1 if row.exact else 1.0
    return row.ended_at - row.answered_at < slack and following.started_at - row.ended_at <= slack


def _call(rows: list[CdrRow], plan: ExchangePlan, party: Callable[[str | None], str | None]) -> RecordedCall | None:
    reading = _Reading(rows, plan)
    first, way = reading.first, reading.way
    if not _counts(reading):
        return None
    talks = reading.talks()
    rooms = [row for row in reading.own if row.doing == "conference" and row.ending == "answered"]
    log = CallLog(
        id=f"{plan.id}-{reading.id}",
        exchange=plan.id,
        branch=plan.branch,
        direction=way,
        state="ended",
        started_at=first.started_at,
        ended_at=max(row.ended_at for row in reading.own),
        queue=next((row.place for row in reading.own if row.doing == "queue" and row.place), None),
        linkedids=list(dict.fromkeys(row.group or row.leg for row in rows if row.group or row.leg)),
        marks=[MARK],
        hold_seconds=None,
        over_when_told=True,
    )
    _who_called(log, reading)
    outside = log.caller_number if way == "in" else log.dialed_number if way == "out" else None
    log.party_e164 = party(outside)
    _what_rang(log, reading)
    if talks or rooms:
        _who_answered(log, reading, talks, rooms)
    else:
        log.pbx_answered_at = None if way == "out" else reading.by_exchange()
        log.wait_seconds = _between(log.started_at, log.ended_at)
        log.ring_seconds = _rang_for(reading)
    log.disposition = _disposition(log, reading)
    if way == "out" and not log.transferred_to:
        log.final_extension = log.caller_number
    return RecordedCall(
        log, frozenset({row.leg for row in rows} | {row.group for row in rows}) - {""}, all(row.exact for row in rows)
    )


def _counts(reading: _Reading) -> bool:
    """Whether it is a call, and not only the use of a feature of the exchange."""
    if reading.kind(reading.first.caller) == "trunk" or any(row.reached is not None for row in reading.own):
        return True
    if any(row.doing in ("queue", "conference", "mailbox") for row in reading.own):
        return True
    first = reading.first
    return (
        first.doing not in ("answering", "parking")
        and first.answered_at is None
        and first.dialled not in _PATHS
        and not is_feature_code(first.dialled)
    )


def _between(start: float, end: float | None) -> float:
    return 0.0 if end is None else max(0.0, end - start)


def _who_called(log: CallLog, reading: _Reading) -> None:
    first, plan = reading.first, reading.plan
    dialled = None if first.dialled in _PATHS else first.dialled
    if log.direction == "in":
        log.caller_number, log.caller_name = shown_number(first.number), first.name or None
        # An extension there is where the call was sent; what was dialled is lost.
        log.dialed_number = None if dialled is not None and plan.is_extension(dialled) else dialled
        return
    extension = first.caller.peer if reading.kind(first.caller) == "extension" else None
    log.caller_number = extension or shown_number(first.number)
    if first.number == log.caller_number:
        log.caller_name = first.name or None
    elif log.direction == "out":
        log.presented_number = shown_number(first.number)
    sent_on = any(row.dialled != first.dialled for row in reading.own)
    log.dialed_number = dialled
    if log.direction == "out" and (dialled is None or (sent_on and plan.is_extension(dialled))):
        log.dialed_number = reading.dialled_on_trunk(first)


def _what_rang(log: CallLog, reading: _Reading) -> None:
    rang, refused = set(), set()
    for row in reading.rows:
        station = row.reached
        if station is None or reading.kind(station) != "extension" or row.doing == "conference":
            continue
        if row.ending == "answered" and (row.doing == "answering" or _taken_over(row, reading)):
            continue
        if row.ending == "answered" or (row.ending == "no-answer" and row.ended_at - row.started_at >= FELT_RINGING):
            rang.add(station.peer)
        elif row.ending in ("busy", "failed"):
            refused.add(station.peer)
    log.rang_extensions, log.attempted_extensions = sorted(rang), sorted(refused - rang)


def _taken_over(row: CdrRow, reading: _Reading) -> bool:
    """Whether nothing rang there: somebody picked up what rang at another's telephone, or took what was parked."""
    for before, following in pairwise(reading.own):
        if following == row and following.answered_at == following.started_at:
            own = before.reached is not None and reading.kind(before.reached) == "extension"
            return before.doing == "parking" or (own and before.ending == "answered" and _leads(before, row))
    return False


def _who_answered(log: CallLog, reading: _Reading, talks: list[CdrRow], rooms: list[CdrRow]) -> None:
    log.answered = True
    log.wait_seconds = log.talk_seconds = log.ring_seconds = None
    log.pbx_answered_at = None if log.direction == "out" else reading.by_exchange()
    if not talks:
        log.final_extension = rooms[0].place or None
        log.answered_by_extension = log.final_extension
        log.ring_seconds = 0.0
        return
    first = talks[0]
    log.answered_at = reading.answer_time(first)
    people = [(row, reading.person(row)) for row in talks]
    if log.direction != "out":
        taker = people[0][1]
        if reading.kind(taker) == "extension" and taker is not None:
            log.answered_by_extension = taker.peer
        else:
            log.answered_by_number = reading.dialled_on_trunk(first)
    talked = [station.peer for _, station in people if station is not None and reading.kind(station) == "extension"]
    log.final_extension = talked[-1] if talked else None
    log.transferred_to = _sent_on(reading, first)
    if log.answered_at is not None:
        log.wait_seconds = _between(log.started_at, log.answered_at)
        log.talk_seconds = _between(log.answered_at, log.ended_at)
        log.ring_seconds = _between(_ringing_from(reading, log.started_at), log.answered_at)


def _sent_on(reading: _Reading, first: CdrRow) -> list[str]:
    """To whom the call went after the first who took it; one who had it before only has it back."""
    had = [reading.person(first)]
    before = [station.peer for station in had if station is not None]
    sent: list[str] = []
    for row in reading.own:
        station = reading.person(row)
        if station is None or row.started_at < (first.answered_at or first.started_at) or row is first:
            continue
        if row.started_at < first.ended_at - 0.1 or (row.doing == "queue" and row.ending != "answered"):
            continue
        number = station.peer if reading.kind(station) == "extension" else reading.dialled_on_trunk(row)
        if number and number not in before and number not in sent:
            sent.append(number)
    return sent


def _ringing_from(reading: _Reading, otherwise: float) -> float:
    """When the first telephone was tried. A leg's first row begins with the leg; where the exchange itself had
    answered, perhaps to play something, the second of several that were tried at once tells."""
    tries = [row for row in reading.own if row.reached is not None]
    if len(tries) > 1 and reading.by_exchange() is not None and tries[1].started_at < tries[0].ended_at:
        return tries[1].started_at
    return tries[0].started_at if tries else otherwise


def _rang_for(reading: _Reading) -> float:
    """For how long telephones rang in vain."""
    tries = [row for row in reading.own if reading.person(row) is not None and row.ending == "no-answer"]
    if not any(row.ended_at - row.started_at >= FELT_RINGING for row in tries):
        return 0.0
    first = tries[0]
    begun = first.started_at
    if first.doing == "dial" and first.answered_at is not None:
        begun = first.answered_at  # on request: the caller's own telephone was called first
    return max(row.ended_at for row in tries) - begun


def _disposition(log: CallLog, reading: _Reading) -> Disposition:
    if log.answered:
        return "answered"
    own = reading.own
    if any(row.doing == "mailbox" for row in own):
        return "voicemail"
    last = own[-1]
    queued = [row for row in own if row.doing == "queue"]
    if queued:
        waited = last.ended_at - min(row.answered_at or row.started_at for row in queued)
        patience = queued[-1].patience
        gave_up = last.doing == "queue" and (patience is None or waited < patience)
        return "abandoned" if gave_up else "missed"
    tries = [row for row in own if row.reached is not None]
    if log.direction == "out":
        tries = tries[-1:]
    endings = {row.ending for row in tries}
    if tries and (log.rang_extensions or "no-answer" in endings) and not (log.direction == "out" and "busy" in endings):
        return "missed"
    if "busy" in endings:
        return "busy"
    if tries or last.doing == "refusal":
        return "failed"
    return "abandoned" if log.pbx_answered_at is not None else "missed"
