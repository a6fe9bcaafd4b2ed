"""Times, lengths and names as they are written."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from werkzeug.datastructures import MultiDict

from cti_web import formats, periods

TOKYO = "Asia/Tokyo"


def stamp(text: str, zone: str = TOKYO) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


NOW = stamp("2026-11-23T10:44")


@pytest.mark.parametrize(
    ("at", "language", "expected"),
    [
        ("2026-11-23T00:00", "en", "00:00"),
        ("2026-11-22T23:59", "en", "22 Nov 23:59"),
        ("2026-11-22T23:59", "ja", "11/22 23:59"),
        ("2025-11-22T23:59", "ja", "2025/11/22 23:59"),
        ("2025-11-22T23:59", "en", "22 Nov 2025 23:59"),
    ],
)
def test_a_moment_is_as_short_as_it_stays_clear(at: str, language: str, expected: str) -> None:
    assert formats.moment(stamp(at), NOW, TOKYO, language) == expected


def test_the_day_turns_in_the_viewers_zone() -> None:
    at = stamp("2026-11-23T01:00")
    assert formats.moment(at, NOW, TOKYO, "en") == "01:00"
    assert formats.moment(at, NOW, "Europe/London", "en") == "22 Nov 16:00"


def test_lengths() -> None:
    assert [formats.length(one) for one in (0, 7, 61, 3599.6, 3723)] == ["0:00", "0:07", "1:01", "1:00:00", "1:02:03"]


def test_zones_are_named() -> None:
    assert formats.zone_label(TOKYO, NOW) == "JST (UTC+9)"
    assert formats.zone_label("Asia/Kolkata", NOW) == "IST (UTC+5:30)"
    assert formats.zone_label("America/Sao_Paulo", NOW) == "UTC−3"


def test_full_and_days() -> None:
    assert formats.full(NOW, TOKYO, "en") == "Mon 23 Nov 2026 10:44:00 JST"
    assert formats.full(NOW, TOKYO, "ja") == "2026/11/23（月） 10:44:00 JST"
    assert formats.day_span(date(2026, 11, 23), date(2026, 11, 23), "ja") == "11/23（月）"
    assert formats.day_span(date(2026, 11, 22), date(2026, 11, 23), "en") == "Sun 22 Nov – Mon 23 Nov"


def test_names() -> None:
    assert formats.polite("渡辺 和子", "ja") == "渡辺 和子 様"
    assert formats.polite("Kazuko", "en") == "Kazuko"
    assert [formats.initials(one) for one in ("渡辺 和子", "株式会社ミナト商会", "Mary Ann Smith", "")] == [
        "渡",
        "ミ",
        "MS",
        "?",
    ]


def read(**arguments: str) -> periods.Period:
    return periods.read(MultiDict(arguments), TOKYO, NOW)


def test_periods_are_whole_days_of_the_zone() -> None:
    today = read()
    assert (today.since, today.until) == (stamp("2026-11-23T00:00"), stamp("2026-11-24T00:00"))
    assert read(period="week").since == stamp("2026-11-17T00:00")
    chosen = periods.read(MultiDict({"from": "2026-11-05", "to": "2026-11-01"}), TOKYO, NOW)
    assert (chosen.first, chosen.last) == (date(2026, 11, 1), date(2026, 11, 5))
    assert chosen.address == {"from": "2026-11-01", "to": "2026-11-05"}


def test_an_address_that_makes_no_sense_means_today() -> None:
    assert read(period="nonsense").key == "today"
    assert periods.read(MultiDict({"from": "yesterday"}), TOKYO, NOW).key == "today"


def test_a_day_of_25_hours_is_one_day() -> None:
    period = periods.read(MultiDict({"from": "2026-10-25", "to": "2026-10-25"}), "Europe/Berlin", NOW)
    assert period.until - period.since == 25 * 3600
