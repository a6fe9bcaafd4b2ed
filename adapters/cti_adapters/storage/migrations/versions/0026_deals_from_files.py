"""Which deal a number of elsewhere is, so that a file can be imported twice"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.create_table(
        "imported_deals",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer_code", sa.Text(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_imported_deals_service_id")),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_imported_deals_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("service_id", "number", "customer_code", name=op.f("pk_imported_deals")),
    )
    op.create_index(op.f("ix_imported_deals_deal_id"), "imported_deals", ["deal_id"])
