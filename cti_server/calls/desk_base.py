"""What all use cases of the desk share: the viewer's unit of work, names, rows, cursors and the trail."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from cti_server.calls import showing
from cti_server.calls.ports import Place, SeenCall, Task, TaskPlace, TrailEntry, UnitOfWork
from cti_server.calls.showing import Names
from cti_server.calls.views import CallRow, HistoryRow, ItemRow
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.people import Customer
from cti_server.shared.viewer import Viewer

LOOK_SECONDS: Final = 300.0
"""A page that is read again within this time is one look."""
NOTE_LONGEST: Final = 10_000
LINE_LONGEST: Final = 200
NO_SUCH_CALL: Final = "There is no such call"
NO_SUCH_ITEM: Final = "There is no such item"
NO_SUCH_CUSTOMER: Final = "There is no such customer"


class DeskBase:
    """A viewer at work in one transaction."""

    def __init__(self, work: UnitOfWork, viewer: Viewer, clock: Clock) -> None:
        self.work = work
        self.viewer = viewer
        self.clock = clock

    # --- what exists for the viewer

    def _call(self, call_id: str) -> SeenCall:
        found = self.work.calls.get([call_id])
        if not found:
            raise NotFound(NO_SUCH_CALL)
        return found[0]

    def _calls(self, call_ids: Sequence[str]) -> list[SeenCall]:
        wanted = list(dict.fromkeys(call_ids))
        found = self.work.calls.get(wanted)
        if len(found) != len(wanted):
            raise NotFound(NO_SUCH_CALL)
        return found

    def _task(self, item_id: int) -> Task:
        found = self.work.work.get(item_id)
        if found is None:
            raise NotFound(NO_SUCH_ITEM)
        return found

    # --- rows

    def _names(self, calls: Iterable[SeenCall] = (), users: Iterable[str | None] = ()) -> Names:
        """The names that the rows of these calls show."""
        wanted = {user for user in users if user}
        for call in calls:
            people = (call.receiver, call.handled_by, *(customer.rep for customer in call.customers))
            wanted.update(user for user in people if user)
        return Names(self.work.firm.branches(), self.work.firm.colleagues(wanted))

    def _rows(self, calls: Sequence[SeenCall]) -> list[CallRow]:
        names = self._names(calls)
        asks = self._asks_who(calls)
        return [showing.call_row(call, self.viewer, names, asks_who=call.log.id in asks) for call in calls]

    def _asks_who(self, calls: Sequence[SeenCall]) -> set[str]:
        """Calls that a shared telephone took, of which nobody said yet who did."""
        return set()

    def _item_rows(self, places: Sequence[TaskPlace]) -> list[ItemRow]:
        calls = {call.log.id: call for call in self.work.calls.get([place.call_id for place in places])}
        names = self._names(calls.values(), (place.task.assignee for place in places))
        rows = []
        for place in places:
            call = calls.get(place.call_id)
            if call is not None:
                rows.append(self._item_row(place.task, call, place.calls, names))
        return rows

    def _item_row(self, task: Task, latest: SeenCall, calls: int, names: Names) -> ItemRow:
        shown = task
        if task.state == "waiting" and (task.snoozed_until or 0.0) <= self.clock.now():
            shown = _awake(task)
        return showing.item_row(
            shown,
            showing.call_row(latest, self.viewer, names),
            calls,
            self.viewer,
            names.person_who_sees(task.assignee, latest),
            lambda: self._written(task.id, task.snoozed_by, task.snooze_reason),
        )

    def _written(self, item: int, author: str | None, text: str) -> str:
        """What somebody wrote about an item, if the viewer sees all candidates that the author saw."""
        return text if author is not None and self.work.work.may_read(item, author) else ""

    def _history(self, records: list[HistoryRow], moved: Sequence[HistoryRow] = ()) -> list[HistoryRow]:
        """Records and hand-overs together, the latest first."""
        names = self._names(users=(one for row in records for one in (row.by, row.behalf)))
        for row in records:
            row.by_name = names.person(row.by or None)
            row.behalf_name = names.person(row.behalf or None)
        return sorted([*records, *self._hand_overs(moved)], key=lambda row: -row.at)

    def _hand_overs(self, moved: Sequence[HistoryRow]) -> list[HistoryRow]:
        """Those that tell of nobody whom the viewer must not know to deal with the call: it may be another candidate's
        too, of whom they see nothing."""
        calls = {call.log.id: call for call in self.work.calls.get([one for row in moved for one in row.call_ids])}
        names = self._names(list(calls.values()), [one for row in moved for one in (row.by, row.to)])
        shown = []
        for row in moved:
            seen = calls.get(row.call_ids[0])
            if seen is not None:
                row.by_name = names.person_who_sees(row.by or None, seen)
                row.to_name = names.person_who_sees(row.to or None, seen)
                shown += [row] if row.by_name and row.to_name else []
        return shown

    # --- the trail

    def _note(self, act: str, calls: Iterable[SeenCall], **detail: Any) -> None:
        """Notes an act on calls, once for each candidate for whom the viewer acted: whoever sees another one of them
        does not see the entry."""
        at, detail = self.clock.now(), detail | self._by_token()
        for call in calls:
            entries = [
                TrailEntry(at, self.viewer.id, act, customer.code, detail | self._standing_in(customer))
                for customer in call.customers
            ] or [TrailEntry(at, self.viewer.id, act, None, detail)]
            self.work.records.add_trail("call", call.log.id, entries)

    def _note_customer(self, act: str, code: str, **detail: Any) -> None:
        customer = self.work.customers.get(code) if self.viewer.scope.stands_in else None
        detail = detail | self._by_token() | (self._standing_in(customer) if customer is not None else {})
        entry = TrailEntry(self.clock.now(), self.viewer.id, act, code, detail)
        self.work.records.add_trail("customer", code, [entry])

    def _standing_in(self, customer: Customer) -> dict[str, Any]:
        """What an entry of the trail says of the colleague for whom it was done."""
        scope = self.viewer.scope
        return {"for": customer.rep} if customer.rep in scope.absent and scope.owns(customer.label) else {}

    def _by_token(self) -> dict[str, Any]:
        """What an entry of the trail says of the API token that did it."""
        return {"token": self.viewer.token} if self.viewer.token else {}

    def _looked_at(self, calls: Sequence[SeenCall]) -> None:
        since = self.clock.now() - LOOK_SECONDS
        self._note(
            "opened",
            [call for call in calls if not self.work.records.looked("call", call.log.id, self.viewer.id, since)],
        )

    # --- time

    def _midnight(self, timezone: str) -> float:
        """When the day began in a zone, epoch seconds, UTC."""
        zone = ZoneInfo(timezone)
        today = datetime.fromtimestamp(self.clock.now(), zone).date()
        return datetime.combine(today, time(), zone).timestamp()


def _awake(task: Task) -> Task:
    """A waiting item whose time has come, as an open one."""
    return Task(
        id=task.id,
        kind=task.kind,
        branch=task.branch,
        state="open",
        due_at=task.due_at,
        assignee=task.assignee,
        handed_by=task.handed_by,
        hand_note=task.hand_note,
        picked=task.picked,
        draft_state=task.draft_state,
    )


def cursor_of(place: Place | None) -> str | None:
    """Where the next page begins, as text for an address. It names a call, never a number."""
    return None if place is None else encoded([place.at, place.key])


def place_of(cursor: str | None) -> Place | None:
    """The place that a cursor names. Raises Invalid where it is none."""
    match decoded(cursor):
        case None:
            return None
        case [float() | int() as at, str() as key]:
            return Place(float(at), key)
    raise Invalid(BAD_CURSOR, "cursor", "bad-cursor")


BAD_CURSOR: Final = "This list can't go on from there; open it again from its beginning"


def encoded(values: Sequence[Any]) -> str:
    """Values as one word that an address can hold."""
    return base64.urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).decode().rstrip("=")


def decoded(cursor: str | None) -> Any:
    """What :func:`encoded` made; null for no cursor. Raises Invalid where it is none."""
    if not cursor:
        return None
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as bad:
        raise Invalid(BAD_CURSOR, "cursor", "bad-cursor") from bad


def limited(limit: int, most: int = 500) -> int:
    """A page's length within its bounds."""
    return max(1, min(limit, most))


def one_line(text: str, field: str, *, needed: bool = False, longest: int = LINE_LONGEST) -> str:
    """A short text without line breaks. Raises Invalid where it is too long, or missing though needed."""
    bare = " ".join(text.split())
    if needed and not bare:
        raise Invalid(f"The {field} is missing; write a few words", field, f"{field}-missing")
    if len(bare) > longest:
        raise Invalid(f"The {field} is longer than {longest} characters; shorten it", field, f"{field}-long")
    return bare


def several_lines(text: str, field: str, longest: int = NOTE_LONGEST) -> str:
    """A text. Raises Invalid where it is too long."""
    bare = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(bare) > longest:
        raise Invalid(f"The {field} is longer than {longest} characters; shorten it", field, f"{field}-long")
    return bare


def chosen(value: str, known: Iterable[str] | Mapping[str, Any], field: str) -> str:
    """A value out of those there are. Raises Invalid naming them."""
    if value not in known:
        raise Invalid(f"“{value}” is none of: {', '.join(known)}", field, f"wrong-{field}")
    return value
