"""The demo's customers use the service that they bought, as its server would tell it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from cti_server.phases.desk import PhaseDesk
from cti_server.phases.usage import Index, Reading, Source, Told, UsageRule

_WEEK: Final = 7 * 86_400.0
_WEEKS: Final = 12
_INDEXES: Final = (Index("reports", "資産レポートの閲覧（週）"), Index("logins", "ログイン（週）"))
_COURSES: Final = {"falling": (9, -0.65), "steady": (7, 0.0), "rising": (8, 1.4)}
"""How a customer's use goes: reports a week at first, and what it grows by each week."""


def tell_use(desk: PhaseDesk, service: int, customers: list[str], now: float, chance: random.Random) -> None:
    """Sets up what is measured and what it prompts, and tells a quarter of a year of some customers."""
    desk.save_source(Source(service, _INDEXES, version=0))
    values: dict[str, Any] = {"service": service, "days": 28}
    desk.add_usage_rule(
        UsageRule(
            0,
            index="reports",
            measure="value",
            side="below",
            threshold=Decimal(4),
            advice="explain",
            topic="資産レポート",
            **values,
        )
    )
    desk.add_usage_rule(
        UsageRule(0, index="logins", measure="rate", side="above", threshold=Decimal(40), advice="plan", **values)
    )
    told: list[Told] = []
    for customer in customers:
        first, grows = _COURSES[chance.choice(list(_COURSES))]
        for week in range(_WEEKS):
            at = datetime.fromtimestamp(now - (_WEEKS - 1 - week) * _WEEK, UTC).replace(
                minute=0, second=0, microsecond=0
            )
            reports = max(0, round(first + grows * week + chance.uniform(-1, 1)))
            logins = max(reports, round(1.5 * reports + chance.uniform(0, 3)))
            for index, value in (("reports", reports), ("logins", logins)):
                told.append(Told(len(told) + 1, customer, index, Reading(at.timestamp(), Decimal(value))))
    desk.take_readings(service, told)
