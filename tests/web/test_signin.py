"""Signing in and out over the real accounts, and what is shut for whoever is not in."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cti_adapters.sealing import FolderSealer
from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_server.identity.sessions import session_id
from cti_server.settings import Settings
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from cti_server.shared.scope import EVERYTHING
from cti_server.shared.viewer import Right
from cti_web.app import create_app
from cti_web.viewer import public, safe_path
from tests.adapters.storage_rig import NOW, CheapHasher, FixedClock, make_database
from tests.web.fake_desk import FakeDesk
from tests.web.pages import REP, FakeAccounts, make_app

PASSWORD = "correct horse"


class Outbox:
    def __init__(self) -> None:
        self.woken: list[list[int]] = []

    def wake(self, rows: list[int]) -> None:
        self.woken.append(rows)


class House:
    """The application over a database with one user who can sign in."""

    def __init__(self, folder: Path, **server: Any) -> None:
        self.clock = FixedClock(NOW)
        self.database = make_database(folder)
        self.outbox = Outbox()
        self.accounts = accounts(
            self.database, self.clock, hasher=CheapHasher(), wake=self.outbox.wake, sealer=FolderSealer(folder)
        )
        self.accounts.set_password("801", PASSWORD)
        self.outbox.woken.clear()
        settings = Settings.model_validate({"server": {"data_dir": folder} | server})
        self.app: Flask = create_app(self.database, settings, self.clock, self.outbox, accounts=self.accounts)
        self.login = self.accounts.viewer("801").login

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def close(self) -> None:
        self.database.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.close()


def token_of(browser: FlaskClient, path: str = "/signin") -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(path).text)
    assert found
    return found[1]


def sign_in(browser: FlaskClient, login: str, password: str = PASSWORD, **fields: str) -> Any:
    form = {"login": login, "password": password, "csrf_token": token_of(browser)} | fields
    return browser.post("/signin", data=form, environ_base={"REMOTE_ADDR": "192.0.2.7"})


def cookie(answer: Any, name: str = "yobirin") -> str:
    return next((line for line in answer.headers.getlist("Set-Cookie") if line.startswith(f"{name}=")), "")


# --- the door


def test_whoever_signs_in_goes_on_to_the_page_they_asked_for(house: House) -> None:
    browser = house.browser()
    asked = browser.get("/calls?branch=121")
    assert (asked.status_code, asked.location) == (303, "/signin?next=/calls%3Fbranch%3D121")
    answer = sign_in(browser, house.login, next="/calls?branch=121")
    assert (answer.status_code, answer.location) == (303, "/calls?branch=121")
    kept = cookie(answer)
    assert "HttpOnly" in kept
    assert "SameSite=Lax" in kept
    assert "Secure" not in kept
    assert browser.get("/signin").location == "/"
    assert browser.get("/desk").status_code == 200


def test_over_https_cookies_are_secure(tmp_path: Path) -> None:
    house = House(tmp_path, public_url="https://yobirin.example")
    browser = house.browser()
    answer = browser.get("/signin", base_url="https://localhost")
    assert "Secure" in cookie(answer, "yobirin_form")
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
    assert found
    form = {"login": house.login, "password": PASSWORD, "csrf_token": found[1]}
    headers = {"Referer": "https://localhost/signin"}
    assert "Secure" in cookie(browser.post("/signin", data=form, base_url="https://localhost", headers=headers))
    house.close()


def test_a_wrong_login_and_a_wrong_password_look_the_same(house: House) -> None:
    known = sign_in(house.browser(), house.login, "wrong password")
    unknown = sign_in(house.browser(), "nobody-at-all", "wrong password")
    assert known.status_code == unknown.status_code == 401
    assert cookie(known) == cookie(unknown) == ""

    def bare(answer: Any) -> str:
        return re.sub(r'(csrf_token" value=")[^"]+|(name="login" value=")[^"]*', "", answer.text)

    assert bare(known) == bare(unknown)
    hasher: Any = house.accounts._hasher
    assert len(hasher.verified) == 2  # a password is checked either way, so that both take the same time


def test_too_many_attempts_are_slowed_down(house: House) -> None:
    statuses = [sign_in(house.browser(), house.login, "wrong password").status_code for _ in range(7)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    assert sign_in(house.browser(), house.login).status_code == 429
    house.clock.at += 120
    assert sign_in(house.browser(), house.login).status_code == 303


def test_strangers_lock_nobody_out_of_a_browser_they_were_in_before(house: House) -> None:
    desk, stranger = house.browser(), house.browser()
    sign_in(desk, house.login)
    desk.post("/signout", data={"csrf_token": token_of(desk, "/me")})
    for one in range(30):  # the login and the address (a branch's router) have to wait
        sign_in(stranger, house.login if one % 2 else f"guess-{one}", "wrong password")
    assert sign_in(house.browser(), house.login).status_code == 429
    assert sign_in(desk, house.login).status_code == 303


def test_a_browser_that_is_known_is_slowed_down_by_what_is_tried_in_it(house: House) -> None:
    desk = house.browser()
    sign_in(desk, house.login)
    desk.post("/signout", data={"csrf_token": token_of(desk, "/me")})
    statuses = [sign_in(desk, house.login, "wrong password").status_code for _ in range(7)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    assert sign_in(desk, house.login).status_code == 429
    assert sign_in(house.browser(), house.login).status_code == 303  # and nobody else by it


def test_a_browser_is_known_for_who_was_in_there_and_nobody_else(house: House) -> None:
    house.accounts.set_password("802", PASSWORD)
    other = house.accounts.viewer("802").login
    theirs, made_up = house.browser(), house.browser()
    kept = cookie(sign_in(theirs, other), "yobirin_browser")
    assert "HttpOnly" in kept and "802" not in kept and other not in kept
    theirs.delete_cookie("yobirin")
    made_up.set_cookie("yobirin_browser", "bm90IHNlYWxlZCBoZXJl")
    for browser in (theirs, made_up):
        for _ in range(6):
            sign_in(browser, house.login, "wrong password")
    assert sign_in(house.browser(), house.login).status_code == 429


def test_a_damaged_key_keeps_nobody_with_a_password_out(house: House, tmp_path: Path) -> None:
    sign_in(house.browser(), house.login)
    (tmp_path / "secrets" / "signin.key").write_bytes(b"short")
    answer = sign_in(house.browser(), house.login)
    assert answer.status_code == 303 and cookie(answer) and not cookie(answer, "yobirin_browser")


@pytest.mark.parametrize("fields", [{"login": ""}, {"password": ""}])
def test_an_empty_form_is_no_attempt(house: House, fields: dict[str, str]) -> None:
    answer = sign_in(house.browser(), **({"login": house.login} | fields))  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert house.accounts._hasher.verified == []  # type: ignore[attr-defined]


def test_a_form_from_elsewhere_is_refused(house: House) -> None:
    answer = house.browser().post("/signin", data={"login": house.login, "password": PASSWORD})
    assert answer.status_code == 400
    assert cookie(answer) == ""


@pytest.mark.parametrize(
    ("asked", "gone_to"),
    [
        ("/calls?x=1", "/calls?x=1"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/\nSet-Cookie: x=1", "/"),
        ("", "/"),
        (None, "/"),
    ],
)
def test_the_way_on_never_leads_to_another_site(asked: str | None, gone_to: str) -> None:
    assert safe_path(asked) == gone_to


# --- sessions


def test_signing_out_ends_the_session_here_and_on_the_live_streams(house: House) -> None:
    browser = house.browser()
    kept = cookie(sign_in(browser, house.login)).split(";")[0].removeprefix("yobirin=")
    answer = browser.post("/signout", data={"csrf_token": token_of(browser, "/me")})
    assert answer.location == "/signin?out=1"
    assert cookie(answer).startswith("yobirin=;")
    assert '"storage"' in answer.headers["Clear-Site-Data"]
    with house.database.open(EVERYTHING) as work:
        rows = [row.body for row in work.session.query(mapping.Outbox) if row.kind == "session_ended"]
    assert rows[-1] == {"session": session_id(kept)}
    assert len(house.outbox.woken) == 1
    browser.set_cookie("yobirin", kept)
    assert browser.get("/desk").status_code == 303


def test_a_session_ends_by_itself(house: House) -> None:
    browser = house.browser()
    sign_in(browser, house.login)
    house.clock.at += 3000
    assert browser.get("/desk").status_code == 200
    house.clock.at += 3601
    assert browser.get("/desk").status_code == 303


def test_a_fragment_of_whoever_is_no_longer_in_sends_the_whole_page_to_the_door(house: House) -> None:
    answer = house.browser().get(
        "/desk/today", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/calls?x=1"}
    )
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/signin?next=/calls%3Fx%3D1")


# --- what is shut


def test_every_page_is_shut_unless_it_says_that_it_is_public(house: House) -> None:
    opened = set()
    for rule in house.app.url_map.iter_rules():
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            values = dict.fromkeys(rule.arguments, "1")
            with house.app.test_request_context():
                path = house.app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
            headers = {"X-CSRFToken": "none"}
            answer = house.browser().open(path, method=method, headers=headers)
            if answer.status_code == 401 and rule.endpoint.startswith(("api.", "usage_api.")):
                continue
            if answer.status_code not in (303, 400) or not (answer.location or "/signin").startswith("/signin"):
                opened.add((rule.endpoint, method))
    links = {("questionnaire.show", "GET"), ("questionnaire.answer", "POST")}  # their address is the secret
    assert opened == {("signin.show", "GET"), ("static", "GET"), *links}


# --- language


def test_the_language_is_the_users_else_the_browsers_choice_else_what_it_prefers(house: House) -> None:
    browser = house.browser()
    assert '<html lang="ja">' in browser.get("/signin").text
    assert '<html lang="en">' in browser.get("/signin", headers={"Accept-Language": "de, en;q=0.8"}).text
    answer = browser.post("/language", data={"language": "en", "csrf_token": token_of(browser), "next": "/signin"})
    assert answer.location == "/signin"
    assert '<html lang="en">' in browser.get("/signin", headers={"Accept-Language": "ja"}).text
    sign_in(browser, house.login)
    assert '<html lang="ja">' in browser.get("/desk", headers={"Accept-Language": "en"}).text
    browser.post("/language", data={"language": "en", "csrf_token": token_of(browser, "/me"), "next": "/desk"})
    assert '<html lang="en">' in browser.get("/desk").text
    assert house.accounts.viewer("801").language == "en"


# --- errors, one table


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("There is no such customer 100106"), 404),
        (NotAllowed("You may not"), 403),
        (Invalid("Too long", "note"), 422),
        (Conflict("Changed"), 409),
        (Unavailable("Away"), 503),
        (RuntimeError("secret inside 090-1234-5678"), 500),
    ],
)
def test_errors_become_designed_pages_that_tell_nothing_they_should_not(
    house: House, error: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> str:
        raise error

    house.app.view_functions["signin.show"] = public(fail)
    for headers in ({}, {"HX-Request": "true"}):
        answer = house.browser().get("/signin", headers=headers)
        assert answer.status_code == status
        assert "100106" not in answer.text
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
    assert (answer.headers.get("Retry-After") == "2") == (status == 503)
    logged = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert len(logged) == (2 if status == 500 else 0)
    assert not any("090" in line for line in logged)


def test_what_is_missing_and_what_is_out_of_scope_read_the_same(house: House) -> None:
    browser = house.browser()
    sign_in(browser, house.login)
    assert browser.get("/customers/999999").text == browser.get("/customers/100106").text


def test_pages_are_kept_by_no_cache(house: House) -> None:
    assert house.browser().get("/signin").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("rights", "begins"),
    [
        ({"handle", "exchanges", "simulator"}, "/desk"),
        ({"exchanges", "simulator"}, "/admin/exchanges"),
        ({"simulator"}, "/sim"),
        ({"audit"}, "/desk"),
    ],
)
def test_the_day_begins_where_the_work_is(tmp_path: Path, rights: set[Right], begins: str) -> None:
    app = make_app(tmp_path, FakeDesk(), FakeAccounts(replace(REP, rights=frozenset(rights))))
    client = app.test_client()
    client.set_cookie("yobirin", "en")
    assert client.get("/").location == begins
