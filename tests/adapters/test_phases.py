"""The phase workflow from opening a deal to its end: who may see it, what it is worth, who got it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_adapters.storage.mapping_phases import TallyRow
from cti_server.phases.availability import Absence, Staffing
from cti_server.phases.choosing import Rule
from cti_server.phases.model import InputItem
from cti_server.phases.money import money
from cti_server.phases.velocity import AGAIN_AFTER, FEWEST
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import viewer
from tests.adapters.phase_rig import TODAY, Firm, admin, signed
from tests.adapters.storage_rig import customer

DAY = 86400.0


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    return Firm(tmp_path)


def tallies(firm: Firm) -> dict[tuple[int, str], tuple[int, int, int, int]]:
    """(phase, member) -> came, decided, handed on, total, over all branches and classes."""
    found: dict[tuple[int, str], tuple[int, int, int, int]] = {}
    with firm.database.open(EVERYTHING) as work:
        for row in work.session.query(TallyRow).filter(TallyRow.kind == "all"):
            more = (row.came, row.decided, row.handed_on, row.total)
            so_far = found.get((row.phase_id, row.member), (0, 0, 0, 0))
            found[row.phase_id, row.member] = tuple(map(sum, zip(so_far, more, strict=True)))  # type: ignore[assignment]
    return {key: value for key, value in found.items() if any(value)}


def test_a_deal_goes_through_its_phases_and_is_worth_something(firm: Firm) -> None:
    service = firm.sets_up()
    nurturing, closing, success = (phase.id for phase in service.phases)
    deal = firm.opens(service)
    with firm.at() as desk:
        view = desk.deal(deal)
        assert (view.deal.member, view.phase.name, view.completion.share) == ("801", "Nurturing", 0)
        assert (view.suggestion.reason, view.suggestion.action) == ("items", "call")
    firm.moves(deal, picked="802")
    with firm.at() as desk, pytest.raises(NotFound):
        desk.deal(deal)
    with firm.at(viewer("802")) as desk:
        assert [row.id for row in desk.mine().rows] == [deal]
        with pytest.raises(Invalid, match="Enter the contract"):
            desk.hand_on(deal, desk.deal(deal).deal.version)
    firm.moves(deal, viewer("802"), signed=signed())
    with firm.at(admin()) as desk:
        view = desk.deal(deal)
        assert view.deal.worth == money(2_400_000, "JPY") and view.deal.predicted
        assert [(step.phase_name, step.member_name) for step in view.steps] == [
            ("Nurturing", "name 801"), ("Closing", "name 802"), ("Success", "name 801"),
        ]  # fmt: skip
        assert [one.worth for one in view.values] == [2_400_000]
    assert tallies(firm) == {
        (nurturing, "801"): (1, 1, 1, 2_400_000),
        (closing, "802"): (1, 1, 1, 2_400_000),
        (success, "801"): (1, 0, 0, 2_400_000),
    }
    firm.moves(deal)
    with firm.at() as desk:
        assert desk.deal(deal).deal.state == "won"


def test_who_gets_a_deal_becomes_the_customers_rep_in_charge(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    firm.moves(deal, picked="803")
    with firm.database.open(EVERYTHING) as work:
        assert work.session.get(mapping.Customer, "100101").rep == "803"
    with firm.at(viewer("803")) as desk:
        assert desk.deal(deal).may_act
    assert firm.trail("deal given")[-1].customer_code == "100101"
    assert firm.outbox("work")[-1]["users"] == ["803"]


def test_a_customer_with_two_deals_stays_with_who_has_both(firm: Firm) -> None:
    service = firm.sets_up()
    first, second = firm.opens(service), firm.opens(service, title="More")
    firm.moves(first)
    with firm.database.open(EVERYTHING) as work:
        assert work.session.get(mapping.Customer, "100101").rep == "801", "801 has to go on seeing the other deal"
    with firm.at() as desk:
        view = desk.deal(first)
        assert view.deal.member is None and view.phase.name == "Closing"
        assert {one["why"] for one in view.choices[0]["passed"]} == {"scope"}
        assert desk.deal(second).deal.member == "801"


def test_the_rule_chooses_by_past_deals_and_says_why(firm: Firm) -> None:
    service = firm.sets_up(Rule.SUM, shown=2)
    closing = service.phases[1].id
    done = firm.opens(service)
    firm.moves(done, picked="803")
    firm.moves(done, viewer("803"), signed=signed())
    deal = firm.opens(service, "100102")
    with firm.at() as desk:
        desk.save(deal, {item.id: "yes" for item in desk.deal(deal).completion.missing})
    with firm.at() as desk:
        shown = desk.next(deal)
        assert [(one["member"], one["score"]) for one in shown.reasons["best"]] == [("803", 2_400_000), ("802", 0)]
        assert not shown.view.plain, "a rep is not told what single customers of others are worth"
        desk.hand_on(deal, shown.view.deal.version)
    with firm.at(admin()) as desk:
        kept = desk.deal(deal).choices[0]
        assert (kept["member"], kept["rule"], kept["best"][0]["total"]) == ("803", "sum", 2_400_000)
        assert [row.deal for row in desk.paths(service.id, closing, "803")] == [deal, done]


def test_where_nobody_can_take_it_the_deal_waits_and_who_has_time_takes_it(firm: Firm) -> None:
    service = firm.sets_up()
    closing = service.phases[1].id
    with firm.at(admin()) as desk:
        for user in ("802", "803"):
            desk.save_member(user, None, [closing], Staffing(0))
    deal = firm.opens(service)
    firm.moves(deal)
    with firm.at() as desk:
        assert desk.deal(deal).deal.member is None
    with firm.at(viewer("802")) as desk:
        assert desk.mine().can_take and desk.mine().waiting == []
        assert desk.take() == deal
        assert desk.deal(deal).deal.member == "802"
        with pytest.raises(Conflict):
            desk.take()


def test_a_lost_deal_keeps_its_path_with_nothing(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    firm.moves(deal, picked="802")
    with firm.at(viewer("802")) as desk:
        desk.lose(deal, "too dear")
        assert (desk.deal(deal).deal.state, desk.deal(deal).deal.worth) == ("lost", money(0, "JPY"))
    closing = service.phases[1].id
    assert tallies(firm)[closing, "802"] == (1, 1, 0, 0)
    with firm.at(viewer("802")) as desk:
        desk.reopen(deal)
        assert (desk.deal(deal).deal.state, desk.deal(deal).deal.worth) == ("open", None)
    assert tallies(firm)[closing, "802"] == (1, 0, 0, 0)


def test_a_cancelled_contract_is_worth_what_was_paid_and_that_is_history(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    firm.moves(deal, picked="802")
    firm.moves(deal, viewer("802"), signed=signed())
    with firm.at() as desk:
        with pytest.raises(Invalid, match="before it began"):
            desk.cancel(deal, TODAY - timedelta(days=1), "left")
        with pytest.raises(Conflict):
            desk.lose(deal, "left")
    with firm.at() as desk:
        desk.cancel(deal, date(2027, 7, 10), "left")
        view = desk.deal(deal)
        assert view.deal.worth == money(600_000, "JPY") and not view.deal.predicted
        assert [one.worth for one in view.values] == [600_000, 2_400_000]
    with firm.at() as desk:
        desk.reopen(deal)
        assert desk.deal(deal).deal.worth == money(2_400_000, "JPY")


def test_the_value_follows_price_and_plan(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    firm.moves(deal, picked="802")
    firm.moves(deal, viewer("802"), signed=signed(None, service.plans[0]))
    with firm.at() as desk:
        assert desk.deal(deal).deal.worth == money(2_400_000, "JPY")
        with pytest.raises(Invalid, match="another currency"):
            desk.change_contract(deal, TODAY, TODAY, money(900, "USD"), None)
    with firm.at() as desk:
        desk.change_contract(deal, TODAY, TODAY, money(50_000, "JPY"), None)
        assert [one.worth for one in desk.deal(deal).values] == [1_200_000, 2_400_000]


def test_back_a_phase_and_to_who_had_it(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    firm.moves(deal, picked="802")
    firm.moves(deal, viewer("802"), signed=signed())
    with firm.at() as desk:
        desk.back(deal, "wants to think it over")
    with firm.at(viewer("802")) as desk:
        view = desk.deal(deal)
        assert (view.phase.name, view.deal.member, view.deal.worth, view.deal.start) == ("Closing", "802", None, None)
    assert (service.phases[2].id, "801") not in tallies(firm)


def test_what_is_typed_is_kept_and_only_saving_fills_in(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    plans, budget = (item.id for item in service.phases[0].items)
    with firm.at() as desk:
        desk.type(deal, plans, "a new shop in")
        view = desk.deal(deal)
        assert view.drafts == {plans: "a new shop in"} and view.completion.share == 0
        with pytest.raises(Invalid, match="no number"):
            desk.save(deal, {budget: "much"})
    with firm.at() as desk:
        assert desk.save(deal, {plans: "a new shop", budget: "１,２００"}).complete
        view = desk.deal(deal)
        assert view.drafts == {} and {one.value for one in view.answers.values()} == {"a new shop", "1200"}
        assert view.suggestion.reason == "complete"
    assert len(firm.trail("deal filled in")) == 1


def test_an_item_that_becomes_required_is_asked_of_deals_in_the_phase(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    with firm.at() as desk:
        desk.save(deal, {item.id: "yes" for item in desk.deal(deal).completion.missing})
    with firm.at(admin()) as desk:
        desk.save_item(service.id, InputItem(0, service.phases[0].id, "Rival", required=True))
        with pytest.raises(Conflict, match="Open deals"):
            desk.remove_phase(service.id, service.phases[0].id)
    with firm.at() as desk:
        view = desk.deal(deal)
        assert [item.label for item in view.completion.missing] == ["Rival"] and view.completion.share == 50
        with pytest.raises(Invalid, match="still missing"):
            desk.hand_on(deal, view.deal.version)


def test_a_deal_is_seen_as_its_customer_is(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    with firm.at(viewer("802")) as desk:
        for act in (
            lambda: desk.deal(deal),
            lambda: desk.next(deal),
            lambda: desk.save(deal, {}),
            lambda: desk.of_customer("100101"),
            lambda: desk.lose(deal, "no"),
            lambda: desk.log(deal, "mail", ""),
        ):
            with pytest.raises(NotFound):
                act()
        assert desk.mine().rows == []
        with pytest.raises(NotAllowed):
            desk.overview()
        with pytest.raises(NotAllowed):
            desk.set_up()
    manager = viewer("811", role="branch manager", branch="122", extensions=())
    with firm.at(manager) as desk:
        (page,) = desk.overview()
        assert page.members == [] and all(row.came == 0 for row in page.funnel)
    with firm.at(viewer("810", role="branch manager", branch="121", extensions=())) as desk:
        (page,) = desk.overview()
        assert [row.came for row in page.funnel] == [1, 0, 0]
        assert desk.deal(deal).may_act


def test_sums_follow_a_customer_that_moves_to_another_branch(firm: Firm) -> None:
    service = firm.sets_up()
    firm.opens(service)
    with firm.desk(admin()) as desk:
        seen = desk.customer("100101")
        desk.change_customer("100101", {"name": seen.who.name, "branch": "122", "rep": "801"}, seen.version)
    with firm.at(viewer("811", role="branch manager", branch="122", extensions=())) as desk:
        assert [row.came for row in desk.overview()[0].funnel] == [1, 0, 0]
    with firm.at(viewer("810", role="branch manager", branch="121", extensions=())) as desk:
        assert [row.came for row in desk.overview()[0].funnel] == [0, 0, 0]


def test_an_action_begins_and_ends(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    with firm.at() as desk:
        action = desk.begin(deal, "visit")
        with pytest.raises(Conflict):
            desk.begin(deal, "call")
        assert desk.deal(deal).running is not None
    firm.clock.at += 1800
    with firm.at() as desk:
        desk.finish(deal, action, "showed the plans")
        (done,) = desk.deal(deal).actions
        assert (done.kind, done.by, done.ended_at - done.at, done.note) == ("visit", "801", 1800, "showed the plans")
        assert desk.deal(deal).deal.due_at > firm.clock.at


def test_two_who_change_a_deal_at_once(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    with firm.at() as desk:
        old = desk.deal(deal).deal.version
        desk.save(deal, {item.id: "yes" for item in desk.deal(deal).completion.missing})
    with firm.at() as desk, pytest.raises(Conflict, match="Somebody else"):
        desk.hand_on(deal, old)


def test_no_success_days_are_refused_and_nothing_is_half_done(firm: Firm) -> None:
    service = firm.sets_up()
    deal = firm.opens(service)
    with firm.at(admin()) as desk:
        known = desk.set_up_service(service.id)
        desk.save_service(replace(known, terms=replace(known.terms, by_success_days=True)))
    firm.moves(deal, picked="802")
    with pytest.raises(Invalid, match="day of the first contact"):
        firm.moves(deal, viewer("802"), signed=signed())
    with firm.at(viewer("802")) as desk:
        view = desk.deal(deal)
        assert (view.phase.name, view.deal.start, view.values) == ("Closing", None, [])


def test_somebody_else_takes_a_deal_over_within_its_phase(firm: Firm) -> None:
    service = firm.sets_up()
    closing = service.phases[1].id
    deal = firm.opens(service)
    firm.moves(deal, picked="802")
    manager = viewer("700", role="branch manager", extensions=())
    with firm.at(admin()) as desk:
        away = (Absence(firm.clock.at - DAY, firm.clock.at + 9 * DAY),)
        desk.save_member("802", None, [closing], Staffing(20, None, away))
    with firm.at(manager) as desk:
        found = desk.others(deal)
        assert [one["member"] for one in found.reasons["best"]] == ["803"]
        assert [(one["member"], one["why"]) for one in found.reasons["passed"]] == [("802", "absent")]
        version = found.view.deal.version
        with pytest.raises(Conflict, match="can't take"):
            desk.pass_on(deal, version, "802")
        desk.pass_on(deal, version, "803")
    with firm.at(viewer("803")) as desk:
        assert [row.id for row in desk.mine().rows] == [deal]
    with firm.at(viewer("802")) as desk, pytest.raises(NotFound):
        desk.deal(deal)


def test_looks_stand_in_the_customers_trail_once_in_a_while(firm: Firm) -> None:
    deal = firm.opens(firm.sets_up())
    for _look in range(3):
        with firm.at() as desk:
            desk.deal(deal)
    assert [(one.user, one.customer_code, one.detail) for one in firm.trail("opened")] == [
        ("801", "100101", {"deal": deal})
    ]


def test_a_phase_that_goes_faster_than_its_target_is_seen_to_sooner(firm: Firm) -> None:
    service = firm.sets_up()
    first = service.phases[0]
    with firm.at(admin()) as desk:
        desk.save_phase(service.id, replace(first, target_days=10))
        with pytest.raises(Invalid, match="3,650 days"):
            desk.save_phase(service.id, replace(first, target_days=0))
    codes = [f"20010{number}" for number in range(FEWEST + 1)]
    firm.put(*(customer(code) for code in codes))
    for code in codes[1:]:
        deal = firm.opens(service, code)
        firm.clock.at += 6 * DAY
        firm.moves(deal)
    with firm.at(admin()) as desk:
        row = desk.overview()[0].funnel[0]
        assert (row.pace.deals, row.pace.days) == (FEWEST, 6.0)
    deal = firm.opens(service, codes[0])
    with firm.at() as desk:
        desk.log(deal, "mail", "")
        assert desk.deal(deal).deal.due_at == pytest.approx(firm.clock.at + AGAIN_AFTER * 0.6)


def test_who_only_sees_a_customer_leaves_its_deals_to_their_members(firm: Firm) -> None:
    service = firm.sets_up()
    boss = viewer("700", role="branch manager", extensions=())
    deal = firm.opens(service)
    with firm.at(admin()) as desk:
        desk.save_member("700", None, [service.phases[0].id], Staffing(20))
    with firm.at(boss) as desk:
        desk.pass_on(deal, desk.deal(deal).deal.version, "700")
    with firm.at() as desk:
        view = desk.deal(deal)  # 801 is the rep in charge all the same
        assert view.deal.member == "700" and not view.may_act
        for act in (
            lambda: desk.begin(deal, "call"),
            lambda: desk.type(deal, service.phases[0].items[0].id, "x"),
            lambda: desk.save(deal, {}),
            lambda: desk.hand_on(deal, view.deal.version),
            lambda: desk.lose(deal, "no"),
            lambda: desk.reopen(deal),
            lambda: desk.cancel(deal, TODAY, "no"),
        ):
            with pytest.raises(NotAllowed):
                act()
