"""From the records of one exchange (SMDR, CDR) to its call log: one entry per caller's call (spec C2, O3).

A pure function of the sequence of events, as `folding` is for those that tell of calls while they last: the same
records make the same calls with the same ids. A call is over when a record tells of it. Where others of the same call
may follow, the entry is there at once and is completed while they come:

- Records with the same key (``CallRecord.call_key``) are one call, in whatever order and between whichever others they
  come: for hours while the last one says that more follow, else for `Patience.settling` seconds.
- A record that only adds to another (a line with the caller's name) belongs to the one before it.
- The same record again, as after a reconnect, is the same call. Two that can't be told apart but may well be two calls
  (no second is printed, neither lasted a minute) are two, unless the link was lost in between.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from cti_server.calls import events
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.log import AWAITED, SETTLING, CallLog, Settled
from cti_server.calls.record_call import PartyReader, RecordedCall, Told, log_of, only_adds, record_times
from cti_server.calls.records import CallRecord
from cti_server.shared.positions import Position

ALIKE_SECONDS: Final = 600.0
ALIKE_BYTES: Final = 2**21
"""So long a time and so long a stretch of the journal it is remembered which records looked alike."""
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """How long other records of a call are waited for, in seconds of arrival, and for how many calls at once."""

    awaiting: float = 6 * 3600.0
    """After a record that says that more follow."""
    settling: float = 60.0
    """After any other that has a key."""
    calls: int = 2000
    additions: bool = False
    """Whether the exchange has records that only add to the one before."""


class RecordFolder:
    """Folds the records of one exchange. ``party``: an outside number as received -> E.164, or None where it is none.

    ``secret`` goes into the ids, so that nobody can find out a number by trying which one makes an id. It has to be the
    same whenever the same journal is folded.
    """

    def __init__(
        self,
        plan: ExchangePlan,
        party: PartyReader = lambda number: None,
        *,
        secret: bytes = b"",
        patience: Patience | None = None,
    ) -> None:
        self._plan = plan
        self._party = party
        self._secret = secret
        self._patience = patience or Patience()
        self._changed: dict[str, RecordedCall] = {}
        self._settled: dict[str, RecordedCall] = {}
        self._awaiting: OrderedDict[str, RecordedCall] = OrderedDict()  # by key, the longest untouched first
        self._settling: OrderedDict[str, RecordedCall] = OrderedDict()
        self._latest: RecordedCall | None = None
        self._alike = _Alike()

    def feed(self, event: events.Event, position: Position) -> None:
        """Takes an event in. ``position``: a place in the journal from which on this event can be read again."""
        self._give_up(event.at)
        self._alike.leave(event.at, position)
        if isinstance(event, events.RecordRead):
            self._take(Told(event.at, event.record, event.raw), position)
        elif isinstance(event, events.LinkUp | events.LinkLost):
            self._alike.forget()

    def changed(self) -> list[CallLog]:
        """The calls that changed since this was last asked, in the order of their first change."""
        logs = []
        for call in self._changed.values():
            log = log_of(call, self._plan, self._party)
            call.marks = [mark for mark in log.marks if mark != call.mark]
            logs.append(log)
        self._changed.clear()
        return logs

    def settled(self) -> list[Settled]:
        """The calls that became final since this was last asked, without any other change: half of all that there is to
        tell of a make whose records have keys. To be taken in before those that `changed`."""
        settled = [Settled(call.id, call.marks) for call in self._settled.values()]
        self._settled.clear()
        return settled

    def open_calls(self) -> list[CallLog]:
        """The calls of which other records may come."""
        return [log_of(call, self._plan, self._party) for call in self._remembered()]

    def low_water(self) -> Position | None:
        """The oldest place in the journal that is needed to go on as if nothing had been interrupted; None where
        nothing is."""
        places = [call.position for call in self._remembered()]
        if self._alike.position is not None:
            places.append(self._alike.position)
        return min(places, default=None)

    # -- taking in

    def _take(self, told: Told, position: Position) -> None:
        record = told.record
        if only_adds(record) and not record.call_key:
            if self._latest is not None:
                self._latest.told.append(told)
                self._changed[self._latest.id] = self._latest
            return
        self._settle_latest()
        if record.call_key:
            self._take_keyed(record.call_key, told, position)
            return
        nth = 0
        if _may_be_another(record):
            nth, position = self._alike.nth(told, position)
        call = RecordedCall(self._id(b"record", told.raw, nth.to_bytes(4, "big")), position, [told])
        if self._patience.additions or record.continuation is not False:
            call.mark, self._latest = SETTLING, call
        self._changed[call.id] = call

    def _take_keyed(self, key: str, told: Told, position: Position) -> None:
        call = self._awaiting.pop(key, None) or self._settling.pop(key, None)
        if call is not None and not _belongs(call, told.record):
            self._finish(call)
            call = None
        if call is None:
            start, end = record_times(told, self._plan.timezone)
            moment = repr(start if start is not None else end)
            number = told.record.external_number or ""
            call = RecordedCall(
                self._id(
                    b"key",
                    key.encode("utf-8", "surrogateescape"),
                    moment.encode(),
                    number.encode("utf-8", "surrogateescape"),
                ),
                position,
            )
        if all(one.record != told.record for one in call.told):
            call.told.append(told)
        more = told.record.continuation is True
        call.mark = AWAITED if more else SETTLING
        (self._awaiting if more else self._settling)[key] = call
        self._changed[call.id] = call
        self._bound()

    def _id(self, *parts: bytes) -> str:
        digest = blake2b(key=self._secret[:64], digest_size=12)
        for part in parts:
            digest.update(len(part).to_bytes(4, "big") + part)
        return f"{self._plan.id}-{digest.hexdigest()}"

    # -- letting go

    def _give_up(self, now: float) -> None:
        for calls, seconds in (
            (self._awaiting, self._patience.awaiting),
            (self._settling, self._patience.settling),
        ):
            while calls and next(iter(calls.values())).told[-1].at + seconds < now:
                self._finish(calls.popitem(last=False)[1])
        if self._latest is not None and self._latest.told[0].at + self._patience.settling < now:
            self._settle_latest()

    def _bound(self) -> None:
        for calls in (self._awaiting, self._settling):
            while len(calls) > self._patience.calls:
                self._finish(calls.popitem(last=False)[1])

    def _settle_latest(self) -> None:
        if self._latest is not None:
            self._finish(self._latest)
            self._latest = None

    def _finish(self, call: RecordedCall) -> None:
        call.mark = ""
        if self._changed.get(call.id) is not call:
            self._settled[call.id] = call

    def _remembered(self) -> Iterator[RecordedCall]:
        yield from self._awaiting.values()
        yield from self._settling.values()
        if self._latest is not None:
            yield self._latest


class _Alike:
    """How often each record that may be several calls came since a link came up, within one stretch of time and
    journal. The stretches are the same wherever reading begins, so that reading again counts the same."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self._stretch = (0, 0)
        self._seen: dict[bytes, int] = {}

    def nth(self, told: Told, position: Position) -> tuple[int, Position]:
        """How many like it came before, and where reading has to begin to count the same."""
        self.leave(told.at, position)
        if self.position is None:
            self.position = position
        nth = self._seen.get(told.raw, 0)
        self._seen[told.raw] = nth + 1
        return nth, self.position

    def leave(self, at: float, position: Position) -> None:
        """Forgets what came before the stretch that is current now."""
        stretch = int(at // ALIKE_SECONDS), position.record // ALIKE_BYTES
        if stretch != self._stretch:
            self._stretch = stretch
            self.forget()

    def forget(self) -> None:
        """Begins anew."""
        self.position = None
        self._seen.clear()


def _may_be_another(record: CallRecord) -> bool:
    """Whether a record that looks the same may be of another call: no second is printed, and neither kept the line for
    a minute."""
    times = (
        record.started_at_local,
        record.started_at_no_year,
        record.ended_at_local,
        record.ended_at_no_year,
    )
    known = [one for one in times if one is not None]
    return all(one.second == 0 for one in known) and (record.duration_seconds or 0) < _MINUTE


def _belongs(call: RecordedCall, record: CallRecord) -> bool:
    """Whether a record with the key of a call is of that call: keys are used again, by another caller."""
    numbers = {one.record.external_number for one in call.told if one.record.external_number}
    return not numbers or record.external_number is None or record.external_number in numbers
