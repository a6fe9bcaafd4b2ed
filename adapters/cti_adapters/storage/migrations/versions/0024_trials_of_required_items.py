"""Trials of required items"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.add_column("services", sa.Column("try_after", sa.Integer(), nullable=True))
    op.add_column("services", sa.Column("by_unit", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_deal_steps_came", "deal_steps", ["phase_id", "at"], unique=False)
    op.create_table(
        "phase_trials",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("by_unit", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["phase_id"], ["phases.id"], name=op.f("fk_phase_trials_phase_id")),
        sa.ForeignKeyConstraint(["proposal_id"], ["phase_proposals.id"], name=op.f("fk_phase_trials_proposal_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_phase_trials_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_trials")),
    )
    running = sa.text("state = 'running'")
    op.create_index(
        "uq_phase_trials_running",
        "phase_trials",
        ["phase_id"],
        unique=True,
        sqlite_where=running,
        postgresql_where=running,
    )
    op.create_table(
        "trial_places",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("optional", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["phase_trials.id"], name=op.f("fk_trial_places_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "member", name=op.f("pk_trial_places")),
    )
    op.create_table(
        "trial_sums",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("came", sa.Integer(), server_default="0", nullable=False),
        sa.Column("decided", sa.Integer(), server_default="0", nullable=False),
        sa.Column("handed_on", sa.Integer(), server_default="0", nullable=False),
        sa.Column("timed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("took", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("settled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["phase_trials.id"], name=op.f("fk_trial_sums_trial_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("trial_id", "member", "branch", "tier", name=op.f("pk_trial_sums")),
    )
