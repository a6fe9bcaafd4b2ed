"""Helpers for Core statements; the only place that knows the databases' own words for an upsert.

Statements that run with every batch of a lane are built once, when their module is loaded: building and compiling one
anew costs several times what the database does with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import JSON, Connection, Dialect, Select, Table, bindparam, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement, ColumnElement

MANY: Final = 500
"""How many values one IN takes: fewer statements, yet below every database's limit of parameters."""

_T = TypeVar("_T")


def chunks(values: Iterable[_T], size: int = MANY) -> Iterator[list[_T]]:
    """The values in lists of at most ``size``."""
    held: list[_T] = []
    for value in values:
        held.append(value)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


class Within:
    """A select whose ``key`` is one of many values. One value alone, as in most batches of a live exchange, has a
    statement of its own: SQLAlchemy writes an IN anew for every execution."""

    def __init__(self, query: Select[Any], key: ColumnElement[Any]) -> None:
        self._one = query.where(key == bindparam("within"))
        self._many = query.where(key.in_(bindparam("within", expanding=True)))

    def rows(self, connection: Connection, values: Iterable[Any], **fixed: Any) -> Iterator[Any]:
        """The rows for all values; ``fixed`` are the query's own parameters."""
        for some in chunks(values):
            query, wanted = (self._one, some[0]) if len(some) == 1 else (self._many, some)
            yield from connection.execute(query, fixed | {"within": wanted})


class Bulk:
    """A statement for many rows, compiled once per database and given to the driver as it is: SQLAlchemy's work per
    row (types, names) would cost as much as the database's."""

    def __init__(
        self, make: ClauseElement | Callable[[Dialect], ClauseElement], table: Table, names: Sequence[str]
    ) -> None:
        self._make = make
        self._names = list(names)
        self._json = [column.name for column in table.c if isinstance(column.type, JSON) and column.name in names]
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def run(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Executes it for each row. The rows are used up: their lists become JSON."""
        if not rows:
            return
        for name in self._json:
            for row in rows:
                row[name] = _as_json(row[name])
        text, order = self._text(connection.dialect)
        values: Any = rows if order is None else [tuple([row[name] for name in order]) for row in rows]
        connection.exec_driver_sql(text, values)

    def _text(self, dialect: Dialect) -> tuple[str, list[str] | None]:
        known = self._compiled.get(dialect.name)
        if known is None:
            statement = self._make(dialect) if callable(self._make) else self._make
            compiled: Any = statement.compile(dialect=dialect, column_keys=self._names or None)
            order = list(compiled.positiontup) if compiled.positional else None
            known = self._compiled[dialect.name] = (str(compiled), order)
        return known


def inserting(table: Table, names: Sequence[str]) -> Bulk:
    """Inserts rows with these columns."""
    return Bulk(insert(table), table, names)


def upserting(table: Table, names: Sequence[str], *, keep: Sequence[str] = (), ignore: bool = False) -> Bulk:
    """Inserts rows with these columns; where the primary key is there already, changes them but ``keep``, or with
    ``ignore`` leaves the row as it is."""
    keys = [column.name for column in table.primary_key]
    changed = [name for name in names if name not in keys and name not in keep]

    def make(dialect: Dialect) -> ClauseElement:
        made = postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)
        if ignore or not changed:
            return made.on_conflict_do_nothing(index_elements=keys)
        return made.on_conflict_do_update(index_elements=keys, set_={name: made.excluded[name] for name in changed})

    return Bulk(make, table, names)


def _as_json(value: Any) -> str | None:
    """JSON; lists of plain words, nearly all there are, without the encoder, which takes ten times as long."""
    if value is None:
        return None
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, list) and isinstance(value[0], str):
        text = "".join(value)  # raises TypeError where not all are words
        if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
            return '["' + '","'.join(value) + '"]'
    return _encode(value)


_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
