"""The coverage page: counts that lead to the list, filters in the address, CSV, saved views."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_server.shared.scope import Scope, Span
from tests.adapters.desk_rig import viewer
from tests.adapters.storage_rig import NOW, customer, inbound
from tests.web.review_site import ReviewSite, reviewer

LATE, SOON = NOW - 5 * 86400, NOW - 600


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    site.office.put(
        customer("100101", "+81312340000"),
        customer("100102", "+81312340002", rep="802", confidentiality=1),
        customer("100103", "+81312340003", rep="803", branch="122"),
    )
    site.office.rings(
        inbound(1, "0312340000", at=LATE, taker="2001"),
        inbound(2, "0312340002", at=SOON),
        inbound(3, "0312340003", at=LATE + 60),
        inbound(4, "0399990000", at=SOON + 60),
    )
    with site.office.desk(viewer("801")) as desk:
        call = inbound(1, "0312340000", at=LATE).id
        desk.record(None, [call], "100101", "contact", "phone", "spoke", "=a note")
    return site


def counts(text: str) -> dict[str, str]:
    """State -> how many, as the list's choices say it."""
    chosen = re.search(r'<nav class="y-picks[^"]*" aria-label="State">(.*?)</nav>', text, re.DOTALL)
    assert chosen
    return dict(re.findall(r">([A-Z][a-z ]+?) (\d+)</a>", chosen[1]))


def test_numbers_and_list_are_of_the_filters_in_the_address(site: ReviewSite) -> None:
    text = site.page(reviewer(), "/compliance/coverage")
    assert counts(text)["Recorded"] == "1" and counts(text)["Overdue"] == "1"
    assert counts(text)["Record is due"] == "1" and counts(text)["Caller not registered"] == "1"
    assert "name 100102" in text and "name 100103" in text and "name 100101" not in text
    late = site.page(reviewer(), "/compliance/coverage?standing=overdue")
    assert "name 100103" in late and "name 100102" not in late
    of_class = site.page(reviewer(), "/compliance/coverage?class=1")
    assert "name 100102" in of_class and "name 100103" not in of_class and counts(of_class)["Overdue"] == "0"
    done = site.page(reviewer(), "/compliance/coverage?branch=121&standing=recorded")
    assert "name 100101" in done and "name 100103" not in done
    assert "登録状況" in site.page(reviewer(), "/compliance/coverage?period=month", "ja")
    assert "No call of this period" in site.page(reviewer(), "/compliance/coverage?from=2020-01-01&to=2020-01-31")


def test_time_alone_makes_a_call_overdue_on_the_page(site: ReviewSite) -> None:
    site.office.clock.at = NOW + 3 * 86400
    text = site.page(reviewer(), "/compliance/coverage?period=month")
    assert counts(text)["Overdue"] == "2" and counts(text)["Record is due"] == "0"


def test_who_sees_one_branch_or_class_counts_only_that(site: ReviewSite) -> None:
    scope = Scope("900", "122", Span.BRANCH, frozenset({2, 3}))
    text = site.page(replace(reviewer(), scope=scope), "/compliance/coverage")
    assert counts(text)["Overdue"] == "1" and "Recorded 0" in text and "name 100102" not in text
    low = Scope("900", "122", Span.ALL, frozenset({2, 3}))
    assert counts(site.page(replace(reviewer(), scope=low), "/compliance/coverage"))["Record is due"] == "0"
    assert site.client(viewer()).get("/compliance/coverage").status_code == 403


def test_a_gap_of_an_exchange_is_said_where_calls_may_be_missing(site: ReviewSite) -> None:
    site.office.put(mapping.Gap(exchange="hq", started_at=SOON - 3600, ended_at=SOON - 1800, reason="closed"))
    assert "calls may be missing" in site.page(reviewer(), "/compliance/coverage")


def test_the_csv_holds_the_list_and_stands_in_the_trail(site: ReviewSite) -> None:
    answer = site.client(reviewer()).get("/compliance/coverage.csv?standing=all&branch=121")
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "text/csv" and "100101" in text and "100102" in text and "100103" not in text
    (entry,) = site.office.trail("exported")
    assert entry.user == "900" and entry.detail["branch"] == "121" and entry.detail["standing"] == "all"


def test_the_calls_of_the_list_are_taken_along_as_evidence(site: ReviewSite) -> None:
    late = {"standing": "overdue"}
    page = site.page(reviewer(), "/compliance/coverage?standing=overdue")
    assert 'action="/compliance/coverage/evidence"' in page and 'name="standing" value="overdue"' in page
    answer = site.client(reviewer()).post("/compliance/coverage/evidence", data=late, buffered=True)
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as pack:
        (told,) = [json.loads(pack.read(name)) for name in pack.namelist() if name.startswith("calls/")]
        assert json.loads(pack.read("manifest.json"))["filter"]["standing"] == "overdue"
    assert told["call"]["id"] == inbound(3, "0312340003", at=LATE + 60).id
    nothing = site.client(reviewer()).post("/compliance/coverage/evidence", data=late | {"class": "1"})
    assert nothing.status_code == 422 and b"nothing to take along" in nothing.get_data()
    own = replace(reviewer(), scope=Scope("900", "121", Span.BRANCH, frozenset({1, 2, 3})))
    assert site.client(own).post("/compliance/coverage/evidence", data=late).status_code == 422


def test_a_view_is_kept_and_shared_with_who_sees_as_much(site: ReviewSite) -> None:
    form = {"view": "Late at 121", "branch": "121", "standing": "overdue", "period": "month", "shared": "1"}
    assert site.client(reviewer()).post("/compliance/views", data=form).status_code == 303
    other = replace(reviewer(), id="901", scope=replace(reviewer().scope, user="901"))
    text = site.page(other, "/compliance/coverage")
    assert "Late at 121" in text and "/compliance/coverage?period=month&amp;branch=121&amp;standing=overdue" in text
    less = replace(other, scope=replace(other.scope, classes=frozenset({2, 3})))
    assert "Late at 121" not in site.page(less, "/compliance/coverage")
    assert site.client(other).post("/compliance/views/1/delete").status_code == 404
    assert site.client(reviewer()).post("/compliance/views/1/delete").status_code == 303
    assert "Late at 121" not in site.page(other, "/compliance/coverage")
