"""Makes seals: where all chains end, bound to the seal before; the trail tells of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, Engine, bindparam, insert, select

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.core import Asked
from cti_adapters.storage.schema import audit
from cti_adapters.storage.schema_audit import audit_chains, seals
from cti_server.audit.chain import Head, start
from cti_server.audit.seals import Seal, lengths, sealed
from cti_server.audit.tree import root
from cti_server.shared.errors import Conflict

WINDOW: Final = 20_000


def seal(engine: Engine, now: float, by: str | None) -> Seal:
    """Makes the next one, of where the chains end when it begins. ``engine`` begins its transactions with the write
    lock, which is not held while the entries are read; ``by``: null for the server."""
    with engine.execution_options(write=False).connect() as connection:
        before = _last(connection)
        since = lengths(before)
        ends = [
            Head(row.chain, row.length, row.digest if row.length else start(row.chain))
            for row in connection.execute(select(audit_chains)).all()
        ]
        roots = [(head, root(digests(connection, head.chain, since.get(head.chain, 0), head.length))) for head in ends]
    made = sealed(before, now, roots)
    with engine.begin() as connection:
        if _last(connection) != before:
            raise Conflict("Another seal of the trail was made at the same time; that one holds")
        connection.execute(insert(seals), made._asdict())
        entry = {"at": now, "user": by, "act": "sealed", "subject_kind": "audit", "subject_id": str(made.number)}
        append(connection, [{**entry, "customer_code": None, "detail": {"seal": made.number, "digest": made.digest}}])
    return made


def digests(connection: Connection, chain: int, after: int, last: int) -> Iterator[bytes]:
    """Of the entries of a chain from ``after`` (without it) to ``last``."""
    for low in range(after + 1, last + 1, WINDOW):
        for row in _DIGESTS.rows(connection, chain_=chain, low=low, high=min(low + WINDOW - 1, last)):
            yield row.digest


def note_export(engine: Engine, now: float, by: str | None, count: int, who: str) -> None:
    """Tells in the trail that seals were carried away; ``who``: the machine's user, of a command."""
    entry = {"at": now, "user": by, "act": "exported", "subject_kind": "audit", "subject_id": "seals"}
    with engine.begin() as connection:
        append(connection, [{**entry, "customer_code": None, "detail": {"rows": count, "who": who}}])


def _last(connection: Connection) -> Seal | None:
    row = connection.execute(select(seals).order_by(seals.c.number.desc()).limit(1)).first()
    return None if row is None else Seal(row.number, row.at, row.heads, row.previous, row.digest)


_DIGESTS: Final = Asked(
    select(audit.c.digest)
    .where(audit.c.chain == bindparam("chain_", 1), audit.c.position.between(bindparam("low", 1), bindparam("high", 1)))
    .order_by(audit.c.position),
    ("chain_", "low", "high"),
)
