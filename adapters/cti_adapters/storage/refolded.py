"""A journal's calls folded again, held beside the database until they are compared with it. A file of its own, so that
millions of calls take no memory; it is gone when it is closed."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from cti_adapters.storage.call_rows import as_log, as_row
from cti_adapters.storage.call_writer import is_final
from cti_adapters.storage.gap_recovery import around, joined
from cti_server.calls.call_recovery import GapFetch
from cti_server.calls.log import CallLog, Settled
from cti_server.shared.feed import GapChange, UnreadableBytes
from cti_server.shared.notices import Notice
from cti_server.shared.positions import Position

_TABLES: Final = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;
CREATE TABLE calls (id TEXT PRIMARY KEY, final INTEGER NOT NULL, entry TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE unread (record INTEGER, number INTEGER, PRIMARY KEY (record, number)) WITHOUT ROWID;
CREATE TABLE plan (number INTEGER PRIMARY KEY, started_at REAL, id TEXT, what TEXT, before TEXT, after TEXT);
CREATE INDEX plan_order ON plan (started_at, id);
"""
_PUT: Final = (
    "INSERT INTO calls VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET final = excluded.final, entry = excluded.entry "
    "WHERE calls.final = 0"
)
_SETTLE: Final = "UPDATE calls SET final = 1, entry = json_set(entry, '$.marks', json(?)) WHERE id = ? AND final = 0"
_PUT_COMPLETED: Final = "INSERT OR REPLACE INTO calls VALUES (?, ?, ?)"
"""What a gap hid of an entry is filled in although it is final."""


class Refolded:
    """A lane's store that keeps what it is given by the same rule as the database: what is final stays."""

    def __init__(self, folder: Path) -> None:
        handle, self._path = tempfile.mkstemp(prefix="refolded-", suffix=".tmp", dir=folder)
        os.close(handle)
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.executescript(_TABLES)
        self._connection.execute("BEGIN")
        self.needed_from = Position(0, 0)
        """What is from there on may be of calls that are not over."""
        self._gaps: dict[float, float] = {}  # when each began -> when it was over

    def close(self) -> None:
        """Throws it away."""
        self._connection.close()
        Path(self._path).unlink(missing_ok=True)

    # --- as a lane's store

    def positions(self, exchange: str) -> None:
        """Nothing is folded yet."""

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
        """Keeps a batch."""
        self._connection.executemany(_SETTLE, [(json.dumps(one.marks), one.id) for one in settled])
        self._put(changed)
        self.needed_from = rebuild
        self._gaps |= {gap.started_at: gap.ended_at for gap in gaps if gap.ended_at is not None}
        if fetch is not None and fetch.calls:
            self._recover(fetch)
        if unreadable:
            rows = [(one.record, one.number) for one in unreadable]
            self._connection.executemany("INSERT OR IGNORE INTO unread VALUES (?, ?)", rows)
        return []

    def _put(self, changed: Iterable[CallLog], statement: str = _PUT) -> None:
        for log in changed:
            if log.merged_into is not None:
                self._connection.execute("DELETE FROM calls WHERE id = ?", (log.id,))
            else:
                entry = json.dumps(as_row(log), ensure_ascii=False)
                self._connection.execute(statement, (log.id, is_final(log), entry))

    def _recover(self, fetch: GapFetch) -> None:
        """What the exchange's own record gave back of a gap, joined as the database's writer joins it."""
        query = "SELECT entry FROM calls WHERE json_extract(entry, '$.started_at') BETWEEN ? AND ?"
        near = self._connection.execute(query, around(fetch.calls)).fetchall()
        found = joined([as_log(json.loads(entry)) for (entry,) in near], self._gaps.get(fetch.gap), fetch)
        self._put(found.changed, _PUT_COMPLETED)

    # --- for the comparison

    def entries(self) -> Iterator[tuple[str, bool, dict[str, Any]]]:
        """(id, whether it is final, columns) of every call, by id."""
        for call_id, final, entry in self._connection.execute("SELECT id, final, entry FROM calls ORDER BY id"):
            yield call_id, bool(final), json.loads(entry)

    def is_unread(self, record: int, number: int) -> bool:
        """Whether this still can't be read."""
        query = "SELECT 1 FROM unread WHERE record = ? AND number = ?"
        return self._connection.execute(query, (record, number)).fetchone() is not None

    def note(self, differences: Iterable[tuple[float, str, str, dict[str, Any] | None, dict[str, Any] | None]]) -> None:
        """Keeps what differs: (started_at, id, what, before, after)."""
        for started_at, call_id, what, before, after in differences:
            row = (started_at, call_id, what, *(None if one is None else json.dumps(one) for one in (before, after)))
            self._connection.execute(
                "INSERT INTO plan (started_at, id, what, before, after) VALUES (?, ?, ?, ?, ?)", row
            )

    def counted(self) -> dict[str, int]:
        """How many differences of each kind."""
        return dict(self._connection.execute("SELECT what, count(*) FROM plan GROUP BY what").fetchall())

    def noted(self, most: int | None = None) -> Iterator[tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]]:
        """(id, what, before, after) of what differs, the oldest call first."""
        query = "SELECT id, what, before, after FROM plan ORDER BY started_at, id LIMIT ?"
        for call_id, what, before, after in self._connection.execute(query, (-1 if most is None else most,)):
            yield call_id, what, before and json.loads(before), after and json.loads(after)
