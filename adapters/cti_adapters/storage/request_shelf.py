"""Contact records that reviewers ask for (``cti_server.review.ports.Requests``), within the scope of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Call, Customer, Outbox, Sight
from cti_adapters.storage.mapping_review import RequestRow
from cti_adapters.storage.policy_rows import InForce
from cti_adapters.storage.request_rows import entry, notice
from cti_adapters.storage.schema_review import requests
from cti_server.review.ports import About, NewRequest
from cti_server.review.requests import State, standing
from cti_server.review.views import RequestQuery, RequestView
from cti_server.shared.places import Place
from cti_server.shared.scope import Label

OF_A_CALL_MOST: Final = 50


class RequestShelf:
    """``cti_server.review.ports.Requests``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    # --- whom, about whom, by when

    def whose(self, call_id: str) -> list[About]:
        """Whose a call may be; empty where there is no such call."""
        query: Any = select(Sight, Call.customer_code.label("picked"), Customer.name.label("name"))
        query = query.join(Call, Call.id == Sight.call_id).outerjoin(Customer, Customer.code == Sight.customer_code)
        rows = self._session.execute(query.where(Sight.call_id == call_id).order_by(Sight.rank)).all()
        exact = [row.Sight.customer_code for row in rows if row.Sight.match == "exact" and row.Sight.customer_code]
        picked = [row.picked for row in rows if row.picked is not None and row.picked == row.Sight.customer_code]
        sure = picked or (exact if len(exact) == 1 else [])
        return [_about(row.Sight, row.name, sure) for row in rows]

    def able(self, label: Label, call_id: str) -> list[tuple[str, str]]:
        """(user, name) of the colleagues who may handle calls of this label: the rep in charge first, then who took
        the call."""
        took = self._session.execute(select(Call.receiver).where(Call.id == call_id)).scalar_one_or_none()
        first = [user for user in (label.rep, took) if user]
        people = [one for one in self._firm.handlers([label.branch], first) if one.scope.admits(label)]
        people.sort(key=lambda one: first.index(one.id) if one.id in first else len(first))
        return [(one.id, one.name) for one in people]

    def deadline(self, branch: str, since: float, hours: float) -> float:
        """When so many business hours of a branch have gone by."""
        holds = InForce(system(self._session, writes=False))
        return holds.calendar(holds.version(since), branch).due_at(since, hours)

    # --- acts

    def add(self, new: NewRequest) -> int | None:
        """Keeps it, and tells the screens. Null where the call's record is asked for already."""
        self._session.before_writing()
        asked = select(RequestRow.id).where(RequestRow.call_id == new.call, RequestRow.state == "open")
        if self._session.execute(asked).first() is not None:
            return None
        label = new.about.label
        row = RequestRow(
            call_id=new.call,
            kind=label.kind,
            customer_code=new.about.customer,
            tier=gate.tier(label.kind, label.confidentiality),
            branch=label.branch,
            rep=label.rep,
            confidentiality=label.confidentiality,
            to=new.to,
            by=new.by,
            at=new.at,
            due_at=new.plan.due_at,
            note=new.note,
            state="open",
            remind_at=new.plan.remind_at,
            escalate_at=new.plan.escalate_at,
        )
        self._session.add(row)
        self._session.flush()
        told = {"users": [new.to], "due": new.plan.due_at} | ({"reason": new.note} if new.note else {})
        self._changed(row, "record asked for", new.by, new.at, told)
        return row.id

    def withdraw(self, request_id: int, by: str, at: float) -> None:
        """It is not asked for any more."""
        row = self._session.scalars(select(RequestRow).where(RequestRow.id == request_id)).one()
        row.state, row.closed_at, row.closed_by = "withdrawn", at, by
        self._changed(row, "record not asked for any more", by, at, {"users": [row.to]})

    def _changed(self, row: RequestRow, act: str, by: str, at: float, detail: Mapping[str, Any]) -> None:
        self._session.add(Audit(**entry(row, act, by, at, detail)))
        self._session.add(Outbox(kind="work", body=work_body(notice(row)), at=at))

    # --- reading

    def get(self, request_id: int, now: float) -> RequestView | None:
        """One of them."""
        return next(iter(self._views(_found().where(RequestRow.id == request_id), now)), None)

    def of_call(self, call_id: str, now: float) -> list[RequestView]:
        """Those about a call, the newest first."""
        about = _found().where(RequestRow.call_id == call_id)
        return self._views(about.order_by(RequestRow.at.desc(), RequestRow.id.desc()).limit(OF_A_CALL_MOST), now)

    def page(
        self, query: RequestQuery, after: Place | None, limit: int, now: float
    ) -> tuple[list[RequestView], Place | None]:
        """Newest first; the place is null at the end."""
        asked = _asked(query, now)
        if after is not None:
            asked.append((RequestRow.at < after.at) | ((RequestRow.at == after.at) & (RequestRow.id < after.id)))
        found: dict[int, RequestView] = {}
        for group in gate.ranges(self._session.scope, requests):
            newest = _found().where(group, *asked).order_by(RequestRow.at.desc(), RequestRow.id.desc())
            found |= {row.id: row for row in self._views(newest.limit(limit + 1), now)}
        rows = sorted(found.values(), key=lambda row: (-row.at, -row.id))
        more = len(rows) > limit
        rows = rows[:limit]
        return rows, Place(rows[-1].at, rows[-1].id) if more else None

    def waiting_for(self, users: Sequence[str], branch: str | None, limit: int, now: float) -> list[RequestView]:
        """Those that wait for one of some users, and of a branch those that were escalated; what is due first first."""
        query = _found().where(_waits(users, branch)).order_by(RequestRow.due_at, RequestRow.id)
        return self._views(query.limit(limit), now)

    def count_waiting_for(self, users: Sequence[str], branch: str | None) -> int:
        """How many they are."""
        return self._session.execute(select(func.count(RequestRow.id)).where(_waits(users, branch))).scalar_one()

    def _views(self, query: Select[Any], now: float) -> list[RequestView]:
        rows: Sequence[Any] = self._session.execute(query).all()
        branches = self._firm.branches()
        asked = [row.RequestRow for row in rows]
        known = self._firm.colleagues({user for one in asked for user in (one.to, one.by, one.closed_by) if user})

        def name(user: str | None) -> str:
            return (known[user].name if user in known else "") or user or ""

        return [
            RequestView(
                id=one.id,
                call=one.call_id,
                call_at=row.call_at,
                customer=one.customer_code or "",
                customer_name=row.customer_name or "",
                branch=one.branch,
                branch_name=branches[one.branch].name if one.branch in branches else one.branch,
                to=one.to,
                to_name=name(one.to),
                by=one.by,
                by_name=name(one.by),
                at=one.at,
                due_at=one.due_at,
                note=one.note,
                standing=standing(cast(State, one.state), one.due_at, one.escalated_at, now),
                reminded_at=one.pressed_at or one.reminded_at,
                escalated_at=one.escalated_at,
                closed_at=one.closed_at,
                closed_by_name=name(one.closed_by),
            )
            for one, row in zip(asked, rows, strict=True)
        ]


def _about(sight: Sight, name: str | None, sure: Sequence[str]) -> About:
    label = Label(sight.kind, sight.branch, sight.rep, sight.confidentiality)
    return About(label, sight.customer_code, name or "", sight.customer_code in sure)


def _found() -> Select[Any]:
    query: Any = select(RequestRow, Call.started_at.label("call_at"), Customer.name.label("customer_name"))
    query = query.outerjoin(Call, Call.id == RequestRow.call_id)
    return cast("Select[Any]", query.outerjoin(Customer, Customer.code == RequestRow.customer_code))


def _waits(users: Sequence[str], branch: str | None) -> ColumnElement[bool]:
    """What waits for some users; with a branch, for its manager too."""
    theirs: ColumnElement[bool] = RequestRow.to.in_(users)
    if branch is not None:
        theirs = or_(theirs, and_(RequestRow.branch == branch, RequestRow.escalated_at.is_not(None)))
    return and_(RequestRow.state == "open", theirs)


def _asked(query: RequestQuery, now: float) -> list[ColumnElement[bool]]:
    open_ = RequestRow.state == "open"
    states: dict[str, list[ColumnElement[bool]]] = {
        "": [open_],
        "all": [],
        "asked": [open_, RequestRow.escalated_at.is_(None), RequestRow.due_at > now],
        "overdue": [open_, RequestRow.escalated_at.is_(None), RequestRow.due_at <= now],
        "escalated": [open_, RequestRow.escalated_at.is_not(None)],
    }
    asked = list(states.get(query.state, [RequestRow.state == query.state]))
    if query.branch:
        asked.append(RequestRow.branch == query.branch)
    if query.to:
        asked.append(RequestRow.to == query.to)
    return asked
