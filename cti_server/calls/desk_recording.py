"""Contact-history records: what was done for a customer, and the calls that it answers (spec C6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cti_server.calls import showing
from cti_server.calls.desk_base import (
    NO_SUCH_CUSTOMER,
    NO_SUCH_ITEM,
    DeskBase,
    chosen,
    one_line,
    several_lines,
)
from cti_server.calls.ports import HistoryEntry, SeenCall, Task
from cti_server.calls.views import HistoryRow
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.people import Customer
from cti_server.shared.viewer import needs

KINDS: Final = ("contact", "visit booking", "seminar booking")
CHANNELS: Final = ("phone", "mail", "visit", "other")
CALLS_SHOWN: Final = 50


class Recording(DeskBase):
    """Records, and whom they are about."""

    @needs("handle")
    def record(
        self,
        item_id: int | None,
        call_ids: Sequence[str],
        customer: str | None,
        kind: str,
        channel: str,
        result: str,
        note: str,
    ) -> HistoryRow:
        """Records what was done; it handles the calls (all open ones of the item, unless ``call_ids`` names some).

        Without ``customer`` it is the calls' own; where several customers stand, Invalid asks for one.
        """
        calls = self._calls_to_answer(item_id, call_ids)
        who = self._answered_customer(calls, customer)
        entry = HistoryEntry(
            customer=who.code if who is not None else None,
            item=item_id,
            kind=chosen(kind, KINDS, "kind"),
            channel=chosen(channel, CHANNELS, "channel"),
            result=one_line(result, "result"),
            note=several_lines(note, "note"),
            at=self.clock.now(),
            by=self.viewer.id,
            calls=[call.log.id for call in calls],
        )
        return self._recorded(entry, calls, item_id)

    def _recorded(self, entry: HistoryEntry, calls: Sequence[SeenCall], item_id: int | None) -> HistoryRow:
        history_id = self.work.records.add_history(entry)
        if entry.customer is not None and item_id is not None and not _is_sure(calls, entry.customer):
            self.work.work.pick(item_id, entry.customer, entry.at)
        self.work.work.handle(entry.calls, entry.by, entry.at)
        if item_id is not None:
            self.work.work.keep_note(item_id, "", entry.at)
        self._note("recorded", calls, history=history_id, kind=entry.kind, channel=entry.channel)
        if entry.customer is not None and not calls:
            self._note_customer("recorded", entry.customer, history=history_id, kind=entry.kind, channel=entry.channel)
        row = self.work.records.history(history_id)
        assert row is not None, "a record that was just written is within its author's scope"
        return self._history([row])[0]

    def _calls_to_answer(self, item_id: int | None, call_ids: Sequence[str]) -> list[SeenCall]:
        if call_ids:
            if item_id is not None:
                self._task(item_id)
            return self._calls(call_ids)
        if item_id is None:
            return []
        _task, calls = self._item(item_id)
        return [call for call in calls if call.open] or calls[:1]

    def _answered_customer(self, calls: Sequence[SeenCall], code: str | None) -> Customer | None:
        """Whom a record is about; null for an unregistered caller."""
        if code is not None:
            if self.work.customers.get(code) is None:
                raise NotFound(NO_SUCH_CUSTOMER)
            for call in calls:
                if all(one.code != code for one in call.customers):
                    raise Invalid(
                        "The call is not from this customer; choose one of its candidates", "customer", "no-candidate"
                    )
            return self.work.customers.get(code)
        if not calls:
            raise Invalid("Say which customer or which calls the record is about", "customer", "customer-missing")
        sure = self._customer_of(calls)
        if sure is None and any(call.sightings[0].label.kind == "customer" for call in calls):
            raise Invalid("The number belongs to several customers; choose who called", "customer", "pick-first")
        return sure

    def _item(self, item_id: int) -> tuple[Task, list[SeenCall]]:
        """An item and its calls, the newest first (at least one)."""
        task = self._task(item_id)
        calls = self.work.calls.of_item(item_id, CALLS_SHOWN)
        if not calls:
            raise NotFound(NO_SUCH_ITEM)
        return task, calls

    def _customer_of(self, calls: Sequence[SeenCall]) -> Customer | None:
        """Whose the calls are; null while several customers stand, or nobody is registered."""
        sure = {found.code: found for call in calls if (found := showing.attached(call)) is not None}
        return next(iter(sure.values())) if len(sure) == 1 else None


def _is_sure(calls: Sequence[SeenCall], code: str) -> bool:
    """Whether the calls are known to be this customer's without anybody picking."""
    return all((sure := showing.attached(call)) is not None and sure.code == code for call in calls)
