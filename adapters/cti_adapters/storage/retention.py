"""The end of retention, kind by kind, in lots (spec/50): what names people goes, that something took place stays. What
a legal hold stands on is left alone. System work, past the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, not_, or_, select, update

from cti_adapters.storage import forgetting
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.schema import calls, dials, history, mails, sights, unreadable
from cti_adapters.storage.schema_erasing import forgotten_calls, holds
from cti_adapters.storage.schema_phases import deal_actions, deal_answers, deal_drafts, deals
from cti_adapters.storage.schema_questionnaires import questionnaires
from cti_adapters.storage.schema_usage import usage_readings
from cti_adapters.storage.standing_rows import restand
from cti_adapters.storage.taking_turns import rested
from cti_server.compliance.erasing import Prove
from cti_server.settings import RetentionSettings
from cti_server.shared.clock import Clock

LOT: Final = 50
"""Rows of one transaction: a telephone's pop-up waits behind it."""
DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record. ``due(until)``: the keys of those that end; ``end``: what is done to them."""

    name: str
    days: int
    due: Callable[[float], Any]
    end: Callable[[Connection, Sequence[Any], float], None]


def run(
    engine: Engine, clock: Clock, settings: RetentionSettings, prove: Prove, *, only_look: bool = False
) -> Iterator[tuple[str, int]]:
    """Ends what is due; tells (kind, how many) of each kind once it is done. ``engine`` begins its transactions with
    the write lock. Each kind leaves an entry in the trail. A run that was cut off goes on with the next."""
    now = clock.now()
    for kind in _kinds(settings, prove):
        if not kind.days:
            continue
        until = now - kind.days * DAY
        yield kind.name, _count(engine, kind, until) if only_look else _end(engine, kind, until, now)


def _count(engine: Engine, kind: Kind, until: float) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(kind.due(until).subquery())).scalar_one())


def _end(engine: Engine, kind: Kind, until: float, now: float) -> int:
    done = 0
    while True:
        with rested(), engine.begin() as connection:
            keys = [tuple(row) for row in connection.execute(kind.due(until).limit(LOT)).all()]
            if not keys:
                break
            forgetting.keep_no_old_pages(connection)
            kind.end(connection, keys, now)
            done += len(keys)
    if done:
        with engine.begin() as connection:
            append(connection, [_entry(kind, until, done, now)])
    return done


def _entry(kind: Kind, until: float, done: int, now: float) -> dict[str, Any]:
    about = {"subject_kind": "audit", "subject_id": f"retention {kind.name}", "customer_code": None}
    detail = {"kind": kind.name, "until": until, "days": kind.days, "ended": done}
    return {"at": now, "user": None, "act": "retention ended", "detail": detail, **about}


def _kinds(settings: RetentionSettings, prove: Prove) -> list[Kind]:
    def end_calls(connection: Connection, keys: Sequence[Any], now: float) -> None:
        _end_calls(connection, keys, now, prove)

    return [
        Kind("calls", settings.call_days, _calls, end_calls),
        Kind("notes", settings.note_days, _notes, _end_notes),
        Kind("mails", settings.mail_days, _mails, _end_mails),
        Kind("deals", settings.deal_days, _deals, _end_deals),
        Kind("usage", settings.usage_days, _usage, _end_usage),
        Kind("unread", settings.unread_days, _unread, _end_unread),
    ]


def _held(code: ColumnElement[Any]) -> ColumnElement[bool]:
    return select(holds.c.id).where(holds.c.customer_code == code, holds.c.ended_at.is_(None)).exists()


def _held_call(call: ColumnElement[Any]) -> ColumnElement[bool]:
    held = and_(holds.c.customer_code == sights.c.customer_code, holds.c.ended_at.is_(None))
    return select(sights.c.id).join(holds, held).where(sights.c.call_id == call).exists()


# --- calls: who they were with


def _calls(until: float) -> Any:
    gone = select(forgotten_calls.c.call_id).where(forgotten_calls.c.call_id == calls.c.id).exists()
    over = (calls.c.state == "ended", calls.c.open.is_(False), calls.c.started_at < until)
    return select(calls.c.id).where(*over, not_(gone), not_(_held_call(calls.c.id))).order_by(calls.c.started_at)


def _end_calls(connection: Connection, keys: Sequence[Any], now: float, prove: Prove) -> None:
    ids = [key[0] for key in keys]
    forgetting.forget_calls(connection, ids, now, prove, None)
    connection.execute(update(dials).where(or_(dials.c.call_id.in_(ids), dials.c.made_call.in_(ids))).values(number=""))
    restand(connection, ids)


# --- what was written and sent


def _notes(until: float) -> Any:
    wanted = (history.c.at < until, history.c.note.not_in(["", forgetting.GONE]))
    return select(history.c.id).where(*wanted, not_(_held(history.c.customer_code))).order_by(history.c.id)


def _end_notes(connection: Connection, keys: Sequence[Any], _now: float) -> None:
    connection.execute(update(history).where(history.c.id.in_([key[0] for key in keys])).values(note=forgetting.GONE))


def _mails(until: float) -> Any:
    wanted = (mails.c.asked_at < until, mails.c.state != "queued", mails.c.mail_to != "")
    return select(mails.c.id).where(*wanted, not_(_held(mails.c.customer_code))).order_by(mails.c.id)


def _end_mails(connection: Connection, keys: Sequence[Any], _now: float) -> None:
    blank = {"mail_to": "", "reply_to": "", "subject": "", "body": ""}
    connection.execute(update(mails).where(mails.c.id.in_([key[0] for key in keys])).values(**blank))


def _deals(until: float) -> Any:
    text = or_(
        deals.c.reason != "",
        select(deal_answers.c.deal_id).where(deal_answers.c.deal_id == deals.c.id).exists(),
        select(questionnaires.c.id).where(questionnaires.c.deal_id == deals.c.id).exists(),
        select(deal_actions.c.id).where(deal_actions.c.deal_id == deals.c.id, deal_actions.c.note != "").exists(),
    )
    wanted = (deals.c.state != "open", deals.c.closed_at < until, text)
    return select(deals.c.id).where(*wanted, not_(_held(deals.c.customer_code))).order_by(deals.c.id)


def _end_deals(connection: Connection, keys: Sequence[Any], _now: float) -> None:
    ids = [key[0] for key in keys]
    for table in (deal_answers, deal_drafts, questionnaires):
        connection.execute(delete(table).where(table.c.deal_id.in_(ids)))
    connection.execute(update(deal_actions).where(deal_actions.c.deal_id.in_(ids)).values(note=""))
    connection.execute(update(deals).where(deals.c.id.in_(ids)).values(reason=""))


# --- readings and pieces


def _usage(until: float) -> Any:
    c = usage_readings.c
    return select(c.service_id, c.customer_code, c.index_key, c.at).where(c.at < until, not_(_held(c.customer_code)))


def _end_usage(connection: Connection, keys: Sequence[Any], _now: float) -> None:
    c = usage_readings.c
    for service, code, index, at in keys:
        mine = (c.service_id == service, c.customer_code == code, c.index_key == index, c.at == at)
        connection.execute(delete(usage_readings).where(*mine))


def _unread(until: float) -> Any:
    c = unreadable.c
    return select(c.exchange, c.record, c.number).where(c.at < until)


def _end_unread(connection: Connection, keys: Sequence[Any], _now: float) -> None:
    c = unreadable.c
    for exchange, record, number in keys:
        connection.execute(delete(unreadable).where(c.exchange == exchange, c.record == record, c.number == number))
