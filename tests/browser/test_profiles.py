"""Trying a profile in a real browser: the effect of every change is seen without a button, and by the keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, Desk, OpenPage
from tests.browser.test_accessibility import findings
from tests.web.test_profile_pages import AVAYA


@pytest.mark.parametrize(("language", "size"), [("en", DESKTOP), ("ja", PHONE)])
def test_pasted_lines_and_a_changed_profile_show_their_effect_at_once(
    open_page: OpenPage, desk: Desk, pictures: Path | None, language: str, size: dict[str, int]
) -> None:
    page = open_page("/admin/profiles", language, size)
    page.fill("[name=lines]", f"{AVAYA}\nnonsense of another make\n")
    expect(page.locator("#y-tried .y-fits > li").first).to_contain_text("avaya-ipoffice")
    assert 'name = "avaya-ipoffice"' in page.input_value("#y-source")
    page.wait_for_selector(".y-outcome")
    expect(page.locator("[data-line-numbers]")).to_contain_text("12\n13")
    page.locator(".y-tries summary").first.press("Enter")
    assert findings(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    if pictures:
        page.screenshot(path=pictures / f"profiles-{language}-{size['width']}.png", full_page=True)
    source = page.input_value("#y-source")
    page.fill("#y-source", source.replace('as = "integer"', 'as = "integre"'))
    page.wait_for_selector("[data-goto-line]")
    page.locator("[data-goto-line]").first.press("Enter")
    picked = page.evaluate(
        "() => { const at = document.activeElement; return at.value.slice(at.selectionStart, at.selectionEnd); }"
    )
    assert "integre" in picked
    assert findings(page) == []
    page.locator(".y-fits .y-btn[name=use], .y-fits a.y-btn").first.wait_for()
    if pictures:
        page.screenshot(path=pictures / f"profiles-fault-{language}-{size['width']}.png", full_page=True)
