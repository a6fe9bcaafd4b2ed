"""Exchanges are looked after with the keyboard alone; nothing that was typed is lost."""

from __future__ import annotations

from tests.browser.conftest import PHONE, Desk, OpenPage
from tests.browser.test_accessibility import findings


def test_pausing_is_asked_for_and_can_be_undone_by_key(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/admin/exchanges/hq", "en")
    page.focus("text=Pause…")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-dialog[open]")
    assert "shows as a gap" in page.inner_text("#y-dialog") and findings(page) == []
    page.keyboard.press("Escape")
    assert desk.fake.shelf.told == [], "nothing is done by asking"
    page.focus("text=Pause…")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-dialog[open] button.y-first")
    page.focus("#y-dialog button.y-first")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-said:not([hidden])")
    page.wait_for_selector("button:has-text('Resume')")
    assert desk.fake.shelf.rows["hq"].now.paused is True
    page.keyboard.press("z")
    page.wait_for_selector("text=Pause…")
    assert desk.fake.shelf.rows["hq"].now.paused is None


def test_a_form_that_does_not_fit_comes_back_as_it_was(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/admin/exchanges/new-exchange?kind=ami", "ja", PHONE)
    page.fill("[name=id]", "no-dash")
    page.fill("[name=name]", "名古屋 PBX")
    page.fill("[name=port]", "70000")
    page.fill("[name=secret]", "hush")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-f-port-problem")
    assert findings(page) == []
    assert page.input_value("[name=name]") == "名古屋 PBX" and page.input_value("[name=secret]") == ""
    described = page.get_attribute("[name=port]", "aria-describedby") or ""
    assert "y-f-port-problem" in described and page.get_attribute("[name=port]", "aria-invalid") == "true"
    page.fill("[name=id]", "nagoya")
    page.fill("[name=port]", "5038")
    page.fill("[name=secret]", "hush")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-said:not([hidden])")
    assert "nagoya" in desk.fake.shelf.rows


def test_a_test_shows_its_answer_where_it_was_asked_for(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/admin/exchanges/hq", "en")
    page.click("text=Test connection")
    page.wait_for_selector("#y-test >> text=The connection is being tried")
    (test,) = desk.fake.shelf.tests
    rights = [{"kind": "read", "name": "call", "state": "missing", "why": ""}]
    test.findings = {"reason": "", "banner": "x", "rights": rights, "superfluous": [], "missing": ["read = call"]}
    test.done = True
    page.wait_for_selector("#y-test >> text=Signed in, but rights are missing")
    assert "read = system,call,agent,cdr" in page.inner_text("#y-test .y-code") and findings(page) == []
