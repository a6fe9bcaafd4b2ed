"""Extensions may be shared or nobody's, and who sat at which of them is kept with times"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    with op.batch_alter_table("extensions") as table:
        table.alter_column("user", existing_type=sa.Text(), nullable=True)
        table.add_column(sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("since", sa.Double(), nullable=False, server_default="0"))
    op.create_table(
        "seats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("day", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("at_sign_out", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("ended_at", sa.Double()),
        sa.Column("ended_why", sa.Text(), nullable=False, server_default=""),
        sa.Column("ended_by", sa.Text()),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_seats_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seats")),
    )
    op.create_index("ix_seats_extension", "seats", ["exchange", "extension", "until"])
    running = sa.column("ended_at").is_(None)
    for name, columns in (("extension", ["exchange", "extension"]), ("user", ["user"])):
        op.create_index(
            f"uq_seats_open_{name}",
            "seats",
            columns,
            unique=True,
            sqlite_where=running,
            postgresql_where=running,
        )
