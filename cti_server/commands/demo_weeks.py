"""The weeks before the demonstration's day: calls of registered customers, most of them with a record, some late or
forgotten, so that coverage has something to show."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from cti_adapters.storage.call_notices import Cards
from cti_adapters.storage.call_writer import Batch
from cti_adapters.storage.schema import calls, history, history_calls, items, sights
from cti_adapters.storage.schema_compliance import exemptions, policies
from cti_adapters.storage.standing_rows import restand
from cti_adapters.storage.work import Database, writing
from cti_server.calls.log import CallLog
from cti_server.compliance.rules import EVERY_BRANCH, Policy, Rule
from cti_server.compliance.versions import as_json
from cti_server.shared.people import Customer
from cti_simulators.people import OFFICES, SEED, Firm, Office

DAYS: Final = 35
TODAY_REACHES_BACK: Final = 5 * 3600.0
"""Seconds before the demonstration begins in which its own day may have begun."""
REVIEWERS: Final = ("900", "901")
_ZONE: Final = ZoneInfo("Asia/Tokyo")
_SAID: Final = (
    ("spoke", "お電話にてご用件を承り、ご回答済み。"),
    ("spoke", "残高と評価額のお問い合わせ。書面をお送りする旨ご説明。"),
    ("message", "折り返したがご不在。ご家族に伝言をお願いした。"),
    ("spoke", "注文内容の確認。復唱のうえ受付。"),
)
_RULES: Final = (
    Rule("お客様からの着信（応答）", frozenset({"answered"}), wants=frozenset({"note"})),
    Rule("お客様からの不在着信", frozenset({"missed"})),
)
_HOLIDAYS: Final = {
    "2026-10-12": "スポーツの日",
    "2026-11-03": "文化の日",
    "2026-11-23": "勤労感謝の日",
    "2026-12-31": "年末休業",
    "2027-01-01": "元日",
    "2027-01-11": "成人の日",
    "2027-02-11": "建国記念の日",
    "2027-02-23": "天皇誕生日",
    "2027-03-22": "振替休日",
    "2027-04-29": "昭和の日",
    "2027-05-03": "憲法記念日",
    "2027-05-04": "みどりの日",
    "2027-05-05": "こどもの日",
}
_WRONG_NUMBER: Final = "お客様の間違い電話（別の金融機関宛て）"
_TEST_CALL: Final = "回線工事の試験発信"


def fill(database: Database, firm: Firm, now: float) -> None:
    """Writes them. ``now``: when the demonstration begins, epoch seconds, UTC."""
    chance = random.Random(SEED + 1)
    began = datetime.fromtimestamp(now - TODAY_REACHES_BACK, _ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [began - timedelta(days=ago) for ago in range(DAYS, 0, -1)]
    holidays = {date.fromisoformat(day): name for day, name in _HOLIDAYS.items()}
    policy = Policy(_RULES, 98.0, holidays={EVERY_BRANCH: holidays})
    with writing(database.engine).begin() as connection:
        first = {"version": 1, "since": 0.0, "at": now, "by": REVIEWERS[0], "note": "初期設定", "body": as_json(policy)}
        connection.execute(insert(policies), first)
        for office in OFFICES:
            customers = [one for one in firm.customers if one.branch == office.branch.code and one.numbers]
            made: dict[str, tuple[CallLog, Customer]] = {}
            for day in days:
                if day.weekday() < 5 and day.date() not in holidays:
                    made |= _day(office, day, customers, chance, len(made))
            logs = {call_id: log for call_id, (log, _customer) in made.items()}
            Batch(connection, office.exchange, now, Cards()).write(logs)
            _record(connection, made, chance, now)
        gone = calls.c.started_at < began.timestamp()
        done = {"open": False, "handled": True}
        connection.execute(update(calls).where(gone).values(done | {"handled_at": calls.c.started_at + 3600}))
        connection.execute(update(sights).where(sights.c.started_at < began.timestamp()).values(done))
        connection.execute(update(items).values(state="done", closed_at=began.timestamp()))
        ids = connection.execute(select(calls.c.id).where(gone)).scalars()
        restand(connection, ids)


def _day(
    office: Office, day: datetime, customers: list[Customer], chance: random.Random, known: int
) -> dict[str, tuple[CallLog, Customer]]:
    made = {}
    for number in range(round(chance.uniform(8, 16) * office.share * len(OFFICES))):
        customer = chance.choice(customers)
        at = (day + timedelta(hours=9)).timestamp() + chance.uniform(0, 7.8 * 3600)
        log = _call(office, customer, at, known + number, chance)
        made[log.id] = (log, customer)
    return made


def _call(office: Office, customer: Customer, at: float, number: int, chance: random.Random) -> CallLog:
    caller = chance.choice(customer.numbers)
    log = CallLog(
        id=f"{office.exchange}-{at:.0f}.{number}",
        exchange=office.exchange,
        branch=office.branch.code,
        direction="in",
        state="ended",
        started_at=at,
        caller_number=f"0{caller.e164[3:]}",
        party_e164=caller.e164,
        ringing_at=at + 1,
        ended_at=at + chance.uniform(8, 40),
        disposition="missed",
        ring_seconds=20.0,
        hangup_by="caller",
        linkedids=[f"{at:.0f}.{number}"],
    )
    if chance.random() < 0.8:
        talked = round(chance.lognormvariate(4.8, 0.8), 1)
        log.answered, log.disposition, log.answered_at = True, "answered", at + 6
        log.talk_seconds, log.ended_at = talked, at + 6 + talked
    return log


def _record(connection: Any, made: dict[str, tuple[CallLog, Customer]], chance: random.Random, now: float) -> None:
    """Each rep has their own habits: most record nearly everything, one forgets more."""
    careless = chance.choice(sorted({customer.rep or "" for _log, customer in made.values()}))
    links: dict[str, list[str]] = defaultdict(list)
    for call_id, (log, customer) in made.items():
        missed = chance.random()
        if missed < (0.12 if customer.rep == careless else 0.015):
            if chance.random() < 0.25:
                _exempt(connection, call_id, log.started_at, chance)
            continue
        result, note = chance.choice(_SAID) if chance.random() > 0.008 else ("spoke", "")
        at = min((log.ended_at or log.started_at) + chance.uniform(120, 4 * 3600), now)
        row = {"customer_code": customer.code, "kind": "contact", "channel": "phone", "result": result, "note": note}
        done = connection.execute(insert(history).values(row | {"at": at, "by": customer.rep}).returning(history.c.id))
        links[call_id].append(done.scalar_one())
    rows = [{"history_id": one, "call_id": call_id} for call_id, several in links.items() for one in several]
    connection.execute(insert(history_calls), rows)


def _exempt(connection: Any, call_id: str, at: float, chance: random.Random) -> None:
    """Asked for by one reviewer the day after; most of them approved by the other."""
    row: dict[str, Any] = {
        "call_id": call_id,
        "reason": chance.choice((_WRONG_NUMBER, _TEST_CALL)),
        "asked_by": REVIEWERS[1],
    }
    row |= {"asked_at": at + 86400.0, "state": "asked", "decided_by": None, "decided_at": None}
    if chance.random() < 0.7:
        row |= {"state": "approved", "decided_by": REVIEWERS[0], "decided_at": at + 90000.0}
    connection.execute(insert(exemptions), row)
