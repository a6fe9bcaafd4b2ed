"""What every table is made of: the naming of constraints and the few kinds of columns.

The constraint names follow one convention, so that Alembic can change them on SQLite and on PostgreSQL alike.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Boolean, Column, Double, Index, Integer, MetaData, Text, false

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def text(name: str, **more: Any) -> Column[str]:
    """A text that is never null; empty where nothing is said."""
    return Column(name, Text, nullable=False, server_default="", default="", **more)


def flag(name: str) -> Column[bool]:
    """A yes or no that is no unless said."""
    return Column(name, Boolean, nullable=False, server_default=false(), default=False)


def count(name: str, start: int = 0) -> Column[int]:
    """A number that is never null."""
    return Column(name, Integer, nullable=False, server_default=str(start), default=start)


def seconds(name: str, *, nullable: bool = False) -> Column[float]:
    """Seconds, or a moment that may be 0."""
    return Column(name, Double, nullable=nullable, server_default="0", default=0.0)


def moment(name: str, *, nullable: bool = False) -> Column[float]:
    """Epoch seconds, UTC."""
    return Column(name, Double, nullable=nullable)


def where_set(name: str, *columns: Column[Any]) -> Index:
    """An index of the rows that have a value in the first column: nobody looks for those that have none."""
    known = columns[0].is_not(None)
    return Index(name, *columns, sqlite_where=known, postgresql_where=known)
