"""Little helpers for Core statements; the only place that knows the databases' own words for an upsert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

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


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    keep: Sequence[str] = (),
    ignore: bool = False,
) -> None:
    """Inserts rows; where the primary key is there already, changes all other columns but ``keep``, or with ``ignore``
    leaves the row as it is. All rows have the same columns."""
    if not rows:
        return
    made = postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: made.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    if ignore or not changed:
        connection.execute(made.on_conflict_do_nothing(index_elements=keys), rows)
    else:
        connection.execute(made.on_conflict_do_update(index_elements=keys, set_=changed), rows)
