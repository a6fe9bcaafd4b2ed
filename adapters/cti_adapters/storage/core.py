"""Helpers for Core statements; the only place that knows the databases' own words for an upsert.

Statements that run with every batch of a lane are built once, when their module is loaded, compiled once per database,
and given to the driver as they are: SQLAlchemy's way through a connection costs fifteen times what SQLite does with a
look-up of one row (65 µs against 4 µs), and a ringing telephone waits for a dozen of them.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import JSON, Connection, Dialect, Select, Table, bindparam, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
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


_Converter = Callable[[Any], Any]


class _Text(NamedTuple):
    """A statement as one database's driver takes it."""

    sql: str
    pick: Callable[[dict[str, Any]], Any]
    """The parameters as the driver takes them: in a row's order, or by name."""
    fixed: dict[str, Any]
    """The values that stand in the statement itself."""

    def parameters(self, row: dict[str, Any]) -> Any:
        return self.pick(self.fixed | row if self.fixed else row)


def _text(
    statement: ClauseElement,
    dialect: Dialect,
    names: Sequence[str] | None = None,
    given: Set[str] | None = None,
) -> _Text:
    """``names``: the columns of an insert; ``given``: the parameters that come later, if not those without a value."""
    whole = {"render_postcompile": True} if given is not None else {}
    compiled: Any = statement.compile(dialect=dialect, column_keys=names, compile_kwargs=whole)
    if given is None:
        given = {name for name, bind in compiled.binds.items() if bind.required}
    fixed = {name: value for name, value in compiled.params.items() if name not in given}
    return _Text(str(compiled), _picker(compiled.positiontup) if compiled.positional else _as_it_is, fixed)


def _picker(names: Sequence[str]) -> Callable[[dict[str, Any]], Any]:
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names) if names else lambda row: ()


def _as_it_is(row: dict[str, Any]) -> Any:
    return row


def _driven(connection: Connection, run: Callable[[Any], _T], sql: str) -> _T:
    """What the driver's own cursor does within the connection's transaction; its errors become SQLAlchemy's, without
    the values, which may be numbers or names."""
    cursor = connection.connection.cursor()
    try:
        return run(cursor)
    except Exception as bad:
        dialect = connection.dialect
        if not isinstance(bad, dialect.loaded_dbapi.Error):
            raise
        raise DBAPIError.instance(
            sql, None, bad, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        ) from bad
    finally:
        cursor.close()


def _row_of(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    """What makes a row, with its values by name as SQLAlchemy's rows have them."""
    kind: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    make: Callable[[Iterable[Any]], Any] = kind._make
    return make


_SIZES: Final = (1, 8, 64, MANY)
"""Values of the statements of a `Within`: one alone, as in most batches of a live exchange, has one of its own."""


class _Rows:
    """How what the driver gives for a query becomes rows."""

    def __init__(self, query: Select[Any]) -> None:
        columns = list(query.selected_columns)
        self._make = _row_of([column.key or f"column_{place}" for place, column in enumerate(columns)])
        self._types = [column.type for column in columns]
        self._converters: dict[str, list[tuple[int, _Converter]]] = {}

    def fetch(self, connection: Connection, text: _Text, values: dict[str, Any]) -> Iterator[Any]:
        """Runs the statement and makes the rows."""
        dialect = connection.dialect
        found, described = _fetched(connection, text.sql, text.parameters(values))
        converters = self._converters.get(dialect.name)
        if converters is None:
            converters = self._converters[dialect.name] = self._conversions(dialect, described)
        if not converters:
            yield from map(self._make, found)
            return
        for row in found:
            made = list(row)
            for place, convert in converters:
                made[place] = convert(made[place])
            yield self._make(made)

    def _conversions(self, dialect: Dialect, described: Sequence[Any]) -> list[tuple[int, _Converter]]:
        """How the driver's values become those of the columns' types, by the places of those that need it.
        ``described``: what the driver says of the columns (PEP 249); of their types SQLite's says nothing."""
        processors = [
            kind.dialect_impl(dialect).result_processor(dialect, column[1])
            for kind, column in zip(self._types, described, strict=True)
        ]
        return [(place, convert) for place, convert in enumerate(processors) if convert is not None]


class Asked:
    """A select that is asked again and again with other values of the parameters named as ``given``. These are bound
    with a value of their type, which doesn't matter."""

    def __init__(self, query: Select[Any], given: Sequence[str]) -> None:
        self._query = query
        self._given = frozenset(given)
        self._rows = _Rows(query)
        self._texts: dict[str, _Text] = {}

    def rows(self, connection: Connection, **values: Any) -> Iterator[Any]:
        """The rows."""
        text = self._texts.get(connection.dialect.name) or self._compile(connection.dialect)
        return self._rows.fetch(connection, text, values)

    def _compile(self, dialect: Dialect) -> _Text:
        text = self._texts[dialect.name] = _text(self._query, dialect, given=self._given)
        return text


class Within:
    """A select whose ``key`` is one of many values. SQLAlchemy writes an IN anew for every execution; here there is a
    statement for each of few numbers of values, and the last one is said again until the number is reached. (So
    ``query`` itself has no IN.)"""

    def __init__(self, query: Select[Any], key: ColumnElement[Any]) -> None:
        self._query = query
        self._key = key
        self._rows = _Rows(query)
        self._texts: dict[tuple[str, int], _Text] = {}

    def rows(self, connection: Connection, values: Iterable[Any], **fixed: Any) -> Iterator[Any]:
        """The rows for all values; ``fixed`` are the query's own parameters."""
        dialect = connection.dialect
        for some in chunks(values):
            size = next(size for size in _SIZES if size >= len(some))
            text = self._texts.get((dialect.name, size)) or self._compile(dialect, size)
            some += [some[-1]] * (size - len(some))
            yield from self._rows.fetch(connection, text, fixed | dict(zip(_NAMES, some, strict=False)))

    def _compile(self, dialect: Dialect, size: int) -> _Text:
        within = [bindparam(name, required=True, type_=self._key.type) for name in _NAMES[:size]]
        statement = self._query.where(self._key == within[0] if size == 1 else self._key.in_(within))
        text = self._texts[dialect.name, size] = _text(statement, dialect)
        return text


_NAMES: Final = [f"within_{number}" for number in range(MANY)]


def _fetched(connection: Connection, sql: str, parameters: Any) -> tuple[list[Any], Sequence[Any]]:
    """The rows, and what the driver says of the columns."""

    def fetch(cursor: Any) -> tuple[list[Any], Sequence[Any]]:
        cursor.execute(sql, parameters)
        return cursor.fetchall(), cursor.description

    return _driven(connection, fetch, sql)


class Bulk:
    """A statement for many rows."""

    def __init__(
        self, make: ClauseElement | Callable[[Dialect], ClauseElement], table: Table, names: Sequence[str]
    ) -> None:
        self._make = make
        self._names = list(names)
        self._json = [column.name for column in table.c if isinstance(column.type, JSON) and column.name in names]
        self._texts: dict[str, _Text] = {}

    def run(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Executes it for each row. The rows are used up: their lists become JSON."""
        if not rows:
            return
        for name in self._json:
            for row in rows:
                value = row[name]
                row[name] = "[]" if value == [] else _as_json(value)
        text = self._texts.get(connection.dialect.name) or self._compile(connection.dialect)
        values = [text.parameters(row) for row in rows]
        if len(values) == 1:
            _driven(connection, lambda cursor: cursor.execute(text.sql, values[0]), text.sql)
        else:
            _driven(connection, lambda cursor: cursor.executemany(text.sql, values), text.sql)

    def _compile(self, dialect: Dialect) -> _Text:
        statement = self._make(dialect) if callable(self._make) else self._make
        text = self._texts[dialect.name] = _text(statement, dialect, self._names or None)
        return text


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
