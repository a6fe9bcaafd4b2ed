"""axe finds nothing on any page in either language (WCAG 2.2 AA), at any width; and what axe can't see."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP, PHONE, Desk, OpenPage
from tests.browser.ringing import ringing

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = [
    "/desk/1",
    "/desk/6",
    "/desk?tab=done",
    "/calls",
    "/calls/hq-1795398002.2",
    "/customers",
    "/customers/100101",
    "/customers/100101/change",
    "/unregistered",
    "/unregistered/hq-1795398003.3",
    "/board/121",
    "/report",
    "/admin/exchanges",
    "/admin/exchanges/osaka",
    "/admin/exchanges/new-exchange",
    "/admin/exchanges/new-exchange?kind=ami",
    "/admin/exchanges/new-exchange?kind=smdr&feed=serial",
    "/admin/exchanges/hq/change",
    "/admin/extensions",
    "/admin/extensions/hq/2106",
    "/admin/extensions/new-extension",
    "/admin/profiles",
    "/admin/exchanges/hq/do/remove",
    "/me",
    "/telephone",
    "/sim",
    "/lookup/nobody",
    "/calls/none",
]


def findings(page: Page) -> list[str]:
    options: dict[str, Any] = {
        "runOnly": {"type": "tag", "values": TAGS},
        "rules": {"region": {"enabled": False}},
        "resultTypes": ["violations"],  # else half of the time goes into telling of what is well
    }
    result = Axe().run(page, options=options).response
    return [f"{one['id']}: {one['nodes'][0]['html'][:160]} ({one['help']})" for one in result["violations"]]


def all_findings(page: Page, desk: Desk, paths: list[str]) -> dict[str, list[str]]:
    found = {}
    for path in paths:
        page.goto(desk.url + path)
        found[path] = findings(page)
        size = page.viewport_size or DESKTOP
        page.set_viewport_size({"width": 320, "height": 640})
        if not page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"):
            found[path].append("something is cut off at 320 pixels")
        page.set_viewport_size(size)
    return {path: one for path, one in found.items() if one}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_axe_finds_nothing_on_any_page_and_nothing_is_cut_off(open_page: OpenPage, desk: Desk, language: str) -> None:
    assert all_findings(open_page("/desk", language), desk, PAGES) == {}


def test_axe_finds_nothing_on_a_phone(open_page: OpenPage, desk: Desk) -> None:
    paths = ["/desk", "/desk/1", "/calls", "/customers/100101", "/report", "/admin/exchanges", "/admin/exchanges/hq"]
    assert all_findings(open_page("/desk", "ja", PHONE), desk, paths) == {}


def test_axe_finds_nothing_in_pop_ups_dialogs_and_the_drawer(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1", "ja")
    desk.live.tell("call", ringing())
    page.wait_for_selector(".y-call")
    page.click('.y-call [data-act="note"]')
    assert findings(page) == []
    page.click('#y-record [data-key="s"]')
    page.wait_for_selector("#y-dialog[open]")
    assert findings(page) == []
    page.keyboard.press("Escape")
    page.click("#y-bell")
    page.wait_for_selector("#y-drawer[open] .y-row")
    assert findings(page) == []


def test_the_door_and_the_signed_out_pages(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/me", "en")
    page.context.clear_cookies()
    page.goto(desk.url + "/signin")
    assert findings(page) == []


def test_planted_defects_are_found(open_page: OpenPage) -> None:
    page = open_page("/desk/1", "en")
    page.evaluate("""() => {
        document.querySelector('#y-search').removeAttribute('aria-label');
        document.querySelector('#y-search').removeAttribute('placeholder');
        const small = document.createElement('button');
        small.textContent = 'x';
        small.style.cssText = 'width:9px;height:9px;padding:0;color:#999;background:#aaa;border:0';
        const row = document.createElement('div');
        row.append(small, small.cloneNode(true), small.cloneNode(true));
        row.style.cssText = 'display:flex;padding:20px;background:#fff';
        const grey = document.createElement('p');
        grey.textContent = 'grey on grey';
        grey.style.cssText = 'color:#999;background:#aaa';
        document.querySelector('.y-customer').before(row, grey);
    }""")
    found = " ".join(findings(page))
    assert "label" in found
    assert "target-size" in found
    assert "color-contrast" in found


@pytest.mark.parametrize("path", ["/desk", "/calls"])
def test_everything_is_reached_with_the_tabulator_and_shows_where_it_is(open_page: OpenPage, path: str) -> None:
    page = open_page(path, "en", DESKTOP)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "y-skip"
    seen = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        state = page.evaluate("""() => {
            const at = document.activeElement, style = getComputedStyle(at);
            const near = at.nextElementSibling ? getComputedStyle(at.nextElementSibling) : style;
            return [at.outerHTML.slice(0, 60), style.outlineStyle !== 'none' || near.outlineStyle !== 'none'];
        }""")
        seen.add(state[0])
        assert state[1], f"no visible focus on {state[0]}"
    assert len(seen) >= 12
