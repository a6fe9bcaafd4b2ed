"""The audit trail: what being chained costs an entry, and how long proving it takes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, create_engine, text

from cti_adapters.storage import audit_reading
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.work import Database
from tests.bench import world
from tests.bench.measure import Row, percentile

COUNTS = {"small": (2_000, 5_000), "full": (50_000, 200_000), "huge": (200_000, 10_000_000)}
"""Entries written for the first row, and verified for the second."""
A_TRANSACTION = 10
"""Entries that a page's transaction has at most."""
_PLAIN = (
    "INSERT INTO plain (at, user, act, subject_kind, subject_id, customer_code, detail) "
    "VALUES (:at, :user, :act, :subject_kind, :subject_id, :customer_code, :detail)"
)


def entries(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Looks at calls, as reps make them."""
    return [
        {
            "at": world.NOW + number,
            "user": f"8{number % 100:02}",
            "act": "opened",
            "subject_kind": "call",
            "subject_id": f"hq-{number}",
            "customer_code": f"{100_000 + number % 50_000}",
            "detail": {"list": "calls"},
        }
        for number in range(first, first + count)
    ]


def _written(engine: Any, count: int, write: Callable[[Connection, list[dict[str, Any]]], None]) -> float:
    """Seconds for so many entries, in transactions of a page's size."""
    begun = time.perf_counter()
    for first in range(0, count, A_TRANSACTION):
        with engine.begin() as connection:
            write(connection, entries(A_TRANSACTION, first))
    return time.perf_counter() - begun


def _plain(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """As the driver itself does it."""
    cursor: Any = connection.connection.cursor()
    cursor.executemany(_PLAIN, [{**row, "detail": "{}"} for row in rows])


def grown(folder: str, count: int) -> Database:
    """A database whose trail has so many entries."""
    database = Database(f"sqlite:///{folder}/audit.sqlite3")
    database.upgrade()
    engine = database.bulk()
    for first in range(0, count, 20_000):
        with engine.begin() as connection:
            append(connection, entries(min(20_000, count - first), first))
    engine.dispose()
    return database


def audit(size: str) -> list[Row]:
    """Entries a second beside plain inserts of the same rows; and the proof of a long trail."""
    count, long = COUNTS[size]
    ratios: list[tuple[float, float, float]] = []
    for _ in range(1 if size == "small" else 5):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = Database(f"sqlite:///{folder}/a.sqlite3")
            database.upgrade()
            bare = create_engine(f"sqlite:///{folder}/plain.sqlite3")
            with bare.begin() as connection:
                connection.execute(
                    text(
                        "CREATE TABLE plain (id INTEGER PRIMARY KEY, at REAL, user TEXT, act TEXT, subject_kind TEXT, "
                        "subject_id TEXT, customer_code TEXT, detail TEXT)"
                    )
                )
                for columns in ("subject_kind, subject_id, id", "user, id"):
                    connection.execute(text(f"CREATE INDEX ix_{len(columns)} ON plain ({columns})"))
            with bare.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            ours = _written(database.engine.execution_options(write=True), count, append)
            theirs = _written(bare, count, _plain)
            ratios.append((theirs / ours, count / ours, count / theirs))
            bare.dispose()
            database.close()
    ratio, mine, plain = (percentile([row[place] for row in ratios], 0.5) for place in range(3))
    written = Row(
        "audit entries a second, chained, against plain inserts",
        ratio,
        "×",
        0.5,
        True,
        f"{mine:,.0f} against {plain:,.0f} a second, {A_TRANSACTION} in a transaction",
        "salt, two digests and the chain's end for each transaction",
    )
    return [written, _proved(long)]


def _proved(long: int) -> Row:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        database = grown(folder, long)
        begun = time.perf_counter()
        found = audit_reading.verify(database)
        taken = time.perf_counter() - begun
        assert found.good
        database.close()
    return Row(
        f"proving a trail of {long:,} entries",
        long / taken / 1000,
        "thousand entries/s",
        50.0,
        True,
        f"{taken:.1f} s",
        "SHA-256 twice for each entry, and reading it",
    )
