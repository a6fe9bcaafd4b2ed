"""What is done with items (the writing half of ``cti_server.calls.ports.Work``).

Whoever acts sees only their own candidates of a call; the call itself is one. So what an act changes is written past
the gate, after the gate showed that the user sees the call: marks on every sight, the count of the item, and the notice
to all whom one of its labels admits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from cti_adapters.storage import deal_calls
from cti_adapters.storage.core import chunks
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_items import Worklist
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Call, Draft, Item, Outbox
from cti_adapters.storage.schema import calls, items, sights
from cti_server.shared.errors import NotFound
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Kind, Label

_KINDS: dict[str, Kind] = {"customer": "customer", "unregistered": "unregistered", "internal": "internal"}


class WorkRepository(Worklist):
    """Items, and what is done with them, within the scope of a session."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        super().__init__(session)
        self._firm = firm

    # --- handled or open

    def handle(self, call_ids: Sequence[str], by: str, at: float) -> list[str]:
        """Marks inbound calls handled that were not; returns those. An item without an open call is done."""
        connection = system(self._session)
        wanted = [call_id for call_id, handled in self._inbound(call_ids) if not handled]
        done = {"open": False, "handled": True}
        self._mark(connection, wanted, done | {"handled_by": by, "handled_at": at}, done)
        self._settle(connection, self._items_of(connection, wanted), at)
        self.told(wanted, (), at)
        return wanted

    def reopen(self, call_ids: Sequence[str], *, handled_at: float | None = None, at: float) -> list[str]:
        """Takes *handled* back (only marks set at ``handled_at``, where that is given); returns the calls. A call of
        no item was never open."""
        connection = system(self._session)
        wanted = [call_id for call_id, handled in self._inbound(call_ids, handled_at) if handled]
        affected = self._items_of(connection, wanted)
        for item in affected:
            self._revive(connection, item)
        for has_item in (True, False):
            some = [call_id for call_id in wanted if (self._item_of(connection, call_id) is not None) is has_item]
            open_again = {"open": has_item, "handled": False}
            self._mark(connection, some, open_again | {"handled_by": None, "handled_at": None}, open_again)
        self._settle(connection, self._items_of(connection, wanted), at)
        self.told(wanted, (), at)
        return wanted

    def _inbound(self, call_ids: Sequence[str], handled_at: float | None = None) -> list[tuple[str, bool]]:
        """(call, handled) of the inbound calls among them that the user sees."""
        found: list[tuple[str, bool]] = []
        for some in chunks(dict.fromkeys(call_ids)):
            query = select(Call.id, Call.handled).where(Call.id.in_(some), Call.direction == "in").order_by(Call.id)
            if handled_at is not None:
                query = query.where(Call.handled_at == handled_at)
            found += [(call_id, handled) for call_id, handled in self._session.execute(query)]
        return found

    def _mark(
        self, connection: Connection, call_ids: Sequence[str], of_call: dict[str, Any], of_sight: dict[str, Any]
    ) -> None:
        for some in chunks(call_ids):
            bumped = of_call | {"version": calls.c.version + 1}
            connection.execute(update(calls).where(calls.c.id.in_(some)).values(bumped))
            connection.execute(update(sights).where(sights.c.call_id.in_(some)).values(of_sight))
        self._session.expire_all()

    def _items_of(self, connection: Connection, call_ids: Sequence[str]) -> list[int]:
        return [
            item
            for some in chunks(call_ids)
            for (item,) in connection.execute(
                select(calls.c.item_id).where(calls.c.id.in_(some), calls.c.item_id.is_not(None)).distinct()
            )
        ]

    def _item_of(self, connection: Connection, call_id: str) -> int | None:
        item: int | None = connection.execute(select(calls.c.item_id).where(calls.c.id == call_id)).scalar_one()
        return item

    def _settle(self, connection: Connection, affected: Iterable[int], at: float) -> None:
        """Brings items in line with their open calls."""
        for item in affected:
            is_open = select(calls.c.id, calls.c.started_at).where(calls.c.item_id == item, calls.c.open.is_(True))
            rows = connection.execute(is_open.order_by(calls.c.started_at.desc(), calls.c.id.desc())).all()
            change = update(items).where(items.c.id == item)
            if rows:
                newest: dict[str, Any] = {
                    "calls": len(rows),
                    "latest_call": rows[0].id,
                    "latest_at": rows[0].started_at,
                }
                connection.execute(change.values(**newest, version=items.c.version + 1))
            else:
                over: dict[str, Any] = {"state": "done", "closed_at": at, "snoozed_until": None, "snooze_reason": ""}
                connection.execute(change.values(**over, version=items.c.version + 1))

    def _revive(self, connection: Connection, item: int) -> None:
        """Opens a done item again. Where its caller has another open one by now, its calls join that."""
        row = connection.execute(select(items.c.key, items.c.state).where(items.c.id == item)).one()
        if row.state != "done":
            return
        other = connection.execute(
            select(items.c.id).where(items.c.key == row.key, items.c.state != "done")
        ).scalar_one_or_none()
        if other is None:
            again = {"state": "open", "closed_at": None, "version": items.c.version + 1}
            connection.execute(update(items).where(items.c.id == item).values(again))
            return
        for table in (calls, sights):
            connection.execute(update(table).where(table.c.item_id == item).values(item_id=other))

    # --- put off, handed on, picked

    def snooze(self, item: int, until: float, reason: str, by: str, at: float) -> None:
        """Puts an item off."""
        row = self._row(item)
        row.state, row.snoozed_until, row.snooze_reason, row.snoozed_by = "waiting", until, reason, by
        self._told_item(item, at)

    def wake(self, item: int, at: float) -> None:
        """Takes an item out of waiting."""
        row = self._row(item)
        if row.state == "waiting":
            row.state, row.snoozed_until, row.snooze_reason, row.snoozed_by = "open", None, "", None
            self._told_item(item, at)

    def assign(self, item: int, user: str | None, note: str, by: str | None, at: float) -> None:
        """Says whose item it is (null: nobody's in particular), who says so, and what they write about it."""
        row = self._row(item)
        row.assignee, row.hand_note, row.handed_by = user, note, by
        self._told_item(item, at, [user] if user else [])

    def pick(self, item: int, code: str, at: float) -> None:
        """Attaches the calls of an item to one of their candidates."""
        self._row(item)
        connection = system(self._session)
        theirs = select(sights.c.call_id).where(sights.c.item_id == item, sights.c.customer_code == code)
        picked = {"customer_code": code, "version": calls.c.version + 1}
        connection.execute(update(calls).where(calls.c.id.in_(theirs)).values(picked))
        deal_calls.note_known(connection, connection.execute(theirs).scalars().all())
        bumped = {"customer_code": code, "version": items.c.version + 1}
        connection.execute(update(items).where(items.c.id == item).values(bumped))
        self._session.expire_all()
        self._told_item(item, at)

    def _row(self, item: int) -> Item:
        row = self._session.scalars(select(Item).where(Item.id == item)).one_or_none()
        if row is None:
            raise NotFound("There is no such item")
        return row

    # --- who may read what was written about an item

    def may_read(self, item: int, author: str) -> bool:
        """Whether the user sees all candidates of an item that ``author`` sees."""
        return author == self._scope.user or self._reads(
            author, self._labels(system(self._session, writes=False), item_ids=[item])
        )

    def may_read_call(self, call_id: str, author: str) -> bool:
        """The same for what the author wrote about a call."""
        return author == self._scope.user or self._reads(
            author, self._labels(system(self._session, writes=False), call_ids=[call_id])
        )

    def _reads(self, author: str, labels: Iterable[Label]) -> bool:
        found = self._firm.colleagues([author]).get(author)
        if found is None:
            return False
        return all(self._scope.admits(label) for label in labels if found.scope.admits(label))

    # --- drafts

    def note(self, item: int) -> str:
        """What the user typed about an item and has not saved."""
        found = self._session.scalars(select(Draft).where(Draft.item_id == item, Draft.user == self._scope.user))
        row = found.one_or_none()
        return row.note if row else ""

    def keep_note(self, item: int, text: str, at: float) -> None:
        """Keeps what the user types; empty text drops it."""
        query = select(Draft).where(Draft.item_id == item, Draft.user == self._scope.user)
        row = self._session.scalars(query).one_or_none()
        if row is None and text:
            self._session.add(Draft(item_id=item, user=self._scope.user, note=text, at=at))
        elif row is not None and text:
            row.note, row.at = text, at
        elif row is not None:
            self._session.delete(row)

    # --- telling

    def told(self, call_ids: Iterable[str], item_ids: Iterable[int], at: float, users: Iterable[str] = ()) -> None:
        """Leaves a notice that the work of these calls changed: for all who see one of them, whoever they are."""
        changed, concerned = tuple(call_ids), set(item_ids)
        if not changed and not concerned:
            return
        connection = system(self._session)
        labels = self._labels(connection, call_ids=changed, item_ids=sorted(concerned))
        concerned.update(self._items_of(connection, changed))
        self.told_labels(labels, changed, sorted(concerned), at, users)

    def told_labels(
        self,
        labels: Iterable[Label],
        call_ids: Iterable[str],
        item_ids: Iterable[int],
        at: float,
        users: Iterable[str] = (),
    ) -> None:
        """Leaves a notice for all whom one of the labels admits."""
        notice = WorkChanged(tuple(labels), tuple(call_ids), tuple(item_ids), tuple(users))
        if notice.labels:
            self._session.add(Outbox(kind="work", body=work_body(notice), at=at))

    def _told_item(self, item: int, at: float, users: Iterable[str] = ()) -> None:
        self._session.flush()
        self.told((), [item], at, users)

    def _labels(
        self, connection: Connection, *, call_ids: Sequence[str] = (), item_ids: Sequence[int] = ()
    ) -> list[Label]:
        found: dict[Label, None] = {}
        c = sights.c
        for column, values in ((c.call_id, call_ids), (c.item_id, item_ids)):
            for some in chunks(values):
                query = select(c.kind, c.branch, c.rep, c.confidentiality).where(column.in_(some)).distinct()
                for kind, branch, rep, confidentiality in connection.execute(query):
                    found[Label(_KINDS[kind], branch, rep, confidentiality)] = None
        return list(found)
