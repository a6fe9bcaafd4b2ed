"""The past part of the demonstration's day: once it is read from the exchanges, the reps have dealt with some of it."""

from __future__ import annotations

import random
import time

from sqlalchemy import func, select

from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.schema import calls
from cti_adapters.storage.work import Database
from cti_server.calls.desk import Desk
from cti_server.calls.views import ItemRow
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


def _ended(item: ItemRow) -> float:
    return item.latest.ended_at or item.latest.started_at
