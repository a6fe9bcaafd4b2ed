"""What calls leave to be done: one open item per caller, and the call back that closes it (spec C5, C6).

A batch of calls is played in the order of time, so that items come out the same however the bytes were batched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, exists, insert, or_, select, update

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.core import Bulk, Within
from cti_adapters.storage.schema import calls, dials, history, history_calls, items, sights
from cti_server.calls.log import CallLog

DIAL_WINDOW: Final = 300.0
"""Seconds between asking for a call and seeing it, at most (the clocks of exchange and server may differ)."""


class Opening(NamedTuple):
    """An inbound call ended that somebody has to answer to."""

    at: float
    log: CallLog
    key: str
    """Who called (matching.caller_key)."""
    customer: str | None
    registered: bool


class CallBack(NamedTuple):
    """An outbound call connected."""

    at: float
    log: CallLog
    key: str
    customer: str | None
    user: str | None
    """Whose extension it is."""


class Mark(NamedTuple):
    """How a call stands after the batch."""

    item: int | None
    is_open: bool
    handled_by: str | None = None
    handled_at: float | None = None


@dataclass(slots=True)
class _Open:
    """An open call of an item."""

    number: str | None
    ended: float


@dataclass(slots=True)
class _Item:
    """An item as it stands while the batch is played."""

    key: str
    branch: str
    kind: str
    id: int | None = None
    state: str = "open"
    count: int = 0
    latest_call: str | None = None
    latest_at: float = 0.0
    customer: str | None = None
    snoozed_until: float | None = None
    draft_state: str = "open"
    closed_at: float | None = None
    version: int = 1
    changed: bool = False
    calls: dict[str, _Open] = field(default_factory=dict)
    marked: dict[str, tuple[bool, str | None, float | None]] = field(default_factory=dict)


@dataclass(slots=True)
class _Contact:
    """A contact-history record that a call back made."""

    item: _Item
    customer: str | None
    at: float
    by: str | None
    calls: list[str]


class WorkBook:
    """Plays one batch. ``marks`` and ``touched`` tell what came of it, once :meth:`write` has run."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._items: dict[str, _Item] = {}
        self._all: list[_Item] = []
        self._contacts: list[_Contact] = []
        self._users: dict[str, str | None] = {}
        self.marks: dict[str, Mark] = {}
        self.touched: set[int] = set()

    def play(self, openings: list[Opening], call_backs: list[CallBack]) -> None:
        """Opens and closes items in the order of time."""
        self._load(openings, call_backs)
        self._users = self._dialled_by(call_backs)
        events: list[tuple[float, int, Opening | CallBack]] = [(one.at, 0, one) for one in openings]
        events += [(one.at, 1, one) for one in call_backs]
        for _at, _order, event in sorted(events, key=lambda one: (one[0], one[1], one[2].log.id)):
            if isinstance(event, Opening):
                self._open(event)
            else:
                self._close(event)

    def answered_after_all(self, found_out: Iterable[int]) -> None:
        """Items of which a call was answered although it looked missed: where no other open call was missed, neither
        was the caller."""
        ids = sorted(found_out)
        if ids:
            self._connection.execute(_NOT_MISSED, [{"b_id": item_id} for item_id in ids])
            self.touched.update(ids)

    # --- playing

    def _open(self, event: Opening) -> None:
        log = event.log
        item = self._items.get(event.key)
        if item is None:
            kind = "unregistered" if not event.registered else "answered"
            item = _Item(event.key, log.branch, kind, customer=event.customer)
            self._items[event.key] = item
            self._all.append(item)
        missed = log.answered is False
        if missed and item.kind == "answered":
            item.kind = "missed"
        item.calls[log.id] = _Open(log.party_e164, event.at)
        item.marked[log.id] = (True, None, None)
        if (log.started_at, log.id) >= (item.latest_at, item.latest_call or ""):
            item.latest_at, item.latest_call = log.started_at, log.id
        # Whoever rings again is not to wait until a snooze ends.
        item.state, item.snoozed_until = "open", None
        item.count += 1
        item.changed = True

    def _close(self, event: CallBack) -> None:
        number = event.log.party_e164
        for item in list(self._items.values()):
            same_number = number is not None and any(call.number == number for call in item.calls.values())
            if item.key != event.key and not same_number:
                continue
            answered = [call_id for call_id, call in item.calls.items() if call.ended <= event.at]
            if not answered:
                continue
            by = self._users[event.log.id] or event.user
            for call_id in answered:
                del item.calls[call_id]
                item.marked[call_id] = (False, by, event.at)
            item.changed = True
            self._contacts.append(
                _Contact(item, item.customer or event.customer, event.at, by, [*sorted(answered), event.log.id])
            )
            if item.calls:
                item.count = len(item.calls)
            else:
                item.state, item.closed_at, item.snoozed_until = "done", event.at, None
                item.draft_state = "closed" if item.draft_state == "open" else item.draft_state
                del self._items[item.key]

    # --- loading

    def _load(self, openings: list[Opening], call_backs: list[CallBack]) -> None:
        keys = {one.key for one in openings} | {one.key for one in call_backs}
        numbers = {one.log.party_e164 for one in call_backs if one.log.party_e164}
        by_number = {row.item_id for row in _ITEMS_OF_NUMBERS.rows(self._connection, numbers)}
        found = [*_BY_KEY.rows(self._connection, keys), *_BY_ID.rows(self._connection, by_number)]
        for row in found:
            self._items[row.key] = _Item(
                row.key,
                row.branch,
                row.kind,
                row.id,
                row.state,
                row.calls,
                row.latest_call,
                row.latest_at,
                row.customer_code,
                row.snoozed_until,
                row.draft_state,
                None,
                row.version,
            )
        self._all = list(self._items.values())
        if call_backs:
            self._load_calls()

    def _load_calls(self) -> None:
        by_id = {item.id: item for item in self._all}
        known = (item.id for item in self._all if item.id is not None)
        for row in _OPEN_CALLS.rows(self._connection, known):
            ended = when_over(row.ended_at, row.ended_between, row.started_at)
            by_id[row.item_id].calls[row.id] = _Open(row.party_e164, ended)

    def _dialled_by(self, call_backs: list[CallBack]) -> dict[str, str | None]:
        """Who asked for each call back, where it was placed through us; links the request to the call."""
        found: dict[str, str | None] = {one.log.id: None for one in call_backs}
        for one in call_backs:
            log = one.log
            if log.party_e164 is None:
                continue
            dial = self._connection.execute(
                _DIAL,
                {
                    "exchange": log.exchange,
                    "number": log.party_e164,
                    "first": log.started_at - DIAL_WINDOW,
                    "last": log.started_at + DIAL_WINDOW,
                    "call": log.id,
                    "extensions": [log.caller_number or "", log.final_extension or ""],
                },
            ).first()
            if dial is not None:
                found[log.id] = dial.user
                self._connection.execute(update(dials).where(dials.c.id == dial.id).values(made_call=log.id))
        return found

    # --- writing

    def write(self) -> None:
        """Writes items, history and the marks of calls of earlier batches; fills ``marks`` and ``touched``."""
        changed = [item for item in self._all if item.changed]
        self._write_items(changed)
        for item in changed:
            assert item.id is not None
            self.touched.add(item.id)
            for call_id, (is_open, by, at) in item.marked.items():
                self.marks[call_id] = Mark(item.id, is_open, by, at)
        self._write_contacts()

    def write_earlier(self, in_batch: Iterable[str]) -> None:
        """Writes the marks of calls that are not in the batch themselves."""
        mine = set(in_batch)
        earlier = [
            {"b_id": call_id, "handled_by": mark.handled_by, "handled_at": mark.handled_at}
            for call_id, mark in self.marks.items()
            if call_id not in mine and not mark.is_open
        ]
        if not earlier:
            return
        self._connection.execute(_CLOSE_CALL, earlier)
        self._connection.execute(_CLOSE_SIGHT, [{"b_id": one["b_id"]} for one in earlier])

    def _write_items(self, changed: list[_Item]) -> None:
        new = [item for item in changed if item.id is None]
        known = [item for item in changed if item.id is not None]
        # Those that are closed first, so that their callers may have a new open one.
        if known:
            values = [{"b_id": item.id, **_columns(item), "version": item.version + 1} for item in known]
            _UPDATE_ITEM.run(self._connection, values)
        if new:
            made = self._connection.execute(
                _NEW_ITEM, [{"key": item.key, "branch": item.branch, **_columns(item)} for item in new]
            )
            for item, (item_id,) in zip(new, made.all(), strict=True):
                item.id = item_id

    def _write_contacts(self) -> None:
        if not self._contacts:
            return
        made = self._connection.execute(
            _NEW_HISTORY,
            [
                {
                    "customer_code": one.customer,
                    "item_id": one.item.id,
                    "kind": "contact",
                    "channel": "phone",
                    "result": "connected",
                    "note": "",
                    "at": one.at,
                    "by": one.by,
                    "automatic": True,
                    "undone": False,
                }
                for one in self._contacts
            ],
        )
        links, trail = [], []
        for one, (history_id,) in zip(self._contacts, made.all(), strict=True):
            links += [{"history_id": history_id, "call_id": call_id} for call_id in one.calls]
            trail += [
                {
                    "at": one.at,
                    "user": one.by,
                    "act": "handled",
                    "subject_kind": "call",
                    "subject_id": call_id,
                    "customer_code": one.customer,
                    "detail": {"history": history_id, "by_call": one.calls[-1]},
                }
                for call_id in one.calls[:-1]
            ]
        self._connection.execute(insert(history_calls), links)
        append(self._connection, trail)


def when_over(ended_at: float | None, between: Any, started_at: float) -> float:
    """When a call was over, as well as it is known (epoch seconds, UTC)."""
    if ended_at is not None:
        return ended_at
    return float(between[1]) if between else started_at


_COLUMNS: Final = (
    "kind",
    "state",
    "latest_call",
    "latest_at",
    "snoozed_until",
    "draft_state",
    "closed_at",
)


def _columns(item: _Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in _COLUMNS} | {"calls": item.count, "customer_code": item.customer}


_NEW_ITEM: Final = insert(items).returning(items.c.id, sort_by_parameter_order=True)
_CHANGED: Final = (*_COLUMNS, "calls", "customer_code", "version")
_UPDATE_ITEM: Final = Bulk(
    update(items).where(items.c.id == bindparam("b_id")).values({name: bindparam(name) for name in _CHANGED}),
    items,
    _CHANGED,
)
_NOT_MISSED: Final = (
    update(items)
    .where(
        items.c.id == bindparam("b_id"),
        items.c.kind == "missed",
        ~exists().where(calls.c.item_id == items.c.id, calls.c.open.is_(True), calls.c.answered.is_not(True)),
    )
    .values(kind="answered", version=items.c.version + 1)
)
_NEW_HISTORY: Final = insert(history).returning(history.c.id, sort_by_parameter_order=True)
_NOT_DONE: Final = select(items).where(items.c.state != "done")
_BY_KEY: Final = Within(_NOT_DONE, items.c.key)
_BY_ID: Final = Within(_NOT_DONE, items.c.id)
_ITEMS_OF_NUMBERS: Final = Within(
    select(calls.c.item_id).where(calls.c.open.is_(True), calls.c.item_id.is_not(None)).distinct(), calls.c.party_e164
)
_OPEN_CALLS: Final = Within(
    select(calls.c.id, calls.c.item_id, calls.c.party_e164, calls.c.started_at)
    .add_columns(calls.c.ended_at, calls.c.ended_between)
    .where(calls.c.open.is_(True)),
    calls.c.item_id,
)
_CLOSE_CALL: Final = (
    update(calls)
    .where(calls.c.id == bindparam("b_id"))
    .values(
        open=False,
        handled=True,
        handled_by=bindparam("handled_by"),
        handled_at=bindparam("handled_at"),
        version=calls.c.version + 1,
    )
)
_CLOSE_SIGHT: Final = update(sights).where(sights.c.call_id == bindparam("b_id")).values(open=False, handled=True)
_DIAL: Final = (
    select(dials.c.id, dials.c.user)
    .where(
        dials.c.exchange == bindparam("exchange"),
        dials.c.number == bindparam("number"),
        dials.c.asked_at.between(bindparam("first"), bindparam("last")),
        or_(dials.c.made_call.is_(None), dials.c.made_call == bindparam("call")),
        dials.c.extension.in_(bindparam("extensions", expanding=True)),
    )
    .order_by(dials.c.asked_at.desc())
    .limit(1)
)
