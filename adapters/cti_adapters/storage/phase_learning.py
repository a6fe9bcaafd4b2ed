"""What is learned from past deals, and the proposals made of it (``cti_server.phases.proposals.LearningShelf``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from sqlalchemy import case, func, insert, or_, select
from sqlalchemy.orm import aliased

from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping_phases import ActionRow, AnswerRow, DealRow, ProposalLineRow, ProposalRow, StepRow
from cti_adapters.storage.phase_deals import DealShelf
from cti_adapters.storage.schema_phases import proposal_lines
from cti_server.phases.learning import Finding, Kind, Line, Passed
from cti_server.phases.model import OFFERED, ActionKind, Service
from cti_server.phases.proposals import Proposal, State
from cti_server.phases.views import DealLine
from cti_server.shared.errors import Conflict

NEWEST: Final = 20_000
"""So many of a service's newest deals are learned from: what the best do now, at a bounded cost."""


class LearningRows:
    """``cti_server.phases.proposals.LearningShelf``."""

    def __init__(self, session: GatedSession, deals: DealShelf) -> None:
        self._session = session
        self._deals = deals

    # --- past deals

    def passed(self, service: Service, phase: int) -> list[Passed]:
        """The deals, of the newest of a service, that got through a phase; of everybody's customers."""
        return _passed(system(self._session, writes=False).execute, service.id, phase)

    def hold(self) -> None:
        """Takes the write lock; what was read before is read afresh."""
        system(self._session)
        self._session.expire_all()
        self._deals.set_up.afresh()

    def deals(self, proposal: Proposal, of_best: bool, hit: bool, limit: int) -> list[DealLine]:
        """Deals behind a number of its evidence, as far as the scope reaches and as they stand now; newest first."""
        service = self._deals.set_up.service(proposal.service)
        phase = next((one for one in service.phases if one.id == proposal.phase), None) if service else None
        item = next((one for one in phase.items if one.id == proposal.item), None) if phase else None
        if phase is None or (proposal.kind != "action" and item is None):
            return []
        found = []
        for one in _passed(self._session.execute, proposal.service, phase.id):
            if one.left_at > proposal.made_at or (one.member in proposal.best) is not of_best:
                continue
            if item is not None:
                if item.concerns(one.size) and one.has(item) is hit:
                    found.append(one.deal)
            elif (by := one.completed_by(phase)) is not None and (by == proposal.action) is hit:
                found.append(one.deal)
        return self._deals.lines(sorted(found, reverse=True)[:limit])

    # --- proposals

    def known(self, service: int, finding: Finding) -> tuple[Proposal, list[Line]] | None:
        """The newest proposal of the same, with all of its evidence."""
        c = ProposalRow
        same = [c.service_id == service, c.phase_id == finding.phase, c.kind == finding.kind]
        same += [c.item_id.is_(finding.item) if finding.item is None else c.item_id == finding.item]
        same += [c.action == finding.action]
        row = self._session.scalars(select(c).where(*same).order_by(c.id.desc()).limit(1)).first()
        if row is None:
            return None
        lines = system(self._session, writes=False).execute(_LINES.where(proposal_lines.c.proposal_id == row.id))
        return _proposal(row), [Line(*line) for line in lines]

    def add(self, proposal: Proposal, lines: Sequence[Line]) -> int:
        """Keeps one with its evidence; gives its id."""
        row = ProposalRow(
            service_id=proposal.service,
            phase_id=proposal.phase,
            kind=proposal.kind,
            item_id=proposal.item,
            title=proposal.title,
            action=proposal.action,
            before=proposal.before,
            best=list(proposal.best),
            state=proposal.state,
            made_at=proposal.made_at,
            made_by=proposal.made_by,
            decided_at=proposal.decided_at,
        )
        self._session.add(row)
        self._session.flush()
        rows = [{"proposal_id": row.id, **line._asdict()} for line in lines]
        system(self._session).execute(insert(proposal_lines), rows)
        return row.id

    def put(self, proposal: Proposal) -> None:
        """Saves what became of one; Conflict where somebody else did."""
        row = self._session.get_one(ProposalRow, proposal.id)
        if row.version != proposal.version:
            raise Conflict("Somebody else decided on this in the meantime; look at it again")
        row.state, row.reason = proposal.state, proposal.reason
        row.decided_at, row.decided_by = proposal.decided_at, proposal.decided_by
        self._session.flush()

    def proposal(self, proposal_id: int) -> Proposal | None:
        """One of them."""
        row = self._session.get(ProposalRow, proposal_id)
        return None if row is None else _proposal(row)

    def awaiting(self, service: int) -> list[Proposal]:
        """A service's that await approval."""
        wanted = (ProposalRow.service_id == service, ProposalRow.state == "open")
        return [_proposal(row) for row in self._session.scalars(select(ProposalRow).where(*wanted))]

    def of_service(self, service: int, limit: int) -> list[Proposal]:
        """A service's: those that await approval, then the newest."""
        order = (case((ProposalRow.state == "open", 0), else_=1), ProposalRow.id.desc())
        query = select(ProposalRow).where(ProposalRow.service_id == service).order_by(*order).limit(limit)
        return [_proposal(row) for row in self._session.scalars(query)]

    def lines(self, proposal_id: int) -> list[Line]:
        """The evidence of one, over customers within the scope."""
        c = ProposalLineRow
        query = select(c.member, c.said, c.branch, c.tier, c.deals, c.seconds).where(c.proposal_id == proposal_id)
        return [Line(*row) for row in self._session.execute(query)]


def _passed(execute: Callable[[Any], Any], service: int, phase: int) -> list[Passed]:
    """Deals that got through a phase, as a gated session or the server's own connection sees them."""
    newest = select(DealRow.id).where(DealRow.service_id == service).order_by(DealRow.id.desc()).limit(NEWEST)
    within = newest.subquery()
    among = select(within.c.id)
    after = aliased(StepRow)
    left = func.coalesce(after.at, case((DealRow.state == "won", DealRow.closed_at)))
    steps = (
        select(StepRow.deal_id, StepRow.member, StepRow.at, left, DealRow.size, DealRow.branch, DealRow.tier)
        .join(DealRow, DealRow.id == StepRow.deal_id)
        .outerjoin(after, (after.deal_id == StepRow.deal_id) & (after.place == StepRow.place + 1))
        .where(StepRow.deal_id.in_(among), StepRow.phase_id == phase, StepRow.member.is_not(None))
        .where(or_(after.at.is_not(None), DealRow.state == "won"))
    )
    filled: dict[int, dict[int, float]] = defaultdict(dict)
    answers = select(AnswerRow.deal_id, AnswerRow.item_id, AnswerRow.filled_at)
    for deal, item, at in execute(answers.where(AnswerRow.deal_id.in_(among), AnswerRow.filled_at.is_not(None))):
        filled[deal][item] = at
    done: dict[int, list[tuple[float, ActionKind]]] = defaultdict(list)
    actions = (
        select(ActionRow.deal_id, ActionRow.at, ActionRow.kind)
        .where(ActionRow.deal_id.in_(among), ActionRow.phase_id == phase)
        .where(ActionRow.incoming.is_(False), ActionRow.kind.in_(OFFERED))
        .order_by(ActionRow.at, ActionRow.id)
    )
    for deal, at, kind in execute(actions):
        done[deal].append((at, kind))
    return [
        Passed(deal, member, at, left_at, size, branch, tier, filled.get(deal, {}), done.get(deal, ()))
        for deal, member, at, left_at, size, branch, tier in execute(steps)
        if left_at is not None
    ]


_LINES: Final = select(*(proposal_lines.c[name] for name in Line._fields))


def _proposal(row: ProposalRow) -> Proposal:
    return Proposal(
        id=row.id,
        service=row.service_id,
        phase=row.phase_id,
        kind=cast(Kind, row.kind),
        item=row.item_id,
        title=row.title,
        action=row.action,
        before=row.before,
        best=tuple(row.best),
        state=cast(State, row.state),
        made_at=row.made_at,
        made_by=row.made_by,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        version=row.version,
    )
