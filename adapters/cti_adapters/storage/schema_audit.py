"""The tables that prove the trail: where each of its chains ends, and the seals that were made of these ends."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, LargeBinary, Table, Text

from cti_adapters.storage.columns import count, metadata, moment

audit_chains = Table(
    "audit_chains",
    metadata,
    Column("chain", Integer, primary_key=True),
    count("length"),
    Column("digest", LargeBinary, nullable=False),  # of the last entry; empty where there is none
)

seals = Table(
    "seals",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    moment("at"),
    Column("heads", JSON, nullable=False),  # of every chain, as cti_server/audit/seals.py says
    Column("previous", Text, nullable=False),  # the digest of the seal before
    Column("digest", Text, nullable=False),
)
