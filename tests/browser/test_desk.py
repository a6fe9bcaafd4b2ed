"""A rep at the desk, in a real browser: keyboard alone, undo, live changes, a phone's screen."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Desk, OpenPage, is_live


def rows(page: Page) -> int:
    return page.locator("#y-rows [data-row]").count()


def current(page: Page) -> str | None:
    return page.locator("#y-item [data-item]").get_attribute("data-item")


def test_the_first_open_item_stands_beside_the_list(open_page: OpenPage) -> None:
    page = open_page("/desk")
    expect(page.locator("#y-item h2").first).to_contain_text("渡辺 和子")
    expect(page.locator('#y-rows [aria-current="true"]')).to_have_attribute("data-row", "1")


def test_a_call_is_dealt_with_by_the_keyboard_alone_and_taken_back(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    page.locator("body").press("j")
    expect(page.locator('#y-rows [data-row="2"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/desk/2$"))
    expect(page.locator("#y-item h2").first).to_contain_text("ミナト")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator('[data-item="1"]')).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("#y-note")).to_be_focused()
    page.keyboard.type("jek spoke")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#y-said")).to_contain_text("Saved and done")
    expect(page.locator('[data-item="2"]')).to_be_visible()
    expect(page.locator('#y-rows [data-row="1"]')).to_have_count(0)
    assert ("record", 1, (), "100101", "contact", "phone", "spoke", "jek spoke") in desk.fake.acts
    page.locator("#y-item").press("z")
    expect(page.locator("#y-said")).to_contain_text("Undone")
    expect(page.locator('#y-rows [data-row="1"]')).to_be_visible()
    assert ("undo_history", 9) in desk.fake.acts


def test_done_and_undo_move_list_and_counts(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    before = rows(page)
    expect(page.locator("#y-progress")).to_contain_text("12 handled / 8 open")
    page.locator("body").press("e")
    expect(page.locator("#y-rows [data-row]")).to_have_count(before - 1)
    expect(page.locator("#y-progress")).to_contain_text("13 handled / 7 open")
    expect(page.locator('.y-rail [data-badge="open"]')).to_have_text("6")
    page.click("#y-said button:not([data-close])")
    expect(page.locator("#y-rows [data-row]")).to_have_count(before)
    expect(page.locator("#y-bell [data-badge]")).to_have_text("7")


def test_single_keys_can_be_switched_off(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/me")
    page.uncheck('[data-preference="keys"]')
    page.goto(desk.url + "/desk/1")
    page.locator("body").press("e")
    page.locator("body").press("?")
    expect(page.locator("#y-help")).not_to_have_attribute("open", "")
    assert desk.fake.acts == []


def test_keys_rest_while_a_japanese_word_is_composed(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1", "ja")
    page.evaluate("""() => document.body.dispatchEvent(
        new KeyboardEvent('keydown', {key: 'e', isComposing: true, bubbles: true, cancelable: true}))""")
    page.evaluate("""() => document.querySelector('#y-note').dispatchEvent(
        new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, isComposing: true, bubbles: true}))""")
    page.locator("body").press("?")
    expect(page.locator("#y-help")).to_be_visible()
    assert desk.fake.acts == []


def test_what_is_typed_is_kept_and_a_live_change_does_not_take_it(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    page.fill("#y-note", "half a sentence")
    desk.fake.handled.add(2)
    desk.live.tell("work", {"calls": [], "items": [2]})
    expect(page.locator('#y-rows [data-row="2"]')).to_have_count(0)
    expect(page.locator("#y-note")).to_have_value("half a sentence")
    page.fill('#y-draft [name="body"]', "my own words")
    with page.expect_response(re.compile("/desk/1$")):
        desk.live.tell("work", {"calls": [], "items": [1]})
    expect(page.locator('#y-draft [name="body"]')).to_have_value("my own words")
    expect(page.locator("[data-kept]")).to_be_visible()
    assert ("save_note", 1, "half a sentence") in desk.fake.acts


def test_putting_off_asks_when_and_why(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    page.locator("body").press("s")
    dialog = page.locator("#y-dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("radio", name="Another time").check()
    expect(dialog.locator('[name="day"]')).to_be_visible()
    dialog.get_by_role("radio", name="Tomorrow morning").check()
    dialog.locator('[name="reason"]').fill("asked for it")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#y-said")).to_contain_text("Put off until")
    assert desk.fake.acts[-1][0] == "snooze" and desk.fake.acts[-1][3] == "asked for it"


def test_passing_on_names_the_colleague(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    page.locator("body").press("a")
    page.locator("#y-dialog select").select_option("802")
    page.locator("#y-dialog .y-first").click()
    expect(page.locator("#y-said")).to_contain_text("Passed on to 佐藤 美咲")
    page.click("#y-said button:not([data-close])")
    expect(page.locator("#y-said")).to_contain_text("Undone")
    assert ("undo_hand_on", 1) in desk.fake.acts


def test_the_number_is_shown_on_demand_only(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    number = page.locator(".y-customer [data-number]")
    expect(number).to_have_text("03-••••-0142")
    page.get_by_role("button", name="Reveal").click()
    expect(number).to_have_text("03-0000-0142")
    assert ("reveal", "hq-1795398001.1") in desk.fake.acts


def test_a_candidate_is_picked_and_the_mail_is_sent_in_another_language(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/6")
    page.get_by_role("button", name=re.compile("This one.*小林 由美")).click()
    expect(page.locator("#y-said")).to_contain_text("belong to this customer")
    page.goto(desk.url + "/desk/1")
    is_live(page)
    page.locator("#y-draft").get_by_text("English").click()
    expect(page.locator('#y-draft [name="body"]')).to_have_value(re.compile("Dear Kazuko"))
    page.get_by_role("button", name="Send mail").click()
    expect(page.locator("#y-draft .y-chip")).to_have_text("Waiting to be sent")
    assert desk.fake.acts[-1][:3] == ("send_mail", 1, "kazuko@example.jp")
    desk.fake.draft_state = ("sent", "")
    desk.live.tell("work", {"calls": [], "items": [1]})
    expect(page.locator("#y-draft .y-chip")).to_have_text("Sent")


def test_calling_back_shows_how_it_goes(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    page.locator("body").press("c")
    expect(page.locator("#y-dialling")).to_contain_text("Your telephone will ring")
    desk.fake.dialling = "answered"
    desk.live.tell("work", {"calls": [], "items": [1]})
    expect(page.locator("#y-dialling")).to_contain_text("Connected")


def test_a_refusal_is_a_sentence_and_nothing_typed_is_lost(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1", "ja")
    page.fill('#y-draft [name="to"]', "a@b")
    page.evaluate("() => document.querySelector('#y-draft form').noValidate = true")
    page.fill('#y-draft [name="to"]', "nobody")
    page.click("#y-draft form button")
    expect(page.locator("#y-said")).to_contain_text("入力内容に誤り")
    expect(page.locator('#y-draft [name="to"]')).to_have_value("nobody")


def test_pages_change_without_losing_the_live_column(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    page.evaluate("() => { window.sameDocument = true; }")
    page.click('.y-rail a[href="/calls"]')
    expect(page.locator("h1")).to_have_text("Calls")
    expect(page).to_have_title(re.compile("^Calls"))
    expect(page.locator('.y-rail a[href="/calls"]')).to_have_attribute("aria-current", "page")
    expect(page.locator("main")).to_be_focused()
    assert page.evaluate("() => window.sameDocument")
    page.select_option('[name="handled"]', "no")
    expect(page).to_have_url(re.compile(r"handled=no"))
    assert "outcome" not in page.url
    page.evaluate("() => history.go(-2)")
    expect(page.locator(".y-desk")).to_be_visible()


def test_the_bell_lists_what_is_open_on_every_page(open_page: OpenPage) -> None:
    page = open_page("/me")
    page.click("#y-bell")
    drawer = page.locator("#y-drawer")
    expect(drawer.locator("[data-row]").first).to_be_visible()
    drawer.locator('[data-row="2"]').click()
    expect(page).to_have_url(re.compile(r"/desk/2"))
    expect(drawer).to_be_hidden()


def test_search_finds_while_typing_and_never_puts_a_number_into_the_address(open_page: OpenPage) -> None:
    page = open_page("/calls")
    page.locator("body").press("/")
    page.keyboard.type("ミナト")
    expect(page.locator("#y-found a")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/customers/100103$"))
    page.fill("#y-search", "03-0000-0175")
    page.locator("#y-search").press("Enter")
    expect(page.locator("h1")).to_have_text("Who is it?")
    assert "0175" not in page.url


def test_on_a_phone_the_list_leads_to_the_item_and_back(open_page: OpenPage) -> None:
    page = open_page("/desk", "ja", PHONE, has_touch=True)
    expect(page.locator("#y-item")).to_be_hidden()
    page.tap('[data-row="1"]')
    expect(page.locator("#y-item h2").first).to_contain_text("渡辺 和子 様")
    expect(page.locator("#y-list")).to_be_hidden()
    expect(page.locator("[data-save]")).to_be_in_viewport()
    page.tap("[data-back]")
    expect(page.locator("#y-list")).to_be_visible()
    expect(page.locator(".y-tabs")).to_be_visible()
    page.tap(".y-tabs summary")
    expect(page.locator(".y-tabs .y-menu a").first).to_be_visible()


def test_a_list_that_is_longer_than_the_screen_scrolls_by_itself(open_page: OpenPage) -> None:
    page = open_page("/desk/1", "en", {"width": 1366, "height": 480})
    for part in ("#y-list > header", "#y-list > nav", "#y-progress"):
        box = page.locator(part).bounding_box()
        assert box and box["height"] > 25, part
    assert page.evaluate(
        "() => { const rows = document.querySelector('#y-rows'); return rows.scrollHeight > rows.clientHeight; }"
    )
    assert page.evaluate("() => document.documentElement.scrollHeight <= innerHeight")


def test_the_language_is_switched_on_the_spot(open_page: OpenPage) -> None:
    page = open_page("/calls", "en")
    page.get_by_role("button", name="日本語").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.locator("h1")).to_have_text("通話")
