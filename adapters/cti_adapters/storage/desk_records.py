"""Contact history, mails, dials and the trail for the desk (``cti_server.calls.ports.Records``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Select, select

from cti_adapters.storage import claim_rows, request_rows
from cti_adapters.storage.core import chunks
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Correction, Customer, Dial, History, HistoryCall, Mail, Outbox
from cti_adapters.storage.schema import history_calls
from cti_adapters.storage.standing_rows import restand
from cti_server.calls.ports import CorrectionEntry, DialEntry, HistoryEntry, MailEntry, TrailEntry
from cti_server.calls.views import HistoryRow
from cti_server.review.policy import ReviewPolicy
from cti_server.shared.notices import WorkChanged

HANDED, TAKEN_BACK = "handed", "taken back"
"""Acts in a call's trail: it was handed to a colleague; and that was undone."""
TRAIL_MOST: Final = 500
CORRECTIONS_MOST: Final = 50


class RecordRepository:
    """What was done, within the scope of a session."""

    def __init__(self, session: GatedSession, policy: ReviewPolicy) -> None:
        self._session = session
        self._policy = policy

    # --- contact history

    def add_history(self, entry: HistoryEntry) -> int:
        """Keeps a record with its calls. One that says *telephone* and names none claims a call."""
        row = History(
            customer_code=entry.customer,
            item_id=entry.item,
            kind=entry.kind,
            channel=entry.channel,
            result=entry.result,
            note=entry.note,
            at=entry.at,
            by=entry.by,
            behalf=self._behalf(entry.customer),
        )
        self._session.add(row)
        self._session.flush()
        calls = dict.fromkeys(entry.calls)
        self._session.add_all(HistoryCall(history_id=row.id, call_id=call_id) for call_id in calls)
        restand(system(self._session), calls)
        self._tell(request_rows.answer(system(self._session), calls, row.id, entry.by, entry.at), entry.at)
        if entry.channel == "phone" and entry.customer is not None and not calls:
            label = claim_rows.note_claim(system(self._session), row.id, self._policy.claim_window)
            if label is not None:
                self._tell([WorkChanged((label,))], entry.at)
        return row.id

    def _behalf(self, code: str | None) -> str | None:
        """For whom a record of a customer is made: the rep in charge, where the user stands in for them."""
        customer = self._session.get(Customer, code) if code is not None and self._session.scope.stands_in else None
        if customer is None or customer.rep == self._session.scope.user:
            return None
        return customer.rep if self._session.scope.owns(customer.label) else None

    def history(self, history_id: int) -> HistoryRow | None:
        """One record; ``by_name`` is left empty."""
        return next(iter(self._rows(select(History).where(History.id == history_id))), None)

    def history_of_customer(self, code: str, limit: int) -> list[HistoryRow]:
        """The latest first."""
        return self._rows(_latest(select(History).where(History.customer_code == code), limit))

    def history_of_calls(self, call_ids: Sequence[str], limit: int) -> list[HistoryRow]:
        """The records that answer these calls, the latest first."""
        answering = select(HistoryCall.history_id).where(HistoryCall.call_id.in_(list(call_ids)[:limit]))
        return self._rows(_latest(select(History).where(History.id.in_(answering)), limit))

    def hand_overs_of_customer(self, code: str, limit: int) -> list[HistoryRow]:
        """When calls of a customer were handed to a colleague, the latest first."""
        return self._hand_overs(Audit.customer_code == code, limit=limit)

    def hand_overs_of_calls(self, call_ids: Sequence[str], limit: int) -> list[HistoryRow]:
        """When these calls were handed to a colleague, the latest first."""
        ids = list(call_ids)[:limit]
        return self._hand_overs(Audit.subject_kind == "call", Audit.subject_id.in_(ids), limit=limit)

    def _hand_overs(self, *which: Any, limit: int) -> list[HistoryRow]:
        """The trail knows them; one that was taken back is marked. A call of several candidates has an entry for
        each: they are one."""
        query = select(Audit).where(*which, Audit.act.in_([HANDED, TAKEN_BACK])).order_by(Audit.id.desc())
        back: set[str] = set()
        found: dict[tuple[float, str], HistoryRow] = {}
        for row in self._session.scalars(query.limit(limit)):
            detail = _plain(row.detail)
            if row.act == TAKEN_BACK:
                back.add(row.subject_id)
                continue
            undone = row.subject_id in back
            back.discard(row.subject_id)
            to = next(iter(detail.get("users", ())), "")
            made = HistoryRow(0, "hand-over", "", "", "", row.at, row.user or "", "", [row.subject_id], undone, to=to)
            found.setdefault((row.at, row.subject_id), made)
        return list(found.values())

    def undo_history(self, history_id: int, at: float) -> None:
        """Marks a record undone."""
        for row in self._session.scalars(select(History).where(History.id == history_id)):
            row.undone = True
        connection = system(self._session)
        claim_rows.drop_claim(connection, history_id)
        answered = select(history_calls.c.call_id).where(history_calls.c.history_id == history_id)
        restand(connection, connection.execute(answered).scalars())
        self._tell(request_rows.reopen(connection, history_id, at), at)

    def _tell(self, notices: Iterable[WorkChanged], at: float) -> None:
        self._session.add_all(Outbox(kind="work", body=work_body(notice), at=at) for notice in notices)

    def _rows(self, query: Select[History]) -> list[HistoryRow]:
        found = list(self._session.scalars(query))
        calls: dict[int, list[str]] = defaultdict(list)
        for some in chunks(row.id for row in found):
            linked = select(HistoryCall.history_id, HistoryCall.call_id).where(HistoryCall.history_id.in_(some))
            for history_id, call_id in self._session.execute(linked.order_by(HistoryCall.call_id)):
                calls[history_id].append(call_id)
        mailed: dict[int | None, str] = {}
        for items in chunks({row.item_id for row in found if row.channel == "mail" and row.item_id is not None}):
            states = select(Mail.history_id, Mail.state).where(Mail.item_id.in_(items)).order_by(Mail.id)
            mailed.update((history_id, state) for history_id, state in self._session.execute(states))
        return [
            HistoryRow(
                id=row.id,
                kind=row.kind,
                channel=row.channel,
                result=row.result,
                note=row.note,
                at=row.at,
                by=row.by or "",
                by_name="",
                behalf=row.behalf or "",
                call_ids=calls[row.id],
                undone=row.undone,
                mail_state=mailed.get(row.id, ""),
            )
            for row in found
        ]

    # --- mails

    def add_mail(self, entry: MailEntry) -> int:
        """Queues a mail and tells the daemon."""
        row = Mail(
            item_id=entry.item,
            history_id=entry.history,
            customer_code=entry.customer,
            call_id=entry.call,
            user=entry.user,
            mail_to=entry.to,
            reply_to=entry.reply_to,
            subject=entry.subject,
            body=entry.body,
            state=entry.state,
            asked_at=entry.at,
            next_try=entry.at,
        )
        self._session.add(row)
        self._session.flush()
        self._session.add(Outbox(kind="mail", body={"mail": row.id}, at=entry.at))
        return row.id

    def mail_of_item(self, item: int) -> MailEntry | None:
        """The last one."""
        return self._mail(select(Mail).where(Mail.item_id == item))

    def mail_of_history(self, history_id: int) -> MailEntry | None:
        """The one that the record is about."""
        return self._mail(select(Mail).where(Mail.history_id == history_id))

    def _mail(self, query: Select[Mail]) -> MailEntry | None:
        row = self._session.scalars(query.order_by(Mail.id.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        return MailEntry(
            item=row.item_id,
            customer=row.customer_code,
            call=row.call_id,
            user=row.user or "",
            to=row.mail_to,
            reply_to=row.reply_to,
            subject=row.subject,
            body=row.body,
            at=row.asked_at,
            state=row.state,
            problem=row.problem,
            history=row.history_id,
        )

    # --- dials

    def add_dial(self, entry: DialEntry) -> int:
        """Asks the daemon to place a call."""
        row = Dial(
            item_id=entry.item,
            call_id=entry.call,
            customer_code=entry.customer,
            user=entry.user,
            exchange=entry.exchange,
            extension=entry.extension,
            number=entry.number,
            state=entry.state,
            asked_at=entry.at,
        )
        self._session.add(row)
        self._session.flush()
        self._session.add(Outbox(kind="dial", body={"dial": row.id}, at=entry.at))
        return row.id

    def dial(self, dial_id: int) -> DialEntry | None:
        """One of them."""
        return self._dial(select(Dial).where(Dial.id == dial_id))

    def dial_of_item(self, item: int) -> DialEntry | None:
        """The last one."""
        return self._dial(select(Dial).where(Dial.item_id == item))

    def dial_of_user(self, user: str) -> DialEntry | None:
        """The last one."""
        return self._dial(select(Dial).where(Dial.user == user))

    def _dial(self, query: Select[Dial]) -> DialEntry | None:
        row = self._session.scalars(query.order_by(Dial.id.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        return DialEntry(
            user=row.user,
            exchange=row.exchange,
            extension=row.extension,
            number=row.number,
            at=row.asked_at,
            item=row.item_id,
            call=row.call_id,
            customer=row.customer_code,
            state=row.state,
            made_call=row.made_call or "",
        )

    # --- the trail

    def add_trail(self, subject_kind: str, subject_id: str, entries: Iterable[TrailEntry]) -> None:
        """Notes what happened."""
        self._session.add_all(
            Audit(
                at=entry.at,
                user=entry.user,
                act=entry.act,
                subject_kind=subject_kind,
                subject_id=subject_id,
                customer_code=entry.customer,
                detail=dict(entry.detail),
            )
            for entry in entries
        )

    def looked(self, subject_kind: str, subject_id: str, user: str, since: float) -> bool:
        """Whether the trail has a look of the user at it since then."""
        query = select(Audit.id).where(
            Audit.subject_kind == subject_kind,
            Audit.subject_id == subject_id,
            Audit.act == "opened",
            Audit.user == user,
            Audit.at >= since,
        )
        return self._session.execute(query.limit(1)).first() is not None

    def trail(self, call_id: str) -> list[TrailEntry]:
        """What happened with a call, in order; the latest where there is very much."""
        query = select(Audit).where(Audit.subject_kind == "call", Audit.subject_id == call_id)
        rows = list(self._session.scalars(query.order_by(Audit.id.desc()).limit(TRAIL_MOST)))
        return [TrailEntry(row.at, row.user, row.act, row.customer_code, _plain(row.detail)) for row in reversed(rows)]

    def corrections(self, call_id: str) -> list[CorrectionEntry]:
        """What was corrected of a call, the latest first."""
        query = select(Correction).where(Correction.call_id == call_id).order_by(Correction.id.desc())
        rows = self._session.scalars(query.limit(CORRECTIONS_MOST))
        return [CorrectionEntry(row.at, row.by, row.why, row.what, _plain(row.fields)) for row in rows]


def _latest(query: Select[History], limit: int) -> Select[History]:
    return query.order_by(History.at.desc(), History.id.desc()).limit(limit)


def _plain(detail: Any) -> dict[str, Any]:
    return dict(detail) if isinstance(detail, dict) else {}
