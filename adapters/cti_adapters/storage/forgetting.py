"""Forgetting who a call was with, and erasing a person from every table. What stays proves that calls took place, and
the trail stays whole. System work, past the gate, in one transaction.

Calls that may be another customer's too (a household's number) stay as they are, and are no longer this person's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Text, bindparam, case, cast, delete, false, insert, literal, or_, select, update

from cti_adapters.storage import phase_sums
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.core import Within, chunks
from cti_adapters.storage.schema import (
    audit,
    calls,
    corrections,
    customer_numbers,
    customers,
    deliveries,
    dials,
    drafts,
    history,
    history_calls,
    items,
    mails,
    sights,
    unreadable,
)
from cti_adapters.storage.schema_compliance import exemptions
from cti_adapters.storage.schema_erasing import erasures, forgotten_calls, holds
from cti_adapters.storage.schema_phases import (
    deal_actions,
    deal_answers,
    deal_drafts,
    deal_steps,
    deals,
    imported_deals,
)
from cti_adapters.storage.schema_questionnaires import questionnaires
from cti_adapters.storage.schema_review import claims, requests
from cti_adapters.storage.schema_usage import usage_readings
from cti_adapters.storage.standing_rows import restand
from cti_server.audit.chain import ERASED, PERSON, personal_digest
from cti_server.calls.log import AWAITED, FORGOTTEN, SETTLING
from cti_server.compliance.erasing import Prove, check_over
from cti_server.shared.phone import TAIL_DIGITS, tail

AT_ONCE: Final = 500
_NAMING: Final = (
    *("caller_number", "caller_name", "dialed_number", "presented_number", "party_e164", "party_tail"),
    *("answered_by_number", "recording", "customer_code"),
)
"""What of a call may name the person at its other end."""


def erase(connection: Connection, erasure: int, code: str, by: str, at: float, prove: Prove) -> int:
    """Erases a customer; gives how many calls were theirs alone."""
    keep_no_old_pages(connection)
    numbers = [tail(one) for one in connection.scalars(_NUMBERS, {"code": code})]
    own, shared = _calls_of(connection, code)
    check_over(any(row.state != "ended" for row in _STATES.rows(connection, own)))
    entries = _trail_of(connection, code, own)
    _forget_work(connection, code, own, at, by)
    forget_calls(connection, own, at, prove, erasure)
    _leave(connection, code, shared)
    _forget_deals(connection, code)
    _forget_unread(connection, [one for one in numbers if len(one) == TAIL_DIGITS])
    connection.execute(delete(usage_readings).where(usage_readings.c.customer_code == code))
    connection.execute(delete(customer_numbers).where(customer_numbers.c.customer_code == code))
    connection.execute(delete(holds).where(holds.c.customer_code == code))
    connection.execute(delete(customers).where(customers.c.code == code))
    restand(connection, [*own, *shared])
    places = _empty(connection, entries)
    done = {"state": "erased", "customer_code": None, "decided_by": by, "decided_at": at, "calls": len(own)}
    connection.execute(update(erasures).where(erasures.c.id == erasure).values(**done, reason=""))
    connection.execute(
        update(erasures).where(erasures.c.customer_code == code).values(customer_code=None, reason="", answer="")
    )
    append(
        connection,
        [
            {
                "at": at,
                "user": by,
                "act": ERASED,
                "subject_kind": "audit",
                "subject_id": f"erasure {erasure}",
                "customer_code": None,
                "detail": {"entries": places, "calls": len(own)},
            }
        ],
    )
    return len(own)


def keep_no_old_pages(connection: Connection) -> None:
    """What is overwritten is gone from the database's file too (SQLite keeps it in free pages otherwise)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def forget_calls(connection: Connection, ids: Sequence[str], at: float, prove: Prove, erasure: int | None) -> None:
    """Takes out of calls who they were with; a proof of each stays."""
    for lot in chunks(ids, AT_ONCE):
        rows = list(_CALLS.rows(connection, lot))
        gone = [
            {"call_id": row.id, "at": at, "erasure_id": erasure, "proof": prove(row.id, row.started_at, row.party_e164)}
            for row in rows
        ]
        if not gone:
            continue
        connection.execute(insert(forgotten_calls), gone)
        # Final from now on: nothing that a feed says later comes into it.
        marks = [{"b_id": row.id, "marks": _final(row.marks)} for row in rows]
        connection.execute(_FORGET, marks)
        here = [row.id for row in rows]
        connection.execute(update(sights).where(sights.c.call_id.in_(here)).values(customer_code=None, open=false()))
        connection.execute(update(corrections).where(corrections.c.call_id.in_(here)).values(fields={}))
        connection.execute(delete(deliveries).where(deliveries.c.call_id.in_(here)))
        connection.execute(update(exemptions).where(exemptions.c.call_id.in_(here)).values(reason="", answer=""))
        noted = select(history_calls.c.history_id).where(history_calls.c.call_id.in_(here))
        connection.execute(update(history).where(history.c.id.in_(noted)).values(note=NO_NOTE, customer_code=None))


def _final(marks: Sequence[str]) -> list[str]:
    return [*(one for one in marks if one not in (AWAITED, SETTLING)), FORGOTTEN]


def forgotten(connection: Connection, ids: Iterable[str]) -> frozenset[str]:
    """Those of these calls that name nobody any more."""
    return frozenset(row.call_id for row in _FORGOTTEN.rows(connection, ids))


def proof_of(connection: Connection, call_id: str) -> tuple[float, str] | None:
    """When a forgotten call began, and its proof."""
    query = select(calls.c.started_at, forgotten_calls.c.proof).join_from(
        forgotten_calls, calls, calls.c.id == forgotten_calls.c.call_id
    )
    row = connection.execute(query.where(forgotten_calls.c.call_id == call_id)).first()
    return None if row is None else (row[0], row[1])


# --- a person


def _calls_of(connection: Connection, code: str) -> tuple[list[str], list[str]]:
    """The calls that were theirs alone, and those that may be somebody else's too."""
    other = sights.alias()
    shared = (
        select(other.c.id)
        .where(other.c.call_id == sights.c.call_id, other.c.customer_code.is_not(None), other.c.customer_code != code)
        .exists()
    )
    query = select(sights.c.call_id, shared).where(sights.c.customer_code == code).distinct()
    rows = connection.execute(query).all()
    return sorted(row[0] for row in rows if not row[1]), sorted(row[0] for row in rows if row[1])


def _forget_work(connection: Connection, code: str, own: Sequence[str], at: float, by: str) -> None:
    """Items, records, mails, calls back and requests."""
    theirs = set(
        connection.scalars(select(items.c.id).where(or_(items.c.customer_code == code, items.c.key == f"c:{code}")))
    )
    theirs |= {row.item_id for row in _ITEMS.rows(connection, own)}
    mine = set(own)
    alone = [item for item in sorted(theirs) if {row.id for row in _CALLS_OF.rows(connection, [item])} <= mine]
    for lot in chunks(sorted(theirs), AT_ONCE):
        connection.execute(delete(drafts).where(drafts.c.item_id.in_(lot)))
        named = update(items).where(items.c.id.in_(lot), or_(items.c.customer_code == code, items.c.key == f"c:{code}"))
        connection.execute(named.values(customer_code=None, key=_KEY, version=items.c.version + 1))
    for lot in chunks(alone, AT_ONCE):
        blank = {"hand_note": "", "snooze_reason": "", "customer_code": None, "key": _KEY}
        connection.execute(update(items).where(items.c.id.in_(lot)).values(**blank, version=items.c.version + 1))
        ended = update(items).where(items.c.id.in_(lot), items.c.state != "done")
        connection.execute(ended.values(state="done", closed_at=at, snoozed_until=None))
    connection.execute(delete(claims).where(claims.c.customer_code == code))
    linked = select(history_calls.c.history_id)
    connection.execute(delete(history).where(history.c.customer_code == code, history.c.id.not_in(linked)))
    connection.execute(update(history).where(history.c.customer_code == code).values(note=NO_NOTE, customer_code=None))
    for table in (mails, dials, requests):
        _blank(connection, table, table.c.customer_code == code, at, by)
        for lot in chunks(own, AT_ONCE):
            _blank(connection, table, table.c.call_id.in_(lot), at, by)


def _blank(connection: Connection, table: Any, which: Any, at: float, by: str) -> None:
    if table is mails:
        connection.execute(delete(mails).where(which, mails.c.state == "queued"))
    if table is requests:
        waiting = update(requests).where(which, requests.c.state == "open")
        connection.execute(waiting.values(state="withdrawn", closed_at=at, closed_by=by))
    connection.execute(update(table).where(which).values(**_BLANK[table.name]))


def _leave(connection: Connection, code: str, shared: Sequence[str]) -> None:
    """Calls that may be somebody else's too are this person's no longer."""
    for lot in chunks(shared, AT_ONCE):
        connection.execute(delete(sights).where(sights.c.call_id.in_(lot), sights.c.customer_code == code))
    connection.execute(update(calls).where(calls.c.customer_code == code).values(customer_code=None))


def _forget_deals(connection: Connection, code: str) -> None:
    """What they were worth stays in the sums; whose they were goes, and how they came."""
    rows = connection.execute(select(deals).where(deals.c.customer_code == code)).all()
    ids = [row.id for row in rows]
    for row in rows:
        before = phase_sums.counted_row(row, connection.execute(_STEPS, {"deal": row.id}).all())
        path = replace(before.path, source="")
        phase_sums.change(connection, before, before._replace(path=path))
    for lot in chunks(ids, AT_ONCE):
        for table in (deal_answers, deal_drafts, imported_deals, questionnaires):
            connection.execute(delete(table).where(table.c.deal_id.in_(lot)))
        connection.execute(update(deal_actions).where(deal_actions.c.deal_id.in_(lot)).values(note=""))
        connection.execute(update(deals).where(deals.c.id.in_(lot)).values(_NO_DEAL))


def _forget_unread(connection: Connection, tails: Collection[str]) -> None:
    """Pieces that could not be read and that hold one of the numbers."""
    if not tails:
        return
    for row in connection.execute(select(unreadable)).all():
        digits = re.sub(rb"\D", b"", row.raw).decode("ascii")
        if any(one in digits for one in tails):
            piece = (unreadable.c.exchange == row.exchange, unreadable.c.record == row.record)
            connection.execute(update(unreadable).where(*piece, unreadable.c.number == row.number).values(raw=b""))


# --- the trail


def _trail_of(connection: Connection, code: str, own: Sequence[str]) -> list[Any]:
    """The entries that may name the person: about them, and about the calls that were theirs alone."""
    found = {
        row.id: row
        for which in (audit.c.customer_code == code, (audit.c.subject_kind == PERSON) & (audit.c.subject_id == code))
        for row in connection.execute(_ENTRIES.where(which)).all()
    }
    for lot in chunks(own, AT_ONCE):
        about = _ENTRIES.where(audit.c.subject_kind == "call", audit.c.subject_id.in_(lot))
        found |= {row.id: row for row in connection.execute(about).all()}
    return [row for row in found.values() if row.salt is not None]


def _empty(connection: Connection, rows: Sequence[Any]) -> list[list[int]]:
    """Takes out of entries what may name the person; gives their places, [chain, first, last] each."""
    for lot in chunks(rows, AT_ONCE):
        connection.execute(
            _EMPTY,
            [
                {
                    "b_id": row.id,
                    "b_personal": personal_digest(
                        row.salt,
                        row.subject_id if row.subject_kind == PERSON else None,
                        row.customer_code,
                        row.detail,
                    ),
                    "b_subject": "" if row.subject_kind == PERSON else row.subject_id,
                }
                for row in lot
            ],
        )
    places: list[list[int]] = []
    for chain, position in sorted((row.chain, row.position) for row in rows):
        if places and places[-1][0] == chain and places[-1][2] == position - 1:
            places[-1][2] = position
        else:
            places.append([chain, position, position])
    return places


GONE: Final = "•••"
"""Stands where something was written once: a record that needs a note had one."""
NO_NOTE: Final = case((history.c.note == "", ""), else_=GONE)
_KEY: Final = literal("e:").concat(cast(items.c.id, Text))
_BLANK: Final[dict[str, dict[str, Any]]] = {
    "mails": {"customer_code": None, "mail_to": "", "reply_to": "", "subject": "", "body": ""},
    "dials": {"customer_code": None, "number": ""},
    "requests": {"customer_code": None, "note": ""},
}
_NUMBERS: Final = select(customer_numbers.c.e164).where(customer_numbers.c.customer_code == bindparam("code"))
_NO_DEAL: Final = {"customer_code": "", "title": "", "source": "", "reason": ""}
_STEPS: Final = select(deal_steps).where(deal_steps.c.deal_id == bindparam("deal"))
_CALLS: Final = Within(select(calls.c.id, calls.c.started_at, calls.c.party_e164, calls.c.marks), calls.c.id)
_STATES: Final = Within(select(calls.c.state), calls.c.id)
_ITEMS: Final = Within(select(calls.c.item_id).where(calls.c.item_id.is_not(None)), calls.c.id)
_CALLS_OF: Final = Within(select(calls.c.id), calls.c.item_id)
_FORGOTTEN: Final = Within(select(forgotten_calls.c.call_id), forgotten_calls.c.call_id)
_FORGET: Final = (
    update(calls)
    .where(calls.c.id == bindparam("b_id"))
    .values(dict.fromkeys(_NAMING))
    .values(transferred_to=[], marks=bindparam("marks"), open=False, version=calls.c.version + 1)
)
_ENTRIES: Final = select(
    audit.c.id,
    audit.c.chain,
    audit.c.position,
    audit.c.subject_kind,
    audit.c.subject_id,
    audit.c.customer_code,
    audit.c.detail,
    audit.c.salt,
)
_EMPTY: Final = (
    update(audit)
    .where(audit.c.id == bindparam("b_id"))
    .values(
        salt=None, customer_code=None, detail={}, personal=bindparam("b_personal"), subject_id=bindparam("b_subject")
    )
)
