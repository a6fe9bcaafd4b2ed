"""The one door through which entries come into the trail: each is bound to those before it, in the transaction of what
it tells of.

Where several write at once (PostgreSQL) each takes a chain that nobody else holds, and makes a new one where all are
held: nobody waits. SQLite has one writer at a time, and so one chain.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, inspect, select, update

from cti_adapters.storage.core import Asked, Bulk, inserting
from cti_adapters.storage.mapping import Audit
from cti_adapters.storage.schema import audit
from cti_adapters.storage.schema_audit import audit_chains
from cti_server.audit.chain import SALT_BYTES, Appending, Head, start


def append(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Writes entries: rows with `at user act subject_kind subject_id customer_code detail`. The transaction has the
    write lock. The rows are used up."""
    if not rows:
        return
    chain = _taken(connection, len(rows))
    for row in rows:
        linked = chain.put(row)
        row["chain"], row["personal"] = chain.chain, None
        row["position"], row["salt"], row["digest"] = linked
    _INSERT.run(connection, rows)
    _given_back(connection, chain)


def bind_new(connection: Connection, rows: Iterable[Audit]) -> None:
    """Binds entries that a session is about to insert."""
    new = sorted(rows, key=lambda row: inspect(row).insert_order)
    chain = _taken(connection, len(new))
    for row in new:
        if row.detail is None:
            row.detail = {}
        row.chain, row.personal = chain.chain, None
        row.position, row.salt, row.digest = chain.put({name: getattr(row, name) for name in _SAID})
    _given_back(connection, chain)


def _taken(connection: Connection, count: int) -> Appending:
    """A chain that nobody else puts entries to until this transaction ends."""
    row = next(_FREE.rows(connection), None)
    if row is None:
        chain = int(connection.execute(_NEW).scalar_one())
        head = Head(chain, 0, start(chain))
    else:
        head = Head(row.chain, row.length, row.digest if row.length else start(row.chain))
    return Appending(head, os.urandom(SALT_BYTES * count))


def _given_back(connection: Connection, chain: Appending) -> None:
    _END.run(connection, [{"b_chain": chain.chain, "length": chain.length, "digest": chain.digest}])


_SAID: Final = ("at", "user", "act", "subject_kind", "subject_id", "customer_code", "detail")
_FREE: Final = Asked(
    select(audit_chains).order_by(audit_chains.c.chain).limit(1).with_for_update(skip_locked=True),
    (),
)
_NEW: Final = insert(audit_chains).values(length=0, digest=b"").returning(audit_chains.c.chain)
_END: Final = Bulk(
    update(audit_chains)
    .where(audit_chains.c.chain == bindparam("b_chain"))
    .values(length=bindparam("length"), digest=bindparam("digest")),
    audit_chains,
    [],
)
_INSERT: Final = inserting(audit, [column.name for column in audit.c if column.name != "id"])
