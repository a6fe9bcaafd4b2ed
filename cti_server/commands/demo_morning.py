"""The past part of the demonstration's day: once it is read from the exchanges, the reps have dealt with some of it."""

from __future__ import annotations

import random
import time

from sqlalchemy import func, select

from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.schema import calls
from cti_adapters.storage.work import Database
from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery, ItemRow
from cti_server.review.desk_requests import RequestDesk
from cti_server.shared.clock import SystemClock
from cti_server.shared.viewer import Viewer
from cti_simulators.people import SEED, Firm

PATIENCE = 60.0
"""Seconds that the exchanges have for the past of the day."""
HANDLED = 0.4
"""Part of each rep's calls that they have dealt with."""

_RECORDS = (
    ("contact", "phone", "spoke", "折り返しお電話し、ご用件を承った。"),
    ("contact", "phone", "spoke", "残高のお問い合わせ。ご回答済み。"),
    ("contact", "phone", "message", "ご不在のため、ご家族に伝言をお願いした。"),
    ("contact", "mail", "", "お礼と資料をメールでお送りした。"),
    ("visit booking", "phone", "booked", "金曜日 14:00 にご来店のお約束。"),
)

_ASKED = (
    "お約束の内容を記録してください。",
    "",
    "ご用件が未記録です。",
    "苦情かどうか分かるように記録をお願いします。",
    "",
    "折り返しの有無を記録してください。",
)
_ANSWER = "金利についてのお問い合わせ。ご説明のうえご了承いただいた。"


class MomentClock:
    """A clock that is set: what was done in the past is recorded with its time."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Epoch seconds, UTC."""
        return self.at


def handle(database: Database, firm: Firm, expected: int, since: float, patience: float = PATIENCE) -> None:
    """Waits until ``expected`` calls of the day's past are in the call log, then has every rep deal with some.
    ``since``: when that past began at the earliest (epoch seconds, UTC)."""
    _wait(database, expected, since, patience)
    directory = accounts(database, SystemClock())
    chance = random.Random(SEED)
    for colleague in firm.colleagues:
        if colleague.role == "rep":
            _work(database, directory.viewer(colleague.id), chance)
    reviewer = next((one.id for one in firm.colleagues if one.role == "compliance reviewer"), None)
    if reviewer is not None:
        _ask(database, directory.viewer(reviewer))


def _wait(database: Database, expected: int, since: float, patience: float) -> None:
    until = time.monotonic() + patience
    arrived = select(func.count()).select_from(calls).where(calls.c.started_at >= since)
    while time.monotonic() < until:
        with database.engine.connect() as connection:
            if (connection.scalar(arrived) or 0) >= expected:
                return
        time.sleep(0.1)


def _work(database: Database, viewer: Viewer, chance: random.Random) -> None:
    """The rep's oldest items were dealt with some minutes after their last call."""
    clock = MomentClock()
    clock.at = SystemClock().now()
    with database.open(viewer.scope) as work:
        items = Desk(work, viewer, clock).worklist("open").items
    items.sort(key=lambda item: item.latest.started_at)
    for item in items[: int(len(items) * HANDLED)]:
        who = item.latest.who
        if not who or who[0].match != "exact":
            continue
        kind, channel, result, note = chance.choice(_RECORDS)
        clock.at = min(_ended(item) + chance.uniform(240, 1500), SystemClock().now())
        with database.open(viewer.scope) as work:
            Desk(work, viewer, clock).record(item.id, [], who[0].code, kind, channel, result, note)


def _ask(database: Database, reviewer: Viewer) -> None:
    """The reviewer asked for some records: one was made, one is not needed any more, the others wait."""
    clock = MomentClock()
    clock.at = SystemClock().now()
    query = CallQuery(since=clock.at - 86_400, until=clock.at, direction="in")
    with database.open(reviewer.scope) as work:
        found = Desk(work, reviewer, clock).calls(query, None, 200).rows
    calls = [one for one in found if one.ended_at and len(one.who) == 1 and one.who[0].match == "exact"]
    for number, (call, note) in enumerate(zip(reversed(calls[:: len(calls) // 8 + 1]), _ASKED, strict=False)):
        clock.at = min((call.ended_at or 0.0) + 300.0, SystemClock().now())
        with database.open(reviewer.scope) as work:
            room = RequestDesk(work, reviewer, clock)
            asking = room.asking(call.id)
            if asking is None or not asking.people:
                continue
            asked, who = room.ask(call.id, asking.people[0][0], note, 1 if number % 2 else 8), asking.people[0][0]
            if number == 1:
                room.withdraw(asked)
        if number == 0:
            rep = accounts(database, SystemClock()).viewer(who)
            with database.open(rep.scope) as work:
                Desk(work, rep, clock).record(None, [call.id], call.who[0].code, "contact", "phone", "spoke", _ANSWER)


def _ended(item: ItemRow) -> float:
    return item.latest.ended_at or item.latest.started_at
