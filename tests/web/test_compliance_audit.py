"""The audit trail on its page: filtered, paged, bounded in what it looks through, and within the scope."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cti_adapters.storage import mapping, trail_shelf
from cti_server.shared.scope import EVERYTHING, Span
from tests.adapters.desk_rig import with_scope
from tests.adapters.phase_rig import NUMBER
from tests.adapters.storage_rig import NOW, inbound
from tests.web.test_phase_pages import Site, english

PAGE = "/compliance/audit?period=month"
ONE = replace(with_scope("990", "122", Span.ALL, {1, 2, 3}, {"audit", "unregistered"}), language="en")
BRANCH = replace(with_scope("700", "122", Span.BRANCH, {1, 2, 3}, {"audit", "unregistered"}), language="en")


def entry(at: float, act: str, kind: str, subject: str, user: str | None = "990", **detail: object) -> mapping.Audit:
    return mapping.Audit(at=at, user=user, act=act, subject_kind=kind, subject_id=subject, detail=detail)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.firm.rings(inbound(1, NUMBER))
    with made.firm.database.open(EVERYTHING) as work:
        work.session.add_all(
            [
                entry(NOW - 9, "role-given", "user", "801", role="branch manager"),
                entry(NOW - 8, "exported", "export", "calls", "801", rows=12),
                entry(NOW - 7, "revealed", "customer", "100101", "801", reason="she asked"),
            ]
        )
    return made


def rows(page: str) -> list[str]:
    return re.findall(r"<tr><td.*?</tr>", page)


def test_everything_stands_there_the_latest_first_and_is_filtered(site: Site) -> None:
    shown = rows(site.page(ONE, PAGE))
    assert any("Role given" in row and "role: branch manager" in row and "801" in row for row in shown)
    assert any("Exported" in row and "rows: 12" in row and "name 801" in row for row in shown)
    assert any("Matched" in row and "/compliance/trail/" in row and "the server" in row for row in shown)
    users = rows(site.page(ONE, f"{PAGE}&area=user"))
    assert len(users) == 1 and "Role given" in users[0]
    by = rows(site.page(ONE, f"{PAGE}&by=801"))
    assert len(by) == 2 and all("name 801" in row for row in by)
    assert rows(site.page(ONE, f"{PAGE}&by=nobody")) == []
    assert rows(site.page(ONE, "/compliance/audit?from=2001-01-01&to=2001-01-02")) == []


def test_what_a_clock_that_was_set_back_wrote_stands_in_its_own_period(site: Site) -> None:
    with site.firm.database.open(EVERYTHING) as work:
        work.session.add_all(
            [entry(NOW - 400 * 86_400, "role-removed", "role", "old"), entry(NOW - 1, "role-changed", "role", "new")]
        )
    (shown,) = rows(site.page(ONE, f"{PAGE}&area=role"))
    assert "Role changed" in shown


def test_details_read_in_the_readers_language_and_times_to_the_second(site: Site) -> None:
    with site.firm.database.open(EVERYTHING) as work:
        work.session.add(entry(NOW, "stand-in-named", "user", "802", until=NOW + 3600, own=False, odd_name=3))
    shown = site.page(replace(ONE, language="ja"), f"{PAGE}&area=user")
    clock = datetime.fromtimestamp(NOW, ZoneInfo("Asia/Tokyo"))
    assert f"{clock.month}/{clock.day} {clock:%H:%M:%S}" in shown
    assert "権限グループ: branch manager" in shown and "自分: いいえ" in shown and "odd name: 3" in shown
    assert f"{clock + timedelta(hours=1):%H:%M:%S}" in shown


def test_what_was_written_about_a_customer_is_not_spread_out_here(site: Site) -> None:
    (shown,) = rows(site.page(ONE, f"{PAGE}&area=customer"))
    assert "Number shown" in shown and "100101" in shown and "she asked" not in shown


def test_who_does_not_see_everybody_sees_what_concerns_theirs(site: Site) -> None:
    shown = site.page(BRANCH, PAGE)
    assert "Role given" not in shown and "Exported" not in shown and "100101" not in shown
    site.page(english(), "/compliance/audit", 403)


def test_a_page_looks_through_so_much_and_says_how_far(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail_shelf, "WINDOW", 20)
    with site.firm.database.open(EVERYTHING) as work:
        work.session.add_all(entry(NOW - 6 + at / 1000, "told", "exchange", "hq", None) for at in range(50))
    first = site.page(ONE, f"{PAGE}&area=user")
    assert rows(first) == [] and "Looked through back to" in first
    address = f"{PAGE}&area=user"
    for _step in range(5):
        found = re.search(r"after=(\d+)", first)
        if found is None:
            break
        first = site.page(ONE, f"{address}&after={found[1]}")
    assert any("Role given" in row for row in rows(first)), "looking further back finds it"


def test_many_entries_come_page_by_page_and_none_twice(site: Site) -> None:
    with site.firm.database.open(EVERYTHING) as work:
        work.session.add_all(entry(NOW - 5 + at / 1000, "saved", "exchange", f"x{at:03}") for at in range(120))
    seen: list[str] = []
    page = site.page(ONE, f"{PAGE}&area=exchange")
    while True:
        seen += re.findall(r"x(\d{3})<", page)
        found = re.search(r"after=(\d+)", page)
        if found is None:
            break
        page = site.page(ONE, f"{PAGE}&area=exchange&after={found[1]}")
    assert seen == [f"{at:03}" for at in reversed(range(120))]


def test_a_filter_that_is_none_is_passed_over(site: Site) -> None:
    assert rows(site.page(ONE, f"{PAGE}&area=nonsense&after=²"))
