"""The coverage page as the years go by: a firm of ten branches and 300 reps with 10,000 calls a day."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from cti_adapters.storage import mapping
from cti_adapters.storage.work import Database
from cti_server.compliance.business_hours import day_number
from cti_server.compliance.desk import ComplianceDesk
from cti_server.compliance.views import CoverageQuery
from cti_server.shared.scope import EVERYTHING
from tests.bench import world
from tests.bench.measure import Row, percentile
from tests.bench.rows_review import Clock, reviewer

SIZES = {"small": (20_000, 60_000), "full": (10_000, 1_000_000), "huge": (10_000, 10_000_000)}
A_DAY = 10_000
TODAY = day_number(datetime.fromtimestamp(world.NOW, UTC).date())

_STANDINGS = """
INSERT INTO standings (call_id, customer_code, tier, branch, rep, state, kind, day, due_at, started_at, seconds)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)
SELECT 'c' || i, NULL, 1 + i % 7 % 3, 'b' || (i * 7919 % 300 / 30), 'r' || (i * 7919 % 300),
  CASE WHEN i % 50 = 0 OR (i < :a_day AND i % 3 = 0) THEN 'open' WHEN i % 97 = 0 THEN 'incomplete'
       WHEN i % 211 = 0 THEN 'exempt' ELSE 'recorded' END,
  CASE WHEN i % 5 = 0 THEN 'missed' ELSE 'answered' END,
  :today - i / :a_day, :now - i * 86400.0 / :a_day + 28800, :now - i * 86400.0 / :a_day, 60
FROM n
"""
_COVERAGE = """
INSERT INTO coverage (day, branch, rep, tier, kind, state, due_hour, n)
SELECT day, branch, rep, tier, kind, state, CASE WHEN state = 'open' THEN CAST(due_at / 3600 AS INTEGER) ELSE 0 END,
  count(*) FROM standings GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def grown(count: int, folder: str) -> Database:
    """A database in which so many calls stand."""
    database = Database(f"sqlite:///{folder}/coverage.sqlite3")
    database.upgrade()
    with database.open(EVERYTHING) as work:
        work.session.add_all(mapping.Branch(code=f"b{n}", name=f"b{n}", timezone="Asia/Tokyo") for n in range(10))
    engine = database.bulk()
    with engine.begin() as connection:
        values = {"count": count, "a_day": A_DAY, "today": TODAY, "now": world.NOW}
        connection.execute(text(_STANDINGS), values)
        connection.execute(text(_COVERAGE))
    engine.dispose()
    return database


def timed(database: Database, query: CoverageQuery, runs: int) -> list[float]:
    """How long the counts and the first page of the list take together, seconds."""
    taken, who = [], reviewer()
    for _ in range(runs):
        begun = time.perf_counter()
        with database.open(who.scope) as work:
            unit: Any = work
            desk = ComplianceDesk(unit, who, Clock())
            desk.coverage(query, TODAY)
            desk.calls(query)
        taken.append(time.perf_counter() - begun)
    return taken


def coverage(size: str) -> list[Row]:
    """The page of seven days, with the course of four weeks."""
    points: list[tuple[int, float, float]] = []
    query = CoverageQuery(TODAY - 6, TODAY)
    for count in SIZES[size]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = grown(count, folder)
            taken = timed(database, query, 5 if size == "small" else 60)
            points.append((count, percentile(taken, 0.5), percentile(taken, 0.99)))
            database.close()
    shown = ", ".join(f"{count:,}: p50 {half * 1e3:.1f} ms, p99 {most * 1e3:.1f} ms" for count, half, most in points)
    name = f"coverage page at {points[-1][0]:,} against {points[0][0]:,} calls"
    note = "the smaller one has less than the four weeks of the course"
    return [Row(name, points[-1][1] / points[0][1], "×", 3.0, False, shown, note)]
