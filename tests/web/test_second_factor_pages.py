"""The second factor on pages: set up, asked for at the door, and what a half sign-in can't do."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_adapters.sealing import FolderSealer
from cti_adapters.storage.accounts import accounts
from cti_server.identity import totp
from cti_server.settings import Settings
from cti_web.app import create_app
from tests.adapters.storage_rig import NOW, CheapHasher, FixedClock, make_database
from tests.web.test_signin import PASSWORD, Outbox, cookie, sign_in, token_of


class House:
    def __init__(self, folder: Path, **signin: Any) -> None:
        self.clock = FixedClock(NOW)
        self.database = make_database(folder)
        settings = Settings.model_validate({"server": {"data_dir": folder, "language": "en"}, "signin": signin})
        self.accounts = accounts(
            self.database,
            self.clock,
            hasher=CheapHasher(),
            sealer=FolderSealer(folder),
            required=settings.signin.second_factor_roles,
        )
        self.accounts.set_password("801", PASSWORD)
        self.app = create_app(self.database, settings, self.clock, Outbox(), accounts=self.accounts)

    def browser(self) -> FlaskClient:
        return self.app.test_client()

    def code(self, secret: bytes) -> str:
        return totp.code_of(secret, totp.step_of(self.clock.at))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.database.close()


def secret_on(text: str) -> bytes:
    found = re.search(r'class="y-secret"[^>]*>([A-Z2-7 ]+)<', text)
    assert found
    return base64.b32decode(found[1].replace(" ", ""))


def post(browser: FlaskClient, path: str, page: str, **fields: str) -> Any:
    return browser.post(path, data={"csrf_token": token_of(browser, page)} | fields)


def turn_on(house: House, browser: FlaskClient) -> tuple[bytes, list[str]]:
    secret = secret_on(browser.get("/me/second-factor").text)
    answer = post(browser, "/me/second-factor", "/me/second-factor", code=house.code(secret))
    assert answer.status_code == 200
    house.clock.at += 60
    return secret, re.findall(r"<code>([^<]+)</code>", answer.text)


def test_it_is_set_up_on_a_page_and_asked_for_at_the_next_sign_in(house: House) -> None:
    browser = house.browser()
    sign_in(browser, "801")
    page = browser.get("/me/second-factor")
    assert "<svg" in page.text and "style=" not in page.text.partition("<svg")[2].partition("</svg>")[0]
    assert page.headers["Cache-Control"] == "no-store"
    assert post(browser, "/me/second-factor", "/me/second-factor", code="12").status_code == 422
    secret, codes = turn_on(house, browser)
    assert len(codes) == 10
    assert not any(code in browser.get("/me/second-factor").text for code in codes)
    assert "y-secret" not in browser.get("/me/second-factor").text

    fresh = house.browser()
    answer = sign_in(fresh, "801", next="/calls")
    assert (answer.status_code, answer.location) == (303, "/signin/code?next=/calls")
    half = cookie(answer, "yobirin_half")
    assert "HttpOnly" in half and cookie(answer) == ""
    assert fresh.get("/desk").location == "/signin"
    wrong = post(fresh, "/signin/code", "/signin/code", code="1")
    assert wrong.status_code == 422 and "This code is not right" in wrong.text
    answer = post(fresh, "/signin/code", "/signin/code", code=house.code(secret), next="/calls")
    assert (answer.status_code, answer.location) == (303, "/calls")
    assert cookie(answer, "yobirin_half").startswith("yobirin_half=;")
    assert fresh.get("/desk").status_code == 200


def test_the_cookie_of_a_half_sign_in_is_no_session(house: House) -> None:
    browser = house.browser()
    sign_in(browser, "801")
    turn_on(house, browser)
    fresh = house.browser()
    half = cookie(sign_in(fresh, "801"), "yobirin_half").split(";")[0].partition("=")[2]
    fresh.set_cookie("yobirin", half)
    assert fresh.get("/desk").status_code == 303


def test_whoever_must_is_led_to_set_it_up(tmp_path: Path) -> None:
    house = House(tmp_path, second_factor_roles=["rep"])
    browser = house.browser()
    answer = sign_in(browser, "801", next="/calls")
    assert answer.location == "/signin/second-factor?next=/calls"
    secret = secret_on(browser.get(answer.location).text)
    assert browser.get("/desk").status_code == 303
    assert browser.get("/signin/code").location == "/signin?late=1"
    finished = post(browser, "/signin/second-factor", answer.location, code=house.code(secret), next="/calls")
    assert finished.status_code == 200 and len(re.findall(r"<code>", finished.text)) == 10
    assert 'href="/calls"' in finished.text
    assert browser.get("/desk").status_code == 200
    house.database.close()


def test_off_and_new_codes_take_a_code(house: House) -> None:
    browser = house.browser()
    sign_in(browser, "801")
    secret, codes = turn_on(house, browser)
    assert post(browser, "/me/second-factor/codes", "/me/second-factor", code="1").status_code == 422
    fresh = post(browser, "/me/second-factor/codes", "/me/second-factor", code=house.code(secret))
    assert fresh.status_code == 200 and codes[0] not in fresh.text
    house.clock.at += 30
    off = {"code": house.code(secret), "password": "wrong"}
    assert post(browser, "/me/second-factor/off", "/me/second-factor", **off).status_code == 422
    off["password"] = PASSWORD
    assert post(browser, "/me/second-factor/off", "/me/second-factor", **off).location == "/me"
    assert sign_in(house.browser(), "801").location == "/"


def test_many_wrong_codes_have_to_wait(house: House) -> None:
    browser = house.browser()
    sign_in(browser, "801")
    turn_on(house, browser)
    fresh = house.browser()
    sign_in(fresh, "801")
    statuses = [post(fresh, "/signin/code", "/signin/code", code="1").status_code for _ in range(8)]
    assert statuses[0] == 422 and statuses[-1] == 429


@pytest.mark.parametrize("path", ["/signin/code", "/signin/second-factor"])
def test_without_a_right_password_the_second_step_is_the_door_again(house: House, path: str) -> None:
    browser = house.browser()
    assert browser.get(path).location == "/signin?late=1"
    assert "took too long" in browser.get("/signin?late=1", headers={"Accept-Language": "en"}).text
    assert post(browser, path, "/signin", code="123456").location == "/signin?late=1"
