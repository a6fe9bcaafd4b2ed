"""A tester has a scenario played on a simulated exchange of the server, over a real database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.storage import mapping
from cti_server.shared.scope import EVERYTHING, Scope, Span
from tests.adapters.storage_rig import put
from tests.web.test_exchange_pages import Site

CALL = '[[call]]\nat = 1\nto = "0312345600"\nrings = ["2001"]\n'


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    assert site.accounts.now is not None
    rights = site.accounts.now.rights | {"simulator"}
    site.accounts.now = replace(site.accounts.now, language="en", rights=rights)
    for id, branch, state in (("lab", "121", "up"), ("far", "122", "up"), ("off", "121", "down")):
        put(site.database, mapping.Exchange(id=id, name=id.upper(), kind="simulated", branch=branch, state=state))
    return site


def post(site: Site, **form: str) -> tuple[int, str]:
    headers = {"HX-Request": "true", "HX-Target": "y-sim"}
    answer = site.client().post("/sim/live", data={"scenario": "own", **form}, headers=headers)
    return answer.status_code, answer.get_data(as_text=True)


def plays(site: Site) -> list[dict[str, Any]]:
    return [body for kind, body in site.told() if kind == "play"]


def test_the_page_offers_simulated_exchanges_that_are_connected_and_no_others(site: Site) -> None:
    page = site.client().get("/sim").get_data(as_text=True)
    assert 'value="lab"' in page and 'value="off"' not in page and 'value="hq"' not in page


def test_a_scenario_is_left_for_the_daemon_and_stands_in_the_trail(site: Site) -> None:
    status, text = post(site, exchange="lab", text=CALL, live_speed="10")
    assert status == 200 and "Being played on LAB" in text and "Read as expected" in text
    assert plays(site) == [{"exchange": "lab", "command": "play", "by": "900", "text": CALL, "speed": 10}]
    with site.database.open(EVERYTHING) as work:
        acts = [row.act for row in work.session.query(mapping.Audit)]
    assert acts == ["played a scenario"]


def test_its_address_loaded_again_plays_nothing(site: Site) -> None:
    answer = site.client().get("/sim/live")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sim") and not plays(site)


def test_it_is_paused_and_stopped_without_playing_anything_again(site: Site) -> None:
    assert "Paused on LAB" in post(site, exchange="lab", act="pause")[1]
    assert "Stopped on LAB" in post(site, exchange="lab", act="stop")[1]
    assert [body["command"] for body in plays(site)] == ["pause", "stop"]


def test_a_file_with_a_fault_is_told_and_not_played(site: Site) -> None:
    text = post(site, exchange="lab", text=CALL + "talk = inf\n")[1]
    assert "own.toml, line 5: talk is inf: it would never end" in text and not plays(site)


@pytest.mark.parametrize(("exchange", "status"), [("hq", 404), ("nobody", 404), ("off", 503)])
def test_no_other_exchange_plays_anything(site: Site, exchange: str, status: int) -> None:
    assert post(site, exchange=exchange, act="stop")[0] == status and not plays(site)


@pytest.mark.parametrize("form", [{"act": "explode"}, {"act": "stop", "live_speed": "7"}])
def test_what_makes_no_sense_is_refused(site: Site, form: dict[str, str]) -> None:
    assert post(site, exchange="lab", **form)[0] == 422 and not plays(site)


def test_only_for_whom_the_simulator_is_and_only_where_they_see(site: Site) -> None:
    everywhere = site.accounts.now
    assert everywhere is not None
    scope = Scope("801", "121", Span.BRANCH, frozenset({1, 2, 3}), True, True)
    site.accounts.now = replace(everywhere, scope=scope, rights=frozenset({"simulator"}))
    assert post(site, exchange="far", act="stop")[0] == 404
    assert post(site, exchange="lab", act="stop")[0] == 200
    site.accounts.now = replace(everywhere, rights=everywhere.rights - {"simulator"})
    assert post(site, exchange="lab", act="stop")[0] == 403
    assert len(plays(site)) == 1
