"""Use of a service on its pages, and told by its server under an API token."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.passwords import Argon2
from cti_adapters.storage.accounts import accounts
from cti_server.settings import Settings
from cti_web.app import create_app
from tests.adapters.desk_rig import viewer
from tests.web.test_phase_pages import BOSS, Site, english
from tests.web.test_signin import Outbox

USAGE = "/admin/phases/1/usage"


class Using(Site):
    """With its data folder."""

    folder: Path


@pytest.fixture
def site(tmp_path: Path) -> Using:
    made = Using(tmp_path)
    made.folder = tmp_path
    made.firm.sets_up()
    made.post(BOSS, USAGE, version="0", indexes="logins Logins a week\nreports", address="", every_hours="24")
    return made


def rule(site: Using, **more: Any) -> None:
    form = {"index": "logins", "measure": "value", "side": "below", "threshold": "５", "days": "30"}
    site.post(BOSS, f"{USAGE}/rule", **(form | {"advice": "explain", "topic": "reports"} | more))


def pushes(site: Using, token: str, *rows: Any) -> Any:
    settings = Settings.model_validate({"server": {"data_dir": site.folder}})
    known = accounts(site.firm.database, site.firm.clock)
    app = create_app(site.firm.database, settings, site.firm.clock, Outbox(), accounts=known)
    return app.test_client().post(
        "/api/usage/1", json={"readings": list(rows)}, headers={"Authorization": f"Bearer {token}"}
    )


def token(site: Using, *scopes: str, user: str = "990") -> str:
    known = accounts(site.firm.database, site.firm.clock, hasher=Argon2())
    return known.tokens.make(user, "the service", scopes, 30, user)[0]


def reading(site: Using, value: Any, customer: str = "100101") -> dict[str, Any]:
    at = datetime.fromtimestamp(site.firm.clock.now(), UTC).isoformat()
    return {"customer": customer, "index": "logins", "at": at, "value": value}


def test_an_administrator_says_what_is_measured_and_what_it_prompts(site: Using) -> None:
    rule(site)
    rule(site, measure="rate", side="above", threshold="40", advice="plan", topic="")
    seen = site.page(BOSS, USAGE)
    assert "Logins a week: less than 5" in seen and "Explain how to use: reports" in seen
    assert "Logins a week: change within 30 days more than 40 %" in seen
    site.post(BOSS, f"{USAGE}/rule/1/remove")
    assert "less than 5" not in site.page(BOSS, USAGE)


def test_what_the_server_tells_stands_on_the_deal_and_prompts(site: Using) -> None:
    rule(site)
    deal = site.firm.opens(site.firm.known(1))
    answer = pushes(site, token(site, "usage"), reading(site, 3), reading(site, 3, "nobody"))
    assert answer.json == {"kept": 1, "known": 0, "refused": 1, "why": {"customer": 1}, "first": [2]}
    seen = site.page(english(), f"/phases/{deal}")
    assert "less than 5. Explain how to use “reports”." in seen
    assert "Logins a week" in seen
    assert "1 reading taken" in site.page(BOSS, USAGE)


def test_a_push_takes_the_scope_and_the_right(site: Using) -> None:
    assert pushes(site, token(site, "calls"), reading(site, 3)).status_code == 403
    with pytest.raises(Exception, match="takes the right “phases”"):
        token(site, "usage", user="801")
    assert site.client(BOSS).post("/api/usage/1", json={"readings": []}).status_code == 401


@pytest.mark.parametrize(("body", "sentence"), [(b"<html>", "JSON"), (b"{}", "readings"), (b"[" * 5000, "JSON")])
def test_a_push_that_is_none_gets_a_sentence(site: Using, body: bytes, sentence: str) -> None:
    settings = Settings.model_validate({"server": {"data_dir": site.folder}})
    known = accounts(site.firm.database, site.firm.clock)
    app = create_app(site.firm.database, settings, site.firm.clock, Outbox(), accounts=known)
    headers = {"Authorization": f"Bearer {token(site, 'usage')}"}
    answer = app.test_client().post("/api/usage/1", data=body, headers=headers)
    assert answer.status_code == 422 and sentence in answer.json["detail"]


def test_the_token_of_a_server_is_in_a_file_and_on_no_page(site: Using) -> None:
    address = "https://usage.example.com/"
    form = {"indexes": "logins", "address": address, "every_hours": "6", "token": "s3cret-of-the-service"}
    site.post(BOSS, USAGE, version="1", **form)
    seen = site.page(BOSS, USAGE)
    assert address in seen and "s3cret" not in seen and "one is kept" in seen
    (kept,) = (site.folder / "secrets").glob("usage-*.secret")
    assert kept.read_text() == "s3cret-of-the-service" and kept.stat().st_mode & 0o077 == 0
    site.post(BOSS, USAGE, version="2", indexes="logins", address="https://elsewhere.example.com/", every_hours="6")
    assert "one is kept" not in site.page(BOSS, USAGE), "a token is not sent to another server"


def test_asking_a_private_address_says_what_to_do(site: Using) -> None:
    site.post(BOSS, USAGE, version="1", indexes="logins", address="https://127.0.0.1/", every_hours="6")
    site.post(BOSS, f"{USAGE}/ask")
    assert "private_hosts" in site.page(BOSS, USAGE)


def test_nobody_else_sets_it_up(site: Using) -> None:
    site.page(english(), USAGE, 403)
    assert "Use of the service" not in site.page(viewer(language="en"), "/phases")
