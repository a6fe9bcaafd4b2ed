"""Tables of erasing: who is to be erased, legal holds, and the calls that name nobody any more. Part of ``schema``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, Table, Text

from cti_adapters.storage.columns import count, metadata, moment, text

erasures: Final = Table(
    "erasures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer_code", Text),  # null once erased
    Column("tier", Integer, nullable=False),  # the customer's label when it was asked for, as in sights
    Column("branch", Text, nullable=False),
    Column("rep", Text),
    Column("confidentiality", Integer, nullable=False),
    text("reason"),
    Column("state", Text, nullable=False, server_default="asked", default="asked"),  # erasing.State
    Column("asked_by", Text, nullable=False),
    moment("asked_at"),
    Column("decided_by", Text),
    moment("decided_at", nullable=True),
    text("answer"),
    count("calls"),
)
_ASKED = erasures.c.state == "asked"
Index(
    "uq_erasures_asked",
    erasures.c.customer_code,
    unique=True,
    sqlite_where=_ASKED,
    postgresql_where=_ASKED,
)

holds: Final = Table(
    "holds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("customer_code", Text, nullable=False, index=True),
    text("reason"),
    Column("by", Text, nullable=False),
    moment("at"),
    Column("ended_by", Text),
    moment("ended_at", nullable=True),
    text("end_reason"),
)

forgotten_calls: Final = Table(
    "forgotten_calls",
    metadata,
    Column("call_id", Text, primary_key=True),
    moment("at"),
    Column("erasure_id", Integer),  # null: by retention
    Column("proof", Text, nullable=False),  # erasing.proof
)
"""What the exchange says of these calls is not taken any more, from wherever it comes."""
