"""The tables of the review room: claims without a call, and contact records that reviewers asked for."""

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

requests: Final = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # the label of its customer, or of a caller who is not registered; as sights
    Column("customer_code", Text),
    Column("tier", Integer, nullable=False),
    Column("branch", Text, nullable=False),
    Column("rep", Text),
    Column("confidentiality", Integer),
    Column("to", Text, nullable=False),  # who is asked, and who asks
    Column("by", Text, nullable=False),
    moment("at"),
    moment("due_at"),
    text("note"),
    Column("state", Text, nullable=False, server_default="open", default="open"),  # open, answered, withdrawn
    moment("closed_at", nullable=True),
    Column("closed_by", Text),
    Column("history_id", Integer),  # the record that answers it
    moment("remind_at", nullable=True),  # review.requests.Schedule; null where it is too short for it
    moment("escalate_at"),
    moment("reminded_at", nullable=True),  # when each was done
    moment("pressed_at", nullable=True),
    moment("escalated_at", nullable=True),
)
"""Contact records that a reviewer asked a colleague for, with the label of the call's customer."""
_ASKED = (requests.c.tier, requests.c.at, requests.c.id)
Index("ix_requests_all", *_ASKED)
Index("ix_requests_branch", requests.c.branch, *_ASKED)
Index("ix_requests_rep", requests.c.rep, *_ASKED)
Index("ix_requests_call", requests.c.call_id)
Index("ix_requests_customer", requests.c.customer_code)
_OPEN = requests.c.state == "open"
Index("ix_requests_to", requests.c.to, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_requests_late", requests.c.branch, requests.c.due_at, sqlite_where=_OPEN, postgresql_where=_OPEN)
