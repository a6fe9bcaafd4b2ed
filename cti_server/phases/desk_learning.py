"""Proposals from the best members' work: looked for, approved, rejected, taken back (spec P5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import cast

from cti_server.phases.desk_base import one_line
from cti_server.phases.desk_lists import Lists
from cti_server.phases.learning import mean_days, shares
from cti_server.phases.looking import apply, look, note
from cti_server.phases.model import ActionKind, Service
from cti_server.phases.proposals import BestLine, Proposal, ProposalLine, ProposalView, State
from cti_server.phases.views import DealLine
from cti_server.shared.errors import Conflict, NotFound
from cti_server.shared.viewer import needs

SHOWN = 20
DEALS = 50


class Learning(Lists):
    """Learning."""

    def proposals(self, service_id: int) -> list[ProposalLine]:
        """A service's proposals, those that await approval first. The evidence is over the viewer's customers."""
        self._manages()
        service = self._service(service_id)
        return [self._line(service, one) for one in self.work.learning.of_service(service_id, SHOWN)]

    def _line(self, service: Service, one: Proposal) -> ProposalLine:
        lines = self.work.learning.lines(one.id)
        return ProposalLine(one, self._called(service, one.phase), shares(lines, one.said), mean_days(lines))

    def proposal(self, proposal_id: int) -> ProposalView:
        """One of them, with its evidence over the viewer's customers."""
        self._manages()
        one = self._proposal(proposal_id)
        service = self._service(one.service)
        lines = self.work.learning.lines(one.id)
        names = self.work.deals.names([one.made_by, one.decided_by, *(line.member for line in lines)])
        trial = self.work.trials.of_proposal(one.id)
        hits: Counter[str] = Counter()
        deals: Counter[str] = Counter()
        used: dict[str, Counter[bool]] = {}
        for line in lines:
            deals[line.member] += line.deals
            hits[line.member] += line.deals if line.said == one.said else 0
            used.setdefault(line.said, Counter())[bool(line.member)] += line.deals
        return ProposalView(
            proposal=one,
            service=service,
            phase_name=self._called(service, one.phase),
            shares=shares(lines, one.said),
            days=mean_days(lines),
            trial=trial.id if trial else None,
            best=[BestLine(names.get(user, user), hits[user], deals[user]) for user in one.best if deals[user]],
            kinds=[(kind, of[True], of[False]) for kind, of in sorted(used.items())] if one.kind == "action" else [],
            names=names,
            partly=self.partly,
        )

    def proposal_deals(self, proposal_id: int, of_best: bool, hit: bool) -> list[DealLine]:
        """The deals behind a number of the evidence, as far as the viewer's customers go."""
        self._manages()
        return self.work.learning.deals(self._proposal(proposal_id), of_best, hit, DEALS)

    @needs("phases")
    def look_now(self, service_id: int) -> int:
        """Looks for proposals; says how many are new."""
        return len(look(self.work, self._service(service_id), self.viewer.id, self.clock.now()))

    @needs("phases")
    def approve(self, proposal_id: int, version: int) -> Proposal:
        """The change is made. Conflict where somebody changed the phase meanwhile, so that there is nothing to
        change."""
        one = self._awaiting(proposal_id, version)
        if one.kind == "trial" and self.work.trials.running(one.phase) is not None:
            raise Conflict("Another trial runs in this phase; end that one first")
        if not apply(self.work, self._service(one.service), one, self.viewer.id, self.clock.now()):
            raise Conflict("The phase was changed since this was proposed; look for proposals again")
        return self._decided(one, "approved", "proposal approved")

    @needs("phases")
    def reject(self, proposal_id: int, version: int, reason: str) -> Proposal:
        """It stays as it is; not proposed again until the evidence is materially other."""
        one, why = self._awaiting(proposal_id, version), one_line(reason)
        return self._decided(replace(one, reason=why), "rejected", "proposal rejected")

    @needs("phases")
    def take_back(self, proposal_id: int, version: int) -> Proposal:
        """Takes the decision back: what was approved is as it was before, what was rejected awaits approval again."""
        one = self._of_version(proposal_id, version)
        if one.state == "rejected":
            self._nothing_else_open(one)
            return self._decided(replace(one, reason=""), "open", "proposal opened again")
        if one.state != "approved":
            raise Conflict("There is nothing to take back here; look at the proposal again")
        self._as_before(one, self._service(one.service))
        return self._decided(one, "undone", "proposal undone")

    def _as_before(self, one: Proposal, service: Service) -> None:
        if one.kind == "trial":
            trial = self.work.trials.of_proposal(one.id)
            if trial is None or trial.state != "running":
                raise Conflict("The trial is over already; look at the trial itself")
            self.work.trials.put(replace(trial, state="undone", ended_at=self.clock.now(), ended_by=self.viewer.id))
            return
        phase = next((each for each in service.phases if each.id == one.phase), None)
        item = next((each for each in phase.items if each.id == one.item), None) if phase else None
        if one.kind == "require" and item is not None and item.required:
            self.work.set_up.save_item(replace(item, required=False))
        elif one.kind == "action" and phase is not None and phase.learned and phase.action == one.action:
            self.work.set_up.save_phase(service.id, replace(phase, action=cast(ActionKind, one.before), learned=False))
        else:
            raise Conflict("The phase was changed since; change it on its set-up page")

    def _nothing_else_open(self, one: Proposal) -> None:
        for each in self.work.learning.awaiting(one.service):
            if (each.phase, each.kind, each.item) == (one.phase, one.kind, one.item):
                raise Conflict("This was proposed again since; decide on the newer proposal")

    def _proposal(self, proposal_id: int) -> Proposal:
        found = self.work.learning.proposal(proposal_id)
        if found is None:
            raise NotFound("There is no such proposal")
        return found

    def _of_version(self, proposal_id: int, version: int) -> Proposal:
        found = self._proposal(proposal_id)
        if found.version != version:
            raise Conflict("Somebody else decided on this in the meantime; look at it again")
        return found

    def _awaiting(self, proposal_id: int, version: int) -> Proposal:
        found = self._of_version(proposal_id, version)
        if found.state != "open":
            raise Conflict("This was decided already; look at the proposal again")
        return found

    def _decided(self, one: Proposal, state: State, act: str) -> Proposal:
        now = self.clock.now()
        by = None if state == "open" else self.viewer.id
        decided = replace(one, state=state, decided_at=None if state == "open" else now, decided_by=by)
        self.work.learning.put(decided)
        note(self.work, one, self.viewer.id, now, act)
        return self._proposal(one.id)
