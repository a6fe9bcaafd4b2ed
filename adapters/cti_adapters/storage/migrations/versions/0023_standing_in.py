"""Who stands in for an absent colleague, and for whom a record was made"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.create_table(
        "stand_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("absent", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["absent"], ["users.id"], name=op.f("fk_stand_ins_absent")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_stand_ins_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stand_ins")),
    )
    op.create_index(op.f("ix_stand_ins_absent"), "stand_ins", ["absent"])
    op.create_index(op.f("ix_stand_ins_user"), "stand_ins", ["user"])
    op.add_column("history", sa.Column("behalf", sa.Text(), nullable=True))
