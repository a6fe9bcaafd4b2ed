"""Call to history: how calls stand, the counts of it, rules, exemptions, saved views"""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    _standings()
    _coverage()
    _rules()
    _views()
    _right()
    calls = sa.table("calls")
    if op.get_bind().execute(sa.select(sa.literal(1)).select_from(calls).limit(1)).first() is not None:
        # Calls that were there before are looked at by `cti compliance recompute`.
        recounts = sa.table("recounts", sa.column("why", sa.Text()), sa.column("asked_at", sa.Double()))
        op.get_bind().execute(sa.insert(recounts).values(why="upgrade", asked_at=time.time()))


def _standings() -> None:
    op.create_table(
        "standings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("customer_code", sa.Text(), nullable=True),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), server_default="0", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standings")),
    )
    order = ["tier", "state", "started_at", "id"]
    op.create_index("ix_standings_call_id", "standings", ["call_id"])
    op.create_index("ix_standings_all", "standings", order)
    op.create_index("ix_standings_branch", "standings", ["branch", *order])
    op.create_index("ix_standings_rep", "standings", ["rep", *order])
    due = sa.column("state", sa.Text()) == "open"
    op.create_index("ix_standings_due", "standings", ["due_at"], sqlite_where=due, postgresql_where=due)


def _coverage() -> None:
    numbers, key = ("day", "tier", "due_hour"), ("day", "branch", "rep", "tier", "kind", "state", "due_hour")
    op.create_table(
        "coverage",
        *(_key(name, name in numbers) for name in key),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_coverage")),
        sqlite_with_rowid=False,
    )


def _key(name: str, is_number: bool) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer() if is_number else sa.Text(), autoincrement=False, nullable=False)


def _rules() -> None:
    op.create_table(
        "policies",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policies")),
    )
    op.create_table(
        "exemptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="asked", nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemptions")),
    )
    op.create_index("ix_exemptions_call_id", "exemptions", ["call_id"])
    asked = sa.column("state", sa.Text()) == "asked"
    op.create_index("ix_exemptions_asked", "exemptions", ["asked_at"], sqlite_where=asked, postgresql_where=asked)


def _views() -> None:
    op.create_table(
        "coverage_views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("classes", sa.JSON(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_views")),
        sa.UniqueConstraint("user", "name", name=op.f("uq_coverage_views_user_name")),
    )
    op.create_table(
        "recounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("cursor_id", sa.Text(), server_default="", nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recounts")),
    )


def _right() -> None:
    """Whoever reviews the trail so far may change the rules, as the roles of a new installation say."""
    roles = sa.table("roles", sa.column("name", sa.Text()), sa.column("rights", sa.JSON()))
    for name, rights in op.get_bind().execute(sa.select(roles.c.name, roles.c.rights)).all():
        if "audit" in rights and "rules" not in rights:
            grown = sorted({*rights, "rules"})
            op.get_bind().execute(sa.update(roles).where(roles.c.name == name).values(rights=grown))
