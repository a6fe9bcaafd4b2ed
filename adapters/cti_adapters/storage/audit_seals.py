"""Makes seals: where all chains end now, bound to the seal before; the trail tells of each."""

from __future__ import annotations

from sqlalchemy import Engine, insert, select

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.schema_audit import audit_chains, seals
from cti_server.audit.chain import Head, start
from cti_server.audit.seals import Seal, sealed


def seal(engine: Engine, now: float, by: str | None) -> Seal:
    """Makes the next one. ``engine`` begins its transactions with the write lock; ``by``: null for the server."""
    with engine.begin() as connection:
        last = connection.execute(select(seals).order_by(seals.c.number.desc()).limit(1)).first()
        before = None if last is None else Seal(last.number, last.at, last.heads, last.previous, last.digest)
        ends = [
            Head(row.chain, row.length, row.digest if row.length else start(row.chain))
            for row in connection.execute(select(audit_chains)).all()
        ]
        made = sealed(before, now, ends)
        connection.execute(insert(seals), made._asdict())
        entry = {"at": now, "user": by, "act": "sealed", "subject_kind": "audit", "subject_id": str(made.number)}
        append(connection, [{**entry, "customer_code": None, "detail": {"seal": made.number, "digest": made.digest}}])
    return made


def note_export(engine: Engine, now: float, by: str | None, count: int, who: str) -> None:
    """Tells in the trail that seals were carried away; ``who``: the machine's user, of a command."""
    entry = {"at": now, "user": by, "act": "exported", "subject_kind": "audit", "subject_id": "seals"}
    with engine.begin() as connection:
        append(connection, [{**entry, "customer_code": None, "detail": {"rows": count, "who": who}}])
