"""The look for proposals: at night for every service, or when somebody asks (spec P5, P6)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from cti_server.phases.choosing import Question
from cti_server.phases.learning import Finding, best_members, findings, longer, material, slow
from cti_server.phases.model import ActionKind, Service
from cti_server.phases.ports import PhaseWork
from cti_server.phases.proposals import Proposal
from cti_server.phases.trials import Place, Trial, halves
from cti_server.shared.errors import Conflict


def look(work: PhaseWork, service: Service, by: str | None, at: float) -> list[Proposal]:
    """What past deals speak for in each phase, kept as proposals; where the service says so they hold at once. What
    awaits approval, or was turned down on much the same evidence, is not proposed again. ``by`` null: the server."""
    found = [finding for place in range(len(service.phases)) for finding in _found(work, service, place)]
    # The lanes wait for who holds the write lock, and a telephone's pop-up with them: it is taken for the writing only.
    work.learning.hold()
    now = work.set_up.service(service.id) or service
    made = [_propose(work, now, finding, by, at) for finding in found if _new(work, now, finding)]
    _tidy(work, service.id, at)
    return made


def _found(work: PhaseWork, service: Service, place: int) -> list[Finding]:
    """What speaks for a change in a phase."""
    if not service.learn_from and service.try_after is None:
        return []
    phase = service.phases[place]
    passed = work.learning.passed(service, phase.id)
    book = work.deals.book(service, Question(place, "", ()))
    found = findings(phase, best_members(service, book, place, service.learn_from), passed)
    taking_long = slow(phase, passed, service.try_after) if service.try_after is not None else None
    return found if taking_long is None else [*found, taking_long]


def apply(work: PhaseWork, service: Service, one: Proposal, by: str | None, at: float) -> bool:
    """Changes the phase as proposed; says whether there was something to change."""
    if not stands(service, one):
        return False
    phase = service.phase(one.phase)
    if one.kind == "action":
        work.set_up.save_phase(service.id, replace(phase, action=cast(ActionKind, one.action), learned=True))
    elif one.kind == "trial":
        _begin(work, service, one, by, at)
    else:
        item = next(each for each in phase.items if each.id == one.item)
        work.set_up.save_item(replace(item, required=True))
    return True


def stands(service: Service, one: Proposal | Finding) -> bool:
    """Whether a phase is still as it was when this was found."""
    phase = next((each for each in service.phases if each.id == one.phase), None)
    if phase is None or one.kind == "action":
        return phase is not None and phase.action == one.before
    required = one.kind == "trial"
    return any(each.id == one.item and each.required is required and not each.retired for each in phase.items)


def _begin(work: PhaseWork, service: Service, one: Proposal, by: str | None, at: float) -> None:
    """Draws the halves and begins the trial. Conflict where there are not two to draw."""
    places = _drawn(work, service, one.phase, one.id)
    if not places:
        raise Conflict("A trial takes two members or units at least, who work this phase")
    trial = Trial(
        id=0,
        proposal=one.id,
        service=service.id,
        phase=one.phase,
        item=one.item or 0,
        title=one.title,
        seed=one.id,
        by_unit=service.by_unit,
        state="running",
        started_at=at,
        started_by=by,
    )
    begun = work.trials.start(trial, places)
    detail = {"trial": begun, "phase": one.phase, "item": one.item, "seed": one.id}
    work.set_up.note(by, at, "trial begun", str(service.id), detail)


def _drawn(work: PhaseWork, service: Service, phase_id: int, seed: int) -> dict[str, Place]:
    """The halves of who works a phase; none where there are not two."""
    places = halves([one for one in work.set_up.members() if phase_id in one.works], service.by_unit, seed)
    return places if len({place.optional for place in places.values()}) == 2 else {}


def note(work: PhaseWork, one: Proposal, by: str | None, at: float, act: str) -> None:
    """Adds to the trail what became of a proposal."""
    detail = {"proposal": one.id, "phase": one.phase, "kind": one.kind, "item": one.item, "action": one.action}
    work.set_up.note(by, at, act, str(one.service), detail | ({"reason": one.reason} if one.reason else {}))


def _new(work: PhaseWork, service: Service, finding: Finding) -> bool:
    """Whether this can be done still, and was not proposed yet, or was decided on other evidence. One trial a phase at
    a time: of two it could not be told which made the difference."""
    if not stands(service, finding) or (finding.kind == "trial" and work.trials.running(finding.phase) is not None):
        return False
    known = work.learning.known(service.id, finding)
    if known is None:
        return True
    proposal, lines = known
    if finding.kind == "trial":
        return proposal.state != "open" and longer(lines, finding.lines)
    return proposal.state != "open" and material(lines, finding.lines, finding.said)


def _propose(work: PhaseWork, service: Service, finding: Finding, by: str | None, at: float) -> Proposal:
    at_once = service.at_once and (finding.kind != "trial" or bool(_drawn(work, service, finding.phase, 0)))
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
        state="approved" if at_once else "open",
        made_at=at,
        made_by=by,
        decided_at=at if at_once else None,
    )
    kept = replace(one, id=work.learning.add(one, finding.lines))
    note(work, kept, by, at, "proposal made")
    if at_once:
        apply(work, work.set_up.service(service.id) or service, kept, None, at)
        note(work, kept, by, at, "proposal approved")
    return kept


def _tidy(work: PhaseWork, service_id: int, at: float) -> None:
    """What awaits approval and has nothing to change any more awaits it no longer."""
    service = work.set_up.service(service_id)
    for one in work.learning.awaiting(service_id):
        if service is None or not stands(service, one):
            work.learning.put(replace(one, state="void", decided_at=at))
            note(work, one, None, at, "proposal void")
