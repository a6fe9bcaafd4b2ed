"""The demonstration's firm and the day of its branches."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import phonenumbers
import pytest
from twisted.internet.task import Clock

from cti_simulators.day import LONGEST_GAP, Traffic
from cti_simulators.pbx import play_day
from cti_simulators.people import OFFICES, firm
from tests.adapters.sim_rig import START, Client, advance, exchange

HOURS = 5 * 3600.0


def test_the_same_seed_makes_the_same_firm() -> None:
    assert firm() == firm()
    assert firm(seed=2).customers != firm().customers


def test_the_worked_example_is_part_of_it() -> None:
    by_code = {customer.code: customer for customer in firm().customers}
    assert [(by_code[code].rep, by_code[code].branch) for code in ("100101", "100103")] == [("801", "121")] * 2
    assert by_code["100102"].branch == "121" and by_code["100102"].rep != "801"
    assert by_code["100106"].branch == "122"


def test_customers_are_whole_and_nobody_real() -> None:
    world = firm()
    assert len(world.customers) == 1500 and len({customer.code for customer in world.customers}) == 1500
    people = {colleague.id: colleague for colleague in world.colleagues}
    for customer in world.customers:
        assert customer.name and customer.kana and customer.address and customer.numbers
        assert people[customer.rep or ""].branch == customer.branch
        for number in customer.numbers:
            # No exchange of Japan's numbering plan begins with 000 or 0000: nobody has these numbers.
            assert "000" in number.shown[2:6] or "0000" in number.shown
            parsed = phonenumbers.parse(number.shown, "JP")
            assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number.e164
            assert phonenumbers.is_possible_number(parsed)
    assert {customer.confidentiality for customer in world.customers} == {1, 2, 3}
    shared = Counter(number.e164 for customer in world.customers for number in customer.numbers)
    assert 10 < sum(count > 1 for count in shared.values()) < 100
    strangers = {number for numbers in world.unregistered.values() for number in numbers}
    assert not strangers & {number.shown for customer in world.customers for number in customer.numbers}


def test_extensions_are_their_own() -> None:
    for office in OFFICES:
        phones = [colleague.extension for colleague in firm().phones(office.branch.code)]
        assert len(phones) == len(set(phones)) >= 5


@pytest.mark.parametrize("exchange_id", [office.exchange for office in OFFICES])
def test_the_past_of_the_day(exchange_id: str) -> None:
    past = Traffic(exchange_id).past(START - HOURS, START)
    assert past == Traffic(exchange_id).past(START - HOURS, START)
    assert all(START - HOURS <= call.at < START for call in past)
    assert past == sorted(past, key=lambda call: call.at) and len(past) > 45
    callers = Counter(call.scenario.caller for call in past if call.scenario.outcome == "given-up")
    assert max(callers.values()) >= 3
    assert {call.scenario.kind for call in past} >= {"phone", "queue", "outbound"}


def test_the_worked_example_opens_the_day_of_the_head_office() -> None:
    world = firm()
    numbers = {number.shown: customer.code for customer in world.customers for number in customer.numbers}
    first = Traffic("hq").past(START - HOURS, START)[:6]
    assert [numbers.get(call.scenario.caller) for call in first] == [
        "100101",
        "100102",
        "100103",
        "100106",
        "100101",
        None,
    ]


def test_live_something_rings_every_few_seconds() -> None:
    calls = list(islice(Traffic("hq").live(START), 400))
    gaps = [after.at - before.at for before, after in pairwise(calls)]
    assert calls[0].at - START < 5 and max(gaps) <= LONGEST_GAP
    mine = {number.shown for customer in firm().of_rep("801") for number in customer.numbers}
    theirs = [call.at for call in calls if call.scenario.caller in mine]
    assert max(after - before for before, after in pairwise(theirs)) <= 2 * LONGEST_GAP
    outcomes = Counter(call.scenario.outcome for call in calls)
    assert outcomes["answered"] > 150 and {"given-up", "timeout", "busy", "voicemail"} <= set(outcomes)
    assert any(call.scenario.transfer for call in calls) and any(call.scenario.hold for call in calls)
    assert any(call.scenario.caller == "anonymous" for call in calls)
    quicker = list(islice(Traffic("hq", pace=2.0).live(START), 400))
    assert quicker[-1].at - START == pytest.approx((calls[-1].at - START) / 2, rel=0.1)


def test_no_telephone_rings_while_it_is_talked_on() -> None:
    """Where a phone is free it is taken; of the calls of an hour only a few find all phones busy."""
    busy: dict[str, float] = {}
    clashes = 0
    calls = list(islice(Traffic("hq").live(START), 300))
    for call in calls:
        scenario = call.scenario
        for extension in scenario.rings:
            clashes += busy.get(extension, 0.0) > call.at
            busy[extension] = call.at + scenario.ring + (scenario.talk if scenario.outcome == "answered" else 0)
    assert clashes < 15


def test_a_called_back_customer_mostly_answers() -> None:
    traffic = Traffic("hq")
    outcomes = Counter(traffic.answers("2001", "09000001234")["outcome"] for _ in range(200))
    assert 0.6 < outcomes["answered"] / 200 < 0.9 and set(outcomes) == {"answered", "busy", "timeout"}


def test_the_past_runs_through_at_once_then_calls_go_on() -> None:
    traffic = Traffic("yokohama")
    pbx, clock = exchange(traffic.site)
    pbx.on_listener = lambda: play_day(pbx, traffic, pbx.stage.now - HOURS)
    client = Client(pbx).sign_in()
    clock.pump([0.0] * 200)
    past = client.events()
    times = [float(event.get("Timestamp")) for event in past if event.get("Timestamp")]
    assert times == sorted(times)
    assert times[0] < START - HOURS + 600 and START - 400 < times[-1] <= START + 1
    calls = {event.get("Linkedid") for event in past if event.name == "Newchannel"}
    assert len(calls) > 40
    advance(clock, 120)
    live = [event for event in client.events() if event.name == "Newchannel"]
    assert live and all(float(event.get("Timestamp")) > START for event in live)


def test_time_stands_still_until_somebody_listens() -> None:
    traffic = Traffic("osaka")
    pbx, clock = exchange(traffic.site)
    pbx.on_listener = lambda: play_day(pbx, traffic, pbx.stage.now - HOURS)
    advance(clock, 30, step=1.0)
    assert pbx.stage.waiting == 0
    assert isinstance(clock, Clock)
