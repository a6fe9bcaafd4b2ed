"""A reviewer with no help but the page: the overdue calls of one rep last month, and their evidence taken away."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.adapters.desk_rig import viewer
from tests.adapters.storage_rig import NOW, customer, inbound
from tests.browser.conftest import DESKTOP, PATIENCE
from tests.browser.test_accessibility import findings
from tests.web.review_site import ReviewSite, reviewer
from tests.web.serving import FakeLive, served

MONTH = 31 * 86400


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[ReviewSite, str]]:
    """Last month's calls of two reps: of one's three calls one is recorded."""
    site = ReviewSite(tmp_path)
    site.office.put(customer("100101", "+81312340000"), customer("100102", "+81312340002", rep="802"))
    site.office.rings(
        *(inbound(n, "0312340000", at=NOW - MONTH + n * 60, taker="2001") for n in (1, 2, 3)),
        inbound(4, "0312340002", at=NOW - MONTH + 400),
        inbound(5, "0312340000", at=NOW - 600),
    )
    with site.office.desk(viewer("801")) as desk:
        desk.record(
            None, [inbound(1, "0312340000", at=NOW - MONTH + 60).id], "100101", "contact", "phone", "spoke", "x"
        )
    site.client(reviewer())
    with served(site.app, FakeLive()) as url:
        yield site, url


def test_the_overdue_calls_of_one_rep_are_found_and_taken_away(
    browser: Browser, site: tuple[ReviewSite, str], tmp_path: Path
) -> None:
    office, url = site
    context = browser.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="Asia/Tokyo")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "yobirin", "value": "t", "url": url}])
    page = context.new_page()
    page.goto(url)
    page.get_by_role("link", name="Compliance").first.click()
    page.fill("[name=from]", "2026-12-01")
    page.fill("[name=to]", "2026-12-31")
    page.get_by_role("button", name="Show").click()
    reps = page.get_by_role("region", name="By rep in charge")
    reps.get_by_role("row").filter(has_text="name 801").get_by_role("link", name="2").click()
    rows = page.locator("#y-list tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#y-list")).not_to_contain_text("100102")
    assert findings(page) == []
    page.locator("#y-list").get_by_text("Evidence pack").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Make the pack").click()
    pack = tmp_path / "evidence.zip"
    taken.value.save_as(pack)
    context.close()

    with zipfile.ZipFile(pack) as file:
        calls = [json.loads(file.read(name)) for name in file.namelist() if name.startswith("calls/")]
        (tmp_path / "verify.py").write_bytes(file.read("verify.py"))
    assert sorted(one["call"]["id"] for one in calls) == [
        inbound(n, "0312340000", at=NOW - MONTH + n * 60).id for n in (2, 3)
    ]
    assert subprocess.run([sys.executable, "-I", str(tmp_path / "verify.py"), str(pack)], check=False).returncode == 0
    assert len(office.office.trail("evidence taken")) == 2
