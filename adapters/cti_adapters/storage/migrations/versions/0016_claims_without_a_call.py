"""Claims without a call: records that say "telephone" though no exchange saw one"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.create_table(
        "claims",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("history_id", sa.Integer(), nullable=False),
        sa.Column("customer_code", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=True),
        sa.Column("confidentiality", sa.Integer(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("by_branch", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("pending", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("exchange", sa.Text(), server_default="", nullable=False),
        sa.Column("away_since", sa.Double(), nullable=True),
        sa.Column("away_until", sa.Double(), nullable=True),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["history_id"], ["history.id"], name=op.f("fk_claims_history_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sa.UniqueConstraint("history_id", name=op.f("uq_claims_history_id")),
    )
    pending = sa.column("pending", sa.Boolean()).is_(True)
    order = ["tier", "at", "id"]
    op.create_index("ix_claims_all", "claims", order)
    op.create_index("ix_claims_branch", "claims", ["branch", *order])
    op.create_index("ix_claims_rep", "claims", ["rep", *order])
    op.create_index("ix_claims_by", "claims", ["by", "at", "id"])
    op.create_index("ix_claims_waiting", "claims", ["customer_code"], sqlite_where=pending, postgresql_where=pending)
    op.create_index("ix_claims_hidden", "claims", ["at"], sqlite_where=pending, postgresql_where=pending)
