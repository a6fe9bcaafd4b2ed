"""How soon a deal is suggested again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.phases.velocity import AGAIN_AFTER, DAY, FEWEST, MOST, Pace, again


def pace(days: float, deals: int = FEWEST) -> Pace:
    return Pace(deals, round(days * DAY * deals))


@pytest.mark.parametrize(
    ("days", "target", "times"),
    [(10, 10, 1.0), (8, 10, 0.8), (15, 10, 1.5), (1, 10, 0.5), (90, 10, 2.0)],
)
def test_quicker_than_the_target_is_sooner_and_slower_is_later(days: float, target: int, times: float) -> None:
    assert again(pace(days), target).seconds == pytest.approx(AGAIN_AFTER * times)


def test_nothing_known_or_nothing_wanted_leaves_it_as_it_is() -> None:
    assert again(Pace(), 10).seconds == again(pace(3), None).seconds == AGAIN_AFTER
    assert again(pace(1, FEWEST - 1), 10).seconds == AGAIN_AFTER, "too few to say anything"
    assert pace(3).days == 3.0 and Pace().days is None


@given(st.integers(0, 10**6), st.integers(0, 10**12), st.none() | st.integers(1, 3650))
def test_it_stays_within_bounds(deals: int, took: int, target: int | None) -> None:
    assert AGAIN_AFTER / MOST <= again(Pace(deals, took), target).seconds <= AGAIN_AFTER * MOST


def test_it_says_which_way_it_went_and_whether_the_bounds_held_it() -> None:
    assert [again(pace(days), 10).changed for days in (8, 10, 12)] == [-1, 0, 1]
    assert [again(pace(days), 10).bounded for days in (1, 8, 10, 90)] == [True, False, False, True]
