"""Long work beside a telephone: how long one writer waits while calls are recounted or deals come in, and how fast the
deals come."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cti_adapters.storage import recounting
from cti_adapters.storage.deal_import import import_deals
from cti_adapters.storage.work import Database, writing
from cti_server.shared.scope import Span
from tests.bench import world
from tests.bench.measure import Row, percentile
from tests.bench.rows_phase_pages import grown
from tests.bench.rows_review import Clock

SIZES = {"small": (1_000, 50), "full": (100_000, 10_000)}
"""Calls to recount, deals to import."""
ROWS_OF_A_DEAL = 7
"""The deal, three steps, its number elsewhere, its value and the entry in the trail."""
_WRITER = """
import json, sqlite3, sys, time
base = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
base.execute("PRAGMA synchronous=FULL")
took = []
print("ready", flush=True)
while True:
    began = time.perf_counter()
    base.execute("BEGIN IMMEDIATE")
    base.execute("UPDATE branches SET name = name WHERE code = '000'")
    base.execute("COMMIT")
    took.append(time.perf_counter() - began)
    print(json.dumps(took[-1]), flush=True)
    time.sleep(0.02)
"""
"""As a lane writes: a short transaction every few hundredths of a second, from another process."""


def waits(database: Database, work: Callable[[], None]) -> list[float]:
    """How long each transaction of another process took while ``work`` ran; seconds."""
    command = [sys.executable, "-c", _WRITER, str(database.url.database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        work()
        writer.terminate()
        return [json.loads(line) for line in writer.stdout if line.endswith("\n")]


def turns(size: str) -> list[Row]:
    """A writer's waits, and the import's rate against plain inserts of as many rows."""
    calls, deals = SIZES["full" if size == "huge" else size]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        database = world.database(Path(folder), 1_000, calls)
        idle = percentile(waits(database, lambda: time.sleep(1.0)), 0.99)
        rows = [_row("calls are recounted", waits(database, lambda: _recount(database)), idle)]
        database.close()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        database = grown(folder, 1_000, 30)
        took: list[float] = []
        rows.append(_row("deals are imported", waits(database, lambda: took.append(_import(database, deals))), idle))
        database.close()
        plain = _plain(Path(folder), deals)
    shown = f"{deals / took[0]:,.0f} deals/s with a rest after each lot; plain {deals / plain:,.0f}"
    rows.append(Row("deals imported, against plain inserts of as many rows", plain / took[0], "×", 0.02, True, shown))
    return rows


def _row(beside: str, waited: list[float], idle: float) -> Row:
    p99 = percentile(waited, 0.99)
    shown = f"p50 {percentile(waited, 0.5) * 1e3:.1f} ms, longest {max(waited) * 1e3:.0f} ms; alone {idle * 1e3:.1f} ms"
    return Row(f"one writer's wait while {beside}, p99", p99 * 1e3, "ms", 100.0, False, shown)


def _recount(database: Database) -> None:
    engine = writing(database.engine)
    recounting.ask(engine, None, world.NOW)
    for job in recounting.pending(engine):
        for _progress in recounting.recount(engine, job, world.NOW):
            pass


def _import(database: Database, count: int) -> float:
    boss = world.viewer(Span.ALL)
    boss = replace(boss, rights=boss.rights | {"phases"})
    with sqlite3.connect(str(database.url.database)) as raw:
        codes = [row[0] for row in raw.execute("SELECT code FROM customers ORDER BY code LIMIT 200")]
    way = "0 2025-01-02 > 1 2025-01-03 > 2 2025-01-04"
    lines = (f"x{n},{codes[n % len(codes)]},T,web,2025-01-01,{way},lost,2025-01-05" for n in range(count))
    text = "deal,customer,title,source,first_contact,path,state,closed\n" + "\n".join(lines)
    began = time.perf_counter()
    done = import_deals(database, io.StringIO(text), 1, boss, Clock())
    assert done.added == count, done.refused[:1]
    return time.perf_counter() - began


def _plain(folder: Path, deals: int) -> float:
    with sqlite3.connect(folder / "plain.sqlite3", isolation_level=None) as raw:
        raw.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(a INTEGER, b TEXT, c TEXT)")
        began = time.perf_counter()
        for _lot in range(0, deals, 50):
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(
                "INSERT INTO t VALUES (?, ?, ?)", [(n, "some text", "more") for n in range(50 * ROWS_OF_A_DEAL)]
            )
            raw.execute("COMMIT")
        return time.perf_counter() - began
