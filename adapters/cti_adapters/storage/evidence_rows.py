"""What proves the entries of the trail that go into an evidence pack: each as it is stored, what it follows on, and its
way up to the root of the seal that covers it. The entries pass the gate; what leads up from them are digests only."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from cti_adapters.storage import schema_compliance
from cti_adapters.storage.audit_seals import digests
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit
from cti_adapters.storage.schema import audit
from cti_adapters.storage.schema_audit import seals
from cti_server.audit.chain import start
from cti_server.audit.seals import Seal, lengths
from cti_server.audit.tree import Step, Tree
from cti_server.compliance import rules, versions

ENTRIES_MOST: Final = 2_000
"""Entries of one subject that go along, the oldest first."""
TREES_HELD: Final = 2


class Proofs:
    """The proofs of entries, over the seals that there are when it is made."""

    def __init__(self, session: GatedSession) -> None:
        connection = system(session, writes=False)
        rows = connection.execute(select(seals).order_by(seals.c.number)).all()
        self._seals = [Seal(row.number, row.at, row.heads, row.previous, row.digest) for row in rows]
        self._trees: dict[tuple[int, int], Tree] = {}
        self.used: dict[int, Seal] = {}
        """The seals that cover what was proven."""

    def entries(self, session: GatedSession, kind: str, subject: str) -> Iterator[tuple[Audit, dict[str, Any]]]:
        """The entries about a subject that a seal covers, oldest first, each with its proof."""
        asked = select(Audit).where(Audit.subject_kind == kind, Audit.subject_id == subject)
        connection = system(session, writes=False)
        for row in session.scalars(asked.order_by(Audit.id).limit(ENTRIES_MOST)):
            proof = self._proof(connection, row)
            if proof is not None:
                yield row, proof

    def _proof(self, connection: Connection, row: Audit) -> dict[str, Any] | None:
        at = bisect_left(self._seals, row.position, key=lambda seal: lengths(seal).get(row.chain, 0))
        if at == len(self._seals):
            return None
        seal = self._seals[at]
        after = lengths(self._seals[at - 1]).get(row.chain, 0) if at else 0
        way = self._tree(connection, row.chain, after, lengths(seal)[row.chain]).way(row.position - after - 1)
        self.used[seal.number] = seal
        return {"before": _before(connection, row).hex(), "seal": seal.number, "way": [_told(step) for step in way]}

    def _tree(self, connection: Connection, chain: int, after: int, last: int) -> Tree:
        key = (chain, last)
        if key not in self._trees:
            while len(self._trees) >= TREES_HELD:
                del self._trees[next(iter(self._trees))]
            self._trees[key] = Tree(list(digests(connection, chain, after, last)))
        return self._trees[key]


def rules_in_force(session: GatedSession) -> list[dict[str, Any]]:
    """Every version of the rules for records, each with from when on it holds (epoch seconds, UTC)."""
    asked = select(schema_compliance.policies).order_by(schema_compliance.policies.c.version)
    rows = system(session, writes=False).execute(asked).all()
    first = {"version": 0, "since": None, "saved_at": None, "rules": versions.as_json(rules.DEFAULT)}
    return [first] + [
        {"version": row.version, "since": row.since, "saved_at": row.at, "rules": row.body} for row in rows
    ]


def made_here(engine: Engine, pack: str, manifest: str) -> bool:
    """Whether the trail tells that a pack of this manifest was made."""
    about = (audit.c.subject_kind == "export", audit.c.subject_id == f"evidence {pack}", audit.c.act == "evidence made")
    with engine.connect() as connection:
        told = connection.execute(select(audit.c.detail).where(*about)).scalars().all()
    return any(detail.get("manifest") == manifest for detail in told)


def _told(step: Step) -> list[str]:
    return ["left" if step.left else "right", step.digest.hex()]


def _before(connection: Connection, row: Audit) -> bytes:
    if row.position == 1:
        return start(row.chain)
    place = (audit.c.chain == row.chain, audit.c.position == row.position - 1)
    found: bytes = connection.execute(select(audit.c.digest).where(*place)).scalar_one()
    return found
