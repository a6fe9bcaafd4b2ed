"""Erasures and legal holds in the database (``cti_server.compliance.erasing.ErasureShelf``), within the scope."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.forgetting import erase
from cti_adapters.storage.gate import GatedSession, system, tier
from cti_adapters.storage.mapping import Audit, Customer, Outbox
from cti_adapters.storage.mapping_erasing import ErasureRow, HoldRow
from cti_adapters.storage.schema_phases import deals
from cti_server.compliance.erasing import Erasure, Hold, Person, Prove, State
from cti_server.shared.errors import NotFound
from cti_server.shared.notices import WorkChanged
from cti_server.shared.places import Place


class ErasureRows:
    """Who is to be erased, and what stands against it."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    def person(self, code: str) -> Person | None:
        """A customer."""
        row = self._session.get(Customer, code)
        if row is None:
            return None
        connection = system(self._session, writes=False)
        wanted = (deals.c.customer_code == code, deals.c.state == "open")
        open_deals = connection.execute(select(func.count()).select_from(deals).where(*wanted)).scalar_one()
        held = select(HoldRow.id).where(HoldRow.customer_code == code, HoldRow.ended_at.is_(None)).limit(1)
        return Person(row.code, row.name, row.label, open_deals, self._session.scalars(held).first() is not None)

    # --- erasures

    def get(self, erasure_id: int) -> Erasure | None:
        """One of them."""
        return next(iter(self._found(select(ErasureRow).where(ErasureRow.id == erasure_id))), None)

    def page(self, state: str, after: Place | None, limit: int) -> tuple[list[Erasure], Place | None]:
        """The latest first; an empty state: all."""
        query = select(ErasureRow).order_by(ErasureRow.id.desc()).limit(limit + 1)
        if state:
            query = query.where(ErasureRow.state == state)
        if after is not None:
            query = query.where(ErasureRow.id < after.id)
        found = self._found(query)
        more, found = len(found) > limit, found[:limit]
        return found, Place(found[-1].asked_at, found[-1].id) if more else None

    def asked_of(self, code: str) -> bool:
        """Whether one is asked for."""
        query = select(ErasureRow.id).where(ErasureRow.customer_code == code, ErasureRow.state == "asked")
        return self._session.scalars(query).first() is not None

    def ask(self, person: Person, reason: str, by: str, at: float) -> int:
        """Keeps a new one."""
        label = person.label
        row = ErasureRow(
            customer_code=person.code,
            tier=tier("customer", label.confidentiality),
            branch=label.branch,
            rep=label.rep,
            confidentiality=label.confidentiality,
            reason=reason,
            state="asked",
            asked_by=by,
            asked_at=at,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def decide(self, erasure_id: int, state: State, by: str, at: float, answer: str) -> None:
        """Refuses it, or takes it back."""
        row = self._session.get(ErasureRow, erasure_id)
        if row is None:
            raise NotFound("There is no such erasure")
        row.state, row.decided_by, row.decided_at, row.answer = state, by, at, answer

    def erase(self, erasure_id: int, by: str, at: float, prove: Prove) -> None:
        """Erases the person, in this transaction."""
        row = self._session.get(ErasureRow, erasure_id)
        if row is None or row.customer_code is None:
            raise NotFound("There is no such erasure")
        label = row.label
        erase(system(self._session), erasure_id, row.customer_code, by, at, prove)
        self._session.expire_all()
        self._session.add(Outbox(kind="work", body=work_body(WorkChanged((label,))), at=at))

    # --- legal holds

    def holds(self, limit: int) -> list[Hold]:
        """Those that hold, then those that ended; the latest first."""
        return self._holds(select(HoldRow).order_by(HoldRow.ended_at.is_not(None), HoldRow.id.desc()).limit(limit))

    def hold(self, person: Person, reason: str, by: str, at: float) -> int:
        """Keeps a new hold."""
        row = HoldRow(customer_code=person.code, reason=reason, by=by, at=at)
        self._session.add(row)
        self._session.flush()
        return row.id

    def hold_of(self, hold_id: int) -> Hold | None:
        """One that holds."""
        query = select(HoldRow).where(HoldRow.id == hold_id, HoldRow.ended_at.is_(None))
        return next(iter(self._holds(query)), None)

    def end_hold(self, hold_id: int, by: str, at: float, reason: str) -> None:
        """It holds no more."""
        row = self._session.get(HoldRow, hold_id)
        if row is not None:
            row.ended_by, row.ended_at, row.end_reason = by, at, reason

    def note(self, code: str, by: str, at: float, act: str, detail: dict[str, object]) -> None:
        """Adds to the customer's trail."""
        about = {"subject_kind": "customer", "subject_id": code, "customer_code": code}
        self._session.add(Audit(at=at, user=by, act=act, detail=detail, **about))

    # --- as they are shown

    def _found(self, query: Select[Any]) -> list[Erasure]:
        rows = list(self._session.scalars(query))
        people = self._people([user for row in rows for user in (row.asked_by, row.decided_by)])
        called = self._called([row.customer_code for row in rows])
        return [
            Erasure(
                row.id,
                row.customer_code or "",
                called.get(row.customer_code or "", ""),
                row.reason,
                row.state,
                row.asked_by,
                row.asked_at,
                row.decided_by or "",
                row.decided_at,
                row.answer,
                row.calls,
                people.get(row.asked_by, row.asked_by),
                people.get(row.decided_by or "", row.decided_by or ""),
            )
            for row in rows
        ]

    def _holds(self, query: Select[Any]) -> list[Hold]:
        rows = list(self._session.scalars(query))
        people = self._people([user for row in rows for user in (row.by, row.ended_by)])
        called = self._called([row.customer_code for row in rows])
        return [
            Hold(
                row.id,
                row.customer_code,
                called.get(row.customer_code, ""),
                row.reason,
                row.by,
                row.at,
                row.ended_by or "",
                row.ended_at,
                row.end_reason,
                people.get(row.by, row.by),
                people.get(row.ended_by or "", row.ended_by or ""),
            )
            for row in rows
        ]

    def _people(self, users: list[str | None]) -> dict[str, str]:
        return {user: one.name for user, one in self._firm.colleagues({one for one in users if one}).items()}

    def _called(self, codes: list[str | None]) -> dict[str, str]:
        query = select(Customer.code, Customer.name).where(Customer.code.in_([code for code in codes if code]))
        return {row[0]: row[1] for row in self._session.execute(query)}
