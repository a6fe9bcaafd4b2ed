"""Where an Asterisk keeps its own record of calls: a CSV file, or a table of an SQL database. Both are only read.

Off the reactor's thread: reading a file or a table may take a while."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Connection, DateTime, MetaData, Select, Table, create_engine, event, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchTableError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from cti_adapters.wire.asterisk_cdr import NEEDED, header_of, named_rows, parse_rows

BLOCK: Final = 2**18
OUT_OF_ORDER: Final = 3600.0
"""Rows are written when their call is over, and so nearly in the order of their end; seconds that they may be late."""
LONGEST_CALL: Final = timedelta(days=1)
PAGE: Final = 1000
MANY_IDS: Final = 500
UNREAD_MOST: Final = 100
"""So many rows that can't be read are kept of one fetch."""
_NO_ROW: Final = "unreadable"

Fields = Mapping[str, str]


class RecordProblem(Exception):
    """Nothing can be fetched: a code of ``status.SENTENCES`` and what it is filled with."""

    def __init__(self, code: str, **detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class RecordSource(Protocol):
    """An exchange's own record."""

    kind: str
    """``csv`` or ``table``."""

    def fetch(self, since: float, until: float) -> list[Fields]:
        """The rows of all calls that were going on between two moments (epoch seconds, UTC), columns by name. Raises
        RecordProblem."""


class CsvRecord:
    """``Master.csv``, or what ``cdr_custom`` writes. Read from its end backwards; the file before it (``.1``), where it
    was rotated meanwhile."""

    kind = "csv"

    def __init__(self, path: Path, zone: str, columns: Sequence[str] = ()) -> None:
        self._path = path
        self._zone = zone
        self._columns = tuple(columns)

    def fetch(self, since: float, until: float) -> list[Fields]:
        """See RecordSource."""
        rows: list[Fields] = []
        try:
            for path in (self._path, self._path.with_name(self._path.name + ".1")):
                with path.open("rb") as file:
                    whole = self._read(file, since, rows)
                if not whole:
                    break
        except FileNotFoundError:
            if path == self._path:
                raise RecordProblem("record-missing", file=str(path)) from None
        except OSError as bad:
            raise RecordProblem("record-unreadable", file=str(path), error=bad.strerror or str(bad)) from bad
        return within(rows, self._zone, since, until)

    def _read(self, file: BinaryIO, since: float, rows: list[Fields]) -> bool:
        """Takes the rows from the end back to what is surely too old; whether that was the whole file."""
        first = file.readline(BLOCK).decode("utf-8", "surrogateescape")
        columns = self._columns_of(first)
        for block in _blocks(file):
            lines = [line.decode("utf-8", "surrogateescape") for line in block]
            named, unreadable = named_rows(lines, columns)
            if unreadable and not named:
                raise RecordProblem("record-odd", file=str(self._path), reason=unreadable[0].reason)
            rows += [fields for _, fields in named]
            rows += [{_NO_ROW: bad.reason} for bad in unreadable]
            ends = [row.ended_at for row in parse_rows(named, self._zone).rows]
            if ends and max(ends) < since - OUT_OF_ORDER:
                return False
        return True

    def _columns_of(self, first: str) -> Sequence[str] | None:
        names = next(csv.reader([first]), [])
        return header_of(names) or self._columns or None


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of a file, the last ones first, a block of them at a time, each block in the order of the file. What
    is behind the last line end is not there yet."""
    end = file.seek(0, 2)
    rest = b""
    newest = True
    while end > 0:
        begin = max(0, end - BLOCK)
        file.seek(begin)
        data = file.read(end - begin) + rest
        if newest:
            data, newest = data[: data.rfind(b"\n") + 1], False
        lines = data.splitlines(keepends=True)
        rest = b""
        if begin > 0 and lines:
            rest = lines.pop(0)
        end = begin
        if lines:
            yield lines


def within(rows: Iterable[Fields], zone: str, since: float, until: float) -> list[Fields]:
    """The rows of those calls of which a row lies between two moments, and a few of those that can't be read: each may
    be one of them."""
    everything = list(rows)
    read = parse_rows(enumerate(everything), zone)
    unread = [bad.line for bad in read.unreadable]
    parsed = list(
        zip((number for number in range(len(everything)) if number not in set(unread)), read.rows, strict=True)
    )
    inside = [row for _, row in parsed if row.ended_at >= since and row.started_at <= until]
    wanted = {id for row in inside for id in (row.leg, row.group)} - {""}
    chosen = set(inside)
    return [
        everything[number] for number, row in parsed if row in chosen or row.leg in wanted or row.group in wanted
    ] + [everything[number] for number in unread[:UNREAD_MOST]]


class TableRecord:
    """A table that ``cdr_adaptive_odbc``, ``cdr_pgsql``, ``cdr_sqlite3_custom`` or FreePBX fills."""

    kind = "table"

    def __init__(self, url: str, table: str, zone: str) -> None:
        self._url = url
        self._table = table
        self._zone = zone

    def fetch(self, since: float, until: float) -> list[Fields]:
        """See RecordSource."""
        engine = self._engine()
        try:
            with engine.connect() as connection:
                return self._fetch(connection, since, until)
        except NoSuchTableError:
            raise RecordProblem("record-no-table", table=self._table) from None
        except SQLAlchemyError as bad:
            raise RecordProblem("record-unreachable", error=_said(bad)) from bad
        finally:
            engine.dispose()

    def _engine(self) -> Engine:
        try:
            url = make_url(self._url)
            if url.get_backend_name() == "sqlite":
                file = Path(url.database or "")
                if not file.is_file():  # SQLite would make an empty one
                    raise RecordProblem("record-missing", file=str(file))
            engine = create_engine(url, poolclass=NullPool)
        except ArgumentError:
            raise RecordProblem("record-bad-url") from None
        except ImportError as bad:
            raise RecordProblem("record-no-driver", driver=bad.name or str(bad)) from bad
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA query_only = ON"))
        elif engine.dialect.name == "postgresql":
            return engine.execution_options(postgresql_readonly=True)
        return engine

    def _fetch(self, connection: Connection, since: float, until: float) -> list[Fields]:
        schema, _, name = self._table.rpartition(".")
        table = Table(name, MetaData(), schema=schema or None, autoload_with=connection)
        columns = {_name(column.name): column for column in table.columns}
        missing = sorted(NEEDED - {"end"} - set(columns))
        if missing:
            raise RecordProblem("record-odd", file=self._table, reason=f"no column {', '.join(missing)}")
        start, end = columns["start"], columns.get("end")
        lower, upper = self._local(since, min), self._local(until, max)
        early: Any = lower - LONGEST_CALL
        if not _is_time(start):
            lower, upper, early = (str(moment.replace(microsecond=0)) for moment in (lower, upper, early))
        query = select(table).where(start <= upper).order_by(start)
        query = query.where(start >= early if end is None else end >= lower)
        rows = list(_paged(connection, query))
        for id in ("linkedid", "uniqueid"):
            if id in columns:
                known = sorted({row[id] for row in rows if row.get(id)})
                for few in (known[at : at + MANY_IDS] for at in range(0, len(known), MANY_IDS)):
                    rows += _paged(connection, select(table).where(columns[id].in_(few)))
        distinct = {tuple(sorted(row.items())): row for row in rows}
        return within(distinct.values(), self._zone, since, until)

    def _local(self, at: float, choose: Callable[..., datetime]) -> Any:
        """The moment as the table may write it, in its zone or in UTC; which of them, the rows themselves show."""
        moment = datetime.fromtimestamp(at, UTC)
        return choose(moment.replace(tzinfo=None), moment.astimezone(ZoneInfo(self._zone)).replace(tzinfo=None))


def _is_time(column: Column[Any]) -> bool:
    """Whether the database knows that these are times; else it compares them as text."""
    return isinstance(column.type, DateTime)


def _paged(connection: Connection, query: Select[Any]) -> Iterator[Fields]:
    result = connection.execute(query.execution_options(yield_per=PAGE))
    for row in result.mappings():
        yield {_name(str(name)): _text(value) for name, value in row.items()}


def _name(column: str) -> str:
    return {"calldate": "start", "recordingfile": "userfield"}.get(column.lower(), column.lower())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


def _said(bad: SQLAlchemyError) -> str:
    """What the database said, without the statement and its values."""
    return str(getattr(bad, "orig", None) or type(bad).__name__)
