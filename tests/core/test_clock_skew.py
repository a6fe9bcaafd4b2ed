"""The clocks' difference is measured, not the delay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.calls.clock_skew import LIMIT, WINDOW, SkewMeter, said

NOW = 1_800_000_000.0
ahead = st.floats(-90_000, 90_000)
delays = st.lists(st.floats(0.01, 60.0), min_size=1, max_size=50)


@given(ahead, delays, st.data())
def test_delay_is_not_taken_for_skew(by: float, late: list[float], data: st.DataObject) -> None:
    late.insert(data.draw(st.integers(0, len(late))), 0.01)
    meter = SkewMeter()
    for number, delay in enumerate(late):
        arrived = NOW + number
        meter.take(arrived - delay + by, arrived)
    assert meter.ahead == pytest.approx(by - 0.01, abs=1e-4)


@given(ahead, ahead)
def test_a_clock_that_is_set_is_followed(before: float, after: float) -> None:
    meter = SkewMeter()
    for second in range(0, int(3 * WINDOW), 10):
        meter.take(NOW + second + before, NOW + second)
    for second in range(int(3 * WINDOW), int(6 * WINDOW), 10):
        meter.take(NOW + second + after, NOW + second)
    assert meter.ahead == pytest.approx(after, abs=1e-4)


def test_nothing_is_known_before_something_came_and_old_news_is_forgotten() -> None:
    meter = SkewMeter()
    assert meter.ahead is None and said(None) == ("", {})
    meter.take(NOW + 50, NOW)
    later = NOW + 10 * WINDOW
    meter.take(later - 1, later)
    assert meter.ahead == pytest.approx(-1, abs=1e-4)


def test_our_own_clock_set_back_begins_anew() -> None:
    meter = SkewMeter()
    meter.take(NOW, NOW + 3600)
    meter.take(NOW, NOW)
    assert meter.ahead == 0.0


@given(st.floats(-LIMIT, LIMIT))
def test_within_the_limit_nothing_is_said(by: float) -> None:
    assert said(by) == ("", {})


@given(st.integers(1, 28), st.sampled_from([1, -1]), st.floats(-50, 50))
def test_half_hours_are_a_wrong_zone(steps: int, sign: int, more: float) -> None:
    assert said(sign * 1800 * steps + more) == ("zone-looks-wrong", {"hours": f"{steps / 2:g}"})


def test_other_skew_is_said_with_its_direction() -> None:
    assert said(12.4) == ("clock-ahead", {"seconds": "12"})
    assert said(-600.0) == ("clock-behind", {"seconds": "600"})
    assert said(86_400.0 * 3) == ("clock-ahead", {"seconds": "259200"})
    assert said(-30.0, limit=65.0) == ("", {})


def test_what_waited_for_the_link_says_nothing_of_the_clock() -> None:
    meter = SkewMeter(buffered=True)
    meter.link_up(NOW)
    for minute in range(10):
        meter.take(NOW - 3601.0 + 60 * minute, NOW + 1)
    assert meter.ahead is None
    meter.take(NOW + 99.0, NOW + 100)
    assert meter.ahead == -1.0


def test_files_that_are_dropped_now_and_then_only_tell_of_a_clock_that_is_ahead() -> None:
    meter = SkewMeter(buffered=True, delayed=True)
    meter.take(NOW - 20_000.0, NOW)
    assert meter.ahead is None
    meter.take(NOW + 50.0, NOW + 1)
    assert meter.ahead == 49.0


def test_an_exchange_that_tells_minutes_is_off_by_one_at_most_until_it_tells_a_second() -> None:
    meter = SkewMeter(buffered=True)
    minute = NOW - NOW % 60
    meter.take(minute, minute + 55)
    assert (meter.ahead, meter.unsure) == (-55.0, 60.0)
    meter.take(minute + 61, minute + 63)
    assert (meter.ahead, meter.unsure) == (-2.0, 0.0)
