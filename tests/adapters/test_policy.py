"""`cti policy compare`: the same for a seed, and what it says."""

from __future__ import annotations

import json
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.cli import main
from cti_server.phases.choosing import Chooser, Rule
from cti_server.phases.velocity import FEWEST
from cti_simulators.policy_report import RULES, interval, time_predictions, worth_predictions
from cti_simulators.policy_trial import Trial, at_random, by_rule, by_truth, round_robin
from cti_simulators.sales_firm import PHASES, Firm, Size, Spread

SMALL = Size(members=4, customers=150, a_day=2.0)


def _compared(capsys: pytest.CaptureFixture[str], seeds: str, *more: str) -> str:
    assert main(["policy", "compare", "--seeds", seeds, *more]) == 0
    return capsys.readouterr().out


def test_programs_read_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(_compared(capsys, "1", "--json"))
    assert found == json.loads(_compared(capsys, "1", "--json"))
    assert [row["name"] for row in found["rules"]] == list(RULES)
    for row in found["rules"]:
        assert set(row) == {"name", "mean", "low", "high", "regret", "largest_share"}
        assert row["low"] <= row["mean"] <= row["high"] and 0 < row["largest_share"] <= 1
    of = {row["name"]: row for row in found["rules"]}
    assert of["truth"]["regret"] == 0
    assert of["random"]["regret"] == of["truth"]["mean"] - of["random"]["mean"]


def test_people_read_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    text = _compared(capsys, "1")
    for name in RULES:
        assert text.count(f"\n{name} ") == 3, "worth, load, new member"
    assert "behind ours" in text and "\nOurs" in text
    assert "price x months" in text and "x success days" in text


def test_predictions_are_held_against_what_was_paid() -> None:
    firm = Firm(1, Size(customers=400))
    outcome = Trial(firm, by_rule(Chooser(Rule.BALANCED))).run()
    found = worth_predictions([{"ours": outcome}])
    plain, sharpened = found["price x months"], found["x success days"]
    assert plain.came == sharpened.came == fmean(one.paid for one in outcome.contracts)
    assert [one[0] for one in plain.fifths] == sorted(one[0] for one in plain.fifths)
    assert plain.fifths[-1][1] > plain.fifths[0][1], "who was predicted to pay most paid more than who least"
    assert plain.off_by > 0


def test_phase_times_are_predicted_from_those_who_were_through_and_held_against_what_they_took() -> None:
    firm = Firm(1, Size(customers=400))
    outcome = Trial(firm, by_rule(Chooser(Rule.BALANCED))).run()
    first = [one for one in outcome.passages if one.phase == 0]
    for one in first:
        through = [other.took for other in first if other.came + other.took <= one.came]
        assert one.predicted == (pytest.approx(fmean(through)) if len(through) >= FEWEST else None)
    found = time_predictions([{"ours": outcome}])
    assert list(found) == list(PHASES)
    nurturing, known = found["nurturing"], [(one.predicted, one.took) for one in first if one.predicted is not None]
    assert nurturing.came == pytest.approx(fmean(took for _predicted, took in known))
    assert nurturing.predicted == pytest.approx(fmean(predicted for predicted, _took in known))
    assert nurturing.off_by == pytest.approx(fmean(abs(predicted - took) for predicted, took in known))
    assert len(nurturing.fifths) == 5


def test_a_number_of_firms_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "compare", "--seeds", "0"]) == 1
    assert "At least one firm" in capsys.readouterr().err


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6))
def test_no_desk_is_overfull_and_every_customer_is_counted_once(seed: int) -> None:
    firm = Firm(seed, SMALL)
    for policy in (at_random, round_robin(), by_truth(firm), by_rule(Chooser(Rule.BALANCED))):
        trial = Trial(firm, policy)
        trial.run()
        assert not any(trial.desk.held.values()), "everybody left in the end"
        assert sum(len(chosen) for chosen in trial.chosen[:1]) == SMALL.customers


def test_where_all_members_are_alike_no_rule_is_better() -> None:
    firm = Firm(5, SMALL, Spread(0, 0, 0, 0))
    means = {Trial(firm, policy).run().mean for policy in (at_random, by_truth(firm), by_rule(Chooser(Rule.SUM)))}
    assert len(means) == 1


def test_who_knows_the_truth_does_better_than_chance() -> None:
    firms = [Firm(seed, Size(customers=500)) for seed in range(4)]
    truth, chance = (
        [Trial(firm, make(firm)).run().mean for firm in firms] for make in (by_truth, lambda _f: at_random)
    )
    assert fmean(truth) > 1.2 * fmean(chance)


def test_intervals_are_student_s() -> None:
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.value == 3.0 and abs(found.high - 4.963) < 0.001 and abs(found.low - 1.037) < 0.001
    assert interval([7.0]) == (7.0, 7.0, 7.0)
