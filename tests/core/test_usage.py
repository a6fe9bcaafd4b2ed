"""Prompts from customers' use of a service, and what a service's server may say (spec P2)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.phases.model import Action, Plan
from cti_server.phases.money import money
from cti_server.phases.usage import Index, Prompt, Reading, Source, UsageRule, prompts, unanswered
from cti_server.phases.usage_message import MOST, read
from cti_server.phases.velocity import DAY
from cti_server.shared.errors import Invalid

NOW = 1_800_000_000.0
SOURCE = Source(1, (Index("logins", "Logins"),))
PLANS = (Plan(1, "Standard", money(100, "JPY")), Plan(2, "Team", money(300, "JPY")), Plan(3, "Firm", money(900, "JPY")))


def rule(**more: Any) -> UsageRule:
    values: dict[str, Any] = {
        "id": 1,
        "service": 1,
        "index": "logins",
        "measure": "value",
        "side": "below",
        "threshold": Decimal(5),
        "days": 30,
        "advice": "explain",
        "topic": "reports",
    }
    return UsageRule(**(values | more))


def readings(*values: float) -> list[Reading]:
    """One a day, the last one now."""
    return [Reading(NOW - (len(values) - 1 - at) * DAY, Decimal(str(value))) for at, value in enumerate(values)]


def met(one: UsageRule, *values: float, price: int | None = 100) -> list[Prompt]:
    pays = None if price is None else money(price, "JPY")
    return prompts([one], SOURCE, {"logins": readings(*values)}, PLANS, pays, NOW)


def test_a_value_below_its_threshold_prompts_since_it_fell() -> None:
    (found,) = met(rule(), 9, 8, 4, 3)
    assert (found.measured, found.now.value, found.since) == (Decimal(3), Decimal(3), NOW - DAY)
    assert not met(rule(), 4, 5), "at the threshold is not below it"
    assert not met(rule(), 4, 3, 9), "what was so before is over"


def test_a_change_and_a_rate_are_measured_over_the_rules_days() -> None:
    change = rule(measure="change", days=2, threshold=Decimal(-3))
    (found,) = met(change, 10, 10, 9, 6)
    assert found.measured == Decimal(-4) and found.before == readings(10, 10, 9, 6)[1]
    (rate,) = met(rule(measure="rate", side="above", days=2, threshold=Decimal(50)), 10, 10, 12, 16)
    assert rate.measured == Decimal(60)
    assert not met(rule(measure="rate", days=2, threshold=Decimal(0)), 0, 0, 5), "of nothing there is no rate"
    assert not met(rule(measure="change", days=9), 10, 1), "nothing is known of nine days ago"


def test_a_higher_plan_is_proposed_where_there_is_one() -> None:
    high = rule(side="above", advice="plan", topic="")
    (found,) = met(high, 9)
    assert found.plan is not None and found.plan.name == "Team"
    (free,) = met(high, 9, price=None)
    assert free.plan is not None and free.plan.name == "Standard", "who pays nothing yet can pay something"
    assert not met(high, 9, price=900)


def test_explaining_comes_before_selling() -> None:
    by = [rule(id=1, side="above", advice="plan", topic=""), rule(id=2, side="above")]
    found = prompts(by, SOURCE, {"logins": readings(9)}, PLANS, money(100, "JPY"), NOW)
    assert [one.rule.id for one in found] == [2, 1]


def test_old_readings_prompt_nothing() -> None:
    old = [Reading(NOW - 31 * DAY, Decimal(1))]
    assert not prompts([rule()], SOURCE, {"logins": old}, PLANS, None, NOW)


def test_a_prompt_rests_once_something_was_done_and_comes_again() -> None:
    found = met(rule(), 9, 4, 3)  # since yesterday
    done = Action(1, "call", False, NOW - DAY / 2, None, "801")
    in_vain = Action(2, "call", True, NOW, None, None, answered=False)
    assert unanswered(found, [], NOW) == found
    assert unanswered(found, [in_vain, done], NOW) == []
    before = Action(1, "call", False, NOW - 2 * DAY, None, "801")
    assert unanswered(found, [before], NOW) == found, "what was done before the use fell is no answer to it"
    assert unanswered(met(rule(), *[3] * 40), [Action(1, "call", False, NOW - 31 * DAY, None, "801")], NOW)


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=20), st.integers(-60, 60), st.integers(1, 5))
def test_a_prompt_says_what_it_rests_on(values: list[int], limit: int, days: int) -> None:
    for measure in ("value", "change", "rate"):
        for side in ("below", "above"):
            for found in met(rule(measure=measure, side=side, threshold=Decimal(limit), days=days), *values):
                assert found.measured < limit if side == "below" else found.measured > limit
                if measure == "change":
                    assert found.before is not None
                    assert found.measured == found.now.value - found.before.value
                    assert found.now.at - found.before.at >= days * DAY
                assert found.since <= found.now.at


# --- what a server says


def message(*rows: Any, **more: Any) -> bytes:
    return json.dumps({"readings": list(rows), **more}).encode()


GOOD = {"customer": "100101", "index": "logins", "at": "2027-01-15T17:00:00+09:00", "value": 12.5}


def test_a_reading_is_understood() -> None:
    found = read(message(GOOD, next="page-2"), ["logins"], NOW)
    assert found.more == "page-2" and not found.refused
    assert [(one.customer, one.reading.value) for one in found.told] == [("100101", Decimal("12.5"))]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"customer": 7}, "customer"),
        ({"customer": ""}, "customer"),
        ({"index": "other"}, "index"),
        ({"index": ["logins"]}, "index"),
        ({"value": True}, "value"),
        ({"value": "12"}, "value"),
        ({"value": 1e300}, "value"),
        ({"at": "2027-01-15T17:00:00"}, "at"),
        ({"at": 1_800_000_000}, "at"),
        ({"at": "2031-01-15T17:00:00+09:00"}, "future"),
        ({"at": "2020-01-15T17:00:00+09:00"}, "old"),
    ],
)
def test_a_reading_that_can_not_be_so_is_refused_and_the_others_go_on(wrong: dict[str, Any], why: str) -> None:
    found = read(message(GOOD | wrong, GOOD), ["logins"], NOW)
    assert found.refused == [(1, why)]
    assert [one.place for one in found.told] == [2]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"readings": 3}',
        b'{"readings": [NaN]}',
        b"\xff",
        b"[" * 100_000,
        b'{"readings": "x"}',
    ],
)
def test_what_is_no_message_gets_a_sentence(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        read(body, ["logins"], NOW)
    assert refused.value.code in ("usage-json", "usage-shape")


def test_too_many_readings_are_refused_as_a_whole() -> None:
    with pytest.raises(Invalid):
        read(message(*[GOOD] * (MOST + 1)), ["logins"], NOW)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
        lambda one: (
            st.lists(one, max_size=4)
            | st.dictionaries(
                st.sampled_from(["readings", "customer", "index", "at", "value", "next"]), one, max_size=6
            )
        ),
        max_leaves=20,
    )
)
def test_whatever_json_comes_nothing_else_is_raised(value: Any) -> None:
    body = json.dumps({"readings": value if isinstance(value, list) else [value]}).encode()
    try:
        found = read(body, ["logins"], NOW)
    except Invalid:
        return
    assert all(one.customer and abs(one.reading.value) < 10**15 for one in found.told)
