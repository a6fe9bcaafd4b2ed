"""Whether a member can take a customer."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.phases.availability import Absence, Hours, Staffing
from cti_server.shared.errors import Invalid

TOKYO = ZoneInfo("Asia/Tokyo")
HOURS = Hours("Asia/Tokyo", {day: (time(9), time(17, 30)) for day in range(5)})
DAY = 86_400.0


def _at(day: int, hour: int, minute: int = 0) -> float:
    """A moment of November 2026, in Tokyo; the 2nd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO).timestamp()


def test_who_works_now_can() -> None:
    assert Staffing(5, HOURS).obstacle(4, _at(4, 10), 0) is None
    assert Staffing(5, HOURS).obstacle(5, _at(4, 10), 0) == "full"


def test_the_next_morning_is_soon_enough_where_a_customer_may_wait_so_long() -> None:
    member = Staffing(5, HOURS)
    assert member.free_from(_at(4, 20)) == _at(5, 9)
    assert member.obstacle(0, _at(4, 20), DAY) is None
    assert member.obstacle(0, _at(4, 20), 3600) == "hours"
    assert member.free_from(_at(6, 18)) == _at(9, 9), "over the weekend"


def test_who_is_away_comes_back_at_the_next_hour_of_work() -> None:
    away = Staffing(5, HOURS, (Absence(_at(4, 0), _at(6, 0)), Absence(_at(6, 0), _at(6, 12))))
    assert away.free_from(_at(4, 10)) == _at(6, 12)
    assert away.obstacle(0, _at(4, 10), DAY) == "absent"
    assert away.obstacle(0, _at(4, 10), 3 * DAY) is None
    assert Staffing(5, HOURS, (Absence(_at(1, 0), _at(30, 0)),)).free_from(_at(4, 10)) is None


def test_a_day_must_end_after_it_begins() -> None:
    with pytest.raises(Invalid):
        Hours("Asia/Tokyo", {0: (time(17), time(9))})


@given(
    st.floats(_at(1, 0), _at(28, 0)),
    st.lists(st.tuples(st.floats(_at(1, 0), _at(28, 0)), st.floats(0, 5 * DAY)), max_size=4),
)
def test_the_moment_is_one_of_work(at: float, gone: list[tuple[float, float]]) -> None:
    absences = tuple(Absence(since, since + lasts) for since, lasts in gone)
    moment = Staffing(5, HOURS, absences).free_from(at)
    if moment is not None:
        local = datetime.fromtimestamp(moment, TOKYO)
        assert moment >= at and local.weekday() < 5 and time(9) <= local.time() < time(17, 30)
        assert not any(away.since <= moment < away.until for away in absences)


def test_who_is_away_is_back_after_absences_that_touch() -> None:
    staffing = Staffing(5, None, (Absence(20.0, 30.0), Absence(10.0, 20.0), Absence(40.0, 50.0)))
    assert [staffing.back_at(at) for at in (9.0, 10.0, 25.0, 30.0, 45.0, 50.0)] == [None, 30.0, 30.0, None, 50.0, None]
