"""The tables of the compliance room: how calls stand, the counts of them, rules, exemptions, saved views."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint

from cti_adapters.storage.columns import count, flag, metadata, moment, seconds, text

standings: Final = Table(
    "standings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", Text, nullable=False, index=True),
    Column("customer_code", Text),
    Column("tier", Integer, nullable=False),  # gate.tier, as in sights, which these rows follow
    Column("branch", Text, nullable=False),
    text("rep"),  # empty: nobody
    Column("state", Text, nullable=False),  # standing.Kept
    Column("kind", Text, nullable=False),  # rules.CallKind
    Column("day", Integer, nullable=False),  # of the branch's clocks: days since 1970-01-01
    moment("due_at", nullable=True),
    moment("started_at"),
    seconds("seconds", nullable=True),  # talked, or waited
)
"""How calls stand that are over and that a rule holds for: a row for each label of a call."""
_ORDER: Final = (standings.c.tier, standings.c.state, standings.c.started_at, standings.c.id)
Index("ix_standings_all", *_ORDER)
Index("ix_standings_branch", standings.c.branch, *_ORDER)
Index("ix_standings_rep", standings.c.rep, *_ORDER)
_DUE = standings.c.state == "open"
Index("ix_standings_due", standings.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)

coverage: Final = Table(
    "coverage",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("branch", Text, primary_key=True),
    Column("rep", Text, primary_key=True),
    Column("tier", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column(
        "due_hour", Integer, primary_key=True, autoincrement=False
    ),  # of what is open: hours since 1970, UTC; else 0
    Column("n", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many rows of ``standings`` there are of each kind. Changes in the same transaction as they do."""

policies: Final = Table(
    "policies",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    moment("since"),  # holds for calls that began from then on
    moment("at"),
    Column("by", Text, nullable=False),
    text("note"),
    Column("body", JSON, nullable=False),  # versions.as_json
)
"""The rules, by version. None: those of a new installation hold."""

exemptions: Final = Table(
    "exemptions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("call_id", Text, nullable=False, index=True),
    text("reason"),
    Column("state", Text, nullable=False, server_default="asked", default="asked"),  # exemptions.State
    Column("asked_by", Text, nullable=False),
    moment("asked_at"),
    Column("decided_by", Text),
    moment("decided_at", nullable=True),
    text("answer"),
)
"""That a call needs no record though a rule says so: asked for by one person, decided by another."""
_ASKED = exemptions.c.state == "asked"
Index("ix_exemptions_asked", exemptions.c.asked_at, sqlite_where=_ASKED, postgresql_where=_ASKED)

coverage_views: Final = Table(
    "coverage_views",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user", Text, nullable=False),
    text("name"),
    text("address"),  # the filters as they stand in a page's address
    flag("shared"),
    Column("span", Text, nullable=False),  # how far its author's role reached then, as a scope
    Column("branch", Text, nullable=False),
    Column("classes", JSON, nullable=False),
    moment("at"),
    UniqueConstraint("user", "name"),
)
"""Filters of the coverage page under a name."""

recounts: Final = Table(
    "recounts",
    metadata,
    Column("id", Integer, primary_key=True),
    moment("since", nullable=True),  # calls that began from then on; null: all
    text("why"),  # upgrade | rules | asked
    moment("asked_at"),
    text("cursor_id"),
    count("done"),
    count("changed"),
    moment("finished_at", nullable=True),
)
"""Past calls that have to be looked at again; where a run was ended the next one goes on."""
