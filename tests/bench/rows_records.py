"""Records of calls: bytes to committed calls beside Python's csv, ten exchanges side by side, and what sick ones cost
the healthy ones."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cti_adapters.exchanges.decoding import RecordDecoder
from cti_adapters.exchanges.kinds import RECORD_BATCH_BYTES
from cti_adapters.exchanges.lane import Lane
from cti_adapters.exchanges.writer import Writer
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.profiles import profile_named
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.work import Database
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.record_folding import RecordFolder
from cti_server.shared.clock import SystemClock
from cti_server.shared.phone import Plan, reader
from tests.bench.measure import Row, cpu_seconds, paired, percentile
from tests.bench.records import BARE, MAKES, bare, stream

RECORDS = {"small": 1_000, "full": 40_000, "huge": 200_000}
SECONDS = {"small": 1.0, "full": 8.0, "huge": 20.0}
EVERY = 0.2
"""Seconds between the records of each healthy exchange."""
EXCHANGES = 10
_WRITTEN = ("calls", "sights", "items", "audit")


class _Exchange:
    """A journal and a lane."""

    def __init__(self, name: str, store: Any, make: str = MAKES[0]) -> None:
        self._store = store
        self.journal = Journal(store.folder / name)
        fold = RecordFolder(ExchangePlan(id=name, branch="121"), reader(Plan(area_code="03")))
        self.lane = Lane(
            name,
            self.journal,
            store,
            RecordDecoder(profile_named(make)),
            fold,
            batch_bytes=RECORD_BATCH_BYTES,
        )

    def say(self, data: bytes) -> None:
        for at in range(0, len(data), RECORD_BATCH_BYTES):
            self.journal.append(Kind.BYTES, data[at : at + RECORD_BATCH_BYTES], time.time())

    def drain(self) -> None:
        """All that waits, with what the server does beside it every second."""
        moved = time.monotonic()
        while self.lane.step(now := time.monotonic()) is not None:
            if now - moved > 1.0:
                self._store.checkpoint()
                moved = now


class _Store(CallWriter):
    """The call writer as the server has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._database = Database(f"sqlite:///{folder / 'bench.sqlite3'}")
        self._database.upgrade()
        self._lanes = self._database.for_lanes()
        self.checkpoint = self._database.checkpoint
        super().__init__(self._lanes, SystemClock())

    def close(self) -> None:
        self._lanes.dispose()
        self._database.close()


@contextmanager
def _database() -> Iterator[_Store]:
    with tempfile.TemporaryDirectory() as name:
        store = _Store(Path(name))
        yield store
        store.close()


def records(size: str) -> list[Row]:
    """Each make by itself; then ten exchanges at full rate."""
    rows = [_committed(make, size) for make in MAKES]
    return [*rows, _beside_bare_rows(size), _side_by_side(size)]


def _committed(make: str, size: str) -> Row:
    data = stream(make, RECORDS[size])

    with _database() as store:
        one = _Exchange("hq", store, make)

        def committed() -> None:
            one.say(data)
            one.drain()

        mine = cpu_seconds(committed, 1)
        one.journal.close()
    other = cpu_seconds(lambda: bare(make, data))
    return Row(
        f"SMDR bytes to committed calls, {make}",
        other / mine,
        f"× {BARE[make]}",
        0.25,
        True,
        f"{BARE[make]} on the same bytes ({other:.2f} s; ours {mine:.2f} s, {RECORDS[size] / mine:,.0f} calls/s)",
        "SQLite: a call's rows and their seventeen index entries alone take longer than the target; then fold and rows",
    )


def _beside_bare_rows(size: str) -> Row:
    """What is possible at all: the same rows, made beforehand, written by the driver alone in lots as large."""
    data = stream(MAKES[0], RECORDS[size])
    with _database() as store:
        one = _Exchange("hq", store)
        one.say(data)

        mine = cpu_seconds(one.drain, 1)
        one.journal.close()
        limit = _rewriting(store.folder, RECORDS[size] * RECORD_BATCH_BYTES // len(data))
    return Row(
        "SMDR bytes to committed calls beside the bare writing of the same rows",
        limit / mine,
        "× sqlite3.executemany",
        0.25,
        True,
        f"sqlite3 into the same tables and indexes, as many a transaction ({limit:.2f} s; ours {mine:.2f} s)",
        "reading, folding, matching and making rows in Python",
    )


def _rewriting(folder: Path, lot: int) -> float:
    """Processor seconds that it takes to write the rows of a database into an empty one like it."""
    fresh = Database(f"sqlite:///{folder / 'again.sqlite3'}")
    fresh.upgrade()
    fresh.close()
    source = sqlite3.connect(folder / "bench.sqlite3")
    target = sqlite3.connect(folder / "again.sqlite3", isolation_level=None)
    target.executescript("PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;")
    tables = {name: source.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in _WRITTEN}

    def write() -> None:
        for at in range(0, max(len(rows) for rows in tables.values()), lot):
            target.execute("BEGIN IMMEDIATE")
            for name, rows in tables.items():
                some = rows[at : at + lot]
                if some:
                    target.executemany(f"INSERT INTO {name} VALUES ({','.join('?' * len(some[0]))})", some)
            target.execute("COMMIT")

    seconds = cpu_seconds(write, 1)
    target.close()
    source.close()
    return seconds


def _side_by_side(size: str) -> Row:
    share = stream(MAKES[0], RECORDS[size] // EXCHANGES)

    def alone() -> None:
        with _database() as store:
            for number in range(EXCHANGES):
                one = _Exchange(f"x{number}", store)
                one.say(share)
                one.drain()
                one.journal.close()

    def together() -> None:
        with _database() as store:
            all_of_them = [_Exchange(f"x{number}", store) for number in range(EXCHANGES)]
            for one in all_of_them:
                one.say(share)
            while sum(one.lane.step(time.monotonic()) is not None for one in all_of_them):
                pass
            for one in all_of_them:
                one.journal.close()

    ratio, mine, other = paired(together, alone, 1)
    return Row(
        "SMDR, ten exchanges at full rate side by side",
        ratio,
        "× one after the other",
        0.8,
        True,
        f"the same records one exchange after the other ({other:.2f} s; together {mine:.2f} s)",
        "one writer takes the lanes in turn",
    )


class _Timed:
    """The call writer, noting how long each record took from its arrival to its commit."""

    def __init__(self, store: _Store) -> None:
        self._store = store
        self.folder = store.folder
        self.positions = store.positions
        self.arrived: dict[tuple[str, float], float] = {}
        self.took: list[float] = []

    def commit(self, exchange: str, changed: Any, *more: Any) -> Any:
        told = self._store.commit(exchange, changed, *more)
        now = time.perf_counter()
        for log in changed:
            begun = self.arrived.pop((exchange, log.started_at), None)
            if begun is not None:
                self.took.append(now - begun)
        return told


def sick(size: str) -> list[Row]:
    """Ten healthy exchanges alone, then beside a dead one, a slow one and one that storms."""
    well = _latency(size, lambda store, writer: _nothing)
    ill = _latency(size, _sick_ones)
    return [
        Row(
            "SMDR, healthy exchanges beside a dead, a slow and a storming one: p99",
            percentile(ill, 0.99) / percentile(well, 0.99),
            "× without them",
            5.0,
            False,
            f"the same ten alone (p99 {percentile(well, 0.99) * 1000:.1f} ms; beside the sick "
            f"{percentile(ill, 0.99) * 1000:.1f} ms)",
            "the batch of the storming one that is being written",
        )
    ]


def _nothing() -> None:
    return


def _sick_ones(store: Any, writer: Writer) -> Callable[[], None]:
    """The sick ones; what they say, turn by turn."""
    dead, slow, storming = (_Exchange(name, store) for name in ("dead", "slow", "storming"))
    for one in (dead, slow, storming):
        writer.add(one.lane)
    dead.say(b"2026/11/25 10:0")  # and never again
    storm = stream(MAKES[0], 400) + b"\x00rubbish\n" * 200
    letters = iter(stream(MAKES[0], 5000))

    def turn() -> None:
        slow.say(bytes([next(letters)]))
        if storming.lane.backlog < 4 * 2**20:
            storming.say(storm)

    return turn


def _latency(size: str, others: Callable[[Any, Writer], Callable[[], None]]) -> list[float]:
    with _database() as kept:
        store = _Timed(kept)
        writer = Writer(lambda _: None)
        healthy = [_Exchange(f"x{number}", store) for number in range(EXCHANGES)]
        turn = others(store, writer)
        for one in healthy:
            writer.add(one.lane)
        writer.start()
        count, ends = 0, time.perf_counter() + SECONDS[size]
        base = 1_793_458_800.0  # 2026-11-01, midnight in Tokyo
        while (now := time.perf_counter()) < ends:
            for number, one in enumerate(healthy):
                store.arrived[(f"x{number}", base + count)] = time.perf_counter()
                one.say(stream(MAKES[0], 1, count))
            turn()
            writer.wake()
            count += 1
            time.sleep(max(0.0, now + EVERY - time.perf_counter()))
        writer.stop()
        return store.took


def reading(size: str) -> list[Row]:
    """The makes' records by their profiles, without what becomes of them."""
    return [_read(make, size) for make in MAKES]


def _read(make: str, size: str) -> Row:
    data = stream(make, RECORDS[size])
    profile = profile_named(make)

    def ours() -> int:
        decoder = RecordDecoder(profile)
        return sum(len(decoder.feed(data[at : at + 65536], 0.0)) for at in range(0, len(data), 65536))

    ratio, mine, other = paired(ours, lambda: bare(make, data), 1 if size == "small" else 3)
    return Row(
        f"SMDR bytes to records, {make}",
        ratio,
        f"× {BARE[make]}",
        0.25,
        True,
        f"{BARE[make]} on the same bytes ({other:.2f} s; ours {mine:.2f} s, {RECORDS[size] / mine:,.0f} records/s)",
        "a look-up per field of what its text means; the peer only cuts",
    )
