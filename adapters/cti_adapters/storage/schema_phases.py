"""The tables of the phases room: services and members, deals and what is known of members from them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, true

from cti_adapters.storage.columns import count, flag, metadata, moment, text

# --- set up ---------------------------------------------------------------------------------------------------------

services: Final = Table(
    "services",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("currency", Text, nullable=False),
    text("months"),  # numbers of the prediction as text, so that they stay exact; empty: the mean of past contracts
    Column("factor", Text, nullable=False, server_default="1", default="1"),
    Column("by_success_days", Boolean, nullable=False, server_default=true(), default=True),
    text("success_days"),
    Column("rule", Text, nullable=False),  # phases.choosing.Rule
    Column("earlier", Integer),  # the phase that the rule goes by; null: the one before
    count("shown", 3),  # how many candidates the present member is shown
    count("complete_at", 100),  # per cent of the required items
    count("patience", 24),  # hours
    count("learn_from", 3),  # proposals are made from so many of the best members of a phase
    flag("at_once"),  # whether they hold without approval
    Column("try_after", Integer),  # days; a required item that takes so long is tried as optional; null: none is
    flag("by_unit"),  # whether the halves of a trial are drawn by unit
    Column("past", JSON, nullable=False, server_default="{}", default=dict),  # phases.cltv.Past
    count("version", 1),
)

phases: Final = Table(
    "phases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False, index=True),
    count("place"),
    Column("name", Text, nullable=False),
    Column("action", Text, nullable=False),  # what is suggested first
    flag("contract"),
    Column("target_days", Integer),
    flag("learned"),  # the action is the best members'
    text("intro_ja"),  # above the questions to a customer
    text("intro_en"),
    flag("retired"),  # out of the order; past deals were in it
)

phase_items: Final = Table(
    "phase_items",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("phase_id", ForeignKey("phases.id"), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    flag("required"),
    text("size"),  # small | large; empty: every deal
    Column("choices", JSON, nullable=False, server_default="[]", default=list),
    flag("retired"),
    count("place"),
    text("asked_ja"),  # how the customer is asked; empty: by the title
    text("asked_en"),
    Column("to_customer", Boolean, nullable=False, server_default=true(), default=True),
)

plans: Final = Table(
    "plans",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("price", BigInteger, nullable=False),  # minor units of the service's currency, per month
    flag("retired"),
)

phase_units: Final = Table(
    "phase_units",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("phases", JSON, nullable=False, server_default="[]", default=list),
)

phase_members: Final = Table(
    "phase_members",
    metadata,
    Column("user", ForeignKey("users.id"), primary_key=True),
    Column("unit_id", ForeignKey("phase_units.id")),
    Column("phases", JSON, nullable=False, server_default="[]", default=list),
    count("capacity", 20),
    Column("week", JSON, nullable=False, server_default="{}", default=dict),  # weekday -> ["09:00", "17:30"]
    Column("absences", JSON, nullable=False, server_default="[]", default=list),  # [since, until]
)

# --- deals ----------------------------------------------------------------------------------------------------------

deals: Final = Table(
    "deals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False),
    Column("customer_code", Text, nullable=False),
    Column("tier", Integer, nullable=False),  # gate.tier, as in sights
    Column("branch", Text, nullable=False),  # the customer's, as is the rep
    Column("rep", Text),
    Column("confidentiality", Integer, nullable=False),
    text("title"),
    Column("size", Text, nullable=False),
    text("source"),
    Column("phase_id", ForeignKey("phases.id"), nullable=False),
    Column("member", Text),
    Column("state", Text, nullable=False, server_default="open", default="open"),
    flag("through"),  # got through all phases
    moment("opened_at"),
    moment("entered_at"),
    moment("due_at"),
    Column("due_made", JSON, nullable=False, server_default="{}", default=dict),  # phases.velocity.Again
    Column("first_contact", Text, nullable=False),  # days, ISO
    text("start"),
    text("end"),
    Column("price", BigInteger),  # minor units
    Column("plan_id", Integer),
    Column("worth", BigInteger),  # minor units
    Column("predicted", Boolean, nullable=False, server_default=true(), default=True),
    moment("closed_at", nullable=True),
    text("reason"),
    count("version", 1),
)
"""Each carries its customer's label, and is seen as it is."""
_OPEN = deals.c.state == "open"
Index("ix_deals_customer", deals.c.customer_code, deals.c.id)
Index("ix_deals_open_customer", deals.c.customer_code, sqlite_where=_OPEN, postgresql_where=_OPEN)
Index("ix_deals_member", deals.c.member, deals.c.due_at, deals.c.id, sqlite_where=_OPEN, postgresql_where=_OPEN)
_WAITING = _OPEN & deals.c.member.is_(None)
Index("ix_deals_waiting", deals.c.phase_id, deals.c.entered_at, sqlite_where=_WAITING, postgresql_where=_WAITING)
Index("ix_deals_phase", deals.c.phase_id, sqlite_where=_OPEN, postgresql_where=_OPEN)

imported_deals: Final = Table(
    "imported_deals",
    metadata,
    Column("service_id", ForeignKey("services.id"), primary_key=True),
    Column("number", Text, primary_key=True),  # what the deal is called where it came from
    Column("customer_code", Text, primary_key=True),  # so that a number tells nothing of a customer one does not see
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), nullable=False, index=True),
)

deal_steps: Final = Table(
    "deal_steps",
    metadata,
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("phase_id", Integer, nullable=False),
    Column("member", Text),
    moment("at"),
)
"""The way of a deal so far: the phases that it came to, and who handled it there."""
Index("ix_deal_steps_member", deal_steps.c.phase_id, deal_steps.c.member, deal_steps.c.deal_id)
Index("ix_deal_steps_came", deal_steps.c.phase_id, deal_steps.c.at)

deal_answers: Final = Table(
    "deal_answers",
    metadata,
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), primary_key=True),
    Column("item_id", Integer, primary_key=True),
    text("value"),
    Column("by", Text, nullable=False),
    moment("at"),
    moment("filled_at", nullable=True),  # since when it has been filled in; null while it is empty
)

deal_drafts: Final = Table(
    "deal_drafts",
    metadata,
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), primary_key=True),
    Column("user", Text, primary_key=True),
    Column("item_id", Integer, primary_key=True),
    text("value"),
    moment("at"),
)
"""What somebody typed and did not save yet; theirs alone."""

deal_actions: Final = Table(
    "deal_actions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), nullable=False),
    Column("phase_id", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    flag("incoming"),
    moment("at"),
    moment("ended_at", nullable=True),
    Column("by", Text),
    text("note"),
    text("call_id"),
    Column("answered", Boolean),
)
Index("ix_deal_actions_deal", deal_actions.c.deal_id, deal_actions.c.at, deal_actions.c.id)
_CALLS = deal_actions.c.call_id != ""
Index(
    "uq_deal_actions_call",
    deal_actions.c.call_id,
    deal_actions.c.deal_id,
    unique=True,
    sqlite_where=_CALLS,
    postgresql_where=_CALLS,
)

deal_values: Final = Table(
    "deal_values",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), nullable=False, index=True),
    moment("at"),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("worth", BigInteger, nullable=False),
    Column("predicted", Boolean, nullable=False),
    Column("made_of", JSON, nullable=False, server_default="{}", default=dict),
)

deal_choices: Final = Table(
    "deal_choices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("deal_id", ForeignKey("deals.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("phase_id", Integer, nullable=False),
    moment("at"),
    Column("by", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("member", Text),  # who got it; null: nobody could
    Column("reasons", JSON, nullable=False),  # what was known then
)

phase_tallies: Final = Table(
    "phase_tallies",
    metadata,
    Column("phase_id", Integer, primary_key=True),
    Column("kind", Text, primary_key=True),  # phases.paths.Among: all | source | earlier
    Column("name", Text, primary_key=True),
    Column("earlier", Integer, primary_key=True),  # a phase; 0 but for earlier
    Column("member", Text, primary_key=True),
    Column("branch", Text, primary_key=True),  # of the customers
    Column("tier", Integer, primary_key=True),
    count("came"),
    count("decided"),
    count("handed_on"),
    count("settled"),
    Column("total", BigInteger, nullable=False, server_default="0", default=0),
    count("timed"),  # deals of which it is known how long they were in the phase, and got through
    Column("took", BigInteger, nullable=False, server_default="0", default=0),  # their time in it, seconds
)
"""The sums over the table of paths (phases.tallies), kept as deals change."""

# --- learning -------------------------------------------------------------------------------------------------------

phase_proposals: Final = Table(
    "phase_proposals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False),
    Column("phase_id", ForeignKey("phases.id"), nullable=False),
    Column("kind", Text, nullable=False),  # phases.learning.Kind
    Column("item_id", Integer),
    text("title"),
    text("action"),
    text("before"),
    Column("best", JSON, nullable=False, server_default="[]", default=list),  # the members whom it was learned from
    Column("state", Text, nullable=False),  # phases.proposals.State
    moment("made_at"),
    Column("made_by", Text),  # null: the server
    moment("decided_at", nullable=True),
    Column("decided_by", Text),
    text("reason"),
    count("version", 1),
)
Index("ix_phase_proposals_service", phase_proposals.c.service_id, phase_proposals.c.state, phase_proposals.c.id)

proposal_lines: Final = Table(
    "proposal_lines",
    metadata,
    Column("proposal_id", ForeignKey("phase_proposals.id", ondelete="CASCADE"), primary_key=True),
    Column("member", Text, primary_key=True),  # empty: the others
    Column("said", Text, primary_key=True),
    Column("branch", Text, primary_key=True),  # of the customers
    Column("tier", Integer, primary_key=True),
    count("deals"),
    Column("seconds", BigInteger, nullable=False, server_default="0", default=0),
)
"""The evidence of a proposal (phases.learning.Line), as it was when that was made."""

phase_trials: Final = Table(
    "phase_trials",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("proposal_id", ForeignKey("phase_proposals.id"), nullable=False),
    Column("service_id", ForeignKey("services.id"), nullable=False),
    Column("phase_id", ForeignKey("phases.id"), nullable=False),
    Column("item_id", Integer, nullable=False),
    text("title"),
    Column("seed", Integer, nullable=False),
    flag("by_unit"),
    Column("state", Text, nullable=False),  # phases.trials.State
    moment("started_at"),
    Column("started_by", Text),
    moment("ended_at", nullable=True),
    Column("ended_by", Text),
    text("reason"),
    count("version", 1),
)
_RUNNING = phase_trials.c.state == "running"
Index(
    "uq_phase_trials_running",
    phase_trials.c.phase_id,
    unique=True,
    sqlite_where=_RUNNING,
    postgresql_where=_RUNNING,
)

trial_places: Final = Table(
    "trial_places",
    metadata,
    Column("trial_id", ForeignKey("phase_trials.id", ondelete="CASCADE"), primary_key=True),
    Column("member", Text, primary_key=True),
    Column("cluster", Text, nullable=False),  # whom they were drawn together with
    flag("optional"),
)

trial_sums: Final = Table(
    "trial_sums",
    metadata,
    Column("trial_id", ForeignKey("phase_trials.id", ondelete="CASCADE"), primary_key=True),
    Column("member", Text, primary_key=True),
    Column("branch", Text, primary_key=True),  # of the customers
    Column("tier", Integer, primary_key=True),
    count("came"),
    count("decided"),
    count("handed_on"),
    count("timed"),
    Column("took", BigInteger, nullable=False, server_default="0", default=0),
    count("settled"),
    Column("total", BigInteger, nullable=False, server_default="0", default=0),
)
"""What had become of its deals when a trial ended (phases.trials.Sums)."""
