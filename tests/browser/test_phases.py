"""The phases pages in a real browser: nothing typed is lost, a deal is handed on, and axe finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page, expect

from cti_server.phases.usage import Index, Reading, Source, Told, UsageRule
from cti_server.shared.viewer import Viewer
from cti_web.deal_imports import DealImports
from tests.adapters.desk_rig import viewer
from tests.adapters.phase_rig import admin
from tests.browser.conftest import DESKTOP, PATIENCE
from tests.browser.test_accessibility import findings
from tests.web.serving import served
from tests.web.test_phase_pages import BOSS, Site


@dataclass
class Firm:
    """A firm with a deal in each of two phases, and who is signed in."""

    url: str
    site: Site
    fresh: int
    signed: int

    def sees(self, who: Viewer, language: str = "en") -> None:
        self.site.accounts.now = replace(who, language=language)


def use_of(site: Site, service: int) -> None:
    """A customer uses the service less and less."""
    now = site.firm.clock.now()
    with site.firm.at(admin()) as desk:
        desk.save_source(Source(service, (Index("logins", "Logins"),), version=0))
        rule = UsageRule(0, service, "logins", "value", "below", Decimal(5), 30, "explain", "reports")
        desk.add_usage_rule(rule)
        told = [Told(day, "100101", "logins", Reading(now - (9 - day) * 86_400, Decimal(9 - day))) for day in range(9)]
        desk.take_readings(service, told)


def looked_at(site: Site) -> str:
    """The administrator had a look at a file of deals; the page of what would come of it."""
    imports = DealImports(site.firm.database, site.firm.clock, lambda rows: None, lambda what: what())
    site.app.extensions["yobirin.deal_imports"] = imports
    lines = "deal,customer,title,source,first_contact,path\nd1,100101,More,web,2026-12-01,801 2026-12-02\nd2,,,,,\n"
    return f"/admin/phases/1/import/{imports.begin(BOSS, 1, lines, only_look=True)}"


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    site = Site(tmp_path_factory.mktemp("phases"))
    site.app.config.update(WTF_CSRF_ENABLED=True)
    service = site.firm.sets_up()
    signed = site.firm.opens(service, "100102")
    site.firm.moves(signed, picked="802")
    fresh = site.firm.opens(service)
    use_of(site, service.id)
    with served(site.app) as url:
        yield Firm(url, site, fresh, signed)


@pytest.fixture
def page(browser: Browser, firm: Firm) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="Asia/Tokyo")  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "yobirin", "value": "t", "url": firm.url}])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_axe_finds_nothing_and_nothing_is_cut_off(page: Page, firm: Firm, language: str) -> None:
    rep, closer = viewer(), viewer("802")
    manager = viewer("700", role="branch manager", extensions=())
    first = firm.site.firm.known(1).phases[0].id
    imported = looked_at(firm.site)
    walks = [
        (rep, ["/phases", f"/phases/{firm.fresh}/next", f"/phases/{firm.fresh}/give", "/phases/open/100101"]),
        (closer, [f"/phases/{firm.signed}/next", f"/phases/{firm.signed}"]),
        (manager, ["/phases/overview", f"/phases/overview/1/{first}/801", "/phases/overview/1/try?rule=sum"]),
        (BOSS, ["/admin/phases", "/admin/phases/1", "/admin/phases/1/usage", "/admin/phases/1/import", imported]),
    ]
    for who, paths in walks:
        firm.sees(who, language)
        for path in paths:
            page.set_viewport_size({"width": 1366, "height": 900})
            page.goto(firm.url + path)
            page.locator("details.y-part").evaluate_all("all => all.forEach((one) => (one.open = true))")
            assert findings(page) == [], path
            page.set_viewport_size({"width": 320, "height": 640})
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path


def test_what_is_typed_while_the_connection_is_down_is_kept_once_it_is_back(page: Page, firm: Firm) -> None:
    firm.sees(viewer())
    page.goto(f"{firm.url}/phases/{firm.fresh}")
    page.route("**/type/**", lambda route: route.abort())
    page.locator("#y-items").get_by_label("Plans").fill("a second shop in spring")
    expect(page.get_by_text("Not kept yet, trying again")).to_be_visible()
    page.unroute("**/type/**")
    expect(page.get_by_text("Draft kept")).to_be_visible()
    page.reload()
    expect(page.locator("#y-items").get_by_label("Plans")).to_have_value("a second shop in spring")


def test_a_deal_is_handed_on_to_who_was_picked(page: Page, firm: Firm) -> None:
    firm.sees(viewer())
    page.goto(f"{firm.url}/phases/{firm.fresh}")
    page.locator("#y-items").get_by_label("Plans").fill("a second shop")
    page.get_by_role("button", name="Save and hand on").click()
    page.wait_for_url("**/next")
    page.get_by_role("radio", name="name 803").check()
    page.get_by_role("main").get_by_role("button", name="Hand on").click()
    expect(page.get_by_text("Handed on: name 803")).to_be_visible()
    firm.sees(viewer("803", branch="122"))
    page.goto(f"{firm.url}/phases")
    expect(page.get_by_role("link", name="name 100101").first).to_be_visible()
