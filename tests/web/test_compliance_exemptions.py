"""Exemptions: one reviewer asks with a reason, another decides; the call stands otherwise from then on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cti_server.shared.viewer import Viewer
from tests.adapters.storage_rig import NOW, customer, inbound
from tests.web.review_site import ReviewSite, reviewer

CALL = inbound(1, "0312340000", at=NOW - 600).id
HTMX = {"HX-Request": "true"}


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    site.office.put(customer("100101", "+81312340000"))
    site.office.rings(inbound(1, "0312340000", at=NOW - 600))
    return site


def second() -> Viewer:
    return replace(reviewer(), id="901", scope=replace(reviewer().scope, user="901"))


def ask(client: FlaskClient, reason: str = "wrong number") -> int:
    return client.post(f"/compliance/trail/{CALL}/exemption", data={"reason": reason}, headers=HTMX).status_code


def test_a_second_person_approves_and_the_call_is_exempt(site: ReviewSite) -> None:
    assert ask(site.client(reviewer()), " ") == 422
    assert ask(site.client(reviewer())) == 204
    assert ask(site.client(second()), "again") == 409
    own = site.client(reviewer()).post("/compliance/exemptions/1/approve", headers=HTMX)
    assert own.status_code == 422 and "second person" in own.get_data(as_text=True)
    text = site.page(second(), "/compliance/exemptions")
    assert "wrong number" in text and "Approve" in text
    assert "Approve" not in site.page(reviewer(), "/compliance/exemptions")
    assert site.client(second()).post("/compliance/exemptions/1/approve", headers=HTMX).status_code == 204
    assert "Exempt 1" in site.page(reviewer(), "/compliance/coverage")
    assert "Exemption approved" in site.page(reviewer(), f"/compliance/trail/{CALL}")
    assert site.client(reviewer()).post("/compliance/exemptions/1/approve", headers=HTMX).status_code == 409
    acts = [entry.act for act in ("asked", "approved") for entry in site.office.trail(f"exemption {act}")]
    assert acts == ["exemption asked", "exemption approved"]


def test_what_was_approved_is_taken_back(site: ReviewSite) -> None:
    ask(site.client(reviewer()))
    site.client(second()).post("/compliance/exemptions/1/approve", headers=HTMX)
    assert site.client(second()).post("/compliance/exemptions/1/withdraw", headers=HTMX).status_code == 204
    assert "Exempt 0" in site.page(reviewer(), "/compliance/coverage")
    assert ask(site.client(reviewer())) == 204


def test_a_refusal_says_why(site: ReviewSite) -> None:
    ask(site.client(reviewer()))
    assert site.client(second()).post("/compliance/exemptions/1/refuse", headers=HTMX).status_code == 422
    said = {"reason": "it was a real call"}
    assert site.client(second()).post("/compliance/exemptions/1/refuse", data=said, headers=HTMX).status_code == 204
    assert "it was a real call" in site.page(reviewer(), "/compliance/exemptions?state=refused")
    assert "Exempt 0" in site.page(reviewer(), "/compliance/coverage")
