"""The page of claims without a call: filters in its address, the CSV of the same rows, settling one and undoing it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.desk_rig import viewer
from tests.adapters.storage_rig import NOW, customer
from tests.web.review_site import ReviewSite, reviewer

HTMX = {"HX-Request": "true"}


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    site.office.put(customer("100101", "+81312340000"), customer("100102", "+81312340002", rep="802"))
    for code, user in (("100101", "801"), ("100102", "802")):
        with site.office.desk(viewer(user)) as desk:
            desk.record(None, [], code, "contact", "phone", "spoke", f"=said {code}")
    site.office.clock.at = NOW + 60
    return site


def test_filters_stand_in_the_address(site: ReviewSite) -> None:
    text = site.page(reviewer(), "/compliance/claims")
    assert "said 100101" in text and "said 100102" in text and text.count("No call was seen") >= 2
    of_one = site.page(reviewer(), "/compliance/claims?by=802")
    assert "said 100102" in of_one and "said 100101" not in of_one
    assert "said 1001" not in site.page(reviewer(), "/compliance/claims?state=settled")
    assert "said 1001" not in site.page(reviewer(), "/compliance/claims?from=2020-01-01&to=2020-01-31")
    assert "電話交換機" in site.page(reviewer(), "/compliance/claims", "ja")


def test_the_csv_holds_the_same_rows_and_no_formula(site: ReviewSite) -> None:
    answer = site.client(reviewer()).get("/compliance/claims.csv?by=801")
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "text/csv" and "'=said 100101" in text and "100102" not in text
    assert [row.detail["state"] for row in site.office.trail("exported")] == [""]


def test_one_is_settled_with_a_reason_and_undone(site: ReviewSite) -> None:
    client = site.client(reviewer())
    answer = client.post("/compliance/claims/1/settle", data={"reason": "own mobile"}, headers=HTMX)
    said = json.loads(answer.headers["HX-Trigger"])["y:said"]
    assert answer.status_code == 204 and said["url"] == "/compliance/claims/1/unsettle"
    assert "own mobile" in site.page(reviewer(), "/compliance/claims?state=settled")
    assert "said 100101" not in site.page(reviewer(), "/compliance/claims")
    client.post(said["url"], headers=HTMX)
    assert "said 100101" in site.page(reviewer(), "/compliance/claims")
    assert client.post("/compliance/claims/1/settle", data={"reason": ""}, headers=HTMX).status_code == 422
    assert site.client(viewer()).get("/compliance/claims").status_code == 403
