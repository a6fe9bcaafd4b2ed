"""Proposals from the best members' work, in the real store: found, seen as far as a scope reaches, decided, undone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cti_server.phases.cltv import Terms
from cti_server.phases.learning import Line
from cti_server.phases.looking import look
from cti_server.phases.model import NewDeal, Service
from cti_server.phases.proposals import Proposal
from cti_server.server import Server
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import EVERYTHING, Span
from tests.adapters.desk_rig import viewer
from tests.adapters.leak_world import everybody
from tests.adapters.learning_rig import EACH, FAR, GOOD, Learning
from tests.adapters.phase_rig import TODAY, admin
from tests.adapters.storage_rig import customer

NEAR = viewer("810", role="branch manager", extensions=())
NOTHING = Proposal(0, 0, 0, "require", 1, "Budget", "", "", ("801",), "open", 0.0, None)
AWAY = viewer("811", role="branch manager", branch="122", extensions=())


@pytest.fixture
def firm(tmp_path: Path) -> Learning:
    return Learning(tmp_path)


def looks(firm: Learning, service: int) -> int:
    with firm.at(admin()) as desk:
        return desk.look_now(service)


def test_a_proposal_is_approved_asks_running_deals_and_is_undone(firm: Learning) -> None:
    service = firm.learns()
    firm.put(customer("100500"))
    with firm.at() as desk:
        deal = desk.open_deal(NewDeal(service.id, "100500", "Cloud", "small", "web", TODAY)).id
        plans, budget = service.phases[0].items
        assert desk.save(deal, {plans.id: "yes"}).complete
    assert looks(firm, service.id) == 2
    with firm.at(admin()) as desk:
        by_kind = {one.proposal.kind: one for one in desk.proposals(service.id)}
        found = by_kind["require"]
        assert (found.proposal.title, found.proposal.best, found.proposal.state) == ("Budget", (GOOD,), "open")
        assert (found.shares.best, found.shares.of_best, found.shares.rest, found.shares.of_rest) == (12, 12, 0, 12)
        assert found.shares.difference.low > 0.5
    with firm.at(admin()) as desk:
        done = desk.approve(found.proposal.id, found.proposal.version)
        assert (done.state, done.decided_by) == ("approved", "990")
    with firm.at() as desk:
        view = desk.deal(deal)
        assert view.completion.missing == (replace(budget, required=True),) and view.answers[plans.id].value == "yes"
        with pytest.raises(Invalid, match="still missing"):
            desk.hand_on(deal, view.deal.version)
    with firm.at(admin()) as desk:
        with pytest.raises(Conflict, match="Somebody else decided"):
            desk.take_back(found.proposal.id, found.proposal.version)
        assert desk.take_back(done.id, done.version).state == "undone"
    with firm.at() as desk:
        assert desk.deal(deal).completion.complete
    assert [(one.user, one.detail["kind"]) for one in firm.trail("proposal undone")] == [("990", "require")]
    assert len(firm.trail("proposal made")) == 2 and len(firm.trail("proposal approved")) == 1
    assert looks(firm, service.id) == 0, "undone on this evidence"


def test_the_best_members_action_is_offered_first_and_the_card_says_so(firm: Learning) -> None:
    service = firm.learns()
    looks(firm, service.id)
    with firm.at(admin()) as desk:
        (one,) = (each.proposal for each in desk.proposals(service.id) if each.proposal.kind == "action")
        assert (one.action, one.before) == ("mail", "call")
        one = desk.approve(one.id, one.version)
    firm.put(customer("100500"))
    with firm.at() as desk:
        deal = desk.open_deal(NewDeal(service.id, "100500", "Cloud", "small", "web", TODAY)).id
        told = desk.deal(deal).suggestion
        assert (told.action, told.learned) == ("mail", True)
    with firm.at(admin()) as desk:
        phase = desk.set_up_service(service.id).phases[0]
        desk.save_phase(service.id, replace(phase, name="First", learned=False))
        assert desk.set_up_service(service.id).phases[0].learned, "another name changes nothing about it"
        desk.take_back(one.id, one.version)
        phase = desk.set_up_service(service.id).phases[0]
        assert (phase.action, phase.learned) == ("call", False)


def test_what_was_rejected_comes_again_only_on_other_evidence(firm: Learning) -> None:
    service = firm.learns()
    looks(firm, service.id)
    with firm.at(admin()) as desk:
        for one in [each.proposal for each in desk.proposals(service.id)]:
            with pytest.raises(Invalid):
                desk.reject(one.id, one.version, " ")
            desk.reject(one.id, one.version, "too early to ask")
    assert looks(firm, service.id) == 0
    firm.more(service, EACH)
    assert looks(firm, service.id) == 2
    with firm.at(admin()) as desk:
        kept = [(one.proposal.state, one.proposal.reason) for one in desk.proposals(service.id)]
        assert sorted(kept) == sorted([("open", "")] * 2 + [("rejected", "too early to ask")] * 2)
        old = next(each.proposal for each in desk.proposals(service.id) if each.proposal.state == "rejected")
        with pytest.raises(Conflict, match="newer proposal"):
            desk.take_back(old.id, old.version)


def test_what_holds_at_once_is_recorded_and_can_be_undone(firm: Learning) -> None:
    service = firm.learns(at_once=True)
    with firm.database.open(EVERYTHING) as work:
        made = look(work, service, None, firm.clock.now())
    assert [one.state for one in made] == ["approved", "approved"]
    phase = firm.known(service.id).phases[0]
    assert (phase.action, [item.required for item in phase.items]) == ("mail", [True, True])
    with firm.at(admin()) as desk:
        for each in desk.proposals(service.id):
            assert (each.proposal.made_by, each.proposal.decided_by) == (None, None)
            desk.take_back(each.proposal.id, each.proposal.version)
    phase = firm.known(service.id).phases[0]
    assert (phase.action, [item.required for item in phase.items]) == ("call", [True, False])
    assert {one.user for one in firm.trail("proposal approved")} == {None}


def test_what_somebody_changed_meanwhile_awaits_nothing_and_is_not_undone(firm: Learning) -> None:
    service = firm.learns()
    looks(firm, service.id)
    budget = service.phases[0].items[1]
    with firm.at(admin()) as desk:
        one = next(each.proposal for each in desk.proposals(service.id) if each.proposal.kind == "require")
        desk.save_item(service.id, replace(budget, retired=True))
        with pytest.raises(Conflict, match="changed since"):
            desk.approve(one.id, one.version)
    looks(firm, service.id)
    with firm.at(admin()) as desk:
        assert desk.proposal(one.id).proposal.state == "void"


def test_a_manager_sees_the_evidence_of_their_own_customers_only(firm: Learning) -> None:
    service = firm.learns()
    looks(firm, service.id)
    with firm.at(AWAY) as desk:
        one = next(each for each in desk.proposals(service.id) if each.proposal.kind == "require")
        assert (one.shares.of_best, one.shares.of_rest) == (0, FAR)
        view = desk.proposal(one.proposal.id)
        assert view.best == [] and view.partly and view.names.keys() <= {"990"}
        assert desk.proposal_deals(one.proposal.id, True, True) == []
        assert len(desk.proposal_deals(one.proposal.id, False, False)) == FAR
        for act in (
            lambda: desk.approve(one.proposal.id, 1),
            lambda: desk.reject(one.proposal.id, 1, "no"),
            lambda: desk.look_now(service.id),
        ):
            with pytest.raises(NotAllowed):
                act()
    with firm.at(NEAR) as desk:
        view = desk.proposal(one.proposal.id)
        assert [(each.hits, each.deals) for each in view.best] == [(EACH, EACH)]
        assert view.shares.of_rest == EACH - FAR
        assert {row.customer for row in desk.proposal_deals(one.proposal.id, False, False)} == {
            f"4{number:05}" for number in range(FAR, EACH)
        }
        with pytest.raises(NotFound):
            desk.proposal(999)
    with firm.at() as desk, pytest.raises(NotAllowed):
        desk.proposals(service.id)


def test_evidence_is_read_by_branch_and_class_of_the_customers_whoever_asks(firm: Learning) -> None:
    with firm.at(admin()) as desk:
        service = desk.add_service(Service(0, "Cloud", Terms("JPY")), ["Nurturing"])
        phase = desk.set_up_service(service).phases[0].id
        lines = [Line("801", "yes", branch, tier, 7) for branch in ("121", "122") for tier in (1, 2, 3)]
        desk.work.learning.add(replace(NOTHING, service=service, phase=phase), lines)
    for who in everybody():
        with firm.database.open(who.scope) as work:
            seen = {(line.branch, line.tier) for line in work.learning.lines(1)}
        spans = {Span.ALL: {"121", "122"}, Span.BRANCH: {"121"}, Span.OWN: set[str]()}
        assert seen == {(branch, tier) for branch in spans[who.scope.span] for tier in who.scope.classes}, who.role


def test_the_nightly_look_goes_through_every_service(firm: Learning) -> None:
    service = firm.learns()
    Server._learn(SimpleNamespace(_database=firm.database))  # type: ignore[arg-type]
    with firm.at(admin()) as desk:
        assert [line.proposal.made_by for line in desk.proposals(service.id)] == [None, None]
