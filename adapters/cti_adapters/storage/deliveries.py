"""Who was told of which call, written in batches by the daemon and dropped after a while. System work, past the
gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from cti_adapters.storage.core import upserting
from cti_adapters.storage.schema import deliveries
from cti_server.shared.deliveries import Delivery

KEPT_DAYS: Final = 7
DROPPED_AT_ONCE: Final = 2_000
_DELIVERY: Final = upserting(deliveries, [column.name for column in deliveries.c])


def put_deliveries(connection: Connection, known: Sequence[Delivery], now: float) -> None:
    """Writes what is known of calls by now, and drops some of what is older than KEPT_DAYS days."""
    if not known:
        return
    rows: list[dict[str, Any]] = [
        {"call_id": one.call_id, "at": one.at, "told": dict(one.told), "rang": dict(one.rang), "away": dict(one.away)}
        for one in known
    ]
    _DELIVERY.run(connection, rows)
    old = select(deliveries.c.call_id).where(deliveries.c.at < now - KEPT_DAYS * 86_400.0)
    connection.execute(delete(deliveries).where(deliveries.c.call_id.in_(old.limit(DROPPED_AT_ONCE))))
