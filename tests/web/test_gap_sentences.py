"""What a page says of a time in which an exchange was not heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_server.calls.views import Gap
from tests.web.fake_desk import FakeDesk, at
from tests.web.pages import make_app

BLIND = Gap("yokohama", "122", "Yokohama", at("10:02"), at("10:07"), "silent", source="csv", fetched_at=at("10:08"))
HIDDEN: dict[str, Any] = {"recovered": None, "completed": None, "unread": None}
FAILED: dict[str, Any] = HIDDEN | {"problem": "record-failed"}


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FlaskClient, list[Gap]]]:
    shown: list[Gap] = []
    monkeypatch.setattr(FakeDesk, "gaps", lambda _: shown)
    client = make_app(tmp_path, FakeDesk()).test_client()
    client.set_cookie("yobirin", "en")
    yield client, shown


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"fetched_at": None}, "Its calls are being fetched"),
        ({"recovered": 3, "completed": 1}, "3 calls recovered from the exchange's own record. 1 that was cut is"),
        ({}, "By the exchange's own record no call is missing here."),
        ({"recovered": 1, "unread": 2}, "2 entries of it can't be read."),
        (HIDDEN, "What is missing was fetched from the exchange's own record."),
        (FAILED, "can't be read just now: calls of that time may be missing here."),
        ({"problem": "record-none"}, "Calls of that time may be missing here."),
    ],
)
def test_the_list_of_calls_says_what_came_of_a_gap(
    pages: tuple[FlaskClient, list[Gap]], known: dict[str, Any], said: str
) -> None:
    client, shown = pages
    shown.append(replace(BLIND, **known))
    page = " ".join(client.get("/calls").get_data(as_text=True).split())
    told = page.partition("was blind")[2].partition("</div></div>")[0]
    assert said in told
    assert "None" not in told


def test_without_counts_one_that_gave_back_nothing_looks_like_one_that_gave_back_calls(
    pages: tuple[FlaskClient, list[Gap]],
) -> None:
    client, shown = pages
    shown.append(replace(BLIND, **HIDDEN))
    page = client.get("/calls").get_data(as_text=True)
    assert "recovered" not in page and "no call is missing" not in page
