"""Whoever has one thing to write gets to it between the lots of long work."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

import pytest

from cti_adapters.storage import recounting
from cti_adapters.storage.work import Database, writing
from tests.bench import world

CALLS = 1500


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = world.database(tmp_path, 50, CALLS)
    yield made
    made.close()


def test_one_writer_does_not_wait_until_all_is_recounted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recounting, "LOT", 5)
    engine = writing(database.engine)
    recounting.ask(engine, None, world.NOW)
    (job,) = recounting.pending(engine)
    begun, written = Event(), Event()

    def writes() -> None:
        with closing(sqlite3.connect(str(database.url.database), timeout=60, isolation_level=None)) as other:
            begun.wait()
            other.execute("BEGIN IMMEDIATE")
            other.execute("COMMIT")
            written.set()

    other = Thread(target=writes)
    other.start()
    after = 0
    for progress in recounting.recount(engine, job, world.NOW):
        begun.set()
        if not written.is_set():
            after = progress.done
    other.join()
    assert after < CALLS / 2, "it was written while most of the work was still to be done"
