"""A profile mended on the page, and its versions, in a real browser; and what could not be read of an exchange."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import DESKTOP, PHONE, Desk, OpenPage
from tests.browser.test_accessibility import findings
from tests.web.test_profile_pages import AVAYA


@pytest.mark.parametrize(("language", "size"), [("en", DESKTOP), ("ja", PHONE)])
def test_a_mended_profile_is_saved_changed_and_brought_back_by_the_keyboard(
    open_page: OpenPage, desk: Desk, pictures: Path | None, language: str, size: dict[str, int]
) -> None:
    page = open_page("/admin/profiles", language, size)
    page.fill("[name=lines]", f"{AVAYA}\n")
    page.wait_for_selector(".y-outcome")
    assert page.input_value("#y-save-as") == "avaya-ipoffice-own"
    page.fill("#y-save-as", "avaya-floor3")
    save = page.locator("[formaction$='/admin/profiles/save']")
    save.press("Enter")
    page.wait_for_selector(".y-bar[data-tone=green]")
    assert AVAYA[:20] in page.input_value("[name=lines]")
    source = page.input_value("#y-source")
    assert 'name = "avaya-floor3"' in source
    assert findings(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    if pictures:
        page.screenshot(
            path=pictures / f"profile-saved-{language}-{size['width']}.png", full_page=True, caret="initial"
        )
    page.fill("#y-source", source.replace('title = "Avaya IP Office"', 'title = "3F"'))
    save.press("Enter")
    expect(page.locator(".y-bar[data-tone=green]")).to_contain_text("2")
    page.fill("#y-source", "[profile]\nname = 3\n")
    save.press("Enter")
    page.wait_for_selector(".y-bar[data-tone=red]")
    if pictures:
        page.screenshot(
            path=pictures / f"profile-refused-{language}-{size['width']}.png", full_page=True, caret="initial"
        )
    page.goto(f"{desk.url}/admin/profiles/own/avaya-floor3")
    expect(page.locator(".y-diff ins")).to_contain_text('title = "3F"')
    assert findings(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    if pictures:
        page.screenshot(
            path=pictures / f"profile-versions-{language}-{size['width']}.png", full_page=True, caret="initial"
        )
    page.locator("form[action$='/back'] button").press("Enter")
    expect(page.locator(".y-versions > li")).to_have_count(3)
    assert [one.version for one in desk.fake.profiles.versions("avaya-floor3")] == [3, 2, 1]
