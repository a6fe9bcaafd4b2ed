"""What is learned from the best members, and how sure it is: against simulation and against what must hold."""

from __future__ import annotations

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.phases.choosing import Rule
from cti_server.phases.cltv import Terms
from cti_server.phases.intervals import between_ratios, between_shares, ratio, share, student
from cti_server.phases.learning import FEWEST, Line, Passed, best_members, findings, material, shares
from cti_server.phases.model import InputItem, Phase, Service
from cti_server.phases.paths import Path
from cti_server.phases.tallies import Book

ASKED = InputItem(1, 7, "Plans", required=True)
EXTRA = InputItem(2, 7, "Budget")
PHASE = Phase(7, "Nurturing", "call", items=(ASKED, EXTRA))


def passed(member: str, extra: bool, kind: str = "call", deal: int = 0) -> Passed:
    filled = {1: 100.0} | ({2: 120.0} if extra else {})
    return Passed(deal, member, 0, 200, "small", "121", 1, filled, ((90.0, kind),))  # type: ignore[arg-type]


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_intervals_hold_their_value_and_turn_round_with_it(a: int, n: int, b: int, m: int) -> None:
    one, other = share(min(a, n), n), share(min(b, m), m)
    assert 0 <= one.low <= one.value <= one.high <= 1
    gap, back = between_shares(one, other), between_shares(other, one)
    assert -1 <= gap.low <= gap.value <= gap.high <= 1
    assert (gap.low, gap.high) == pytest.approx((-back.high, -back.low))


def test_intervals_of_shares_hold_the_truth_as_often_as_they_say() -> None:
    chance, hits = Random(1), 0
    for _trial in range(1000):
        one = share(sum(chance.random() < 0.7 for _ in range(40)), 40)
        other = share(sum(chance.random() < 0.4 for _ in range(60)), 60)
        gap = between_shares(one, other)
        hits += gap.low <= 0.3 <= gap.high
    assert 930 <= hits <= 975


def test_clusters_count_and_not_their_observations() -> None:
    """Members differ, and each has many deals: an interval over deals would be far too narrow."""
    chance, hits = Random(2), 0
    for _trial in range(500):
        halves = []
        for _half in range(2):
            means = [chance.gauss(10, 3) for _member in range(6)]
            halves.append(ratio([(sum(chance.gauss(mean, 1) for _ in range(20)), 20) for mean in means]))
        gap = between_ratios(*halves)
        hits += gap.low <= 0 <= gap.high
    assert 460 <= hits <= 490
    assert between_ratios(ratio([(5, 1)]), ratio([(4, 1), (3, 1)])).high == inf
    assert student(1) > student(5) > student(1000) > 1.959


def test_what_the_best_fill_in_and_others_do_not_is_proposed_and_nothing_else() -> None:
    deals = [passed("a", True) for _ in range(FEWEST)] + [passed("b", False) for _ in range(FEWEST)]
    (found,) = findings(PHASE, ["a"], deals)
    assert (found.kind, found.item, found.title) == ("require", 2, "Budget")
    assert found.lines == (Line("", "no", "121", 1, FEWEST), Line("a", "yes", "121", 1, FEWEST))
    assert findings(PHASE, ["a"], deals[1:]) == []
    assert findings(PHASE, ["b"], deals) == []
    assert findings(PHASE, [], deals) == []
    everybody = [passed("a", True) for _ in range(20)] + [passed("b", True) for _ in range(20)]
    assert findings(PHASE, ["a"], everybody) == []


def test_what_was_filled_in_after_the_deal_moved_on_does_not_count() -> None:
    late = [Passed(0, "a", 0, 200, "small", "121", 1, {1: 100.0, 2: 300.0}) for _ in range(20)]
    assert findings(PHASE, ["a"], [*late, *(passed("b", False) for _ in range(20))]) == []


def test_the_action_with_which_the_best_complete_a_phase_is_offered_first() -> None:
    deals = [passed("a", False, "mail") for _ in range(20)] + [passed("b", False) for _ in range(20)]
    (found,) = findings(PHASE, ["a"], deals)
    assert (found.kind, found.action, found.before) == ("action", "mail", "call")
    half = [passed("a", False, "mail" if number % 2 else "visit") for number in range(20)]
    assert findings(PHASE, ["a"], half) == []
    # The visit came after everything was filled in, and completed nothing.
    one = Passed(0, "a", 0, 9000, "small", "121", 1, {1: 100.0}, ((90.0, "mail"), (8000.0, "visit")))
    assert one.completed_by(PHASE) == "mail"


def test_what_was_turned_down_needs_other_evidence() -> None:
    then = (Line("a", "yes", "121", 1, 12), Line("a", "no", "121", 1, 4), Line("", "no", "121", 1, 20))
    assert not material(then, then, "yes")
    more = (Line("a", "yes", "121", 1, 20), Line("a", "no", "121", 1, 6), Line("", "no", "121", 1, 22))
    assert not material(then, more, "yes")
    assert material(then, tuple(one._replace(deals=2 * one.deals) for one in then), "yes")
    assert material(then, (Line("a", "yes", "121", 1, 30), Line("", "no", "121", 1, 30)), "yes")


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.sampled_from(["121", "122"])), max_size=80))
def test_the_evidence_is_whole_however_it_is_cut_by_branch(deals: list[tuple[str, bool, str]]) -> None:
    told = [Passed(0, who, 0, 200, "small", branch, 1, {2: 1.0} if yes else {}) for who, yes, branch in deals]
    for found in findings(PHASE, ["a", "b"], told):
        whole = shares(found.lines, found.said)
        parts = [shares([one for one in found.lines if one.branch == each], found.said) for each in ("121", "122")]
        assert whole.deals == sum(one.deals for one in parts) == len(deals)
        assert whole.best == sum(one.best for one in parts)


def book(of: dict[str, list[int]]) -> Book:
    found = Book()
    for member, worths in of.items():
        for worth in worths:
            found.change(None, Path("web", (member,), 1 if worth else 0, worth == 0, worth))
    return found


def test_one_lucky_deal_makes_nobody_the_best_under_our_rule() -> None:
    known = book({"lucky": [900], "good": [300, 0, 300] * 20, "fair": [100, 0, 0] * 20, "poor": [0] * 9 + [100]})
    ours = Service(1, "Cloud", Terms("JPY"), rule=Rule.BALANCED)
    assert best_members(ours, known, 0, 1) == ("good",)
    assert best_members(Service(1, "Cloud", Terms("JPY"), rule=Rule.SUM), known, 0, 3) == ("good", "fair")
    assert best_members(ours, book({"alone": [100] * 20}), 0, 3) == ()
