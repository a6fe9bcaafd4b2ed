"""Whose the telephones of an exchange are, for the lanes (``cti_server.shared.telephones`` has the rule).

System work: Core, past the gate; nothing here is about customers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from cti_adapters.storage.core import Within
from cti_adapters.storage.schema import extensions, seats
from cti_server.shared.telephones import Seat, Telephone


class Holders:
    """Some extensions of one exchange, read once: who has them, and had them from ``earliest`` on (epoch seconds,
    UTC)."""

    def __init__(self, connection: Connection, exchange: str, wanted: Iterable[str], earliest: float) -> None:
        named = list(wanted)
        sat: dict[str, list[Seat]] = defaultdict(list)
        for row in _SEATS.rows(connection, named, exchange=exchange, earliest=earliest):
            sat[row.extension].append(as_seat(row))
        self._known = {
            row.extension: as_telephone(row, sat.pop(row.extension, ()))
            for row in _EXTENSIONS.rows(connection, named, exchange=exchange)
        }
        for extension, before in sat.items():  # removed since
            self._known[extension] = Telephone(exchange, extension, since=_NEVER, seats=tuple(before))

    def at(self, extension: str, moment: float) -> str | None:
        """Who had an extension at a moment; null: nobody."""
        known = self._known.get(extension)
        held = known.held(moment) if known is not None else None
        return held.user if held is not None else None


def as_seat(row: Any) -> Seat:
    """A row of ``seats``."""
    return Seat(
        user=row.user,
        since=row.since,
        until=row.until,
        ended_at=row.ended_at,
        day=row.day,
        at_sign_out=row.at_sign_out,
        ended_why=row.ended_why,
        ended_by=row.ended_by,
        id=row.id,
    )


def as_telephone(row: Any, sat: Iterable[Seat] = ()) -> Telephone:
    """A row of ``extensions``, with who sat there."""
    return Telephone(row.exchange, row.extension, row.user, row.shared, row.since, tuple(sat))


_NEVER: Final = float("inf")
_EXTENSIONS: Final = Within(
    select(*extensions.c).where(extensions.c.exchange == bindparam("exchange")),
    extensions.c.extension,
)
_SEATS: Final = Within(
    select(*(column for column in seats.c if column.name != "exchange")).where(
        seats.c.exchange == bindparam("exchange"), seats.c.until >= bindparam("earliest")
    ),
    seats.c.extension,
)
