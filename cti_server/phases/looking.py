"""The look for proposals: at night for every service, or when somebody asks (spec P5)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from cti_server.phases.choosing import Question
from cti_server.phases.learning import Finding, best_members, findings, material
from cti_server.phases.model import ActionKind, Phase, Service
from cti_server.phases.ports import PhaseWork
from cti_server.phases.proposals import Proposal


def look(work: PhaseWork, service: Service, by: str | None, at: float) -> list[Proposal]:
    """What past deals speak for in each phase, kept as proposals; where the service says so they hold at once. What
    awaits approval, or was turned down on much the same evidence, is not proposed again. ``by`` null: the server."""
    made: list[Proposal] = []
    if service.learn_from:
        for place, phase in enumerate(service.phases):
            passed = work.learning.passed(service, phase.id)
            book = work.deals.book(service, Question(place, "", ()))
            best = best_members(service, book, place, service.learn_from)
            for finding in findings(phase, best, passed):
                if _new(work, service, finding):
                    made.append(_propose(work, service, finding, by, at))
    _tidy(work, service.id, at)
    return made


def apply(work: PhaseWork, service: Service, one: Proposal) -> bool:
    """Changes the phase as proposed; says whether there was something to change."""
    phase = next((each for each in service.phases if each.id == one.phase), None)
    if phase is None or not stands(phase, one):
        return False
    if one.kind == "action":
        work.set_up.save_phase(service.id, replace(phase, action=cast(ActionKind, one.action), learned=True))
    else:
        item = next(each for each in phase.items if each.id == one.item)
        work.set_up.save_item(replace(item, required=True))
    return True


def stands(phase: Phase, one: Proposal) -> bool:
    """Whether a phase is still as it was when this was proposed."""
    if one.kind == "action":
        return phase.action == one.before
    return any(each.id == one.item and not each.required and not each.retired for each in phase.items)


def note(work: PhaseWork, one: Proposal, by: str | None, at: float, act: str) -> None:
    """Adds to the trail what became of a proposal."""
    detail = {"proposal": one.id, "phase": one.phase, "kind": one.kind, "item": one.item, "action": one.action}
    work.set_up.note(by, at, act, str(one.service), detail | ({"reason": one.reason} if one.reason else {}))


def _new(work: PhaseWork, service: Service, finding: Finding) -> bool:
    """Whether this was not proposed yet, or decided on other evidence."""
    known = work.learning.known(service.id, finding)
    if known is None:
        return True
    proposal, lines = known
    return proposal.state != "open" and material(lines, finding.lines, finding.said)


def _propose(work: PhaseWork, service: Service, finding: Finding, by: str | None, at: float) -> Proposal:
    one = Proposal(
        id=0,
        service=service.id,
        phase=finding.phase,
        kind=finding.kind,
        item=finding.item,
        title=finding.title,
        action=finding.action,
        before=finding.before,
        best=finding.best,
        state="approved" if service.at_once else "open",
        made_at=at,
        made_by=by,
        decided_at=at if service.at_once else None,
    )
    kept = replace(one, id=work.learning.add(one, finding.lines))
    note(work, kept, by, at, "proposal made")
    if service.at_once:
        apply(work, work.set_up.service(service.id) or service, kept)
        note(work, kept, by, at, "proposal approved")
    return kept


def _tidy(work: PhaseWork, service_id: int, at: float) -> None:
    """What awaits approval and has nothing to change any more awaits it no longer."""
    service = work.set_up.service(service_id)
    phases = {one.id: one for one in service.phases} if service else {}
    for one in work.learning.awaiting(service_id):
        if one.phase not in phases or not stands(phases[one.phase], one):
            work.learning.put(replace(one, state="void", decided_at=at))
            note(work, one, None, at, "proposal void")
