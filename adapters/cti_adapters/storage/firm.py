"""The firm as the settings and the running server know it, kept for the pages: branches, and how the exchanges are.

System work, past the gate: nothing here is about customers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, or_, select

from cti_adapters.storage.core import upserting
from cti_adapters.storage.schema import branches, exchanges, gaps
from cti_server.calls.views import Gap
from cti_server.shared.people import Branch

_BRANCH: Final = upserting(branches, ["code", "name", "timezone"])
_EXCHANGE: Final = upserting(exchanges, [column.name for column in exchanges.c])


@dataclass(frozen=True, slots=True)
class ExchangeEntry:
    """An exchange as the pages show it. Times are epoch seconds, UTC; ``reason`` is a code that pages translate."""

    id: str
    name: str
    kind: str
    branch: str
    state: str
    reason: str
    reason_values: Mapping[str, str]
    since: float
    connected_since: float | None
    last_event: float | None
    counters: Mapping[str, float]


def put_branches(connection: Connection, known: Iterable[Branch]) -> None:
    """Writes the branches of the settings. One that left the settings stays: old calls are its."""
    _BRANCH.run(connection, [{"code": one.code, "name": one.name, "timezone": one.timezone} for one in known])


def put_exchanges(connection: Connection, entries: Iterable[ExchangeEntry]) -> None:
    """Writes how exchanges are."""
    rows: list[dict[str, Any]] = [
        {name: getattr(entry, name) for name in ExchangeEntry.__slots__}
        | {"reason_values": dict(entry.reason_values), "counters": dict(entry.counters)}
        for entry in entries
    ]
    _EXCHANGE.run(connection, rows)


def drop_exchanges_but(connection: Connection, ids: Iterable[str]) -> None:
    """Takes exchanges that left the settings off the pages; their calls and gaps stay."""
    connection.execute(delete(exchanges).where(exchanges.c.id.not_in(list(ids))))


def listed_exchanges(connection: Connection) -> list[ExchangeEntry]:
    """How the exchanges were when the server wrote it last, by id."""
    rows = connection.execute(select(exchanges).order_by(exchanges.c.id)).mappings()
    return [ExchangeEntry(**row) for row in rows]


def listed_gaps(connection: Connection, since: float) -> list[Gap]:
    """The gaps that lasted beyond ``since``, the latest first; without the names of branches."""
    lasted = or_(gaps.c.ended_at.is_(None), gaps.c.ended_at >= since)
    rows = connection.execute(select(gaps).where(lasted).order_by(gaps.c.started_at.desc())).mappings()
    return [Gap(**row, branch="", branch_name="") for row in rows]
