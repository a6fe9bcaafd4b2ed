"""Records of calls: bytes to committed calls beside Python's csv, ten exchanges side by side, and what sick ones cost
the healthy ones."""

from __future__ import annotations

import csv
import io
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
from tests.bench.measure import Row, paired, percentile

RECORDS = {"small": 2_000, "full": 60_000, "huge": 200_000}
SECONDS = {"small": 1.0, "full": 8.0, "huge": 20.0}
EVERY = 0.2
"""Seconds between the records of each healthy exchange."""
EXCHANGES = 10


def stream(count: int, first: int = 0) -> bytes:
    """So many records of an Avaya IP Office, a call each, of 500 callers."""
    return b"".join(_record(number) for number in range(first, first + count))


def _record(number: int) -> bytes:
    day, extension = 1 + number // 86400 % 28, b"20%02d" % (number % 40)
    start = b"2026/11/%02d %02d:%02d:%02d" % (day, number // 3600 % 24, number // 60 % 60, number % 60)
    talk = b"00:%02d:%02d" % (number % 200 // 60, number % 60)
    who = b"%d,03%08d,I,%b,%b,,0" % (number % 9, number % 500, extension, extension)
    key = b"%d,0,E%b,Extn%b,T9001,Line 1.1,0,0" % (1_000_000 + number, extension, extension)
    return b"%b,%b,%b,%b%b\r\n" % (start, talk, who, key, b"," * 13)


class _Exchange:
    """A journal and a lane."""

    def __init__(self, folder: Path, name: str, store: Any) -> None:
        self.journal = Journal(folder / name)
        fold = RecordFolder(ExchangePlan(id=name, branch="121"), reader(Plan(area_code="03")))
        self.lane = Lane(
            name,
            self.journal,
            store,
            RecordDecoder(profile_named("avaya-ipoffice")),
            fold,
            batch_bytes=RECORD_BATCH_BYTES,
        )

    def say(self, data: bytes) -> None:
        for at in range(0, len(data), RECORD_BATCH_BYTES):
            self.journal.append(Kind.BYTES, data[at : at + RECORD_BATCH_BYTES], time.time())

    def drain(self) -> None:
        while self.lane.step(time.monotonic()) is not None:
            pass


@contextmanager
def _database() -> Iterator[tuple[Path, CallWriter]]:
    with tempfile.TemporaryDirectory() as name:
        database = Database(f"sqlite:///{Path(name) / 'bench.sqlite3'}")
        database.upgrade()
        yield Path(name), CallWriter(database.engine, SystemClock())
        database.close()


def records(size: str) -> list[Row]:
    """One exchange, then ten at full rate."""
    data = stream(RECORDS[size])

    def committed() -> None:
        with _database() as (folder, store):
            one = _Exchange(folder, "hq", store)
            one.say(data)
            one.drain()
            one.journal.close()

    def read() -> int:
        with tempfile.TemporaryFile("w+", newline="") as file:
            file.write(data.decode())
            file.seek(0)
            return sum(1 for _ in csv.reader(file))

    ratio, mine, other = paired(committed, read, 1 if size == "small" else 3)
    return [
        Row(
            "SMDR bytes to committed calls",
            ratio,
            "× csv.reader",
            0.25,
            True,
            f"Python's csv on the same file ({other:.2f} s; ours {mine:.2f} s, {RECORDS[size] / mine:,.0f} calls/s)",
            "writing the rows of each call, then reading records in Python",
        ),
        _side_by_side(size),
    ]


def _side_by_side(size: str) -> Row:
    share = stream(RECORDS[size] // EXCHANGES)

    def alone() -> None:
        with _database() as (folder, store):
            for number in range(EXCHANGES):
                one = _Exchange(folder, f"x{number}", store)
                one.say(share)
                one.drain()
                one.journal.close()

    def together() -> None:
        with _database() as (folder, store):
            all_of_them = [_Exchange(folder, f"x{number}", store) for number in range(EXCHANGES)]
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

    def __init__(self, store: CallWriter) -> None:
        self._store = store
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
    well = _latency(size, lambda folder, store, writer: _nothing)
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


def _sick_ones(folder: Path, store: Any, writer: Writer) -> Callable[[], None]:
    """The sick ones; what they say, turn by turn."""
    dead, slow, storming = (_Exchange(folder, name, store) for name in ("dead", "slow", "storming"))
    for one in (dead, slow, storming):
        writer.add(one.lane)
    dead.say(b"2026/11/25 10:0")  # and never again
    storm = stream(400) + b"\x00rubbish\n" * 200
    letters = iter(stream(5000))

    def turn() -> None:
        slow.say(bytes([next(letters)]))
        if storming.lane.backlog < 4 * 2**20:
            storming.say(storm)

    return turn


def _latency(size: str, others: Callable[[Path, Any, Writer], Callable[[], None]]) -> list[float]:
    with _database() as (folder, kept):
        store = _Timed(kept)
        writer = Writer(lambda _: None)
        healthy = [_Exchange(folder, f"x{number}", store) for number in range(EXCHANGES)]
        turn = others(folder, store, writer)
        for one in healthy:
            writer.add(one.lane)
        writer.start()
        count, ends = 0, time.perf_counter() + SECONDS[size]
        base = 1_793_458_800.0  # 2026-11-01, midnight in Tokyo
        while (now := time.perf_counter()) < ends:
            for number, one in enumerate(healthy):
                store.arrived[(f"x{number}", base + count)] = time.perf_counter()
                one.say(stream(1, count))
            turn()
            writer.wake()
            count += 1
            time.sleep(max(0.0, now + EVERY - time.perf_counter()))
        writer.stop()
        return store.took


def reading(size: str) -> list[Row]:
    """A make's records by its profile, without what becomes of them."""
    profile = profile_named("avaya-ipoffice")
    record = profile.tests[0].text.strip().encode() + b"\r\n"
    data = record * RECORDS[size]

    def ours() -> int:
        decoder = RecordDecoder(profile)
        return sum(len(decoder.feed(data[at : at + 65536], 0.0)) for at in range(0, len(data), 65536))

    def bare() -> int:
        return sum(1 for _ in csv.reader(io.StringIO(data.decode())))

    ratio, mine, other = paired(ours, bare, 1 if size == "small" else 3)
    return [
        Row(
            "SMDR bytes to records",
            ratio,
            "× csv.reader",
            0.25,
            True,
            f"Python's csv on the same text ({other:.2f} s; ours {mine:.2f} s, {RECORDS[size] / mine:,.0f} records/s)",
            "a record with 25 fields, its rules applied",
        )
    ]
