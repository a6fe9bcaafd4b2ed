"""How customers are asked for input items, and in which order they stand"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    for name in ("intro_ja", "intro_en"):
        op.add_column("phases", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("phase_items", sa.Column("place", sa.Integer(), server_default="0", nullable=False))
    for name in ("asked_ja", "asked_en"):
        op.add_column("phase_items", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("phase_items", sa.Column("to_customer", sa.Boolean(), server_default=sa.true(), nullable=False))
