"""Trials: halves that chance draws and a seed repeats, and comparisons that say no more than there is."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.phases.availability import Staffing
from cti_server.phases.learning import FEWEST, Passed, longer, slow
from cti_server.phases.model import InputItem, Member, Phase
from cti_server.phases.trials import Place, Sums, as_tried, compared, halves
from cti_server.phases.velocity import DAY

QUICK, SLOW = InputItem(1, 7, "Plans", required=True), InputItem(2, 7, "Budget", required=True)
PHASE = Phase(7, "Nurturing", items=(QUICK, SLOW))


def member(user: str, unit: int | None = None) -> Member:
    return Member(user, user, Staffing(10), unit=unit)


@given(st.sets(st.text("abcdef", min_size=1, max_size=3), max_size=30), st.integers(0, 10**6))
def test_halves_are_halves_and_the_same_for_the_same_seed(users: set[str], seed: int) -> None:
    drawn = halves([member(user) for user in sorted(users)], False, seed)
    assert drawn == halves([member(user) for user in sorted(users, reverse=True)], False, seed)
    assert drawn.keys() == users
    assert sum(place.optional for place in drawn.values()) == len(users) // 2


@given(st.lists(st.none() | st.integers(1, 4), min_size=1, max_size=20), st.integers(0, 10**6))
def test_units_are_drawn_together(units: list[int | None], seed: int) -> None:
    members = [member(f"m{number}", unit) for number, unit in enumerate(units)]
    drawn = halves(members, True, seed)
    for unit in {unit for unit in units if unit}:
        assert len({drawn[one.user] for one in members if one.unit == unit}) == 1


def test_everybody_is_drawn_as_often_as_anybody() -> None:
    members = [member(user) for user in "abcd"]
    often = [sum(halves(members, False, seed)[user].optional for seed in range(2000)) for user in "abcd"]
    assert all(900 < times < 1100 for times in often)


def test_for_one_half_the_item_is_optional_and_nothing_else_changes() -> None:
    tried = as_tried(PHASE, 2)
    assert [item.required for item in tried.items] == [True, False]
    assert as_tried(PHASE, 99) == PHASE


def passed(days: float) -> Passed:
    return Passed(0, "a", 0, 99 * DAY, "small", "121", 1, {1: DAY, 2: days * DAY})


def test_the_slowest_required_item_is_tried_once_it_reaches_the_limit() -> None:
    deals = [passed(days) for days in (8, 12) for _ in range(FEWEST // 2)]
    found = slow(PHASE, deals, 10)
    assert found is not None and (found.item, found.title) == (2, "Budget")
    assert slow(PHASE, deals, 11) is None
    assert slow(PHASE, deals[1:], 1) is None, "too few"
    assert slow(as_tried(PHASE, 2), deals, 10) is None, "optional already"
    assert not longer(found.lines, found.lines)
    assert longer(found.lines, [one._replace(seconds=one.seconds * 2) for one in found.lines])
    assert longer(found.lines, [one._replace(deals=one.deals * 2, seconds=one.seconds * 2) for one in found.lines])


def sums(user: str, decided: int, on: int) -> Sums:
    return Sums(user, "121", 1, decided, decided, on, on, on * 5 * round(DAY), on, on * 1000)


PLACES = {user: Place(user, number < 4) for number, user in enumerate("abcdefgh")}


def test_a_clear_difference_is_told_and_few_deals_tell_nothing() -> None:
    clear = [
        sums(user, 20, 16 + number % 2 if number < 4 else 6 + number % 2) for number, user in enumerate("abcdefgh")
    ]
    found = compared(PLACES, clear)
    assert found.came == (80, 80) and (found.rate.of_optional, found.rate.of_required) == (80, 80)
    assert found.rate.verdict == "more" and found.rate.difference.value == pytest.approx(0.5)
    assert found.days.optional.value == pytest.approx(5) and found.days.verdict == "open"
    assert compared(PLACES, []).rate.verdict == "few"
    assert compared(PLACES, [one._replace(decided=2, handed_on=1) for one in clear]).rate.verdict == "few"
    wild = [sums(user, 20, (2, 18, 4, 16)[number]) for number, user in enumerate("abef")]
    assert compared(PLACES, wild).rate.verdict == "few", "any difference is possible"
    assert -1 <= compared(PLACES, clear).rate.difference.low <= compared(PLACES, clear).rate.difference.high <= 1
    one_member = [each for each in clear if each.member in "ae"]
    assert compared(PLACES, one_member).rate.verdict == "few", "one member a half says nothing of members"
    assert compared(PLACES, [one._replace(member="joined later") for one in clear]).came == (0, 0)


def test_no_difference_is_claimed_more_often_than_in_one_case_of_twenty() -> None:
    """Members differ much; the item does nothing."""
    chance, claimed = Random(3), 0
    for _trial in range(300):
        told = []
        for user in PLACES:
            skill = min(0.95, max(0.05, chance.gauss(0.5, 0.2)))
            told.append(sums(user, 40, sum(chance.random() < skill for _ in range(40))))
        claimed += compared(PLACES, told).rate.verdict in ("more", "less")
    assert claimed <= 24


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 30)), max_size=20))
def test_branches_add_up(deals: list[tuple[str, int]]) -> None:
    told = [
        sums(user, decided, decided // 2)._replace(branch=str(121 + n % 2)) for n, (user, decided) in enumerate(deals)
    ]
    parts = [compared(PLACES, [one for one in told if one.branch == branch]).came for branch in ("121", "122")]
    assert compared(PLACES, told).came == (parts[0][0] + parts[1][0], parts[0][1] + parts[1][1])
