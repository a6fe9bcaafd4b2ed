"""Who is reminded of a record that is asked for, and whom a missing one is escalated to, as the daemon does it by the
hour. System work (scope EVERYTHING): each step is written down in the transaction that tells of it, so that none comes
twice, whatever stops the server."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import or_, select

from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.mapping import Audit, Outbox, Role, User
from cti_adapters.storage.mapping_review import RequestRow
from cti_adapters.storage.request_rows import entry, notice
from cti_adapters.storage.work import UnitOfWork
from cti_server.review.requests import Done, Schedule, Step, steps
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Span

AT_ONCE = 200
"""Requests that are looked at in one transaction."""


class Told(NamedTuple):
    """Somebody who is told of a step. ``mail`` and ``timezone`` are empty where they have none of their own."""

    user: str
    mail: str
    language: str
    timezone: str


class Taken(NamedTuple):
    """A step that was taken just now."""

    request: RequestRow
    step: Step
    to: list[Told]


def take(work: UnitOfWork, now: float) -> list[Taken]:
    """Takes the steps whose time has come: writes them down and tells the screens; mails are the caller's to write, in
    the same transaction. To be called in a unit of work that has the write lock."""
    waiting = or_(
        (RequestRow.due_at <= now) & RequestRow.pressed_at.is_(None),
        (RequestRow.due_at > now) & (RequestRow.remind_at <= now) & RequestRow.reminded_at.is_(None),
        (RequestRow.escalate_at <= now) & RequestRow.escalated_at.is_(None),
    )
    query = select(RequestRow).where(RequestRow.state == "open", waiting).order_by(RequestRow.due_at).limit(AT_ONCE)
    return [_take(work, row, step, now) for row in work.session.scalars(query) for step in _steps(row, now)]


def _steps(row: RequestRow, now: float) -> list[Step]:
    plan = Schedule(row.remind_at, row.due_at, row.escalate_at)
    return steps(plan, Done(row.reminded_at, row.pressed_at, row.escalated_at), now)


def _take(work: UnitOfWork, row: RequestRow, step: Step, now: float) -> Taken:
    match step:
        case "reminder":
            row.reminded_at = now
        case "deadline":
            row.pressed_at = now
        case "escalation":
            row.escalated_at = now
    to = _managers(work, row) if step == "escalation" else _asked(work, row)
    act = "record escalated" if step == "escalation" else "record reminded"
    users = [one.user for one in to]
    work.session.add(Audit(**entry(row, act, None, now, {"users": users, "step": step})))
    told = notice(row)
    told = WorkChanged(told.labels, told.call_ids, (), (*told.users, *users))
    work.session.add(Outbox(kind="work", body=work_body(told), at=now))
    return Taken(row, step, to)


def _asked(work: UnitOfWork, row: RequestRow) -> list[Told]:
    """Who is asked, as long as they may still see it."""
    return _who_see(work, row, [row.to])


def _managers(work: UnitOfWork, row: RequestRow) -> list[Told]:
    """Those of the branch who may see it, without who is asked."""
    roles = select(Role.name).where(Role.span == Span.BRANCH)
    query = select(User.id).where(User.branch == row.branch, User.role.in_(roles), User.id != row.to)
    return _who_see(work, row, list(work.session.scalars(query.order_by(User.id))))


def _who_see(work: UnitOfWork, row: RequestRow, users: list[str]) -> list[Told]:
    people = work.firm.colleagues(users)
    able = [
        user
        for user in users
        if user in people
        and people[user].active
        and people[user].scope.may_handle
        and people[user].scope.admits(row.label)
    ]
    rows = {user.id: user for user in work.session.scalars(select(User).where(User.id.in_(able)))}
    return [Told(one, rows[one].mail, rows[one].language, rows[one].timezone or "") for one in able]
