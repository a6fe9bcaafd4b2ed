"""The foldings that pages asked for, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Audit, Outbox, RefoldingRow
from cti_server.exchanges.refolding import Refolding

REFOLD_ROW: Final = "refold"
"""Kind of the outbox row that asking leaves."""


class RefoldShelf:
    """``cti_server.exchanges.refolding.RefoldShelf`` over a unit of work. Counts and times only: nothing of customers
    is here, so that the gate has no rule for it."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def ask(self, refolding: Refolding) -> int:
        """Keeps it, in the trail too; gives its id."""
        row = RefoldingRow(**{name: getattr(refolding, name) for name in Refolding.__slots__})
        self._session.add(row)
        self._session.flush()
        self._session.add(Outbox(kind=REFOLD_ROW, body={"refolding": row.id}, at=refolding.at))
        about: dict[str, Any] = {"subject_kind": "exchange", "subject_id": refolding.exchange}
        act = "folded again" if refolding.write else "looked what folding again would change"
        self._session.add(Audit(at=refolding.at, user=refolding.by, act=act, detail={}, **about))
        return row.id

    def get(self, number: int) -> Refolding | None:
        """One of them."""
        row = self._session.get(RefoldingRow, number)
        return None if row is None else Refolding(**{name: getattr(row, name) for name in Refolding.__slots__})

    def end(self, number: int, findings: Mapping[str, Any]) -> None:
        """Keeps what came of it."""
        row = self._session.get(RefoldingRow, number)
        if row is not None:
            row.findings, row.done = dict(findings), True

    def give_up(self) -> None:
        """Those that a server that is gone was at: nobody goes on with them."""
        for row in self._session.scalars(select(RefoldingRow).where(RefoldingRow.done.is_(False))):
            row.findings, row.done = {"reason": "broken-off"}, True
