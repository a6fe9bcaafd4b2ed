"""Writes what the lanes fold: one transaction per batch with calls, who they are from, what is to be done, the trail
and the position in the journal (spec O1). Whatever is written twice is written once.

System work: Core, past the gate. Runs in the writer thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)

from cti_adapters.storage import claim_rows, deal_calls
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.call_notices import Cards, call_changed
from cti_adapters.storage.call_rows import OURS, as_row, party_tail
from cti_adapters.storage.call_work import CallBack, Mark, Opening, WorkBook, when_over
from cti_adapters.storage.core import Bulk, Within, inserting, upserting
from cti_adapters.storage.forgetting import forgotten
from cti_adapters.storage.gap_recovery import PendingGap, note_buffered, note_fetch, pending_gaps, recovery
from cti_adapters.storage.holders import Holders
from cti_adapters.storage.schema import calls, corrections, gaps, lanes, not_customers, sights, taken, unreadable
from cti_adapters.storage.sighting import (
    CallFacts,
    Party,
    Seen,
    as_candidates,
    best_match,
    look_up,
    seen_by,
    sight_rows,
    stored_sights,
)
from cti_adapters.storage.standing_rows import restand
from cti_server.calls.call_recovery import GapFetch
from cti_server.calls.corrected import FROM_RECORD
from cti_server.calls.holding import extensions_of, users_of
from cti_server.calls.log import AWAITED, SETTLING, CallLog, Settled, outside_party
from cti_server.calls.matching import attached, caller_key
from cti_server.shared.clock import Clock
from cti_server.shared.feed import GapChange, UnreadableBytes
from cti_server.shared.notices import Notice, WorkChanged
from cti_server.shared.positions import Position

STALE: Final = 60.0
"""Seconds after its end from which on a call is no longer news: lists change, but no card pops up."""


@dataclass(slots=True)
class _Work:
    """One call of a batch."""

    log: CallLog
    before: Any
    """Its row so far; null for a new call."""
    party: Party
    seen: list[Seen] = field(default_factory=list)
    facts: CallFacts | None = None
    """Of what its sights are made; null where they are stored already."""
    mark: Mark | None = None
    users: dict[str, str] = field(default_factory=dict)
    """Whose its telephones are, by extension."""

    @property
    def matched_now(self) -> bool:
        """Whether it was found out just now who the call is from."""
        return self.facts is not None


class CallWriter:
    """Writes the batches of the exchanges' lanes."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine.execution_options(write=True)
        self._clock = clock
        self._cards = Cards()

    def positions(self, exchange: str) -> tuple[Position, Position] | None:
        """(folded, rebuild) of an exchange as stored; null where nothing of it was ever written."""
        c = lanes.c
        query = select(c.folded_record, c.folded_skip, c.rebuild_record, c.rebuild_skip).where(c.exchange == exchange)
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (Position(row[0], row[1]), Position(row[2], row[3]))

    def commit(
        self,
        exchange: str,
        changed: Sequence[CallLog],
        unreadable_bytes: Sequence[UnreadableBytes],
        gap_changes: Sequence[GapChange],
        folded: Position,
        rebuild: Position,
        fetch: GapFetch | None = None,
        settled: Sequence[Settled] = (),
    ) -> list[Notice]:
        """Writes a batch in one transaction; returns what to tell the screens now that it is committed.

        Of a call that is there several times the last state counts. An ended call never changes again: what a feed
        says of it later goes to the trail; only what a gap hid of it is filled in, from ``fetch``. Raises SQLAlchemy's
        errors as they are; nothing is written then.
        """
        latest = {log.id: log for log in changed}
        with self._engine.begin() as connection:
            # No screen shows whether an entry is final: nobody is told.
            _SETTLE.run(connection, [{"b_id": one.id, "marks": one.marks} for one in settled])
            batch = Batch(connection, exchange, self._clock.now(), self._cards)
            notices = batch.write(latest) if latest else []
            _write_feed(connection, exchange, unreadable_bytes, gap_changes)
            note_buffered(connection, exchange, batch.added)
            if fetch is not None:
                notices += self._recover(connection, exchange, fetch)
            _LANE.run(
                connection,
                [
                    {
                        "exchange": exchange,
                        "folded_record": folded.record,
                        "folded_skip": folded.skip,
                        "rebuild_record": rebuild.record,
                        "rebuild_skip": rebuild.skip,
                    }
                ],
            )
        return notices

    def _recover(self, connection: Connection, exchange: str, fetch: GapFetch) -> list[Notice]:
        found = recovery(connection, exchange, fetch)
        latest = {log.id: log for log in found.changed}
        for call_id in forgotten(connection, latest):
            del latest[call_id]  # who it was with was erased: no record of the exchange's brings it back
        batch = Batch(connection, exchange, self._clock.now(), self._cards, found.completed)
        notices = batch.write(latest) if latest else []
        return notices + note_fetch(connection, exchange, fetch, found.gains)

    def pending_gaps(self, exchange: str, since: float, has_record: bool) -> list[PendingGap]:
        """See `gap_recovery.pending_gaps`."""
        return pending_gaps(self._engine, exchange, since, has_record)


def _write_feed(
    connection: Connection, exchange: str, unread: Sequence[UnreadableBytes], gap_changes: Sequence[GapChange]
) -> None:
    _UNREADABLE.run(connection, [{"exchange": exchange, **one._asdict()} for one in unread])
    _GAP.run(connection, [{**_GIVEN_BACK, "exchange": exchange, **one._asdict()} for one in gap_changes])
    if gap_changes:
        claim_rows.hide(connection, exchange, gap_changes)


class Batch:
    """The calls of one transaction.

    ``corrected``: the entries replace final ones too, as a recorded correction does; of those in ``kept`` people said
    who they are from and what became of them, and that stays.
    """

    def __init__(
        self,
        connection: Connection,
        exchange: str,
        now: float,
        cards: Cards,
        completed: frozenset[str] = frozenset(),
        *,
        corrected: bool = False,
        kept: frozenset[str] = frozenset(),
    ) -> None:
        self._completed = completed
        self._connection = connection
        self._exchange = exchange
        self._now = now
        self._cards = cards
        self._trail: list[dict[str, Any]] = []
        self.added: list[CallLog] = []
        """The calls that were not there before."""
        self._corrected = corrected
        self._kept = kept

    def write(self, latest: dict[str, CallLog]) -> list[Notice]:
        """Writes them; returns the notices."""
        before = self._stored(latest)
        parts = [log for log in latest.values() if log.merged_into is not None]
        notices = self._take_back(parts, before)
        final = () if self._corrected else latest.values()
        ended = {log.id for log in final if log.id in before and is_final(before[log.id])}
        ended -= {log.id for log in parts} | self._completed
        self._note_completed(latest)
        self._note_late(latest, ended)
        work = [
            _Work(log, before.get(log.id), Party(outside_party(log), party_tail(log)))
            for log in latest.values()
            if log.id not in ended and log.merged_into is None
        ]
        self.added = [one.log for one in work if one.before is None]
        if not work:
            append(self._connection, self._trail)
            restand(self._connection, (log.id for log in parts))
            return notices
        self._find_users(work)
        self._match(work)
        book = WorkBook(self._connection)
        book.play(*self._events(work))
        book.write()
        for one in work:
            one.mark = book.marks.get(one.log.id)
        book.write_earlier(latest)
        self._write_calls(work)
        self._write_sights(work)
        self._write_taken(work)
        self._write_trail(work)
        over = [one.log.id for one in work if one.log.state == "ended"]
        restand(self._connection, [*over, *book.marks, *(log.id for log in parts)])
        book.answered_after_all(
            one.before.item_id
            for one in work
            if one.log.id in self._completed and one.log.answered and not one.before.answered and one.before.item_id
        )
        return notices + self._notices(work, book)

    def _take_back(self, parts: list[CallLog], before: dict[str, Any]) -> list[Notice]:
        """Removes what turned out to be a part of another call; screens that show it are told that it is over."""
        stored = [log for log in parts if log.id in before]
        if not stored:
            return []
        seen = stored_sights(self._connection, (log.id for log in stored))
        gone = [{"b_id": log.id} for log in stored]
        for statement in (_DELETE_CALL, _DELETE_SIGHTS, _DELETE_TAKEN):
            self._connection.execute(statement, gone)
        for log in stored:
            self._note(log.id, "merged", {"into": log.merged_into})
        told = self._cards.fill(self._connection, seen)
        return [call_changed(log, outside_party(log), told[log.id], {}) for log in stored if log.id in told]

    # --- reading

    def _stored(self, ids: Iterable[str]) -> dict[str, Any]:
        return {row.id: row for row in _STORED.rows(self._connection, ids)}

    def _note_late(self, latest: dict[str, CallLog], ended: set[str]) -> None:
        """An ended call is final; a feed that says something else later is noted, not believed."""
        for row in _WHOLE.rows(self._connection, ended):
            said = as_row(latest[row.id])
            differ = sorted(name for name, value in row._asdict().items() if value != said[name])
            if differ:
                self._note(row.id, "said-late", {"fields": differ})

    def _note_completed(self, latest: dict[str, CallLog]) -> None:
        """What the exchange's own record filled in of calls that a gap had cut."""
        for row in _WHOLE.rows(self._connection, self._completed):
            said = as_row(latest[row.id])
            fields = {name: [value, said[name]] for name, value in row._asdict().items() if value != said[name]}
            self._note(row.id, "completed", {"fields": sorted(fields)})
            if fields:
                kept = {"call_id": row.id, "at": self._now, "by": "", "why": FROM_RECORD}
                _CORRECTION.run(self._connection, [kept | {"what": "changed", "fields": fields}])

    def _find_users(self, work: list[_Work]) -> None:
        """Whose the telephones of the batch's calls are."""
        named = {extension for one in work for extension in extensions_of(one.log)}
        held = Holders(self._connection, self._exchange, named, min(one.log.started_at for one in work))
        for one in work:
            one.users = users_of(one.log, held.at, self._now)

    def _match(self, work: list[_Work]) -> None:
        """Finds out who the new calls are from (and those whose number came only now); reads it for the others."""
        fresh = [one for one in work if _unmatched(one) and one.log.id not in self._kept]
        found = look_up(self._connection, (one.party for one in fresh if one.log.direction != "internal"))
        for one in fresh:
            one.facts = self._facts(one)
            one.seen = seen_by(one.facts, found.get(one.party, []))
        stored = stored_sights(self._connection, (one.log.id for one in work if not one.matched_now))
        for one in work:
            if not one.matched_now:
                one.seen = stored[one.log.id]

    def _facts(self, one: _Work) -> CallFacts:
        log = one.log
        dialler = one.users.get(log.caller_number or "") if log.direction == "internal" else None
        return CallFacts(log.id, log.direction, log.branch, log.started_at, one.party, dialler)

    def _events(self, work: list[_Work]) -> tuple[list[Opening], list[CallBack]]:
        dismissed = self._dismissed(work)
        openings, call_backs = [], []
        for one in work:
            log, found = one.log, as_candidates(one.seen)
            picked = one.before.customer_code if one.before is not None and not one.matched_now else None
            customer = picked or attached(found)
            key = f"c:{picked}" if picked else caller_key(found, one.party.number, log.branch, log.id)
            if log.direction == "in" and log.state == "ended":
                if (one.party.number, log.branch) in dismissed or (one.before is not None and one.before.handled):
                    continue
                registered = bool(found) and found[0].quality == "exact"
                at = when_over(log.ended_at, log.ended_between, log.started_at)
                if one.before is not None and one.before.state == "ended" and one.before.direction == "in":
                    continue  # opened before; only the rest of its records came
                openings.append(Opening(at, log, key, customer, registered))
            elif log.direction == "out" and log.answered and not (one.before is not None and one.before.answered):
                user = one.users.get(log.final_extension or "") or one.users.get(log.caller_number or "")
                call_backs.append(CallBack(log.answered_at or log.started_at, log, key, customer, user))
        return openings, call_backs

    def _dismissed(self, work: list[_Work]) -> set[tuple[str | None, str]]:
        """Numbers that a branch marked as nobody it deals with, among the unregistered callers of the batch."""
        numbers = {
            one.party.number
            for one in work
            if one.log.direction == "in" and one.log.state == "ended" and one.party.number and one.seen[-1].code is None
        }
        return {(row.e164, row.branch) for row in _DISMISSED.rows(self._connection, numbers)}

    # --- writing

    def _write_calls(self, work: list[_Work]) -> None:
        new, known = [], []
        for one in work:
            log = one.log
            row = as_row(log)
            row["receiver"] = one.users.get(log.answered_by_extension or "") if log.direction == "in" else None
            if one.matched_now:
                row["match"] = best_match(one.seen)
                row["customer_code"] = attached(as_candidates(one.seen))
            else:
                row["match"], row["customer_code"] = one.seen[0].match, one.before.customer_code
            mark = one.mark or _as_before(one.before)
            row["item_id"], row["open"] = mark.item, mark.is_open
            row["handled"] = mark.handled_at is not None
            row["handled_by"], row["handled_at"] = mark.handled_by, mark.handled_at
            if one.before is None:
                row["version"] = 1
                new.append(row)
            else:
                row["b_id"] = row.pop("id")
                known.append(row)
        _INSERT_CALL.run(self._connection, new)
        _UPDATE_CALL.run(self._connection, known)

    def _write_sights(self, work: list[_Work]) -> None:
        again = [one.log.id for one in work if one.matched_now and one.before is not None]
        if again:
            self._connection.execute(_DELETE_SIGHTS, [{"b_id": call_id} for call_id in again])
        rows: list[dict[str, Any]] = []
        moved: list[dict[str, Any]] = []
        for one in work:
            mark = one.mark or _as_before(one.before)
            handled = mark.handled_at is not None
            if one.facts is not None:
                rows += sight_rows(one.facts, one.seen, item_id=mark.item, is_open=mark.is_open, handled=handled)
            elif one.mark is not None:
                moved.append({"b_id": one.log.id, "b_item": mark.item, "b_open": mark.is_open, "b_handled": handled})
        _INSERT_SIGHT.run(self._connection, rows)
        claim_rows.explain(self._connection, _began(work), self._now)
        _UPDATE_SIGHT.run(self._connection, moved)
        deal_calls.note(self._connection, [call for one in work if (call := _deal_call(one)) is not None])

    def _write_taken(self, work: list[_Work]) -> None:
        """That our people took the calls, for those who may not see from whom."""
        rows = []
        for one in work:
            log = one.log
            if log.direction != "in" or not log.answered:
                continue
            for extension in dict.fromkeys((log.answered_by_extension, log.talking_extension, log.final_extension)):
                user = one.users.get(extension or "")
                if extension is not None and user is not None:
                    rows.append(
                        {
                            "user": user,
                            "call_id": log.id,
                            "started_at": log.started_at,
                            "extension": extension,
                            "talk_seconds": log.talk_seconds,
                        }
                    )
        _TAKEN.run(self._connection, rows)

    def _write_trail(self, work: list[_Work]) -> None:
        """Who a call was found to be from, and which rep was told."""
        for one in work:
            if not one.matched_now or one.log.direction == "internal":
                continue
            for seen in one.seen:
                told = [seen.label.rep] if seen.label.rep and seen.label.kind == "customer" else []
                self._note(one.log.id, "matched", {"match": seen.match}, seen.code)
                if told:
                    self._note(one.log.id, "told", {"users": told}, seen.code)
        append(self._connection, self._trail)

    def _note(self, call_id: str, act: str, detail: dict[str, Any], code: str | None = None) -> None:
        self._trail.append(
            {
                "at": self._now,
                "user": None,
                "act": act,
                "subject_kind": "call",
                "subject_id": call_id,
                "customer_code": code,
                "detail": detail,
            }
        )

    # --- telling

    def _notices(self, work: list[_Work], book: WorkBook) -> list[Notice]:
        fresh = [one for one in work if not self._is_stale(one)]
        candidates = self._cards.fill(self._connection, {one.log.id: one.seen for one in fresh})
        notices: list[Notice] = []
        for one in fresh:
            notices.append(call_changed(one.log, one.party.number, candidates[one.log.id], one.users))
            if one.log.state == "ended":
                self._cards.drop(one.log.id, one.seen)
        listed = dict.fromkeys([*book.marks, *(one.log.id for one in work if one.log.over_when_told)])
        if listed:
            mine = {one.log.id: one.seen for one in work}
            others = stored_sights(self._connection, (call_id for call_id in listed if call_id not in mine))
            seen_of = mine | others
            labels = dict.fromkeys(seen.label for call_id in listed for seen in seen_of[call_id])
            notices.append(WorkChanged(tuple(labels), tuple(listed), tuple(sorted(book.touched))))
        return notices

    def _is_stale(self, one: _Work) -> bool:
        """Over for long, and on no screen: the end of a call that was told of while it lasted is always told. One that
        was over when the exchange told of it pops up nowhere."""
        if one.log.over_when_told:
            return True
        over = when_over(one.log.ended_at, one.log.ended_between, one.log.started_at)
        return one.before is None and one.log.state == "ended" and over < self._now - STALE


def _began(work: list[_Work]) -> list[claim_rows.Began]:
    """Whose calls became known just now."""
    return [
        claim_rows.Began(seen.code, one.log.id, one.log.started_at)
        for one in work
        if one.matched_now
        for seen in one.seen
        if seen.code is not None and seen.match == "exact"
    ]


def _deal_call(one: _Work) -> deal_calls.DealCall | None:
    """A call with a customer whom we are sure of, once somebody talked or it is over."""
    log = one.log
    picked = None if one.matched_now else one.before.customer_code
    customer = picked or attached(as_candidates(one.seen))
    over = log.state == "ended"
    if customer is None or log.direction not in ("in", "out") or not (log.answered or over):
        return None
    incoming = log.direction == "in"
    ours = (log.answered_by_extension,) if incoming else (log.final_extension, log.caller_number)
    user = next((one.users[number] for number in ours if number in one.users), None)
    ended_at = log.ended_at if over else None
    return deal_calls.DealCall(customer, log.id, incoming, log.started_at, ended_at, bool(log.answered), user)


def is_final(row: Any) -> bool:
    """Whether nothing that a feed says changes this call any more."""
    return row.state == "ended" and AWAITED not in row.marks and SETTLING not in row.marks


def _unmatched(one: _Work) -> bool:
    before = one.before
    if before is None:
        return True
    log = one.log
    return bool(before.party_e164 != log.party_e164 or before.direction != log.direction)


_NOTHING: Final = Mark(None, False)


def _as_before(before: Any) -> Mark:
    if before is None:
        return _NOTHING
    return Mark(before.item_id, before.open, before.handled_by, before.handled_at)


_COLUMNS: Final = [column.name for column in calls.c]
_STORED: Final = Within(
    select(calls.c.id, calls.c.state, calls.c.marks, calls.c.party_e164, calls.c.direction, calls.c.answered)
    .add_columns(calls.c.customer_code, calls.c.item_id, calls.c.open, calls.c.handled)
    .add_columns(calls.c.handled_by, calls.c.handled_at),
    calls.c.id,
)
_WHOLE: Final = Within(select(*(column for column in calls.c if column.name not in OURS)), calls.c.id)
_DISMISSED: Final = Within(select(not_customers.c.e164, not_customers.c.branch), not_customers.c.e164)
_INSERT_CALL: Final = inserting(calls, _COLUMNS)
_UPDATED: Final = [name for name in _COLUMNS if name not in ("id", "version", "receiver")]
_UPDATE_CALL: Final = Bulk(
    update(calls)
    .where(calls.c.id == bindparam("b_id"))
    .values(
        {name: bindparam(name) for name in _UPDATED}
        | {
            "version": calls.c.version + literal_column("1"),
            "receiver": func.coalesce(calls.c.receiver, bindparam("receiver")),
        }
    ),
    calls,
    _UPDATED,
)
_MARKS: Final = cast(calls.c.marks, Text)
_SETTLE: Final = Bulk(
    update(calls)
    .where(calls.c.id == bindparam("b_id"), or_(_MARKS.contains(AWAITED), _MARKS.contains(SETTLING)))
    .values({"marks": bindparam("marks")}),
    calls,
    ["marks"],
)
_INSERT_SIGHT: Final = inserting(sights, [column.name for column in sights.c if column.name != "id"])
_UPDATE_SIGHT: Final = Bulk(
    update(sights)
    .where(sights.c.call_id == bindparam("b_id"))
    .values({"item_id": bindparam("b_item"), "open": bindparam("b_open"), "handled": bindparam("b_handled")}),
    sights,
    [],
)
_DELETE_SIGHTS: Final = delete(sights).where(sights.c.call_id == bindparam("b_id"))
_DELETE_CALL: Final = delete(calls).where(calls.c.id == bindparam("b_id"))
_DELETE_TAKEN: Final = delete(taken).where(taken.c.call_id == bindparam("b_id"))
_TAKEN: Final = upserting(taken, ["user", "call_id", "started_at", "extension", "talk_seconds"], keep=["extension"])
_LANE: Final = upserting(lanes, [column.name for column in lanes.c])
_CORRECTION: Final = inserting(corrections, [column.name for column in corrections.c if column.name != "id"])
_UNREADABLE: Final = upserting(unreadable, [column.name for column in unreadable.c], ignore=True)
_GIVEN_BACK: Final[dict[str, Any]] = {"source": "", "recovered": 0, "completed": 0, "unread": 0} | {
    "problem": "",
    "problem_values": {},
    "fetched_at": None,
    "finished_at": None,
}
"""What the record gave back of a gap, as long as nobody asked."""
_GAP: Final = upserting(gaps, [column.name for column in gaps.c], keep=list(_GIVEN_BACK))
