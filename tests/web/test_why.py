"""The page that says why there was no pop-up: what is sent is a form, what is said has words for every code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cti_server.calls import desk_tracing, tracing
from cti_web import why_words
from tests.web.fake_desk import FakeDesk
from tests.web.pages import make_app

WHY = "/admin/exchanges/osaka/why"


@pytest.fixture
def fake() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def client(tmp_path: Path, fake: FakeDesk) -> FlaskClient:
    app = make_app(tmp_path, fake)
    app.config["WTF_CSRF_ENABLED"] = False
    made = app.test_client()
    made.set_cookie("yobirin", "en")
    return made


def test_every_code_has_words() -> None:
    text = Path(tracing.__file__).read_text("utf-8") + Path(desk_tracing.__file__).read_text("utf-8")
    steps = re.findall(r'(?:Step|not_there)\((?:"(\w+)"|\w+), (?:"\w+"|light|\w+), (.*?)[,)]', text)
    codes = {code for _, found in steps for code in re.findall(r'"([\w-]+)"', found)}
    assert len(codes) > 30 and codes <= why_words.FOUND.keys()
    assert set(tracing.STEPS) == why_words.STEPS.keys()


def test_a_number_is_asked_for_in_a_form_and_stands_in_no_address(client: FlaskClient, fake: FakeDesk) -> None:
    answer = client.post(WHY, data={"number": "03-1234-0142", "at": ""}, headers={"HX-Request": "true"})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and ("why_number", "osaka", "+81312340142") in fake.acts
    assert "No screen was open at: 山田 太郎" in text and "here it broke" in text
    assert not re.search(r'(?:href|action)="[^"]*0142', text)
    assert client.get(WHY).status_code == 200 and "0142" not in client.get(WHY).get_data(as_text=True)


def test_a_pasted_message_says_how_it_would_be_read(client: FlaskClient, fake: FakeDesk) -> None:
    line = "Event: Hangup\r\nCallerIDNum: 0312340142\r\nUniqueid: 1.1\r\nExten: 2104\r\nCause: 16\r\n"
    text = client.post(f"{WHY}/dry", data={"line": line}).get_data(as_text=True)
    assert ("dry_run", "osaka", "0312340142", "2104") in fake.acts
    assert "This line would be read as LegEnded" in text or "can&#39;t be read" in text
    nothing = client.post(f"{WHY}/dry", data={"line": "Event: Nonsense"}).get_data(as_text=True)
    assert "it would be passed over" in nothing


def test_one_call_has_an_address(client: FlaskClient) -> None:
    assert "<h1>Why was there no pop-up?</h1>" in client.get(f"{WHY}/hq-1795398001.1").get_data(as_text=True)
    assert client.get(f"{WHY}/nothing").status_code == 404
