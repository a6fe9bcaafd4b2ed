"""The pages of proposals and trials in a real browser: axe finds nothing, nothing is cut off, a decision is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.adapters.learning_rig import EACH
from tests.browser.conftest import DESKTOP, PATIENCE
from tests.browser.test_accessibility import findings
from tests.browser.test_phases import Firm
from tests.web.serving import served
from tests.web.test_phase_learning_pages import LearningSite
from tests.web.test_phase_pages import BOSS


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    site = LearningSite(tmp_path_factory.mktemp("learning"))
    service = site.firm.learns(try_after=2)
    with site.firm.at(BOSS) as desk:
        desk.look_now(service.id)
        known = {line.proposal.kind: line.proposal.id for line in desk.proposals(service.id)}
        desk.approve(known["trial"], 1)
    site.firm.more(service, EACH)
    site.app.config.update(WTF_CSRF_ENABLED=True)
    with served(site.app) as url:
        yield Firm(url, site, known["require"], known["trial"])


@pytest.fixture
def page(browser: Browser, firm: Firm) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="Asia/Tokyo")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "yobirin", "value": "t", "url": firm.url}])
    yield context.new_page()
    context.close()


def test_axe_finds_nothing_and_a_decision_is_taken_back_from_the_bar(page: Page, firm: Firm) -> None:
    one = f"/phases/proposals/{firm.fresh}"
    paths = ["/phases/overview", one, f"{one}/deals", f"/phases/proposals/{firm.signed}", "/phases/trials/1"]
    for number, path in enumerate([*paths, "/phases/trials/1/deals"]):
        firm.sees(BOSS, ("ja", "en")[number % 2])
        page.set_viewport_size({"width": 1366, "height": 900})
        page.goto(firm.url + path)
        assert findings(page) == [], path
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
    firm.sees(BOSS)
    page.goto(firm.url + one)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved: it holds from now on")).to_be_visible()
    page.get_by_role("button", name="Undo").first.click()
    expect(page.get_by_role("heading", name="Decision")).to_be_visible()
    expect(page.get_by_text("Undone").first).to_be_visible()
