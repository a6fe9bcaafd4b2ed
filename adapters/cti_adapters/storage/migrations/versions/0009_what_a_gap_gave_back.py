"""What an exchange's own record gave back of a gap stands with the gap"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    with op.batch_alter_table("gaps") as gaps:
        for name in ("source", "problem"):
            gaps.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=""))
        for name in ("recovered", "completed", "unread"):
            gaps.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        gaps.add_column(sa.Column("problem_values", sa.JSON(), nullable=False, server_default="{}"))
        for name in ("fetched_at", "finished_at"):
            gaps.add_column(sa.Column(name, sa.Double(), nullable=True))
