"""Claims without a call, for the reviewer (``cti_server.review.ports``), within the scope of a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Select, select
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Audit, Claim, Customer, History
from cti_adapters.storage.schema_review import claims
from cti_server.review.views import ClaimQuery, ClaimRow
from cti_server.shared.errors import NotFound
from cti_server.shared.places import Place


class ClaimShelf:
    """``cti_server.review.ports.Claims``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    def get(self, claim_id: int) -> ClaimRow | None:
        """One of them."""
        return next(iter(self._rows(_found().where(Claim.id == claim_id))), None)

    def page(self, query: ClaimQuery, after: Place | None, limit: int) -> tuple[list[ClaimRow], Place | None]:
        """Newest first; the place is null at the end."""
        asked = _asked(query)
        if after is not None:
            asked.append((Claim.at < after.at) | ((Claim.at == after.at) & (Claim.id < after.id)))
        groups: Iterable[ColumnElement[bool]] = gate.ranges(self._session.scope, claims)
        if query.by:
            groups = [Claim.by == query.by]
        found: dict[int, ClaimRow] = {}
        for group in groups:
            newest = _found().where(group, *asked).order_by(Claim.at.desc(), Claim.id.desc()).limit(limit + 1)
            found |= {row.id: row for row in self._rows(newest)}
        rows = sorted(found.values(), key=lambda row: (-row.at, -row.id))
        more = len(rows) > limit
        rows = rows[:limit]
        return rows, Place(rows[-1].at, rows[-1].id) if more else None

    def settle(self, claim_id: int, by: str, at: float, reason: str) -> None:
        """Says why there is no call."""
        row = self._row(claim_id)
        row.state, row.pending, row.settled_by, row.settled_at, row.reason = "settled", False, by, at, reason

    def unsettle(self, claim_id: int) -> None:
        """Takes it back."""
        row = self._row(claim_id)
        row.state, row.pending = "away" if row.exchange else "open", True
        row.settled_by, row.settled_at, row.reason = None, None, ""

    def note(self, claim_id: int, customer: str, by: str, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the customer's trail what was done with a claim."""
        about = {"subject_kind": "customer", "subject_id": customer, "customer_code": customer}
        self._session.add(Audit(at=at, user=by, act=act, detail=dict(detail), **about))

    def note_export(self, by: str, at: float, what: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail that a list was taken away."""
        entry = Audit(at=at, user=by, act="exported", subject_kind="export", subject_id=what, detail=dict(detail))
        self._session.add(entry)

    def _row(self, claim_id: int) -> Claim:
        row = self._session.scalars(select(Claim).where(Claim.id == claim_id)).one_or_none()
        if row is None:
            raise NotFound("There is no such claim")
        return row

    def _rows(self, query: Select[Any]) -> list[ClaimRow]:
        rows: Sequence[Any] = self._session.execute(query).all()
        branches = self._firm.branches()
        people = {user for row in rows for user in (row.Claim.by, row.Claim.rep, row.Claim.settled_by) if user}
        known = self._firm.colleagues(people)

        def name(user: str | None) -> str:
            return (known[user].name if user in known else "") or user or ""

        return [
            ClaimRow(
                id=row.Claim.id,
                history=row.Claim.history_id,
                at=row.Claim.at,
                state=row.Claim.state,
                customer=row.Claim.customer_code,
                customer_name=row.customer_name,
                branch=row.Claim.branch,
                branch_name=branches[row.Claim.branch].name if row.Claim.branch in branches else row.Claim.branch,
                rep_name=name(row.Claim.rep),
                by_name=name(row.Claim.by),
                kind=row.History.kind,
                result=row.History.result,
                note=row.History.note,
                exchange=row.Claim.exchange,
                away_since=row.Claim.away_since,
                away_until=row.Claim.away_until,
                call_id=row.Claim.call_id,
                reason=row.Claim.reason,
                settled_by_name=name(row.Claim.settled_by),
                settled_at=row.Claim.settled_at,
            )
            for row in rows
        ]


def _found() -> Select[Any]:
    query: Any = select(Claim, History, Customer.name.label("customer_name"))
    query = query.join(History, History.id == Claim.history_id).join(Customer, Customer.code == Claim.customer_code)
    return cast("Select[Any]", query)


def _asked(query: ClaimQuery) -> list[ColumnElement[bool]]:
    asked = [Claim.at >= query.since, Claim.at < query.until]
    if query.state in ("", "pending"):
        asked.append(Claim.pending.is_(True))
    elif query.state != "all":
        asked.append(Claim.state == query.state)
    if query.branch:
        asked.append(Claim.branch == query.branch)
    return asked
