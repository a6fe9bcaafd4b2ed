"""Asking for a record on a call's trail, being asked on the desk, and the list of what was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adapters.desk_rig import viewer
from tests.adapters.storage_rig import NOW, customer, inbound
from tests.web.review_site import ReviewSite, reviewer

HTMX = {"HX-Request": "true"}


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    site.office.put(customer("100101", "+81312340000"))
    return site


def rings(site: ReviewSite) -> str:
    log = inbound(1, "+81312340000", at=NOW - 60, taker="2001")
    site.office.rings(log)
    return log.id


def test_from_the_trail_to_the_desk_and_back(site: ReviewSite) -> None:
    call = rings(site)
    trail = f"/compliance/trail/{call}"
    assert re.findall(r'<option value="(\w+)">name', site.page(reviewer(), trail))[0] == "801"  # the rep stands first
    form = {"to": "801", "hours": "6", "note": "what was agreed?"}
    assert site.client(reviewer()).post(f"{trail}/requests", data=form).status_code == 303
    assert "name 900 asked name 801" in site.page(reviewer(), f"{trail}/requests")
    assert "Waiting for the record" in site.page(reviewer(), "/compliance/requests?to=801")
    assert "No such request" in site.page(reviewer(), "/compliance/requests?to=802")

    desk = site.page(viewer(), "/desk")
    assert "1 record is asked for" in desk and "what was agreed?" in desk
    assert 'data-asked="1"' in site.page(viewer(), "/bell/count")
    assert "登録依頼が 1 件" in site.page(viewer(), "/desk", "ja")
    other = site.page(viewer("802"), "/desk")
    assert "asked for</h3>" not in other and "what was agreed?" not in other

    said = {"kind": "contact", "channel": "phone", "result": "spoke", "note": "it was agreed"}
    assert site.client(viewer()).post("/desk/requests/1/record", data=said).status_code == 303
    assert "what was agreed?" not in site.page(viewer(), "/desk")
    assert "it was agreed" in site.page(viewer(), "/desk/requests/1")
    assert "Record made" in site.page(reviewer(), "/compliance/requests?state=answered")
    assert "what was agreed?" not in site.page(reviewer(), "/compliance/requests")


def test_it_is_withdrawn_and_bad_wishes_are_refused_in_words(site: ReviewSite) -> None:
    call = rings(site)
    client = site.client(reviewer())
    asking = f"/compliance/trail/{call}/requests"
    for bad in ({"to": "801", "hours": "0"}, {"to": "801", "hours": "soon"}, {"to": "803", "hours": "4"}):
        assert client.post(asking, data=bad, headers=HTMX).status_code == 422
    client.post(asking, data={"to": "801", "hours": "4"})
    again = client.post(asking, data={"to": "801", "hours": "4"}, headers=HTMX)
    assert again.status_code == 409 and "withdraw that request first" in again.get_data(as_text=True)
    assert client.post("/compliance/requests/1/withdraw", headers=HTMX).status_code == 204
    assert "not asked for any more" in site.page(viewer(), "/desk/requests/1")
    assert site.client(viewer()).post("/compliance/requests/1/withdraw").status_code == 403
    assert site.client(viewer("802")).get("/desk/requests/1").status_code == 404


def test_results_are_worded_by_the_channel(site: ReviewSite) -> None:
    with site.office.desk(viewer()) as desk:
        for channel, result in (("visit", "no answer"), ("visit", "spoke"), ("phone", "no answer")):
            desk.record(None, [], "100101", "contact", channel, result, "")
    seen = re.findall(r"<b>Contact · ([^<]+)</b>", site.page(viewer(), "/customers/100101"))
    assert sorted(seen) == ["Met", "No answer", "Was not in"]
    assert "面談できた" in site.page(viewer(), "/customers/100101", "ja")
