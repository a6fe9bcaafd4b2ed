"""The callback draft and what may be sent."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from cti_server.calls.draft import (
    Occasion,
    checked_address,
    checked_mail,
    checked_template,
    filled,
    language_of,
    said_time,
)
from cti_server.shared.errors import Invalid

TEMPLATES = tomllib.loads((Path(__file__).parents[2] / "config" / "templates.toml").read_text("utf-8"))
CALL = Occasion("AA NNN", "100101", "本店営業部", "山田", 1_622_509_500.0, "Asia/Tokyo")


def test_the_example_of_the_spec() -> None:
    assert filled(TEMPLATES["ja"]["body"], CALL, "ja") == (
        "AA NNN 様 (顧客コード 100101) お世話になっております。本店営業部・山田です。"
        "2021/6/1 10:05 にお電話を頂き、ありがとうございます。"
    )


def test_english() -> None:
    assert filled(TEMPLATES["en"]["body"], CALL, "en").startswith("Dear AA NNN (customer code 100101),")
    assert said_time(CALL.at, "Asia/Tokyo", "en") == "1 June 2021, 10:05"
    assert said_time(CALL.at, "Europe/London", "ja") == "2021/6/1 2:05"


def test_a_name_with_braces_stays_as_it_is() -> None:
    odd = Occasion("{code} & {x}", "1", "b", "r", 0.0, "UTC")
    assert filled("{customer}|{code}", odd, "ja") == "{code} & {x}|1"


def test_a_template_names_what_there_is() -> None:
    with pytest.raises(Invalid, match=r"can't name \{phone\}; it may name \{customer\}"):
        checked_template("{customer} {phone}")


@pytest.mark.parametrize(("asked", "customers", "used"), [(None, "ja", "ja"), ("en", "ja", "en"), (None, "fr", "en")])
def test_the_language(asked: str | None, customers: str, used: str) -> None:
    assert language_of(asked, customers) == used


@pytest.mark.parametrize("good", ["a@example.jp", " x.y+z@mail.example.co.jp ", "o'neil@example.com"])
def test_good_addresses(good: str) -> None:
    assert checked_address(good) == good.strip()


@pytest.mark.parametrize(
    "bad",
    ["", "a", "a@b", "a@@example.jp", "a b@example.jp", "a@example.jp,b@example.jp", "<a@example.jp>", ".a@example.jp",
     "a@-x.jp", "あ@example.jp", "a@example.jp\nBcc: b@example.jp", f"{'a' * 250}@example.jp"],
)  # fmt: skip
def test_bad_addresses(bad: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_mail(bad, "s", "b")
    assert refused.value.field == "to"


def test_no_header_of_ones_own() -> None:
    for subject in ("x\r\nBcc: b@example.jp", "x\ny", "x\0"):
        with pytest.raises(Invalid, match="one line"):
            checked_mail("a@example.jp", subject, "b")
    assert checked_mail("a@example.jp", " s ", "b\r\nc") == ("a@example.jp", "s", "b\nc")


@pytest.mark.parametrize(
    ("subject", "body", "field"), [("", "b", "subject"), ("s", " ", "body"), ("s" * 201, "b", "subject")]
)
def test_what_is_missing_or_too_long(subject: str, body: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_mail("a@example.jp", subject, body)
    assert refused.value.field == field
