"""The database: writing calls, finding callers, lists at growing sizes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert

from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.schema import calls as calls_table
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.calls.views import CallQuery
from cti_server.shared.clock import SystemClock
from cti_server.shared.positions import Position
from cti_server.shared.scope import Span
from tests.bench import world
from tests.bench.measure import Row, paired, percentile

ROWS = {"small": 2_000, "full": 100_000, "huge": 100_000}
NUMBERS = {"small": (2_000, 20_000), "full": (1_000_000, 10_000_000), "huge": (1_000_000, 10_000_000)}
LISTS = {"small": (4_000, 12_000), "full": (10_000, 100_000, 1_000_000), "huge": (10_000, 1_000_000, 10_000_000)}


def _log(number: int) -> CallLog:
    at = world.NOW + number
    return CallLog(
        id=f"hq-{number}.0",
        exchange="hq",
        branch="121",
        direction="internal",
        state="ended",
        started_at=at,
        caller_number="2001",
        dialed_number="2002",
        answered=True,
        answered_by_extension="2002",
        final_extension="2002",
        rang_extensions=["2002"],
        answered_at=at + 5,
        ended_at=at + 60,
        ring_seconds=5,
        wait_seconds=5,
        talk_seconds=55,
        disposition="answered",
        linkedids=[f"{number}.0"],
    )


def writer(size: str) -> list[Row]:
    """The log writer with batches of 1,000 ended calls beside a bare executemany into the same table, WAL FULL."""
    count = ROWS[size]
    logs = [_log(number) for number in range(count)]

    def fresh(folder: str) -> Database:
        database = Database(f"sqlite:///{folder}/bench.sqlite3")
        database.upgrade()
        return database

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = CallWriter(fresh(folder).engine, SystemClock())
            for at in range(0, count, 1000):
                store.commit("hq", logs[at : at + 1000], [], [], Position(at, 0), Position(at, 0))

    def bare() -> None:
        with tempfile.TemporaryDirectory() as folder:
            engine = fresh(folder).engine
            names = [column.name for column in calls_table.columns if column.name in CallLog.__slots__]
            for at in range(0, count, 1000):
                rows = [{name: getattr(log, name) for name in names} for log in logs[at : at + 1000]]
                with engine.begin() as connection:
                    connection.execute(insert(calls_table), rows)

    ratio, mine, limit = paired(ours, bare, 1 if size == "small" else 3)
    return [
        Row(
            "log writer, batched, WAL FULL",
            ratio,
            "× executemany",
            0.8,
            True,
            f"Core executemany of the calls table alone ({count / limit:,.0f} rows/s; ours {count / mine:,.0f}/s)",
            "ours also reads what is there, labels every call (sights) and keeps the position",
        )
    ]


def match(size: str) -> list[Row]:
    """One caller looked up by number, in directories of growing size."""
    from cti_adapters.storage.sighting import Party, look_up

    times: list[tuple[int, float]] = []
    for count in NUMBERS[size]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = world.database(Path(folder), count, 0)
            with database.engine.connect() as connection:
                taken = []
                for number in range(2000):
                    e164 = f"+8190{number * 7919 % count:08d}"
                    begun = time.perf_counter()
                    look_up(connection, [Party(e164, e164[-8:][::-1])])
                    taken.append(time.perf_counter() - begun)
            times.append((count, statistics.median(taken)))
            database.close()
    curve = ", ".join(f"{count:,}: {seconds * 1e6:.0f} µs" for count, seconds in times)
    return [
        Row(
            f"caller match at {times[-1][0]:,} against {times[0][0]:,}",
            times[-1][1] / times[0][1],
            "×",
            1.5,
            False,
            curve,
        )
    ]


def lists(size: str) -> list[Row]:
    """First pages of the worklist and of the call log, for each span, as the table grows."""
    from cti_server.calls.desk import Desk

    class Clock:
        def now(self) -> float:
            return world.NOW

    def cases(desk: Desk) -> dict[str, Callable[[], object]]:
        return {
            "worklist": desk.worklist,
            "call log": lambda: desk.calls(CallQuery()),
            "missed, one day": lambda: desk.calls(CallQuery(since=world.NOW - world.DAY, outcome="missed")),
        }

    points: dict[str, list[tuple[int, float]]] = {}
    for count in LISTS[size]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = world.database(Path(folder), 20_000, count, reps=100)
            for span in Span:
                viewer = world.viewer(span)
                for name in ("worklist", "call log", "missed, one day"):
                    taken = []
                    for _ in range(5 if size == "small" else 25):
                        with database.open(viewer.scope) as work:
                            ask = cases(Desk(work, viewer, Clock()))[name]
                            begun = time.perf_counter()
                            ask()
                            taken.append(time.perf_counter() - begun)
                    points.setdefault(f"{name}, {span.value}", []).append((count, percentile(taken, 0.5)))
            database.close()
    rows = []
    for name, curve in points.items():
        shown = ", ".join(f"{count:,}: {seconds * 1e3:.1f} ms" for count, seconds in curve)
        rows.append(
            Row(
                f"list page ({name}) at {curve[-1][0]:,} against {curve[0][0]:,} calls",
                curve[-1][1] / curve[0][1],
                "×",
                1.3,
                False,
                shown,
            )
        )
    return rows


def backlog(size: str) -> list[Row]:
    """The worklist of a firm that lets its calls lie: as many calls, and 3 % of all of them open, not of the newest."""
    from cti_server.calls.desk import Desk

    class Clock:
        def now(self) -> float:
            return world.NOW

    count = LISTS[size][-1]
    taken: dict[int, float] = {}
    for among in (10_000, count):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = world.database(Path(folder), 20_000, count, reps=100, open_among=among)
            viewer = world.viewer(Span.ALL)
            times = []
            for _ in range(5 if size == "small" else 25):
                with database.open(viewer.scope) as work:
                    begun = time.perf_counter()
                    Desk(work, viewer, Clock()).worklist()
                    times.append(time.perf_counter() - begun)
            taken[among] = percentile(times, 0.5)
            database.close()
    few, many = taken[10_000], taken[count]
    shown = f"{10_000 // 33:,} open: {few * 1e3:.1f} ms, {count // 33:,} open: {many * 1e3:.1f} ms"
    name = f"worklist, all, with {count // 33:,} open items against {10_000 // 33:,}"
    return [Row(name, many / few, "×", 1.3, False, shown, "grows with what lies open; not profiled yet")]
