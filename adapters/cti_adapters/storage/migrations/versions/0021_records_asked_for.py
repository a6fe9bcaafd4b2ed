"""Contact records that reviewers ask colleagues for"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("customer_code", sa.Text(), nullable=True),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=True),
        sa.Column("confidentiality", sa.Integer(), nullable=True),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("history_id", sa.Integer(), nullable=True),
        sa.Column("remind_at", sa.Double(), nullable=True),
        sa.Column("escalate_at", sa.Double(), nullable=False),
        sa.Column("reminded_at", sa.Double(), nullable=True),
        sa.Column("pressed_at", sa.Double(), nullable=True),
        sa.Column("escalated_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    order = ["tier", "at", "id"]
    waiting = sa.column("state", sa.Text()) == sa.literal("open", literal_execute=True)
    op.create_index("ix_requests_all", "requests", order)
    op.create_index("ix_requests_branch", "requests", ["branch", *order])
    op.create_index("ix_requests_rep", "requests", ["rep", *order])
    op.create_index("ix_requests_call", "requests", ["call_id"])
    op.create_index("ix_requests_customer", "requests", ["customer_code"])
    op.create_index("ix_requests_to", "requests", ["to"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index(
        "ix_requests_late", "requests", ["branch", "due_at"], sqlite_where=waiting, postgresql_where=waiting
    )
