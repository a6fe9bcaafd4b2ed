"""What could not be read of an exchange on its page, and folding it again from there, over a real database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_adapters.storage import mapping
from cti_server.shared.scope import EVERYTHING, Span
from cti_web import refolding
from tests.adapters.storage_rig import NOW, put
from tests.web.test_exchange_pages import Site
from tests.web.test_profile_pages import AVAYA
from tests.web.test_profile_saving import EXCHANGE

UNFIT = "it is not 80 to 90 characters long"
ASK = "/admin/exchanges/osaka/fold-again"
PREVIEW: dict[str, Any] = {
    "counts": {"added": 2, "changed": 1, "taken-away": 0},
    "rows": [
        {"what": "added", "at": NOW - 90, "fields": {}},
        {"what": "changed", "at": NOW - 60, "fields": {"ring_seconds": [None, 7], "caller_number": []}},
    ],
    "same": 40,
    "readable": 2,
    "under_way": 1,
    "damaged": False,
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    assert site.accounts.now is not None
    site.accounts.now = replace(site.accounts.now, language="en")
    answer = site.client().post("/admin/exchanges/new-exchange", data=EXCHANGE | {"profile": "vodavi"})
    assert answer.status_code == 303
    raws = [AVAYA.encode(), AVAYA.encode().replace(b"0101", b"0102"), b"rubbish"]
    rows = [
        mapping.UnreadableRow(
            exchange="osaka",
            record=number,
            number=0,
            at=NOW - 60,
            reason=UNFIT,
            raw=raw,
            size=len(raw),
        )
        for number, raw in enumerate(raws)
    ]
    put(site.database, *rows)
    return site


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return site.client()


def end(site: Site, **findings: Any) -> None:
    with site.database.open(EVERYTHING, write=True) as work:
        work.refoldings.end(1, findings)


def text(answer: Any, status: int = 200) -> str:
    said: str = answer.get_data(as_text=True)
    assert answer.status_code == status, said
    return said


def test_what_could_not_be_read_is_counted_by_reason_masked_and_its_make_told(client: FlaskClient) -> None:
    page = text(client.get("/admin/exchanges/osaka"))
    assert f"<b>3</b> × {UNFIT}" in page
    assert "looks like records of Avaya IP Office" in page and "profile=avaya-ipoffice" in page
    assert "0355550101" not in page and "Suzuki" not in page
    assert "2026/04/01 09:30:57" in page, "the rest of it helps to mend the profile"
    form = text(client.get("/admin/exchanges/osaka/change?profile=avaya-ipoffice"))
    assert 'value="avaya-ipoffice" selected' in form


def test_what_would_change_is_shown_then_written(client: FlaskClient, site: Site) -> None:
    begun = text(client.post(ASK, headers={"HX-Request": "true"}))
    assert 'hx-get="/admin/foldings/1"' in begun
    assert ("refold", {"refolding": 1}) in site.told()
    assert "Look again" in text(client.get("/admin/foldings/1")), "a page of its own without scripts"
    end(site, **PREVIEW)
    shown = text(client.get("/admin/foldings/1", headers={"HX-Request": "true"}))
    assert "added: 2" in shown and "changed: 1" in shown and "40 calls stay as they are" in shown
    assert "Rang for: — → 0:07" in shown and "Caller&#39;s number" in shown
    assert 'name="write" value="yes"' in shown
    text(client.post(ASK, data={"write": "yes"}))
    with site.database.open(EVERYTHING, write=True) as work:
        asked = work.refoldings.get(2)
        assert asked is not None and asked.write
        work.refoldings.end(2, PREVIEW | {"corrected": 3, "kept": 1, "read": 2})
    answer = client.get("/admin/foldings/2", headers={"HX-Request": "true"})
    assert "3 calls were corrected." in text(answer) and answer.headers["HX-Trigger"] == "y:work"


@pytest.mark.parametrize("reason", refolding.REASONS)
def test_each_way_to_fail_has_a_sentence(client: FlaskClient, site: Site, reason: str) -> None:
    client.post(ASK)
    end(site, reason=reason, error="the disk is full")
    shown = text(client.get("/admin/foldings/1"))
    assert str(refolding.REASONS[reason]) % {"error": "the disk is full"} in shown


def test_where_nothing_would_change_nothing_can_be_written(client: FlaskClient, site: Site) -> None:
    client.post(ASK)
    end(site, **PREVIEW | {"counts": {"added": 0, "changed": 0, "taken-away": 0}, "rows": [], "readable": 0})
    shown = text(client.get("/admin/foldings/1"))
    assert "No call" in shown and 'name="write"' not in shown


def test_only_who_looks_after_the_exchange_may(client: FlaskClient, site: Site) -> None:
    assert "cti replay" in text(client.post("/admin/exchanges/hq/fold-again"), 422)
    text(client.post(ASK))
    who = site.accounts.now
    assert who is not None
    site.accounts.now = replace(who, branch="121", scope=replace(who.scope, branch="121", span=Span.BRANCH))
    text(client.post(ASK), 404)
    text(client.get("/admin/foldings/1"), 404)
    assert text(client.get("/admin/foldings/1"), 404) == text(client.get("/admin/foldings/99"), 404)
    site.accounts.now = replace(who, rights=frozenset({"handle"}))
    text(client.post(ASK), 403)
    text(client.get("/admin/foldings/1"), 403)
