"""Writes what a journal that was folded again says differently: each change a recorded correction (spec C2, O1).

What people did stays: a call that somebody worked on keeps who it was found to be from, what was done about it and its
place; one that the journal does not know any more is marked, not removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, bindparam, case, delete, exists, insert, or_, select, update

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.call_notices import Cards
from cti_adapters.storage.call_rows import as_log
from cti_adapters.storage.call_writer import Batch
from cti_adapters.storage.core import Within, chunks
from cti_adapters.storage.forgetting import forgotten
from cti_adapters.storage.schema import audit, calls, corrections, drafts, history_calls, items, sights, taken
from cti_adapters.storage.standing_rows import restand
from cti_adapters.storage.taking_turns import rested
from cti_server.calls.log import UNSUPPORTED
from cti_server.shared.clock import Clock
from cti_server.shared.scope import Label

LOT: Final = 50
"""Calls per transaction: a kill between two leaves a log that is right, and the rest to be done by the next run."""
_ONLY_LOOKED: Final = ("opened", "revealed")
_MATTERS_TO_ITEM: Final = ("party_e164", "direction", "answered", "started_at")

Noted = tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]
"""(id, added | changed | taken-away, columns before, columns after)."""


class Written(NamedTuple):
    """What came of it. ``kept`` are calls that the journal does not know, and that somebody worked on."""

    done: int
    kept: list[str]


def correct(
    engine: Engine, clock: Clock, exchange: str, differences: Iterable[Noted], *, by: str, why: str
) -> Iterator[Written]:
    """Applies differences, oldest call first, and tells of each lot once it is committed. ``engine`` begins its
    transactions with the write lock. Nobody else may write calls of the exchange meanwhile."""
    for lot in chunks(differences, LOT):
        with rested(), engine.begin() as connection:
            erased = forgotten(connection, (one[0] for one in lot))
            lot = [one for one in lot if one[0] not in erased]
            kept = _Lot(connection, exchange, clock.now(), by, why).write(lot) if lot else []
        yield Written(len(lot), kept)


class _Lot:
    """The corrections of one transaction."""

    def __init__(self, connection: Connection, exchange: str, now: float, by: str, why: str) -> None:
        self._connection = connection
        self._exchange = exchange
        self._now = now
        self._by = by
        self._why = why

    def write(self, lot: list[Noted]) -> list[str]:
        """Writes them; returns the calls that are kept though the journal does not know them."""
        worked = self._worked_on(call_id for call_id, _what, before, _after in lot if before is not None)
        gone = [call_id for call_id, what, _before, _after in lot if what == "taken-away"]
        kept = [call_id for call_id in gone if call_id in worked]
        anew = [
            call_id
            for call_id, _what, before, after in lot
            if before and after and call_id not in worked and any(before[one] != after[one] for one in _MATTERS_TO_ITEM)
        ]
        self._remove([call_id for call_id in gone if call_id not in worked] + anew)
        self._mark(kept)
        latest = {call_id: as_log(after) for call_id, _what, _before, after in lot if after is not None}
        if latest:
            Batch(self._connection, self._exchange, self._now, Cards(), corrected=True, kept=worked).write(latest)
            for row in list(_ITEM_OF.rows(self._connection, latest)):
                self._count_anew(row.item_id, may_close=False)
        self._record(lot, worked)
        return kept

    def _worked_on(self, ids: Iterable[str]) -> frozenset[str]:
        """Calls about which somebody did something: more than look at them."""
        return frozenset(row.id for row in _WORKED.rows(self._connection, ids))

    def _remove(self, ids: list[str]) -> None:
        """Takes calls out of the log and out of what is to be done."""
        if not ids:
            return
        touched = {row.item_id for row in _ITEM_OF.rows(self._connection, ids)}
        gone = [{"b_id": call_id} for call_id in ids]
        for table, key in ((calls, calls.c.id), (sights, sights.c.call_id), (taken, taken.c.call_id)):
            self._connection.execute(delete(table).where(key == bindparam("b_id")), gone)
        restand(self._connection, ids)
        for item in touched:
            self._count_anew(item, may_close=True)

    def _count_anew(self, item: int, *, may_close: bool) -> None:
        """An item got or lost calls. One that lost its last open call is done."""
        left = self._connection.execute(_LEFT, {"item": item}).all()
        if left:
            values: dict[str, Any] = {
                "calls": len(left),
                "latest_call": left[0].id,
                "latest_at": left[0].started_at,
                "kind": case((items.c.kind == "missed", _kind(left)), else_=items.c.kind),
            }
        elif not may_close:
            return
        else:
            values = {"state": "done", "closed_at": self._now, "snoozed_until": None, "calls": 0, "latest_call": None}
        change = update(items).where(items.c.id == item, items.c.state != "done")
        self._connection.execute(change.values(**values, version=items.c.version + 1))

    def _mark(self, ids: list[str]) -> None:
        for row in _MARKS.rows(self._connection, ids):
            if UNSUPPORTED not in row.marks:
                marked = update(calls).where(calls.c.id == row.id)
                self._connection.execute(marked.values(marks=[*row.marks, UNSUPPORTED], version=calls.c.version + 1))

    def _record(self, lot: list[Noted], worked: frozenset[str]) -> None:
        rows, trail = [], []
        for call_id, what, before, after in lot:
            act = "kept" if what == "taken-away" and call_id in worked else what
            old, new = before or {}, after or {}
            fields = {name: [old.get(name), new.get(name)] for name in {**old, **new} if old.get(name) != new.get(name)}
            said = {"call_id": call_id, "at": self._now, "by": self._by, "why": self._why}
            rows.append(said | {"what": act, "fields": {} if what == "added" else fields})
            detail = {"what": act, "by": self._by, "why": self._why, "fields": sorted(fields) if before else []}
            subject = {"subject_kind": "call", "subject_id": call_id, "customer_code": None}
            trail.append({"at": self._now, "user": None, "act": "corrected", **subject, "detail": detail})
        self._connection.execute(insert(corrections), rows)
        append(self._connection, trail)


def labels_of(connection: Connection, ids: Iterable[str]) -> tuple[Label, ...]:
    """Of whom calls are: who may see one of them has to fetch their lists again."""
    return tuple({Label(*row): None for row in _LABELS.rows(connection, ids)})


def _kind(left: Iterable[Any]) -> str:
    return "missed" if any(row.answered is False for row in left) else "answered"


_BY_HAND: Final = exists().where(
    audit.c.subject_kind == "call",
    audit.c.subject_id == calls.c.id,
    audit.c.user.is_not(None),
    *(audit.c.act != act for act in _ONLY_LOOKED),
)
_IN_HISTORY: Final = exists().where(history_calls.c.call_id == calls.c.id)
_ITEM_IN_HAND: Final = exists().where(
    items.c.id == calls.c.item_id,
    or_(
        items.c.assignee.is_not(None),
        items.c.snoozed_by.is_not(None),
        exists().where(drafts.c.item_id == items.c.id),
    ),
)
_WORKED: Final = Within(
    select(calls.c.id).where(or_(calls.c.handled.is_(True), _IN_HISTORY, _BY_HAND, _ITEM_IN_HAND)), calls.c.id
)
_ITEM_OF: Final = Within(select(calls.c.item_id).where(calls.c.item_id.is_not(None)).distinct(), calls.c.id)
_LEFT: Final = (
    select(calls.c.id, calls.c.started_at, calls.c.answered)
    .where(calls.c.item_id == bindparam("item"), calls.c.open.is_(True))
    .order_by(calls.c.started_at.desc(), calls.c.id.desc())
)
_LABELS: Final = Within(
    select(sights.c.kind, sights.c.branch, sights.c.rep, sights.c.confidentiality).distinct(), sights.c.call_id
)
_MARKS: Final = Within(select(calls.c.id, calls.c.marks), calls.c.id)
