"""Tables of customers' use of services. Part of ``schema``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, Column, Double, ForeignKey, Integer, Table, Text

from cti_adapters.storage.columns import count, metadata, moment, text

usage_sources: Final = Table(
    "usage_sources",
    metadata,
    Column("service_id", ForeignKey("services.id"), primary_key=True),
    Column("indexes", JSON, nullable=False, server_default="[]", default=list),  # [key, label]
    text("address"),
    text("secret"),  # the name of the file that the token lies in
    count("every_hours", 24),
    moment("asked_at", nullable=True),
    moment("heard_at", nullable=True),
    moment("latest", nullable=True),
    Column("outcome", JSON, nullable=False, server_default="{}", default=dict),  # phases.usage.Outcome
    count("version", 1),
)

usage_rules: Final = Table(
    "usage_rules",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False, index=True),
    Column("index_key", Text, nullable=False),
    Column("measure", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("threshold", Text, nullable=False),  # exact
    count("days"),
    Column("advice", Text, nullable=False),
    text("topic"),
)

usage_readings: Final = Table(
    "usage_readings",
    metadata,
    Column("service_id", ForeignKey("services.id"), primary_key=True),
    Column("customer_code", ForeignKey("customers.code", ondelete="CASCADE"), primary_key=True, index=True),
    Column("index_key", Text, primary_key=True),
    Column("at", Double, primary_key=True),  # epoch seconds, UTC
    Column("value", Text, nullable=False),  # exact
    sqlite_with_rowid=False,
)
"""Each is seen as its customer is."""
