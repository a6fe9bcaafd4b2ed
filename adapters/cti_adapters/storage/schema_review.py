"""The tables of the review room: claims without a call."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, true

from cti_adapters.storage.columns import metadata, moment, text

claims: Final = Table(
    "claims",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("history_id", ForeignKey("history.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("customer_code", Text, nullable=False),
    Column("tier", Integer, nullable=False),  # gate.tier, as in sights
    Column("branch", Text, nullable=False),  # the customer's, as is the rep
    Column("rep", Text),
    Column("confidentiality", Integer, nullable=False),
    Column("by", Text, nullable=False),  # who made the record, and their branch
    text("by_branch"),
    moment("at"),
    moment("since"),  # a call that began from here on
    moment("until"),  # to here would explain it
    Column("pending", Boolean, nullable=False, server_default=true(), default=True),  # open or away
    Column("state", Text, nullable=False, server_default="open", default="open"),  # review.claims.State
    text("exchange"),  # that was not heard then, and when
    moment("away_since", nullable=True),
    moment("away_until", nullable=True),
    text("call_id"),  # that was found later
    text("reason"),
    Column("settled_by", Text),
    moment("settled_at", nullable=True),
)
"""Records that say "telephone" though no exchange saw a call, with the label of their customer."""
_ORDER = (claims.c.tier, claims.c.at, claims.c.id)
Index("ix_claims_all", *_ORDER)
Index("ix_claims_branch", claims.c.branch, *_ORDER)
Index("ix_claims_rep", claims.c.rep, *_ORDER)
_PENDING = claims.c.pending.is_(True)
Index("ix_claims_by", claims.c.by, claims.c.at, claims.c.id)
Index("ix_claims_waiting", claims.c.customer_code, sqlite_where=_PENDING, postgresql_where=_PENDING)
Index("ix_claims_hidden", claims.c.at, sqlite_where=_PENDING, postgresql_where=_PENDING)
