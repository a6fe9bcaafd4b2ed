"""The reviewer's pages: one call's trail, as the tables and the journal grow."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cti_adapters.storage import mapping
from cti_adapters.storage.work import Database
from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery
from cti_server.shared.scope import EVERYTHING, Span
from cti_server.shared.viewer import Viewer
from tests.bench import world
from tests.bench.measure import Row, percentile

SIZES = {"small": (4_000, 12_000), "full": (10_000, 100_000, 1_000_000), "huge": (10_000, 1_000_000, 10_000_000)}
LOOKS = 40
"""Entries of the trail that each call has."""


class Clock:
    """Stands still."""

    def now(self) -> float:
        return world.NOW


def grown(count: int, folder: str) -> Database:
    """A database with so many calls, the newest of which were looked at, and recorded, often."""
    database = world.database(Path(folder), 20_000, count, reps=100)
    with database.open(EVERYTHING) as work:
        calls = [row.id for row in Desk(work, reviewer(), Clock()).calls(CallQuery(), None, 100).rows]
        for call in calls:
            work.session.add_all(
                mapping.Audit(
                    at=world.NOW - place, user=str(place), act="opened", subject_kind="call", subject_id=call, detail={}
                )
                for place in range(LOOKS)
            )
    return database


def reviewer() -> Viewer:
    """Sees all, changes nothing."""
    seen = world.viewer(Span.ALL)
    return replace(seen, rights=seen.rights | {"audit"})


def timed(database: Database, ask: Callable[[Desk, int], object], runs: int) -> list[float]:
    """How long each asking takes, seconds; the desk is opened before."""
    taken = []
    for run in range(runs):
        who = reviewer()
        with database.open(who.scope) as work:
            desk = Desk(work, who, Clock())
            begun = time.perf_counter()
            ask(desk, run)
            taken.append(time.perf_counter() - begun)
    return taken


def trail(size: str) -> list[Row]:
    """One call's trail, with 40 looks at each call, as the tables grow."""
    points: list[tuple[int, float, float]] = []
    for count in SIZES[size]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = grown(count, folder)
            with database.open(reviewer().scope) as work:
                calls = [row.id for row in Desk(work, reviewer(), Clock()).calls(CallQuery(), None, 100).rows]

            def ask(desk: Desk, run: int, calls: list[str] = calls) -> object:
                return desk.trail(calls[run % len(calls)])

            taken = timed(database, ask, 20 if size == "small" else 100)
            points.append((count, percentile(taken, 0.5), percentile(taken, 0.99)))
            database.close()
    shown = ", ".join(f"{count:,}: p50 {half * 1e3:.1f} ms, p99 {most * 1e3:.1f} ms" for count, half, most in points)
    name = f"trail of a call at {points[-1][0]:,} against {points[0][0]:,} calls"
    return [Row(name, points[-1][1] / points[0][1], "×", 1.3, False, shown)]
