"""The rows of the phases room as plain classes (see ``mapping``)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Mapped, relationship

from cti_adapters.storage import schema_phases as schema
from cti_adapters.storage.mapping import Row, mapper
from cti_server.shared.scope import Label


class ServiceRow(Row):
    """Something that is sold."""

    id: Mapped[int]
    name: Mapped[str]
    currency: Mapped[str]
    months: Mapped[str]
    factor: Mapped[str]
    by_success_days: Mapped[bool]
    success_days: Mapped[str]
    rule: Mapped[str]
    earlier: Mapped[int | None]
    shown: Mapped[int]
    complete_at: Mapped[int]
    patience: Mapped[int]
    learn_from: Mapped[int]
    at_once: Mapped[bool]
    try_after: Mapped[int | None]
    by_unit: Mapped[bool]
    past: Mapped[dict[str, int]]
    version: Mapped[int]
    phases: Mapped[list[PhaseRow]]
    plans: Mapped[list[PlanRow]]


class PhaseRow(Row):
    """One of its phases."""

    id: Mapped[int]
    service_id: Mapped[int]
    place: Mapped[int]
    name: Mapped[str]
    action: Mapped[str]
    contract: Mapped[bool]
    target_days: Mapped[int | None]
    learned: Mapped[bool]
    intro_ja: Mapped[str]
    intro_en: Mapped[str]
    retired: Mapped[bool]
    items: Mapped[list[ItemRow]]


class ItemRow(Row):
    """An input item."""

    id: Mapped[int]
    phase_id: Mapped[int]
    title: Mapped[str]
    kind: Mapped[str]
    required: Mapped[bool]
    size: Mapped[str]
    choices: Mapped[list[str]]
    retired: Mapped[bool]
    place: Mapped[int]
    asked_ja: Mapped[str]
    asked_en: Mapped[str]
    to_customer: Mapped[bool]


class PlanRow(Row):
    """What a service costs in one form."""

    id: Mapped[int]
    service_id: Mapped[int]
    name: Mapped[str]
    price: Mapped[int]
    retired: Mapped[bool]


class UnitRow(Row):
    """A team."""

    id: Mapped[int]
    name: Mapped[str]
    phases: Mapped[list[int]]


class MemberRow(Row):
    """Somebody who works phases."""

    user: Mapped[str]
    unit_id: Mapped[int | None]
    phases: Mapped[list[int]]
    capacity: Mapped[int]
    week: Mapped[dict[str, list[str]]]
    absences: Mapped[list[list[float]]]


class DealRow(Row):
    """A customer on its way (labelled as the customer is)."""

    id: Mapped[int]
    service_id: Mapped[int]
    customer_code: Mapped[str]
    tier: Mapped[int]
    branch: Mapped[str]
    rep: Mapped[str | None]
    confidentiality: Mapped[int]
    title: Mapped[str]
    size: Mapped[str]
    source: Mapped[str]
    phase_id: Mapped[int]
    member: Mapped[str | None]
    state: Mapped[str]
    through: Mapped[bool]
    opened_at: Mapped[float]
    entered_at: Mapped[float]
    due_at: Mapped[float]
    due_made: Mapped[dict[str, Any]]
    first_contact: Mapped[str]
    start: Mapped[str]
    end: Mapped[str]
    price: Mapped[int | None]
    plan_id: Mapped[int | None]
    worth: Mapped[int | None]
    predicted: Mapped[bool]
    closed_at: Mapped[float | None]
    reason: Mapped[str]
    version: Mapped[int]
    steps: Mapped[list[StepRow]]

    @property
    def label(self) -> Label:
        """What the scope rule asks."""
        return Label("customer", self.branch, self.rep, self.confidentiality)


class StepRow(Row):
    """A phase that a deal came to."""

    deal_id: Mapped[int]
    place: Mapped[int]
    phase_id: Mapped[int]
    member: Mapped[str | None]
    at: Mapped[float]


class AnswerRow(Row):
    """What an item was filled with."""

    deal_id: Mapped[int]
    item_id: Mapped[int]
    value: Mapped[str]
    by: Mapped[str]
    at: Mapped[float]
    filled_at: Mapped[float | None]


class DealDraft(Row):
    """What somebody typed and did not save."""

    deal_id: Mapped[int]
    user: Mapped[str]
    item_id: Mapped[int]
    value: Mapped[str]
    at: Mapped[float]


class ActionRow(Row):
    """Something that was done."""

    id: Mapped[int]
    deal_id: Mapped[int]
    phase_id: Mapped[int]
    kind: Mapped[str]
    incoming: Mapped[bool]
    at: Mapped[float]
    ended_at: Mapped[float | None]
    by: Mapped[str | None]
    note: Mapped[str]
    call_id: Mapped[str]
    answered: Mapped[bool | None]


class ValueRow(Row):
    """What a deal was worth from a moment on."""

    id: Mapped[int]
    deal_id: Mapped[int]
    at: Mapped[float]
    by: Mapped[str]
    why: Mapped[str]
    worth: Mapped[int]
    predicted: Mapped[bool]
    made_of: Mapped[dict[str, str]]


class ChoiceRow(Row):
    """Who was chosen, and why."""

    id: Mapped[int]
    deal_id: Mapped[int]
    phase_id: Mapped[int]
    at: Mapped[float]
    by: Mapped[str]
    rule: Mapped[str]
    member: Mapped[str | None]
    reasons: Mapped[dict[str, Any]]


class TallyRow(Row):
    """What a member did in a phase, among some paths, with customers of a branch and class (labelled by these)."""

    phase_id: Mapped[int]
    kind: Mapped[str]
    name: Mapped[str]
    earlier: Mapped[int]
    member: Mapped[str]
    branch: Mapped[str]
    tier: Mapped[int]
    came: Mapped[int]
    decided: Mapped[int]
    handed_on: Mapped[int]
    settled: Mapped[int]
    total: Mapped[int]
    timed: Mapped[int]
    took: Mapped[int]


class ProposalRow(Row):
    """A change to a phase that past deals speak for."""

    id: Mapped[int]
    service_id: Mapped[int]
    phase_id: Mapped[int]
    kind: Mapped[str]
    item_id: Mapped[int | None]
    title: Mapped[str]
    action: Mapped[str]
    before: Mapped[str]
    best: Mapped[list[str]]
    state: Mapped[str]
    made_at: Mapped[float]
    made_by: Mapped[str | None]
    decided_at: Mapped[float | None]
    decided_by: Mapped[str | None]
    reason: Mapped[str]
    version: Mapped[int]


class ProposalLineRow(Row):
    """A sum of its evidence (labelled as ``TallyRow`` is)."""

    proposal_id: Mapped[int]
    member: Mapped[str]
    said: Mapped[str]
    branch: Mapped[str]
    tier: Mapped[int]
    deals: Mapped[int]
    seconds: Mapped[int]


class TrialRow(Row):
    """A required item that is optional for some."""

    id: Mapped[int]
    proposal_id: Mapped[int]
    service_id: Mapped[int]
    phase_id: Mapped[int]
    item_id: Mapped[int]
    title: Mapped[str]
    seed: Mapped[int]
    by_unit: Mapped[bool]
    state: Mapped[str]
    started_at: Mapped[float]
    started_by: Mapped[str | None]
    ended_at: Mapped[float | None]
    ended_by: Mapped[str | None]
    reason: Mapped[str]
    version: Mapped[int]


class TrialPlaceRow(Row):
    """Where a member stands in a trial."""

    trial_id: Mapped[int]
    member: Mapped[str]
    cluster: Mapped[str]
    optional: Mapped[bool]


class TrialSumRow(Row):
    """What had become of its deals when a trial ended (labelled as ``TallyRow`` is)."""

    trial_id: Mapped[int]
    member: Mapped[str]
    branch: Mapped[str]
    tier: Mapped[int]
    came: Mapped[int]
    decided: Mapped[int]
    handed_on: Mapped[int]
    timed: Mapped[int]
    took: Mapped[int]
    settled: Mapped[int]
    total: Mapped[int]


def _map() -> None:
    plain = {
        ItemRow: schema.phase_items,
        PlanRow: schema.plans,
        UnitRow: schema.phase_units,
        MemberRow: schema.phase_members,
        StepRow: schema.deal_steps,
        AnswerRow: schema.deal_answers,
        DealDraft: schema.deal_drafts,
        ActionRow: schema.deal_actions,
        ValueRow: schema.deal_values,
        ChoiceRow: schema.deal_choices,
        TallyRow: schema.phase_tallies,
        ProposalLineRow: schema.proposal_lines,
        TrialPlaceRow: schema.trial_places,
        TrialSumRow: schema.trial_sums,
    }
    for row, table in plain.items():
        mapper.map_imperatively(row, table)
    mapper.map_imperatively(ProposalRow, schema.phase_proposals, version_id_col=schema.phase_proposals.c.version)
    mapper.map_imperatively(TrialRow, schema.phase_trials, version_id_col=schema.phase_trials.c.version)
    items = relationship(ItemRow, order_by=schema.phase_items.c.id, lazy="selectin")
    mapper.map_imperatively(PhaseRow, schema.phases, properties={"items": items})
    mapper.map_imperatively(
        ServiceRow,
        schema.services,
        version_id_col=schema.services.c.version,
        properties={
            "phases": relationship(PhaseRow, order_by=schema.phases.c.place, lazy="selectin"),
            "plans": relationship(PlanRow, order_by=schema.plans.c.id, lazy="selectin"),
        },
    )
    steps = relationship(
        StepRow,
        order_by=schema.deal_steps.c.place,
        cascade="all, delete-orphan",
        passive_deletes=True,
        lazy="selectin",
    )
    mapper.map_imperatively(DealRow, schema.deals, version_id_col=schema.deals.c.version, properties={"steps": steps})


_map()
