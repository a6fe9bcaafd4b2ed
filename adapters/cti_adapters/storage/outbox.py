"""Rows of the outbox: what the dashboard (or a command) tells the daemon, committed together with what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import event, select

from cti_adapters.storage.mapping import Outbox
from cti_adapters.storage.work import UnitOfWork


class OutboxRow(NamedTuple):
    """One thing to be told. ``at`` is when it was asked for, epoch seconds, UTC."""

    id: int
    kind: str
    body: dict[str, Any]
    at: float


def put(work: UnitOfWork, kind: str, body: dict[str, Any], at: float) -> None:
    """Leaves a row for the daemon."""
    work.session.add(Outbox(kind=kind, body=body, at=at))


def waiting(work: UnitOfWork, limit: int) -> list[int]:
    """The ids of the oldest rows that nobody has handled yet."""
    found = select(Outbox.id).where(Outbox.done_at.is_(None)).order_by(Outbox.id).limit(limit)
    return list(work.session.scalars(found))


def take(work: UnitOfWork, row_id: int, now: float) -> OutboxRow | None:
    """Marks a row as handled and gives it; null if it was handled before. The unit of work has to be a writing one, so
    that no two take the same row."""
    row = work.session.get(Outbox, row_id)
    if row is None or row.done_at is not None:
        return None
    row.done_at = now
    return OutboxRow(row.id, row.kind, row.body, row.at)


def prune(work: UnitOfWork, before: float) -> None:
    """Forgets rows that were handled before a time (epoch seconds, UTC)."""
    old = select(Outbox.id).where(Outbox.done_at < before).order_by(Outbox.id).limit(1000)
    for row in work.session.scalars(select(Outbox).where(Outbox.id.in_(old))).all():
        work.session.delete(row)


def watch(work: UnitOfWork, wake: Callable[[list[int]], None]) -> None:
    """After the commit, calls ``wake`` with the ids of the rows that the unit of work left, if it left any."""
    left: list[int] = []

    def collect(session: Any, _context: Any) -> None:
        left.extend(row.id for row in session.new if isinstance(row, Outbox))

    event.listen(work.session, "after_flush", collect)
    work.after_commit(lambda: wake(left) if left else None)
