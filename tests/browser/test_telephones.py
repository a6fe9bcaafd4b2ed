"""Sitting down at a telephone, being told that somebody else did, and trying the pop-up, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Desk, OpenPage
from tests.browser.test_accessibility import findings


def test_a_rep_sits_down_from_the_desk_and_is_told_when_somebody_else_does(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1", "en")
    page.click("#y-telephone a")
    dialog = page.locator("#y-dialog[open]")
    dialog.locator("[name=extension]").fill("2106")
    assert findings(page) == []
    dialog.get_by_role("button", name="I sit there").press("Enter")
    dialog.get_by_text("sits at 2106 since").wait_for()
    assert findings(page) == []
    dialog.get_by_role("button", name="Take it all the same").press("Enter")
    dialog.get_by_text("You sit at 2106").wait_for()
    expect(page.locator("#y-said")).to_contain_text("You sit at 2106 now")
    page.keyboard.press("Escape")
    told = {"exchange": "hq", "extension": "2106", "why": "taken", "by": "佐藤 美咲", "mine": False}
    with page.expect_response("**/telephone/pill"):
        desk.live.tell("seat", told)
    expect(page.locator("#y-said")).to_contain_text("佐藤 美咲 sits at 2106 now")


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desktop", "telephone"])
def test_an_administrator_sees_what_changes_before_it_is_saved(
    open_page: OpenPage, desk: Desk, viewport: dict[str, int] | None
) -> None:
    page = open_page("/admin/extensions", "en", **({"viewport": viewport} if viewport else {}))
    assert findings(page) == []
    page.get_by_role("link", name="2119").click()
    page.get_by_label("Shared by several").check()
    page.get_by_role("button", name="See what changes").click()
    page.get_by_text("From now on 2119 is nobody's").wait_for()
    assert findings(page) == []
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/admin/extensions")
    row = page.get_by_role("row").filter(has_text="2119") if viewport is None else page.locator("tr", has_text="2119")
    row.get_by_role("link", name="Change 2119").click()
    page.get_by_text("Nobody else had it so far").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_trying_the_pop_up_says_how_far_it_came(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/me", "en", permissions=["notifications"])
    page.check('[data-preference="sound"]')

    def light(step: str) -> str:
        return page.locator(f'[data-step="{step}"] [data-light]').inner_text()

    with page.expect_response("**/me/pop-up-test") as asked:
        page.get_by_role("button", name="Test my pop-up").click()
    desk.live.tell("test", {"number": asked.value.json()["number"], "asked_at": 0, "sent_at": 0, "screens": 1})
    page.wait_for_selector('[data-step="sound"] [data-light]:not(:text("…"))')
    assert [light(step) for step in ("asked", "taken", "arrived", "shown", "notification", "sound")] == ["done"] * 6
    assert "This is a test" in page.inner_text(".y-call")
    assert findings(page) == []
    desk.live.tell("test", {"number": 1, "asked_at": 0, "sent_at": 0, "screens": 1})  # another page's
    page.wait_for_selector(".y-call >> nth=1")
