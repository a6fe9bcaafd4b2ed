"""The rows of customers' use of services as plain classes (see ``mapping``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped

from cti_adapters.storage import schema_usage as schema
from cti_adapters.storage.mapping import Row, mapper


class SourceRow(Row):
    """Where the use of a service is known from."""

    service_id: Mapped[int]
    indexes: Mapped[list[list[str]]]
    address: Mapped[str]
    secret: Mapped[str]
    every_hours: Mapped[int]
    asked_at: Mapped[float | None]
    heard_at: Mapped[float | None]
    latest: Mapped[float | None]
    outcome: Mapped[dict[str, Any]]
    version: Mapped[int]


class UsageRuleRow(Row):
    """What a customer's use prompts."""

    id: Mapped[int]
    service_id: Mapped[int]
    index_key: Mapped[str]
    measure: Mapped[str]
    side: Mapped[str]
    threshold: Mapped[str]
    days: Mapped[int]
    advice: Mapped[str]
    topic: Mapped[str]


class ReadingRow(Row):
    """What an index was for a customer at a moment."""

    service_id: Mapped[int]
    customer_code: Mapped[str]
    index_key: Mapped[str]
    at: Mapped[float]
    value: Mapped[str]


mapper.map_imperatively(SourceRow, schema.usage_sources)
mapper.map_imperatively(UsageRuleRow, schema.usage_rules)
mapper.map_imperatively(ReadingRow, schema.usage_readings)
