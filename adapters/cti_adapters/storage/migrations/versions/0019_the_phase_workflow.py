"""The phase workflow: services with phases, members, deals, what they are worth, who was chosen"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies this version."""
    _services()
    _people()
    _deals()
    _done()
    _known()
    _right()


def _services() -> None:
    op.create_table(
        "services",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("months", sa.Text(), server_default="", nullable=False),
        sa.Column("factor", sa.Text(), server_default="1", nullable=False),
        sa.Column("by_success_days", sa.Boolean(), server_default=sa.text("1"), nullable=False),
        sa.Column("success_days", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("earlier", sa.Integer(), nullable=True),
        sa.Column("shown", sa.Integer(), server_default="3", nullable=False),
        sa.Column("complete_at", sa.Integer(), server_default="100", nullable=False),
        sa.Column("patience", sa.Integer(), server_default="24", nullable=False),
        sa.Column("past", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("name", name=op.f("uq_services_name")),
    )
    op.create_table(
        "phases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), server_default="0", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("contract", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_phases_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phases")),
    )
    op.create_index(op.f("ix_phases_service_id"), "phases", ["service_id"], unique=False)


def _people() -> None:
    op.create_table(
        "phase_units",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phases", sa.JSON(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_units")),
        sa.UniqueConstraint("name", name=op.f("uq_phase_units_name")),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_plans_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_index(op.f("ix_plans_service_id"), "plans", ["service_id"], unique=False)
    op.create_table(
        "phase_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("required", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("size", sa.Text(), server_default="", nullable=False),
        sa.Column("choices", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["phase_id"], ["phases.id"], name=op.f("fk_phase_items_phase_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phase_items")),
    )
    op.create_index(op.f("ix_phase_items_phase_id"), "phase_items", ["phase_id"], unique=False)
    op.create_table(
        "phase_members",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("phases", sa.JSON(), server_default="[]", nullable=False),
        sa.Column("capacity", sa.Integer(), server_default="20", nullable=False),
        sa.Column("week", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("absences", sa.JSON(), server_default="[]", nullable=False),
        sa.ForeignKeyConstraint(["unit_id"], ["phase_units.id"], name=op.f("fk_phase_members_unit_id")),
        sa.ForeignKeyConstraint(["user"], ["users.id"], name=op.f("fk_phase_members_user")),
        sa.PrimaryKeyConstraint("user", name=op.f("pk_phase_members")),
    )


def _deals() -> None:
    op.create_table(
        "deals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("customer_code", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("rep", sa.Text(), nullable=True),
        sa.Column("confidentiality", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("through", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("entered_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("first_contact", sa.Text(), nullable=False),
        sa.Column("start", sa.Text(), server_default="", nullable=False),
        sa.Column("end", sa.Text(), server_default="", nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("plan_id", sa.Integer(), nullable=True),
        sa.Column("worth", sa.BigInteger(), nullable=True),
        sa.Column("predicted", sa.Boolean(), server_default=sa.text("1"), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["phase_id"], ["phases.id"], name=op.f("fk_deals_phase_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_deals_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deals")),
    )
    op.create_index("ix_deals_customer", "deals", ["customer_code", "id"], unique=False)
    op.create_index(
        "ix_deals_member",
        "deals",
        ["member", "due_at", "id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_deals_open_customer",
        "deals",
        ["customer_code"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_deals_phase",
        "deals",
        ["phase_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_deals_waiting",
        "deals",
        ["phase_id", "entered_at"],
        sqlite_where=sa.text("state = 'open' AND member IS NULL"),
        postgresql_where=sa.text("state = 'open' AND member IS NULL"),
    )
    op.create_table(
        "deal_steps",
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_steps_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("deal_id", "place", name=op.f("pk_deal_steps")),
    )
    op.create_index("ix_deal_steps_member", "deal_steps", ["phase_id", "member", "deal_id"], unique=False)


def _done() -> None:
    op.create_table(
        "deal_actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("incoming", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("call_id", sa.Text(), server_default="", nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_actions_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_actions")),
    )
    op.create_index("ix_deal_actions_deal", "deal_actions", ["deal_id", "at", "id"], unique=False)
    op.create_index(
        "uq_deal_actions_call",
        "deal_actions",
        ["call_id", "deal_id"],
        unique=True,
        sqlite_where=sa.text("call_id != ''"),
        postgresql_where=sa.text("call_id != ''"),
    )
    op.create_table(
        "deal_answers",
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_answers_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("deal_id", "item_id", name=op.f("pk_deal_answers")),
    )
    op.create_table(
        "deal_drafts",
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_drafts_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("deal_id", "user", "item_id", name=op.f("pk_deal_drafts")),
    )


def _known() -> None:
    op.create_table(
        "phase_tallies",
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("earlier", sa.Integer(), nullable=False),
        sa.Column("member", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("came", sa.Integer(), server_default="0", nullable=False),
        sa.Column("decided", sa.Integer(), server_default="0", nullable=False),
        sa.Column("handed_on", sa.Integer(), server_default="0", nullable=False),
        sa.Column("settled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "phase_id", "kind", "name", "earlier", "member", "branch", "tier", name=op.f("pk_phase_tallies")
        ),
    )
    op.create_table(
        "deal_choices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("phase_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("member", sa.Text(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_choices_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_choices")),
    )
    op.create_index(op.f("ix_deal_choices_deal_id"), "deal_choices", ["deal_id"], unique=False)
    op.create_table(
        "deal_values",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deal_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("worth", sa.BigInteger(), nullable=False),
        sa.Column("predicted", sa.Boolean(), nullable=False),
        sa.Column("made_of", sa.JSON(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["deal_id"], ["deals.id"], name=op.f("fk_deal_values_deal_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_values")),
    )
    op.create_index(op.f("ix_deal_values_deal_id"), "deal_values", ["deal_id"], unique=False)


def _right() -> None:
    """Whoever looks after users so far may set phases up, as the roles of a new installation say."""
    roles = sa.table("roles", sa.column("name", sa.Text()), sa.column("rights", sa.JSON()))
    for name, rights in op.get_bind().execute(sa.select(roles.c.name, roles.c.rights)).all():
        if "users" in rights and "phases" not in rights:
            grown = sorted({*rights, "phases"})
            op.get_bind().execute(sa.update(roles).where(roles.c.name == name).values(rights=grown))
