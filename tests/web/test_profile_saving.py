"""Saving a profile on the page, its versions, and the exchange that is read by it, over a real database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cti_adapters.exchanges.recording import recording_of
from cti_adapters.profiles import known, profile_named, renamed, source_of
from cti_adapters.storage.settings_now import saved_profiles
from cti_adapters.wire.smdr.loading import parse
from cti_server.cli import main
from tests.web.test_exchange_pages import Site
from tests.web.test_profile_pages import AVAYA

AVAYA_TEXT = source_of("avaya-ipoffice")
WITHOUT_RING = AVAYA_TEXT.replace('ring_seconds = "$ring"\n', "").replace("ring_seconds = 7, ", "")
EXCHANGE = {
    "kind": "smdr",
    "feed": "connect",
    "id": "osaka",
    "name": "大阪 PBX",
    "branch": "122",
    "host": "192.0.2.7",
    "port": "5009",
    "profile": "mine",
    "region": "JP",
    "timezone": "Asia/Tokyo",
    "extensions": r"\d{4}",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def client(site: Site) -> FlaskClient:
    assert site.accounts.now is not None
    site.accounts.now = replace(site.accounts.now, language="en")
    return site.client()


def save(client: FlaskClient, text: str, status: int = 200, **more: str) -> str:
    form = {"lines": AVAYA, "name": "avaya-ipoffice", "save_as": "mine", "source": text, "version": "0"} | more
    answer = client.post("/admin/profiles/save", data=form)
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page
    return page


def no_tests(text: str) -> str:
    """A profile without its own test lines."""
    return text.partition("[[test]]")[0]


def test_a_changed_profile_that_ships_is_saved_beside_it(client: FlaskClient, site: Site) -> None:
    page = save(client, no_tests(AVAYA_TEXT))
    assert "mine is saved, version 1." in page and "No exchange uses it yet" in page
    assert "kind=smdr&amp;feed=connect&amp;profile=mine" in page
    assert AVAYA[:40] in page, "the lines stay on the page"
    assert AVAYA[20:40] not in site.everything(), "and are kept nowhere"
    (text,) = saved_profiles(site.settings).values()
    assert 'name = "mine"' in text and parse(text, "mine").name == "mine"
    assert "avaya-ipoffice" in known(saved_profiles(site.settings))
    assert ("profile", {"profile": "mine"}) in site.told()


def test_an_exchange_is_set_up_with_it_and_read_by_each_version_of_it(client: FlaskClient, site: Site) -> None:
    save(client, no_tests(AVAYA_TEXT))
    form = client.get("/admin/exchanges/new-exchange?kind=smdr&feed=connect&profile=mine").get_data(as_text=True)
    assert 'value="mine" selected' in form
    assert client.post("/admin/exchanges/new-exchange", data=EXCHANGE).status_code == 303
    before = site.runs()["osaka"]
    (first,) = recording_of(before).decoder.feed(f"{AVAYA}\r\n".encode(), 1.0)
    assert first.record.ring_seconds == 7  # type: ignore[union-attr]
    page = save(client, no_tests(WITHOUT_RING), name="mine", version="1")
    assert "It is used at once for what comes from: 大阪 PBX" in page
    after = site.runs()["osaka"]
    assert after != before, "its feed reads anew"
    assert site.runs()["hq"] == site.runs()["hq"] and after.model_dump() == before.model_dump()
    (second,) = recording_of(after).decoder.feed(f"{AVAYA}\r\n".encode(), 1.0)
    assert second.record.ring_seconds is None  # type: ignore[union-attr]


def test_versions_show_who_changed_what_and_lead_back(client: FlaskClient, site: Site) -> None:
    save(client, no_tests(AVAYA_TEXT))
    save(client, no_tests(WITHOUT_RING), name="mine", version="1")
    page = client.get("/admin/profiles/own/mine").get_data(as_text=True)
    assert "<del>− ring_seconds = &#34;$ring&#34;</del>" in page
    assert "The first version." in page
    back = client.post("/admin/profiles/own/mine/back", data={"wanted": "1", "version": "2"})
    assert back.status_code == 303
    assert 'ring_seconds = "$ring"' in saved_profiles(site.settings)["mine"]
    assert "Version 3" in client.get("/admin/profiles/own/mine").get_data(as_text=True)
    gone = client.post("/admin/profiles/own/mine/remove", data={"version": "3"})
    assert gone.status_code == 303 and "mine" not in saved_profiles(site.settings)
    page = client.get("/admin/profiles/own/mine").get_data(as_text=True)
    assert "This profile is removed." in page and "Remove</button>" not in page
    assert "Saved profiles" not in client.get("/admin/profiles").get_data(as_text=True)
    back = client.post("/admin/profiles/own/mine/back", data={"wanted": "3", "version": "4"})
    assert back.status_code == 303 and "mine" in saved_profiles(site.settings)
    late = client.post("/admin/profiles/own/mine/back", data={"wanted": "1", "version": "2"})
    assert late.status_code == 409
    assert client.get("/admin/profiles/own/nobody").status_code == 404
    listed = client.get("/admin/profiles").get_data(as_text=True)
    assert "Saved profiles" in listed and "Version 5" in listed


def test_a_fault_is_refused_with_its_line_and_the_one_before_holds(client: FlaskClient, site: Site) -> None:
    save(client, no_tests(AVAYA_TEXT))
    page = save(client, AVAYA_TEXT.replace('title = "', 'titel = "', 1), 422, name="mine", version="1")
    assert "mine, line 4: there is no key" in page and 'data-goto-line="4"' in page
    assert "titel" in page, "what was typed stays"
    page = save(client, AVAYA_TEXT.replace('ring_seconds = "$ring"\n', ""), 422, name="mine", version="1")
    assert "ring_seconds comes out as None" in page
    assert len(saved_profiles(site.settings)) == 1
    assert "titel" not in saved_profiles(site.settings)["mine"]


def test_names_that_cannot_be_taken(client: FlaskClient) -> None:
    assert "ships with the product" in save(client, AVAYA_TEXT, 422, save_as="avaya-ipoffice")
    assert "small letters" in save(client, AVAYA_TEXT, 422, save_as="My Profile")
    save(client, no_tests(AVAYA_TEXT))
    assert "of this name already" in save(client, no_tests(AVAYA_TEXT), 422)
    page = save(client, no_tests(WITHOUT_RING), name="mine", version="1")
    assert "version 2" in page
    assert "in the meantime" in save(client, no_tests(AVAYA_TEXT), 409, name="mine", version="1")


def test_a_saved_one_is_opened_and_offered(client: FlaskClient) -> None:
    save(client, no_tests(AVAYA_TEXT))
    page = client.get("/admin/profiles?profile=mine").get_data(as_text=True)
    assert 'name="version" value="1"' in page and "name = &#34;mine&#34;" in page
    ranked = client.post("/admin/profiles", data={"lines": AVAYA}).get_data(as_text=True)
    assert 'value="mine"' in ranked


def test_the_terminal_knows_it_too(
    client: FlaskClient, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(client, no_tests(WITHOUT_RING))
    (tmp_path / "cti.toml").write_text(f'[server]\ndata_dir = "{tmp_path}"\n', "utf-8")
    (tmp_path / "smdr.log").write_text(AVAYA + "\n", "utf-8")
    file, config = str(tmp_path / "smdr.log"), str(tmp_path / "cti.toml")
    assert main(["smdr", file, "--profile", "mine", "--config", config]) == 0
    assert '"ring_seconds": null' in capsys.readouterr().out
    assert main(["smdr", file, "--profile", "mien", "--config", config]) != 0
    assert "did you mean “mine”" in capsys.readouterr().err


def test_what_is_saved_wins_over_one_that_ships_later() -> None:
    assert profile_named("avaya-ipoffice", {"avaya-ipoffice": no_tests(WITHOUT_RING)}).tests == ()


@pytest.mark.parametrize("name", sorted(known()))
def test_a_profile_under_another_name_is_the_same(name: str) -> None:
    text = renamed(source_of(name), "other")
    assert parse(text, "x").name == "other" and text.count("\n") == source_of(name).count("\n")
