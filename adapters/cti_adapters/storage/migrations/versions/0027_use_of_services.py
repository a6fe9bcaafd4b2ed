"""Customers' use of services: where it is known from, what it prompts, readings"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    op.create_table(
        "usage_sources",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("indexes", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("secret", sa.Text(), server_default="", nullable=False),
        sa.Column("every_hours", sa.Integer(), server_default="24", nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=True),
        sa.Column("heard_at", sa.Double(), nullable=True),
        sa.Column("latest", sa.Double(), nullable=True),
        sa.Column("outcome", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_usage_sources_service_id")),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_usage_sources")),
    )
    op.create_table(
        "usage_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("index_key", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("threshold", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), server_default="0", nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_usage_rules_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_rules")),
    )
    op.create_index(op.f("ix_usage_rules_service_id"), "usage_rules", ["service_id"])
    op.create_table(
        "usage_readings",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("customer_code", sa.Text(), nullable=False),
        sa.Column("index_key", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_usage_readings_service_id")),
        sa.ForeignKeyConstraint(
            ["customer_code"],
            ["customers.code"],
            name=op.f("fk_usage_readings_customer_code"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("service_id", "customer_code", "index_key", "at", name=op.f("pk_usage_readings")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_usage_readings_customer_code"), "usage_readings", ["customer_code"])
