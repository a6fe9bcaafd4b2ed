"""The indexes of open calls are the better ones for them, in whichever order indexes were made"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

LEADING = {"ix_sights_all_open": [], "ix_sights_branch_open": ["branch"], "ix_sights_rep_open": ["rep"]}


def upgrade() -> None:
    """Applies this version."""
    is_open = sa.column("open", sa.Boolean()).is_(True)
    for name, leading in LEADING.items():
        columns = [*leading, "tier", "open", "started_at", "call_id"]
        op.drop_index(name, table_name="sights")
        op.create_index(name, "sights", columns, sqlite_where=is_open, postgresql_where=is_open)
