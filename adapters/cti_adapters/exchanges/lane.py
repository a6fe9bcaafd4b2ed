"""The lane of an exchange: its journal becomes calls, batch by batch, one transaction each (house.md, decisions 002
and 003). Lanes run in the writer thread only (``writer.py``)."""

from __future__ import annotations

import json
import logging
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cti_adapters.exchanges.status import LaneStatus, Reason
from cti_adapters.journal.files import JournalDamaged, Kind, Record
from cti_server.calls.call_recovery import GapFetch
from cti_server.calls.clock_skew import SkewMeter
from cti_server.calls.events import Event, LegsRecorded, LinkLost, LinkUp, Swept, Unreadable
from cti_server.calls.log import CallLog, Settled
from cti_server.shared.errors import YobirinError
from cti_server.shared.feed import GapChange, UnreadableBytes
from cti_server.shared.notices import Notice
from cti_server.shared.positions import Position

log = logging.getLogger(__name__)

BATCH_BYTES = 2**20
"""So much of the journal becomes one transaction at most, so that other exchanges get their turn."""
FIRST_RETRY, LONGEST_RETRY = 0.1, 5.0
QUIET_BYTES = 2**20
"""So much that changed no call may go by before the position is stored all the same."""
KEPT_RAW = 4096
_BEGINNING = Position(0, 0)
KEPT_PER_RECORD = 20
"""More unreadable things than these in one record are only counted: a storm of rubbish must not fill the database."""


ReadFetch = Callable[[bytes, float], GapFetch]
Stamp = Callable[[Event], float | None]
"""When an event was by the exchange's clock; null where that isn't said."""


def stamped(event: Event) -> float | None:
    """The stamp of an event that is told while it happens."""
    return event.at


"""The payload of a RECORD and its time -> what was fetched (``record_fetch``)."""


class Decoder(Protocol):
    """Bytes of one kind of exchange to events."""

    @property
    def pending(self) -> int:
        """How many of the newest bytes belong to what is not complete yet."""

    @property
    def learned(self) -> int:
        """How often something came, such as the names of columns, that what follows can't be read without."""

    def feed(self, data: bytes, at: float) -> list[Event | Unreadable]:
        """The events that ``data`` completes. ``at``: when it arrived."""

    def finish(self, at: float) -> list[Event | Unreadable]:
        """Nothing more comes of what is not complete: what it makes as it is."""

    def reset(self) -> Unreadable | None:
        """A new connection; returns what the last one left unfinished."""


class Fold(Protocol):
    """The part of ``calls.folding.Folder`` that a lane needs."""

    def feed(self, event: Event, position: Position) -> None:
        """Takes the next event; ``position`` is where reading has to begin to get it again."""

    def changed(self) -> list[CallLog]:
        """Calls that changed since last asked."""

    def settled(self) -> list[Settled]:
        """Entries that became final since last asked, without any other change."""

    def low_water(self) -> Position | None:
        """Where reading has to begin to get the open calls again."""


class Source(Protocol):
    """The part of ``journal.files.Journal`` that a lane needs."""

    @property
    def start(self) -> int:
        """The oldest offset that is still kept."""

    @property
    def end(self) -> int:
        """The offset behind the last record."""

    def read(self, offset: int, max_bytes: int) -> list[Record]:
        """Records from ``offset`` on; none only at the end. Raises JournalDamaged."""

    def sync(self) -> None:
        """Makes everything that was appended before durable."""

    def advance_to(self, offset: int) -> None:
        """Lets the journal go on at ``offset``, beyond its end."""


class Store(Protocol):
    """Where a lane's batches go: ``storage.call_writer.CallWriter``."""

    def positions(self, exchange: str) -> tuple[Position, Position] | None:
        """(folded, rebuild) as stored last."""

    def commit(
        self,
        exchange: str,
        changed: list[CallLog],
        unreadable: list[UnreadableBytes],
        gaps: list[GapChange],
        folded: Position,
        rebuild: Position,
        fetch: GapFetch | None = None,
        settled: Sequence[Settled] = (),
    ) -> list[Notice]:
        """Writes a batch in one transaction and returns what is to be told now. ``fetch`` is of calls that were over
        before anything else of the batch happened that is not in ``changed``. ``settled`` come before ``changed``."""


@dataclass(slots=True)
class _Batch:
    """What a stretch of the journal became."""

    changed: list[CallLog] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    unreadable: list[UnreadableBytes] = field(default_factory=list)
    gaps: list[GapChange] = field(default_factory=list)
    fetch: GapFetch | None = None
    """The last of it: a batch ends with what was fetched from the exchange's own record."""
    folded: Position = _BEGINNING
    rebuild: Position = _BEGINNING
    at: float = 0.0
    unkept: int = 0
    """Unreadable things beyond KEPT_PER_RECORD; the journal has them."""

    @property
    def tells(self) -> bool:
        """Whether there is more to write than the position."""
        return bool(self.changed or self.settled or self.unreadable or self.gaps or self.fetch)


class _Stretch(NamedTuple):
    """Bytes that were given to the decoder: ``size`` payload bytes of ``record`` from ``skip`` on."""

    record: int
    skip: int
    size: int


class Lane:
    """Reads from the journal, never from memory, so nothing grows when the database is stuck; the backlog is the
    distance between two positions."""

    def __init__(
        self,
        exchange: str,
        journal: Source,
        store: Store,
        decoder: Decoder,
        fold: Fold,
        *,
        read_fetch: ReadFetch | None = None,
        stamp: Stamp = stamped,
        clock: SkewMeter | None = None,
        gap_source: str = "",
        on_open: Callable[[], None] = lambda: None,
        on_problem: Callable[[Reason], None] = lambda _: None,
        batch_bytes: int = BATCH_BYTES,
    ) -> None:
        self.exchange = exchange
        self.status = LaneStatus()
        self.retry_at = 0.0
        """By the monotonic clock: nothing to be done before."""
        self._journal = journal
        self._store = store
        self._decoder = decoder
        self._fold = fold
        self._read_fetch = read_fetch
        self._on_open = on_open
        self._on_problem = on_problem
        self._batch_bytes = batch_bytes
        self._step: Callable[[], list[Notice] | None] = self._open
        self._next = _BEGINNING  # the next bytes to give to the decoder
        self._stretches: deque[_Stretch] = deque()  # what the decoder has, from its first incomplete byte on
        self._stretched = 0  # bytes in them
        self._learned = 0
        self._learned_at: Position | None = None
        """Where reading has to begin to learn again what the newest events can't be read without."""
        self._stored = self._rebuild = _BEGINNING
        self._unwritten: _Batch | None = None
        self._retry_seconds = FIRST_RETRY
        self._clock = clock or SkewMeter()
        self._stamp = stamp
        self._gap_source = gap_source

    @property
    def needed_from(self) -> int:
        """The journal offset from which on records are still needed."""
        return self._rebuild.record

    @property
    def backlog(self) -> int:
        """Bytes of the journal that are not folded yet."""
        return max(0, self._journal.end - self._next.record)

    def step(self, now: float) -> list[Notice] | None:
        """Does the next piece of work and returns what is to be told; null when there was nothing to do.

        ``now`` is by the monotonic clock. Never raises: what fails is tried again, later and later.
        """
        if now < self.retry_at:
            return None
        try:
            notices = self._step()
        except Exception as bad:  # noqa: BLE001 - one lane must never end the thread that serves all of them
            self._failed(bad, now)
            return None
        if self.retry_at:
            self.retry_at, self._retry_seconds = 0.0, FIRST_RETRY
            self._problem(Reason())
        return notices

    # -- the steps

    def _open(self) -> list[Notice]:
        """Learns how far it was; from here on the journal may be appended to."""
        start = Position(self._journal.start, 0)
        folded, self._rebuild = self._store.positions(self.exchange) or (start, start)
        if folded > Position(self._journal.end, 0):
            log.error("exchange %s: the journal ends before what is in the database; it goes on behind", self.exchange)
            self._journal.advance_to(folded.record + 1)
            folded = Position(self._journal.end, 0)
        self._stored = folded
        self._next = min(self._rebuild, folded)
        self._step = self._restore
        self._on_open()
        return []

    def _restore(self) -> list[Notice]:
        """Brings the open calls back from what is in the database already; nothing of it is written again."""
        forgotten = _Batch()
        before = self._next
        for record in self._read(forgotten):
            if Position(record.offset, 0) >= self._stored:
                break
            self._take(record, self._stored.skip if record.offset == self._stored.record else None, forgotten)
        if before < self._next < self._stored:
            return []
        self._fold.changed()
        self._fold.settled()
        self._decoder.reset()
        self._forget_stretches()
        self._next = self._stored
        self.status.events = 0
        self._step = self._advance
        return []

    def _advance(self) -> list[Notice] | None:
        """One batch from the journal into the database."""
        if self._unwritten is None:
            batch = _Batch()
            records = self._read(batch)
            if not records and not batch.tells:
                return None
            for record in records:
                self._take(record, None, batch)
                batch.at = record.at
                if batch.fetch is not None:
                    break
            self._close(batch)
        return self._write()

    def _write(self) -> list[Notice]:
        batch = self._unwritten
        if batch is None:
            return []
        notices: list[Notice] = []
        if batch.tells or batch.folded.record - self._stored.record > QUIET_BYTES:
            self._journal.sync()
            notices = self._store.commit(
                self.exchange,
                batch.changed,
                batch.unreadable,
                batch.gaps,
                batch.folded,
                batch.rebuild,
                batch.fetch,
                batch.settled,
            )
            self._stored, self._rebuild = batch.folded, batch.rebuild
            self.status.batches += 1
            began = [call.started_at for call in batch.changed]
            self.status.last_call = max([*began, self.status.last_call or 0.0]) or None
        self._unwritten = None
        self.status.unreadable += len(batch.unreadable) + batch.unkept
        self.status.last_event = batch.at or self.status.last_event
        self.status.clock_ahead, self.status.clock_unsure = self._clock.ahead, self._clock.unsure
        return notices

    # -- folding

    def _read(self, batch: _Batch) -> list[Record]:
        try:
            return self._journal.read(self._next.record, self._batch_bytes)
        except JournalDamaged as bad:
            log.error("exchange %s: %s", self.exchange, bad)
            at = self.status.last_event or 0.0
            batch.unreadable.append(UnreadableBytes(bad.offset, 0, at, "journal-damaged", b"", bad.resume - bad.offset))
            self._decoder.reset()
            self._forget_stretches()
            self._next = Position(bad.resume, 0)
            return []

    def _take(self, record: Record, until: int | None, batch: _Batch) -> None:
        """Folds a record, from where the last one ended; ``until``: only so many of its payload bytes."""
        skip = self._next.skip if record.offset == self._next.record else 0
        if record.kind is Kind.BYTES:
            data = record.payload[skip:until] if skip or until is not None else record.payload
            self._take_bytes(record, skip, data, batch)
        elif record.kind is Kind.TICK:
            self._give(Swept(record.at), self._frontier(record.offset), record, batch)
        elif record.kind is Kind.PLACE:
            self._take_place(record, batch)
        elif record.kind is Kind.RECORD:
            self._take_fetch(record, batch)
        elif record.kind is not Kind.ASIDE:
            self._take_link(record, batch)
        self._next = Position(record.next, 0)

    def _take_bytes(self, record: Record, skip: int, data: bytes, batch: _Batch) -> None:
        position = self._frontier(record.offset, skip)
        for event in self._decoder.feed(data, record.at):
            self._give(event, position, record, batch)
        self._note_learned(position)
        pending = self._decoder.pending
        if pending == 0:
            self._forget_stretches()
            return
        self._stretches.append(_Stretch(record.offset, skip, len(data)))
        self._stretched += len(data)
        while self._stretched > pending:
            first = self._stretches.popleft()
            surplus = min(first.size, self._stretched - pending)
            self._stretched -= surplus
            if surplus < first.size:
                self._stretches.appendleft(_Stretch(first.record, first.skip + surplus, first.size - surplus))

    def _take_place(self, record: Record, batch: _Batch) -> None:
        """A file begins or is over: nothing more comes of what is not complete."""
        told = json.loads(record.payload)
        if told["begins"] or told["ends"]:
            position = self._frontier(record.offset)
            for event in self._decoder.finish(record.at):
                self._give(event, position, record, batch)
            self._note_learned(position)
            self._forget_stretches()

    def _take_link(self, record: Record, batch: _Batch) -> None:
        unfinished = self._decoder.reset()
        self._forget_stretches()
        if unfinished is not None:
            self._keep_unreadable(unfinished, record, batch)
        told = json.loads(record.payload)
        if record.kind is Kind.DOWN:
            event: Event = LinkLost(record.at, told["heard"])
            batch.gaps.append(GapChange(told["heard"], None, told["reason"], self._gap_source))
        else:
            event = LinkUp(record.at)
            self._clock.link_up(record.at)
            if told.get("blind_since") is not None:
                batch.gaps.append(GapChange(told["blind_since"], record.at, told["reason"], self._gap_source))
        self._give(event, Position(record.offset, 0), record, batch)

    def _take_fetch(self, record: Record, batch: _Batch) -> None:
        """What the exchange's own record gave back; the fold only hears which legs are over."""
        if self._read_fetch is None:
            return
        fetch = self._read_fetch(record.payload, record.at)
        legs: frozenset[str] = frozenset().union(*(call.legs for call in fetch.calls))
        self._give(LegsRecorded(record.at, legs), self._frontier(record.offset), record, batch)
        batch.fetch = fetch

    def _give(self, event: Event | Unreadable, position: Position, record: Record, batch: _Batch) -> None:
        if isinstance(event, Unreadable):
            self._keep_unreadable(event, record, batch)
            return
        self.status.events += 1
        stamp = self._stamp(event)
        if stamp is not None and stamp != record.at:  # stamped by the exchange; else it has the time of its arrival
            self._clock.take(stamp, record.at)
        try:
            self._fold.feed(event, position)
        except Exception as bad:  # noqa: BLE001 - no single event may stop the feed; it is kept and shown
            log.error("exchange %s: a %s could not be folded\n%s", self.exchange, type(event).__name__, _where(bad))
            raw = repr(event).encode("utf-8", "surrogateescape")
            self._keep_unreadable(Unreadable(raw, "not-folded", len(raw)), record, batch)

    @staticmethod
    def _keep_unreadable(what: Unreadable, record: Record, batch: _Batch) -> None:
        last = batch.unreadable[-1] if batch.unreadable else None
        number = last.number + 1 if last is not None and last.record == record.offset else 0
        if number >= KEPT_PER_RECORD:
            batch.unkept += 1
            return
        batch.unreadable.append(
            UnreadableBytes(record.offset, number, record.at, what.reason, what.raw[:KEPT_RAW], what.size)
        )

    def _frontier(self, record: int, skip: int = 0) -> Position:
        """Where reading has to begin to get all that is not folded yet; ``record`` and ``skip`` if that is next."""
        if self._stretches:
            return Position(self._stretches[0].record, self._stretches[0].skip)
        return Position(record, skip)

    def _note_learned(self, position: Position) -> None:
        if self._decoder.learned != self._learned:
            self._learned, self._learned_at = self._decoder.learned, position

    def _forget_stretches(self) -> None:
        self._stretches.clear()
        self._stretched = 0

    def _close(self, batch: _Batch) -> None:
        batch.settled = self._fold.settled()
        batch.changed = self._fold.changed()
        batch.folded = self._frontier(*self._next)
        batch.rebuild = min(self._fold.low_water() or batch.folded, self._learned_at or batch.folded, batch.folded)
        self._unwritten = batch

    # -- failing

    def _failed(self, bad: Exception, now: float) -> None:
        self.status.commits_failed += 1
        self.retry_at = now + self._retry_seconds
        self._retry_seconds = min(LONGEST_RETRY, self._retry_seconds * 2)
        reason = Reason("database-stuck", {"error": _said(bad)})
        if reason != self.status.problem:
            log.error("exchange %s: %s\n%s", self.exchange, reason.sentence, _where(bad))
        self._problem(reason)

    def _problem(self, reason: Reason) -> None:
        if reason != self.status.problem:
            self.status.problem = reason
            self._on_problem(reason)


def _said(bad: Exception) -> str:
    """What an error says, without the values of the statement that it hit."""
    if isinstance(bad, YobirinError | OSError):
        return str(bad)
    return str(getattr(bad, "orig", "")) or type(bad).__name__


def _where(bad: Exception) -> str:
    """The lines of the program that an error came through, and its kind: no values, which may be numbers or names."""
    return "".join(traceback.format_tb(bad.__traceback__)) + type(bad).__name__
