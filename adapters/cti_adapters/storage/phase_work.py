"""What is done for deals, and what is known of them (``cti_server.phases.ports.DealWork``), within the scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import func, select

from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Customer
from cti_adapters.storage.mapping_phases import (
    ActionRow,
    AnswerRow,
    ChoiceRow,
    DealDraft,
    DealRow,
    StepRow,
    TallyRow,
    ValueRow,
)
from cti_adapters.storage.phase_sums import counted_row
from cti_server.phases.model import Action, ActionKind, Answer, Service, ValueChange
from cti_server.phases.money import Money
from cti_server.phases.replaying import PastDeal
from cti_server.phases.velocity import Pace
from cti_server.phases.views import FunnelRow, MemberSum, PathLine


class DealWorkShelf:
    """Items filled in, actions, values, choices; and the sums that managers see."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    # --- input items

    def answers(self, deal_id: int) -> dict[int, Answer]:
        """What was filled in, by item."""
        rows = self._session.scalars(select(AnswerRow).where(AnswerRow.deal_id == deal_id))
        return {row.item_id: Answer(row.value, row.by, row.at) for row in rows}

    def fill(self, deal_id: int, values: Mapping[int, str], by: str, at: float) -> None:
        """Fills items in; empty takes one back."""
        kept = {
            row.item_id: row for row in self._session.scalars(select(AnswerRow).where(AnswerRow.deal_id == deal_id))
        }
        for item, value in values.items():
            row = kept.get(item)
            if row is None:
                row = AnswerRow(deal_id=deal_id, item_id=item)
                self._session.add(row)
            if not value:
                row.filled_at = None
            elif row.filled_at is None:
                row.filled_at = at
            row.value, row.by, row.at = value, by, at

    def drafts(self, deal_id: int, user: str) -> dict[int, str]:
        """What a user typed and did not save."""
        mine = select(DealDraft).where(DealDraft.deal_id == deal_id, DealDraft.user == user)
        return {row.item_id: row.value for row in self._session.scalars(mine)}

    def keep_draft(self, deal_id: int, user: str, item: int, value: str | None, at: float) -> None:
        """Keeps what is typed; null: forgets it."""
        mine = (DealDraft.deal_id == deal_id, DealDraft.user == user, DealDraft.item_id == item)
        row = self._session.scalars(select(DealDraft).where(*mine)).one_or_none()
        if value is None:
            if row is not None:
                self._session.delete(row)
            return
        if row is None:
            row = DealDraft(deal_id=deal_id, user=user, item_id=item)
            self._session.add(row)
        row.value, row.at = value, at

    # --- actions

    def actions(self, deal_id: int, limit: int) -> list[Action]:
        """What was done, newest first."""
        query = select(ActionRow).where(ActionRow.deal_id == deal_id)
        rows = self._session.scalars(query.order_by(ActionRow.at.desc(), ActionRow.id.desc()).limit(limit))
        return [
            Action(
                id=row.id,
                kind=cast(ActionKind, row.kind),
                incoming=row.incoming,
                at=row.at,
                ended_at=row.ended_at,
                by=row.by,
                note=row.note,
                call=row.call_id,
                answered=row.answered,
            )
            for row in rows
        ]

    def act(self, deal_id: int, phase: int, action: Action) -> int:
        """Keeps an action; gives its id."""
        row = ActionRow(
            deal_id=deal_id,
            phase_id=phase,
            kind=action.kind,
            incoming=action.incoming,
            at=action.at,
            ended_at=action.ended_at,
            by=action.by,
            note=action.note,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def end_action(self, deal_id: int, action_id: int, at: float, note: str) -> None:
        """Says when one ended, and what came of it."""
        query = select(ActionRow).where(ActionRow.id == action_id, ActionRow.deal_id == deal_id)
        row = self._session.scalars(query).one()
        row.ended_at, row.note = at, note

    # --- values and choices

    def values(self, deal_id: int) -> list[ValueChange]:
        """What it was worth, newest first."""
        rows = self._session.scalars(select(ValueRow).where(ValueRow.deal_id == deal_id).order_by(ValueRow.id.desc()))
        return [ValueChange(row.at, row.by, row.why, row.worth, row.predicted, dict(row.made_of)) for row in rows]

    def value(self, deal_id: int, change: ValueChange) -> None:
        """Keeps a change of its value."""
        self._session.add(value_row(deal_id, change))

    def chosen(
        self, deal_id: int, phase: int, reasons: Mapping[str, Any], rule: str, got: str | None, by: str, at: float
    ) -> None:
        """Keeps a choice with its reasons."""
        row = ChoiceRow(deal_id=deal_id, phase_id=phase, at=at, by=by, rule=rule, member=got, reasons=dict(reasons))
        self._session.add(row)

    def choices(self, deal_id: int) -> list[dict[str, Any]]:
        """The choices made for a deal, newest first."""
        rows = self._session.scalars(
            select(ChoiceRow).where(ChoiceRow.deal_id == deal_id).order_by(ChoiceRow.id.desc())
        )
        return [
            {"at": row.at, "by": row.by, "phase": row.phase_id, "rule": row.rule, "member": row.member, **row.reasons}
            for row in rows
        ]

    # --- what managers see

    def paths(self, service: Service, phase: int, member: str, limit: int) -> list[PathLine]:
        """The table of paths behind a member's value, as far as the scope reaches, newest first."""
        query: Any = (
            select(DealRow, Customer.name)
            .join(StepRow, StepRow.deal_id == DealRow.id)
            .join(Customer, Customer.code == DealRow.customer_code)
            .where(StepRow.phase_id == phase, StepRow.member == member)
            .order_by(DealRow.id.desc())
            .limit(limit)
        )
        rows = self._session.execute(query).unique().all()
        names = self._firm.colleagues(step.member for deal, _name in rows for step in deal.steps if step.member)
        called = {one.id: one.name for one in service.phases}
        return [
            PathLine(
                deal=deal.id,
                customer=deal.customer_code,
                customer_name=name,
                source=deal.source,
                members=[
                    (called.get(step.phase_id, ""), names[step.member].name if step.member in names else "")
                    for step in deal.steps
                ],
                state=deal.state,
                worth=None if deal.worth is None else Money(deal.worth, service.terms.currency),
            )
            for deal, name in rows
        ]

    def past_deals(self, service: Service, limit: int) -> list[PastDeal]:
        """The newest deals whose worth is known and whose members are, within the scope; the oldest first."""
        order = [one.id for one in service.phases]
        known = [DealRow.service_id == service.id, DealRow.worth.is_not(None), DealRow.state != "open"]
        query = select(DealRow).where(*known).order_by(DealRow.id.desc()).limit(limit)
        found = []
        for row in self._session.scalars(query):
            steps = [step for step in row.steps if step.member]
            if steps and [step.phase_id for step in steps] == order[: len(steps)]:
                path = counted_row(row, steps).path
                found.append(PastDeal(path, tuple(step.at for step in steps), row.closed_at or steps[-1].at))
        return found[::-1]

    def funnel(self, service: Service) -> list[FunnelRow]:
        """How many came to each phase and got through it, within the scope."""
        columns = (TallyRow.came, TallyRow.decided, TallyRow.handed_on, TallyRow.timed, TallyRow.took)
        sums = [func.sum(column) for column in columns]
        query: Any = select(TallyRow.phase_id, *sums).group_by(TallyRow.phase_id)
        query = query.where(TallyRow.kind == "all", TallyRow.phase_id.in_([one.id for one in service.phases]))
        known = {row[0]: row[1:] for row in self._session.execute(query)}
        found = []
        for one in service.phases:
            came, decided, on, timed, took = known.get(one.id, (0, 0, 0, 0, 0))
            found.append(FunnelRow(one.id, one.name, came, decided, on, Pace(timed, took)))
        return found

    def member_sums(self, service: Service) -> list[MemberSum]:
        """What members did in each phase, within the scope."""
        amounts = (TallyRow.came, TallyRow.decided, TallyRow.handed_on, TallyRow.settled, TallyRow.total)
        query: Any = select(TallyRow.member, TallyRow.phase_id, *(func.sum(one) for one in amounts))
        query = query.where(TallyRow.kind == "all", TallyRow.phase_id.in_([one.id for one in service.phases]))
        rows = self._session.execute(query.group_by(TallyRow.member, TallyRow.phase_id)).all()
        names = self._firm.colleagues(row[0] for row in rows)
        return [
            MemberSum(row[0], names[row[0]].name if row[0] in names else row[0], *row[1:]) for row in rows if row[2]
        ]


def value_row(deal_id: int, change: ValueChange) -> ValueRow:
    """A change of a deal's value, as it is kept."""
    return ValueRow(
        deal_id=deal_id,
        at=change.at,
        by=change.by,
        why=change.why,
        worth=change.worth,
        predicted=change.predicted,
        made_of=dict(change.made_of),
    )
