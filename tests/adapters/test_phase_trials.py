"""Trials in the real store: begun by a proposal, asked of one half only, compared within the scope, ended, resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cti_server.phases.availability import Staffing
from cti_server.phases.looking import look
from cti_server.phases.model import NewDeal, Service
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import viewer
from tests.adapters.learning_rig import EACH, FAR, GOOD, OTHER, Learning
from tests.adapters.phase_rig import TODAY, admin
from tests.adapters.storage_rig import customer

NEAR = viewer("810", role="branch manager", extensions=())
AWAY = viewer("811", role="branch manager", branch="122", extensions=())


@pytest.fixture
def firm(tmp_path: Path) -> Learning:
    return Learning(tmp_path)


def begins(firm: Learning) -> tuple[Service, int]:
    """The service, and the trial of its required item, which takes two days."""
    service = firm.learns(try_after=2, learn_from=0)
    with firm.at(admin()) as desk:
        assert desk.look_now(service.id) == 1
        (line,) = desk.proposals(service.id)
        assert (line.proposal.kind, line.proposal.title, line.days) == ("trial", "Plans", pytest.approx(2))
        desk.approve(line.proposal.id, line.proposal.version)
        (found,) = desk.trials(service.id)
        assert found.trial.state == "running" and found.compared.came == (0, 0)
        return service, found.trial.id


def halves(firm: Learning, trial: int) -> tuple[str, str]:
    """Whom the item is optional for, and of whom it is required."""
    with firm.at(admin()) as desk:
        places = desk.work.trials.places(trial)
    assert sorted(places) == [GOOD, OTHER]
    optional = next(user for user, place in places.items() if place.optional)
    return optional, OTHER if optional == GOOD else GOOD


def opens(firm: Learning, service: Service, code: str, user: str) -> int:
    firm.put(customer(code, rep=user))
    with firm.at(viewer(user)) as desk:
        return desk.open_deal(NewDeal(service.id, code, "Cloud", "small", "web", TODAY)).id


def test_an_item_is_optional_for_one_half_only_and_looked_for_once(firm: Learning) -> None:
    service, trial = begins(firm)
    optional, required = halves(firm, trial)
    for user, complete in ((optional, True), (required, False)):
        deal = opens(firm, service, f"10050{user[-1]}", user)
        with firm.at(viewer(user)) as desk:
            assert desk.deal(deal).completion.complete is complete
            assert desk.save(deal, {}).complete is complete
    with firm.at(admin()) as desk:
        assert desk.look_now(service.id) == 0, "one trial a phase"
    assert [(one.user, one.detail["seed"]) for one in firm.trail("trial begun")] == [("990", 1)]


def test_a_second_one_in_a_phase_is_a_conflict_also_past_the_look_for_it(firm: Learning) -> None:
    _service, trial = begins(firm)
    with firm.at(admin()) as desk:
        known = desk.trial(trial).trial
    with pytest.raises(Conflict, match="Another trial runs in this phase"), firm.at(admin()) as desk:
        desk.work.trials.start(replace(known, id=0), {})


def test_the_halves_are_compared_from_its_beginning_on_within_the_scope(firm: Learning) -> None:
    service, trial = begins(firm)
    with firm.at(admin()) as desk:
        assert desk.trial(trial).compared.came == (0, 0), "what came before does not count"
    firm.more(service, EACH)
    with firm.at(admin()) as desk:
        view = desk.trial(trial)
        assert view.compared.came == (EACH, EACH) and not view.partly
        assert view.compared.rate.optional.value == view.compared.rate.required.value == 1.0
        assert view.compared.rate.verdict == "few", "one member in each half"
    with firm.at(AWAY) as desk:
        view = desk.trial(trial)
        assert view.compared.came == (0, 0) and view.partly, "none of these customers is theirs"
        for act in (lambda: desk.end_trial(trial, 1, "optional", ""), lambda: desk.resume_trial(trial, 1)):
            with pytest.raises(NotAllowed):
                act()
        with pytest.raises(NotFound):
            desk.trial(99)
    with firm.at() as desk, pytest.raises(NotAllowed):
        desk.trial(trial)


@pytest.mark.parametrize("how", ["required", "optional", "undone"])
def test_it_ends_with_its_numbers_and_the_end_can_be_taken_back(firm: Learning, how: str) -> None:
    service, trial = begins(firm)
    firm.put(*(customer(f"5{number:05}", rep=OTHER, branch="122") for number in range(FAR)))
    with firm.told() as by:
        for number in range(FAR):
            firm.passes(by, service, f"5{number:05}", OTHER, budget=False)
    with firm.at(admin()) as desk:
        one = desk.trial(trial).trial
        with pytest.raises(Invalid, match="how the trial ends"):
            desk.end_trial(trial, one.version, "somehow", "")
        ended = desk.end_trial(trial, one.version, how, "enough is known")
        assert (ended.state, ended.ended_by, ended.reason) == (how, "990", "enough is known")
    assert [one.detail["how"] for one in firm.trail("trial ended")] == [how]
    assert firm.known(service.id).phases[0].items[0].required is (how != "optional")
    deal = opens(firm, service, "100509", GOOD)
    with firm.at() as desk:
        assert desk.deal(deal).completion.complete is (how == "optional")
    for manager, came in ((AWAY, FAR), (NEAR, 0)):
        with firm.at(manager) as desk:
            assert sum(desk.trial(trial).compared.came) == came, "of their own customers"
            assert sum(len(desk.trial_deals(trial, half)) for half in (True, False)) == came
    with firm.at(admin()) as desk:
        assert sum(desk.trial(trial).compared.came) == FAR, "as it was at its end"
        with pytest.raises(Conflict, match="over already"):
            desk.end_trial(trial, ended.version, "undone", "")
        with pytest.raises(Conflict, match="in the meantime"):
            desk.resume_trial(trial, one.version)
        assert desk.look_now(service.id) == 0, "not tried again on much the same"
        assert desk.resume_trial(trial, ended.version).state == "running"
        assert desk.set_up_service(service.id).phases[0].items[0].required
        assert sum(desk.trial(trial).compared.came) == FAR + 1
    with firm.at(AWAY) as desk:
        assert sum(desk.trial(trial).compared.came) == FAR


def test_a_decision_taken_back_ends_it_and_an_item_changed_meanwhile_is_left_alone(firm: Learning) -> None:
    service, trial = begins(firm)
    plans = service.phases[0].items[0]
    with firm.at(admin()) as desk:
        desk.save_item(service.id, replace(plans, retired=True))
        with pytest.raises(Conflict, match="changed since"):
            desk.end_trial(trial, desk.trial(trial).trial.version, "optional", "")
        with pytest.raises(Conflict, match="changed since"):
            desk.end_trial(trial, desk.trial(trial).trial.version, "required", "")
        one = desk.proposals(service.id)[0].proposal
        desk.take_back(one.id, one.version)
        assert desk.trial(trial).trial.state == "undone"


def test_it_begins_by_itself_where_the_service_says_so(firm: Learning) -> None:
    service = firm.learns(try_after=2, learn_from=0, at_once=True)
    with firm.database.open(EVERYTHING) as work:
        look(work, service, None, firm.clock.now())
    with firm.at(admin()) as desk:
        assert [(line.trial.started_by, line.trial.state) for line in desk.trials(service.id)] == [(None, "running")]


def test_with_one_member_it_waits_until_there_are_two(firm: Learning) -> None:
    service = firm.learns(try_after=2, learn_from=0, at_once=True)
    phase = service.phases[0].id
    with firm.at(admin()) as desk:
        desk.remove_member(OTHER)
        assert desk.look_now(service.id) == 1
        one = desk.proposals(service.id)[0].proposal
        assert one.state == "open"
        with pytest.raises(Conflict, match="two members or units"):
            desk.approve(one.id, one.version)
        desk.save_member(OTHER, None, [phase], Staffing(10))
        desk.approve(one.id, one.version)
        assert [line.trial.started_by for line in desk.trials(service.id)] == ["990"]
