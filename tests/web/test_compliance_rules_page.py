"""The rules page: a form that saves versions, refuses contradictions by name, and keeps what it doesn't show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.adapters.storage_rig import NOW, customer, inbound
from tests.web.review_site import ReviewSite, reviewer

HTMX = {"HX-Request": "true"}


@pytest.fixture
def site(tmp_path: Path) -> ReviewSite:
    site = ReviewSite(tmp_path)
    site.office.put(customer("100101", "+81312340000"))
    site.office.rings(inbound(1, "0312340000", at=NOW - 600))
    return site


def form(*names: str, **more: str) -> dict[str, str | list[str]]:
    """What the page sends: a rule for each name, with the hours of an office."""
    made: dict[str, str | list[str]] = {"based_on": "0", "target": "99", "place": ["", "121"]}
    made["rule"] = [str(number) for number in range(len(names))]
    for number, name in enumerate(names):
        made |= {f"name-{number}": name, f"hours-{number}": "8", f"longer_than-{number}": "0"}
        made |= {f"kinds-{number}": ["answered", "missed"], f"classes-{number}": ["1", "2", "3"]}
    for day in range(5):
        made |= {f"opens--{day}": "09:00", f"closes--{day}": "17:00"}
    return made | more


def post(site: ReviewSite, data: dict[str, str | list[str]], language: str = "en") -> tuple[int, str]:
    answer = site.client(reviewer(), language).post("/compliance/rules", data=data, headers=HTMX)
    return answer.status_code, answer.get_data(as_text=True)


def test_a_version_is_saved_and_holds_for_calls_from_then_on(site: ReviewSite) -> None:
    assert post(site, form("Only calls out", **{"kinds-0": "out"}))[0] == 204
    text = site.page(reviewer(), "/compliance/rules")
    assert "Only calls out" in text and "Version 1" in text
    assert "Record is due 1" in site.page(reviewer(), "/compliance/coverage")
    site.office.clock.at = NOW + 60
    site.office.rings(inbound(2, "0312340000", at=NOW + 30))
    assert "Record is due 1" in site.page(reviewer(), "/compliance/coverage")
    assert post(site, form("Late"))[0] == 409  # based on what was there before
    assert [row.detail["version"] for row in site.office.trail("compliance rules changed")] == [1]


def test_rules_for_the_past_wait_for_a_recount_and_the_pages_say_so(site: ReviewSite) -> None:
    assert post(site, form("Now", since="2020-01-01"))[0] == 204
    assert "cti compliance recompute" in site.page(reviewer(), "/compliance/coverage")
    assert "cti compliance recompute" in site.page(reviewer(), "/compliance/rules")


def test_a_contradiction_is_refused_with_both_names_in_either_language(site: ReviewSite) -> None:
    data = form("Calls A", "Calls B", **{"hours-1": "4"})
    for language in ("en", "ja"):
        status, text = post(site, data, language)
        assert status == 422 and "Calls A" in text and "Calls B" in text
        assert bool(re.search("[ぁ-ん]", text)) == (language == "ja")
    assert "Calls A" not in site.page(reviewer(), "/compliance/rules")


@pytest.mark.parametrize("wrong", [{"holidays-": "soon"}, {"opens--0": "x"}, {"target": "much"}, {"hours-0": "nan"}])
def test_what_cannot_be_read_is_said(site: ReviewSite, wrong: dict[str, str]) -> None:
    assert post(site, form("A", **wrong))[0] == 422


def test_hours_and_holidays_of_a_branch_are_kept(site: ReviewSite) -> None:
    own = {"own-121": "1", "opens-121-5": "10:00", "closes-121-5": "12:00", "holidays-121": "2026-12-31 年末"}
    assert post(site, form("A", **own))[0] == 204
    text = site.page(reviewer(), "/compliance/rules")
    assert "hours of its own" in text and "2026-12-31 年末" in text and 'value="12:00"' in text


def test_changing_them_takes_a_right_of_its_own(site: ReviewSite) -> None:
    reader = replace(reviewer(), rights=reviewer().rights - {"rules"})
    assert "Save as a new version" not in site.page(reader, "/compliance/rules")
    assert site.client(reader).post("/compliance/rules", data=form("A")).status_code == 403
