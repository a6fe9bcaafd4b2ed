"""Proposals from the best members' work; when items were filled in; why a deal is suggested again when"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.add_column("services", sa.Column("learn_from", sa.Integer(), server_default="3", nullable=False))
    op.add_column("services", sa.Column("at_once", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("phases", sa.Column("learned", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("deals", sa.Column("due_made", sa.JSON(), server_default="{}", nullable=False))
    op.add_column("deal_answers", sa.Column("filled_at", sa.Double(), nullable=True))
    # The newest change of an answer is all that is known of those that are there.
    op.execute("UPDATE deal_answers SET filled_at = at WHERE value != ''")
    op.create_table(
        "phase_proposals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("before", sa.Text(), server_default="", nullable=False),
        sa.Column("best", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at", sa.Double(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["phase_id"], ["phases.id"], name=op.f("fk_phase_proposals_phase_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_phase_proposals_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_proposals")),
    )
    op.create_index("ix_phase_proposals_service", "phase_proposals", ["service_id", "state", "id"], unique=False)
    op.create_table(
        "proposal_lines",
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("deals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["phase_proposals.id"], name=op.f("fk_proposal_lines_proposal_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("proposal_id", "member", "said", "branch", "tier", name=op.f("pk_proposal_lines")),
    )
