"""Dealing with calls: open an item, mark it handled, record what was done, put it off, hand it on (spec C5, C6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cti_server.calls import showing
from cti_server.calls.desk_base import NO_SUCH_CUSTOMER, one_line, several_lines
from cti_server.calls.desk_reach import Reach
from cti_server.calls.ports import Colleague, SeenCall
from cti_server.calls.views import ItemView, Who
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.viewer import needs

UNDO_SECONDS: Final = 600.0
"""How long a record can be taken back: afterwards it is what the firm says was done."""
SNOOZE_LONGEST: Final = 366 * 86_400.0
HISTORY_SHOWN: Final = 50


class Items(Reach):
    """One thing to do."""

    def item(self, item_id: int) -> ItemView:
        """One item with all that is needed to deal with it. The look is noted."""
        task, calls = self._item(item_id)
        self._looked_at(calls)
        names = self._names(calls, [task.assignee, task.handed_by])
        whose = self._customer_of(calls)
        customer = self.work.customers.get(whose.code) if whose is not None else None
        shown = _candidates(calls, names)
        is_open = [call for call in calls if call.open]
        latest = (is_open or calls)[0]
        dial = self.work.records.dial_of_item(item_id)
        records = self.work.records
        ids = [call.log.id for call in calls]
        if customer is None:
            history = self._history(
                records.history_of_calls(ids, HISTORY_SHOWN), records.hand_overs_of_calls(ids, HISTORY_SHOWN)
            )
        else:
            history = self._history(
                records.history_of_customer(customer.code, HISTORY_SHOWN),
                records.hand_overs_of_customer(customer.code, HISTORY_SHOWN),
            )
        may_handle = self.viewer.may("handle")
        return ItemView(
            row=self._item_row(task, latest, len(is_open or calls), names),
            calls=[showing.call_row(call, self.viewer, names) for call in calls],
            candidates=shown,
            customer=next((one for one in shown if customer is not None and one.code == customer.code), None),
            address=customer.address if customer is not None else "",
            history=history[:HISTORY_SHOWN],
            draft=self._draft(task, calls, customer, None) if customer is not None and may_handle else None,
            note_draft=self.work.work.note(item_id) if may_handle else "",
            may_handle=may_handle,
            can_dial=may_handle and bool(self.viewer.extensions) and self._number_of(latest, customer) is not None,
            dial_uri=self._dial_uri(latest, customer),
            dialling=dial.state if dial is not None else "",
            handed_by_name=names.person_who_sees(task.handed_by, latest),
            hand_note=self._written(task.id, task.handed_by, task.hand_note),
        )

    # --- handled

    @needs("handle")
    def handle(self, call_ids: Sequence[str]) -> None:
        """Marks calls handled; those that are so already stay as they are."""
        calls = self._calls(call_ids)
        done = set(self.work.work.handle([call.log.id for call in calls], self.viewer.id, self.clock.now()))
        self._note("handled", [call for call in calls if call.log.id in done])

    @needs("handle")
    def reopen(self, call_ids: Sequence[str]) -> None:
        """Takes *handled* back."""
        calls = self._calls(call_ids)
        again = set(self.work.work.reopen([call.log.id for call in calls], at=self.clock.now()))
        self._note("reopened", [call for call in calls if call.log.id in again])

    @needs("handle")
    def undo_history(self, history_id: int) -> None:
        """Takes one's own record back for a while; the calls that it handled are open again. A mail is out for good."""
        row = self.work.records.history(history_id)
        if row is None:
            raise NotFound("There is no such record")
        if row.by != self.viewer.id:
            raise NotAllowed("Only who wrote a record can take it back; ask them, or write another")
        if row.undone:
            return
        now = self.clock.now()
        if now - row.at > UNDO_SECONDS:
            raise Conflict("A record can be taken back for ten minutes only; write another that sets it right")
        if self.work.records.mail_of_history(history_id) is not None:
            raise Conflict("This mail is on its way and can't be taken back; write another that sets it right")
        self.work.records.undo_history(history_id, now)
        calls = self.work.calls.get(row.call_ids)
        self.work.work.reopen([call.log.id for call in calls], handled_at=row.at, at=now)
        self._note("undone", calls, history=history_id)

    # --- put off, handed on

    @needs("handle")
    def snooze(self, item_id: int, until: float, reason: str) -> None:
        """Puts an item off until a time (epoch seconds, UTC); it comes back by itself."""
        task, calls = self._item(item_id)
        now = self.clock.now()
        if task.state == "done":
            raise Conflict("This is done already; open it again first")
        if not now < until <= now + SNOOZE_LONGEST:
            raise Invalid("Choose a time in the future, within a year", "until", "snooze-until")
        why = one_line(reason, "reason", needed=True)
        self.work.work.snooze(item_id, until, why, self.viewer.id, now)
        self._note("snoozed", calls[:1], until=until)

    @needs("handle")
    def unsnooze(self, item_id: int) -> None:
        """Takes an item out of waiting."""
        _task, calls = self._item(item_id)
        self.work.work.wake(item_id, self.clock.now())
        self._note("unsnoozed", calls[:1])

    @needs("handle")
    def assignees(self, item_id: int) -> list[tuple[str, str]]:
        """(user, name) of the colleagues an item may be handed to: they may handle calls and may see its customer.
        The rep in charge stands first."""
        _task, calls = self._item(item_id)
        return [(one.id, one.name) for one in self._assignees(calls)]

    def _assignees(self, calls: Sequence[SeenCall]) -> list[Colleague]:
        labels = list(dict.fromkeys(label for call in calls for label in call.labels))
        reps = [label.rep for label in labels if label.rep]
        people = self.work.firm.handlers({label.branch for label in labels}, reps)
        able = [one for one in people if one.id != self.viewer.id and any(one.scope.admits(label) for label in labels)]
        return sorted(able, key=lambda one: one.id not in reps)

    @needs("handle")
    def hand_on(self, item_id: int, to_user: str, note: str) -> None:
        """Hands an item to a colleague: it is on their list from now on, and they are told."""
        task, calls = self._item(item_id)
        if all(one.id != to_user for one in self._assignees(calls)):
            raise Invalid("Choose a colleague from the list; others may not see this caller", "to", "wrong-assignee")
        why = several_lines(note, "note", 1_000)
        self.work.work.assign(item_id, to_user, why, self.viewer.id, self.clock.now())
        self._note("handed", calls[:1], users=[to_user], before=task.assignee)

    @needs("handle")
    def undo_hand_on(self, item_id: int) -> None:
        """Takes the last handing on back."""
        _task, calls = self._item(item_id)
        acts = [entry for call in calls for entry in self.work.records.trail(call.log.id) if entry.act == "handed"]
        last = max(acts, key=lambda entry: entry.at, default=None)
        before = last.detail.get("before") if last is not None else None
        self.work.work.assign(item_id, before, "", None, self.clock.now())
        self._note("taken back", calls[:1])

    @needs("handle")
    def pick(self, item_id: int, customer_code: str) -> None:
        """Says which of the candidates the caller is; another can be picked later."""
        _task, calls = self._item(item_id)
        if all(one.code != customer_code for call in calls for one in call.customers):
            raise NotFound(NO_SUCH_CUSTOMER)
        self.work.work.pick(item_id, customer_code, self.clock.now())
        self._note("picked", calls[:1], picked=customer_code)

    @needs("handle")
    def save_note(self, item_id: int, text: str) -> None:
        """Keeps what the viewer is typing about an item; nobody else sees it."""
        self._task(item_id)
        self.work.work.keep_note(item_id, several_lines(text, "note"), self.clock.now())


def _candidates(calls: Sequence[SeenCall], names: showing.Names) -> list[Who]:
    """The candidates of all calls of an item, each once."""
    found: dict[str, Who] = {}
    for call in calls:
        for one in showing.candidates(call, names):
            if one.code not in found or one.attached:
                found[one.code] = one
    return list(found.values())
