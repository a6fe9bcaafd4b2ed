"""The queue of mails to customers, as the daemon sends them. System work (scope EVERYTHING)."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select

from cti_adapters.storage.mapping import History, HistoryCall, Mail, Sight
from cti_adapters.storage.work import UnitOfWork
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Label


class QueuedMail(NamedTuple):
    """A mail that is to be sent. ``asked_at``: epoch seconds, UTC; ``tries``: how often it was tried before."""

    id: int
    to: str
    reply_to: str
    subject: str
    body: str
    asked_at: float
    tries: int


def due(work: UnitOfWork, now: float, limit: int) -> list[QueuedMail]:
    """The mails whose time has come, oldest first."""
    query = select(Mail).where(Mail.state == "queued", Mail.next_try <= now).order_by(Mail.next_try, Mail.id)
    return [
        QueuedMail(row.id, row.mail_to, row.reply_to, row.subject, row.body, row.asked_at, row.tries)
        for row in work.session.scalars(query.limit(limit))
    ]


def sent(work: UnitOfWork, mail_id: int, at: float) -> WorkChanged | None:
    """The mail server took it. Returns the notice to give out after the commit; null where it was not waiting."""
    row = _queued(work, mail_id)
    if row is None:
        return None
    row.state, row.problem, row.sent_at, row.next_try = "sent", "", at, None
    row.tries += 1
    return _notice(work, row)


def failed(work: UnitOfWork, mail_id: int, problem: str) -> WorkChanged | None:
    """It can't be sent, ever; ``problem`` says why. The calls that it was to answer are open again."""
    row = _queued(work, mail_id)
    if row is None:
        return None
    row.state, row.problem, row.next_try = "failed", problem, None
    row.tries += 1
    notice = _notice(work, row)
    _reopen(work, row)
    return notice


def postponed(work: UnitOfWork, mail_id: int, problem: str, next_try: float) -> WorkChanged | None:
    """It could not be sent just now; it is tried again at ``next_try``. A notice only where the problem is new."""
    row = _queued(work, mail_id)
    if row is None:
        return None
    new = row.problem != problem
    row.problem, row.next_try = problem, next_try
    row.tries += 1
    return _notice(work, row) if new else None


def _queued(work: UnitOfWork, mail_id: int) -> Mail | None:
    row = work.session.get(Mail, mail_id)
    return row if row is not None and row.state == "queued" else None


def _reopen(work: UnitOfWork, row: Mail) -> None:
    """Opens the calls that the mail's record handled, and nothing that was handled otherwise."""
    record = work.session.get(History, row.history_id) if row.history_id is not None else None
    if record is None or record.undone:
        return
    answered = select(HistoryCall.call_id).where(HistoryCall.history_id == record.id)
    work.work.reopen(list(work.session.scalars(answered)), handled_at=record.at, at=record.at)


def _notice(work: UnitOfWork, row: Mail) -> WorkChanged:
    work.session.flush()
    link = Sight.item_id == row.item_id if row.item_id is not None else Sight.call_id == row.call_id
    columns = select(Sight.kind, Sight.branch, Sight.rep, Sight.confidentiality)
    if row.customer_code is not None:
        columns = columns.where(Sight.customer_code == row.customer_code)
    labels = tuple(Label(*found) for found in work.session.execute(columns.where(link).distinct().limit(50)))
    items = () if row.item_id is None else (row.item_id,)
    return WorkChanged(labels, (), items, () if row.user is None else (row.user,))
