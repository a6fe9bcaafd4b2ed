"""The tester's page: a scenario is played by a process of its own, read, and held against what must come out."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_adapters import profiles
from cti_web import rehearsing, sim
from tests.web.fake_desk import FakeDesk
from tests.web.pages import REP, FakeAccounts, make_app

OWN = '[[call]]\nat = 1\ntitle = "mine"\nto = "0312345600"\nrings = ["2001"]\n'


def client_of(folder: Path, viewer: Any = REP) -> FlaskClient:
    app = make_app(folder, FakeDesk(), FakeAccounts(viewer))
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    client.set_cookie("yobirin", "en")
    return client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return client_of(tmp_path_factory.mktemp("sim"))


def play(client: FlaskClient, **form: Any) -> tuple[int, str]:
    answer = client.post("/sim", data=form, headers={"HX-Request": "true", "HX-Target": "y-sim"})
    return answer.status_code, answer.get_data(as_text=True)


def test_only_for_whom_the_simulator_is(tmp_path: Path) -> None:
    other = client_of(tmp_path, replace(REP, rights=REP.rights - {"simulator"}))
    assert other.get("/sim").status_code == other.post("/sim", data={"scenario": "busy"}).status_code == 403
    assert 'href="/sim"' not in other.get("/desk").get_data(as_text=True)


def test_every_shipped_scenario_can_be_chosen(client: FlaskClient) -> None:
    text = client.get("/sim").get_data(as_text=True)
    assert 'href="/sim"' in text and "Nothing has been played yet" in text
    assert all(f'value="{name}"' in text for name in rehearsing.shipped())


def test_a_scenario_is_played_and_read_as_expected(client: FlaskClient) -> None:
    status, text = play(client, scenario="attended-transfer", seed="7")
    assert status == 200 and "Read as expected" in text and "AttendedTransfer" in text
    assert "transferred_to" in text and "data-differs" not in text


def test_where_reading_and_meaning_differ_stands_field_by_field(client: FlaskClient) -> None:
    own = OWN + '[call.expect]\ndisposition = "busy"\nanswered = true\n'
    status, text = play(client, scenario="own", text=own)
    assert status == 200 and "Read otherwise than expected" in text and text.count("data-differs") == 1


def test_an_uploaded_file_with_a_fault_is_answered_with_its_line(client: FlaskClient) -> None:
    bad = (OWN + "talk = inf\n").encode()
    status, text = play(client, scenario="own", file=(BytesIO(bad), "mine.toml"))
    assert status == 200 and "own.toml, line 6: talk is inf: it would never end" in text


def test_faults_of_the_line_change_what_is_sent_and_not_what_is_read(client: FlaskClient) -> None:
    text = play(client, scenario="queue", fault=["tiny", "split", "garbage", "skew"])[1]
    assert "Read as expected" in text and "could not be read" in text


def test_a_link_that_was_cut_is_connected_again(client: FlaskClient) -> None:
    assert "2 connections" in play(client, scenario="cut-link")[1]


def test_many_messages_alike_are_one_line(client: FlaskClient) -> None:
    text = play(client, scenario="storm")[1]
    assert "DeviceStateChange</b> × " in text and text.count("<li") < 100


@pytest.mark.parametrize(
    "form", [{"scenario": "../cti"}, {"scenario": "busy", "seed": "x"}, {"scenario": "own", "text": "x" * 70_000}]
)
def test_what_cannot_be_taken_is_refused(client: FlaskClient, form: dict[str, str]) -> None:
    assert play(client, **form)[0] == 422


def test_a_scenario_is_played_as_records_of_a_make(client: FlaskClient) -> None:
    page = client.get("/sim").get_data(as_text=True)
    assert all((f'value="{make}"' in page) == bool(one.writes) for make, one in profiles.shipped().items())
    status, text = play(client, scenario="answered", protocol="avaya-ipoffice")
    assert status == 200 and "Read as expected" in text and "<b>Record</b>" in text


def test_what_befalls_the_exchange_in_mid_call_is_explained_where_it_shows(client: FlaskClient) -> None:
    text = play(client, scenario="answered", fault=["kill"])[1]
    assert "without an end that anybody saw" in text and "data-differs" in text
    assert "2 connections" in play(client, scenario="answered", fault=["half-open"])[1]


def test_every_fault_says_what_is_to_be_seen(client: FlaskClient) -> None:
    text = client.get("/sim").get_data(as_text=True)
    assert all(str(fault.text) in text for fault in sim.FAULTS.values()) and text.count('name="fault"') == 10


def test_a_make_that_there_is_not_is_refused(client: FlaskClient) -> None:
    assert {play(client, scenario="busy", protocol=make)[0] for make in ("nobody", "avaya-cm")} == {422}
