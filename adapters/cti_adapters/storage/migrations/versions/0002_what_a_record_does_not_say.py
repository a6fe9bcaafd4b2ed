"""What an exchange's record of a call does not say is null"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SECONDS = ("ring_seconds", "wait_seconds", "talk_seconds", "hold_seconds")


def upgrade() -> None:
    """Applies this version."""
    with op.batch_alter_table("calls") as calls:
        calls.alter_column("direction", existing_type=sa.Text(), nullable=True)
        calls.alter_column("answered", existing_type=sa.Boolean(), existing_server_default=sa.text("0"), nullable=True)
        for name in SECONDS:
            calls.alter_column(name, existing_type=sa.Double(), existing_server_default="0", nullable=True)
    with op.batch_alter_table("sights") as sights:
        sights.alter_column("direction", existing_type=sa.Text(), nullable=True)
    with op.batch_alter_table("taken") as taken:
        taken.alter_column("talk_seconds", existing_type=sa.Double(), existing_server_default="0", nullable=True)
