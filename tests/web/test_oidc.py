"""Single sign-on against a real provider: there and back, and all that may go wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from cti_adapters.sealing import FolderSealer
from cti_adapters.single_sign_on import ANEW_SECONDS
from cti_adapters.storage.accounts import accounts
from cti_server.settings import Settings
from cti_server.shared.clock import SystemClock
from cti_web.app import create_app
from tests.adapters.storage_rig import CheapHasher, make_database
from tests.web.oidc_provider import CLIENT, HERE, SECRET, RunningProvider, Walker, needs_provider
from tests.web.test_signin import PASSWORD, Outbox, cookie, sign_in, token_of


class Ahead(SystemClock):
    """The clock of the machine, as the provider's; may be put forward."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


class House:
    def __init__(self, folder: Path, issuer: str, **signin: Any) -> None:
        self.clock = Ahead()
        self.database = make_database(folder)
        file = folder / "oidc.secret"
        file.write_text(SECRET, "utf-8")
        oidc = {"issuer": issuer, "client_id": CLIENT, "secret_file": str(file), "button": "Example Securities"}
        server = {"data_dir": folder, "language": "en", "public_url": HERE}
        settings = Settings.model_validate({"server": server, "signin": {"oidc": oidc} | signin})
        only = settings.signin.passwords == "administrators"
        self.accounts = accounts(
            self.database, self.clock, hasher=CheapHasher(), only_administrators=only, sealer=FolderSealer(folder)
        )
        self.accounts.set_password("801", PASSWORD)
        self.app = create_app(self.database, settings, self.clock, Outbox(), accounts=self.accounts)

    def browser(self) -> FlaskClient:
        client = self.app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        return client


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningProvider]:
    needs_provider()
    running = RunningProvider()
    yield running
    running.kill()


@pytest.fixture
def provider(shared: RunningProvider) -> RunningProvider:
    if shared.process is None:
        shared.start()
    return shared


@pytest.fixture
def house(provider: RunningProvider, tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path, provider.issuer)
    yield made
    made.database.close()


def leave(browser: FlaskClient, onward: str = "/calls") -> str:
    answer = browser.get(f"/signin/oidc?next={onward}")
    assert answer.status_code == 303
    return str(answer.location)


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def test_there_and_back(house: House) -> None:
    browser = house.browser()
    assert "Example Securities" in browser.get("/signin").text
    address = leave(browser)
    asked = parse_qs(urlsplit(address).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["nonce"] and asked["state"]
    walker = Walker()
    back = walker.sign_in(address, "801")
    assert back.startswith(f"{HERE}/signin/oidc/back?code=")
    answer = browser.get(path_of(back))
    assert (answer.status_code, answer.location) == (303, "/calls")
    assert browser.get("/desk").status_code == 200
    # a code and a state are good once
    again = browser.get(path_of(back))
    assert again.location == "/signin?late=1"
    # and out: there too
    out = browser.post("/signout", data={"csrf_token": token_of(browser, "/me")})
    found = re.search(r'http-equiv="refresh" content="0; ?url=([^"]+)"', out.text)
    assert found, out.text
    end = found[1].replace("&amp;", "&")
    assert "id_token_hint=" in end
    assert browser.get("/desk").status_code == 303
    address, page = walker.go(end)
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page)) | {"logout": "yes"}
    action = re.search(r'action="([^"]+)"', page)
    assert action
    assert walker.go(action[1], form)[0].startswith(f"{HERE}/signin?out=1")


def test_who_is_no_user_here_is_told_so_and_gets_no_session(house: House) -> None:
    for login in ("nobody-here", "802"):
        if login == "802":
            house.accounts.set_active("802", False)
        browser = house.browser()
        answer = browser.get(path_of(Walker().sign_in(leave(browser), login)))
        assert answer.status_code == 403 and "not a user here" in answer.text.replace("&#39;", "'")
        assert cookie(answer) == ""


def test_whoever_did_not_leave_here_does_not_come_back(house: House) -> None:
    mine, theirs = house.browser(), house.browser()
    back = Walker().sign_in(leave(theirs), "801")
    assert mine.get(path_of(back)).location == "/signin?late=1"
    leave(mine)
    answer = mine.get(path_of(back))  # another's code in my browser
    assert answer.status_code == 403 and "can&#39;t be trusted" in answer.text
    assert cookie(answer) == ""


@pytest.mark.parametrize(("place", "reason"), [(1, "nonce"), (2, "verifier")])
def test_a_nonce_or_a_verifier_that_is_not_ours_is_refused(house: House, place: int, reason: str) -> None:
    browser = house.browser()
    back = Walker().sign_in(leave(browser), "801")
    with browser.session_transaction() as kept:
        begun = list(kept["single-sign-on"])
        begun[place] = "x" * 43
        kept["single-sign-on"] = begun
    answer = browser.get(path_of(back))
    assert answer.status_code == 403 and "can&#39;t be trusted" in answer.text


def test_a_refusal_there_is_a_sentence_here(house: House) -> None:
    browser = house.browser()
    state = parse_qs(urlsplit(leave(browser)).query)["state"][0]
    answer = browser.get(f"/signin/oidc/back?error=access_denied&state={state}")
    assert answer.status_code == 403 and "not signed in there" in answer.text


def test_a_provider_that_is_killed_in_the_middle_is_a_sentence_and_passwords_still_do(
    house: House, provider: RunningProvider
) -> None:
    browser = house.browser()
    back = Walker().sign_in(leave(browser), "801")
    provider.kill()
    answer = browser.get(path_of(back))
    assert answer.status_code == 503 and "can&#39;t be reached" in answer.text
    assert house.browser().get("/signin/oidc").status_code == 503
    assert sign_in(house.browser(), "801").status_code == 303
    provider.start()
    house.clock.ahead += 2 * ANEW_SECONDS
    assert house.browser().get("/signin/oidc").status_code == 303


def test_a_provider_that_was_never_there_is_a_sentence(tmp_path: Path) -> None:
    house = House(tmp_path, "http://127.0.0.1:9")
    answer = house.browser().get("/signin/oidc")
    assert answer.status_code == 503 and "can&#39;t be reached" in answer.text
    assert 'name="password"' in answer.text
    assert sign_in(house.browser(), "801").status_code == 303
    house.database.close()


def test_passwords_can_be_kept_to_administrators(provider: RunningProvider, tmp_path: Path) -> None:
    house = House(tmp_path, provider.issuer, passwords="administrators")
    answer = sign_in(house.browser(), "801")
    assert answer.status_code == 403 and "single sign-on" in answer.text
    assert sign_in(house.browser(), "801", "wrong").status_code == 401
    house.accounts.set_role("801", "administrator")
    assert sign_in(house.browser(), "801").status_code == 303
    browser = house.browser()
    assert browser.get(path_of(Walker().sign_in(leave(browser), "803"))).status_code == 303
    house.database.close()
