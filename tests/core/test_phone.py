from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.shared import phone
from cti_server.shared.phone import Plan

TOKYO = Plan(area_code="03", outside_prefix="0")
BARE = Plan()
NEW_YORK = Plan("US", "212", "9")
LONDON = Plan("GB", "020", "9")
NUMBER = "+81312345678"


@pytest.mark.parametrize(
    "raw",
    [
        "0312345678",
        "03-1234-5678",
        "(03) 1234-5678",
        "03(1234)5678",
        "03.1234.5678",
        "03 1234 5678",
        "０３１２３４５６７８",
        "０３－１２３４－５６７８",
        "０３ー１２３４ー５６７８",
        "03−1234‐5678",
        "312345678",
        "12345678",
        "1234-5678",
        "00312345678",
        "+81312345678",
        "+81 3 1234 5678",
        "+81 (0)3-1234-5678",
        "+81(0)312345678",
        "+810312345678",
        "+0312345678",
        "81312345678",
        "010 81 3 1234 5678",
        "0081312345678",
        "01181312345678",
        "00330312345678",
        "1840312345678",
        "1860312345678",
        "186-03-1234-5678",
        "sip:0312345678@10.0.0.1",
        "sip:+81312345678@10.0.0.1:5060;user=phone",
        "sips:0312345678;phone-context=x@example.com",
        "sip:%2B81312345678@example.com",
        '"山田" <sip:0312345678@10.0.0.1>',
        '"Yamada Taro" <0312345678>',
        "tel:+81-3-1234-5678",
        "tel:+81-3-1234-5678;ext=12",
        "tel:1234-5678;phone-context=+81-3",
        "03-1234-5678 内線123",
        "03-1234-5678(内線123)",
        "03-1234-5678 ext. 12",
        "0312345678x12",
        "0312345678#12",
        "0312345678,,12",
        " 0312345678 ",
    ],
)
def test_however_it_is_written_it_is_the_same_number(raw: str) -> None:
    assert phone.e164(raw, TOKYO) == NUMBER


@pytest.mark.parametrize(
    ("raw", "plan", "expected"),
    [
        ("09012345678", TOKYO, "+819012345678"),
        ("9012345678", TOKYO, "+819012345678"),
        ("00" + "9012345678", TOKYO, "+819012345678"),
        ("05031234567", TOKYO, "+815031234567"),
        ("0120-123-456", TOKYO, "+81120123456"),
        ("0800-123-4567", TOKYO, "+818001234567"),
        ("0570-000-123", TOKYO, "+81570000123"),
        ("04992-2-1234", TOKYO, "+81499221234"),
        ("011-333-4444", BARE, "+81113334444"),  # Sapporo, not an international prefix
        ("0113334444", TOKYO, "+81113334444"),
        ("0441234567", TOKYO, "+81441234567"),
        ("00441234567", TOKYO, "+81441234567"),  # Kawasaki after the outside line, not the United Kingdom
        ("0044 20 7946 0958", TOKYO, "+442079460958"),
        ("010 44 20 7946 0958", TOKYO, "+442079460958"),
        ("+442079460958", TOKYO, "+442079460958"),
        ("020 7946 0958", LONDON, "+442079460958"),
        ("9 020 7946 0958", LONDON, "+442079460958"),
        ("7946 0958", LONDON, "+442079460958"),
        ("(212) 555-0100", NEW_YORK, "+12125550100"),
        ("1 212 555 0100", NEW_YORK, "+12125550100"),
        ("555-0100", NEW_YORK, "+12125550100"),
        ("*67 212 555 0100", NEW_YORK, "+12125550100"),
        ("011 81 3 1234 5678", NEW_YORK, NUMBER),
        ("912125550100", NEW_YORK, "+12125550100"),
    ],
)
def test_prefixes_follow_the_exchanges_plan(raw: str, plan: Plan, expected: str) -> None:
    assert phone.e164(raw, plan) == expected


@pytest.mark.parametrize("raw", ["0300000142", "300000142", "00300000142", "81300000142", "+81300000142"])
def test_sample_numbers_that_no_numbering_plan_has_still_match_themselves(raw: str) -> None:
    assert phone.e164(raw, TOKYO) == "+81300000142"


@pytest.mark.parametrize(
    "raw",
    [
        "2001",
        "+2001",
        "+812001",
        "10",
        "110",
        "117",
        "119",
        "171",
        "188",
        "911",
        "#7119",
        "*2001",
        "**2001",
        "*8",
        "s",
        "h",
        "asterisk",
        "Local",
        "12",
        "1",
        "99999999999999999999",
        "+",
        "０",
        "〒",
        "03-ABC",
        "\x00",
        "0" * 10,
    ],
)
def test_extensions_short_numbers_and_rubbish_are_no_number(raw: str) -> None:
    assert phone.e164(raw, TOKYO) is None


def test_an_extension_pattern_of_ones_own_is_heeded() -> None:
    assert phone.e164("31234567", Plan(area_code="03", extensions=r"3\d{7}")) is None
    assert phone.e164("31234567", Plan(area_code="03")) == "+81331234567"


@pytest.mark.parametrize(
    "raw",
    [
        None,
        "",
        "  ",
        "anonymous",
        "Anonymous",
        "ANONYMOUS",
        "private",
        "Restricted",
        "unknown",
        "<unknown>",
        "P",
        "Ｐ",
        "O",
        "C",
        "S",
        "非通知",
        "非通知設定",
        "公衆電話",
        "表示圏外",
        "anonymous@anonymous.invalid",
        '"Anonymous"',
        "sip:anonymous@anonymous.invalid",
    ],
)
def test_withheld_numbers_are_known_as_such(raw: str | None) -> None:
    assert phone.withheld(raw)
    assert phone.e164(raw, TOKYO) is None


@pytest.mark.parametrize("raw", ["0312345678", "2001", "Private Bank", "sip:100@x"])
def test_what_is_shown_is_not_withheld(raw: str) -> None:
    assert not phone.withheld(raw)


@given(st.text(max_size=40))
def test_no_text_whatever_makes_it_fail(raw: str) -> None:
    found = phone.e164(raw, TOKYO)
    assert found is None or (found.startswith("+") and found[1:].isdigit())
    phone.withheld(raw)
    phone.show(raw, masked=True)


@given(st.integers(2 * 10**8, 10**9 - 1))
def test_writing_and_reading_a_number_gives_it_back(number: int) -> None:
    known = f"+81{number}"
    for shown in (phone.show(known), phone.show(known, "GB"), f"0{number}"):
        assert phone.e164(shown, BARE) == known


def test_the_tail_has_the_last_digits_first() -> None:
    assert phone.tail(NUMBER) == "87654321"
    assert phone.tail("+442079460958").startswith("8590")
    assert phone.tail("+81 3-1234-5678") == phone.tail("0612345678") == "87654321"
    assert phone.tail("123") == "321"


@pytest.mark.parametrize(
    ("number", "region", "whole", "masked"),
    [
        ("+81300000142", "JP", "03-0000-0142", "03-••••-0142"),
        ("+819012345678", "JP", "090-1234-5678", "090-••••-5678"),
        ("+81120123456", "JP", "0120-123-456", "0120-••3-456"),
        ("+442079460958", "JP", "+44 20 7946 0958", "+44 20 •••• 0958"),
        ("+442079460958", "GB", "020 7946 0958", "020 •••• 0958"),
        ("+81312345678", "GB", "+81 3-1234-5678", "+81 3-••••-5678"),
        ("2001", "JP", "2001", "••01"),
        ("1234567", "JP", "1234567", "•••••67"),
        ("", "JP", "", ""),
        (None, "JP", "", ""),
    ],
)
def test_numbers_for_people(number: str | None, region: str, whole: str, masked: str) -> None:
    assert phone.show(number, region) == whole
    assert phone.show(number, region, True) == masked


@given(st.sampled_from(["+81", "+44", "+1", "", "0"]), st.from_regex(r"\A\d{1,14}\Z"))
def test_a_masked_number_never_shows_more_than_its_beginning_and_its_end(prefix: str, digits: str) -> None:
    number = prefix + digits
    whole, masked = phone.show(number), phone.show(number, masked=True)
    count = sum(map(str.isdigit, whole))
    assert len(masked) == len(whole)
    assert all(one == other or one == "•" for one, other in zip(masked, whole, strict=True))
    if count >= 4:
        assert masked.count("•") >= 2
    if count >= 2:
        assert masked != whole


@pytest.mark.parametrize(
    ("number", "kind"),
    [("+81312345678", "landline"), ("+819012345678", "mobile"), ("+81120123456", "other"), ("rubbish", "other")],
)
def test_landline_and_mobile_are_told_apart(number: str, kind: str) -> None:
    assert phone.kind(number) == kind


def test_the_reader_of_a_plan_remembers() -> None:
    assert phone.reader(TOKYO) is phone.reader(Plan(area_code="03", outside_prefix="0"))


def test_the_geocoder_is_never_loaded() -> None:
    """Importing it would cost 96 MB."""
    code = "import sys, cti_server.shared.phone; sys.exit(any('geo' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.from_regex(r"\A(0|\+81|\+810|00|810?)?[1-9]\d{7,10}\Z"), st.sampled_from(["", "0", "9", "01"]))
def test_the_short_cut_for_plain_japanese_numbers_says_what_the_long_way_says(digits: str, prefix: str) -> None:
    plan = Plan(outside_prefix=prefix)
    read = phone.e164(digits, plan)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phone, "_PLAIN_JAPANESE", re.compile("(?!)"))
        phone.reader.cache_clear()
        assert phone.e164(digits, plan) == read
    phone.reader.cache_clear()
