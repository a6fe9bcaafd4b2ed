"""Pop-ups of calls, from the live stream to the screen."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Desk, OpenPage
from tests.browser.ringing import answered, ended, ringing


def test_a_call_pops_up_on_every_page_and_takes_no_focus(open_page: OpenPage, desk: Desk) -> None:
    for path in ("/desk/1", "/customers", "/me"):
        page = open_page(path)
        expect(page.locator("#y-live-state")).to_contain_text("PBX 3/3")
        page.focus("#y-search")
        desk.live.tell("call", ringing(f"hq-{len(path)}.1"))
        card = page.locator(f'.y-call[data-call="hq-{len(path)}.1"]')
        expect(card).to_be_visible()
        for text in (
            "大野 誠",
            "オオノ マコト",
            "100120",
            "本店営業部",
            "Rep: you",
            "Class 2",
            "090-0000-0187",
            "exact match",
        ):
            expect(card).to_contain_text(text)
        expect(card).to_contain_text("your ext. 2104")
        expect(page.locator("#y-search")).to_be_focused()
        expect(page.locator("#y-aloud")).to_have_text("大野 誠 is calling")
        page.context.close()
        desk.live.last.clear()


def test_each_call_is_announced_once(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1", "ja")
    page.evaluate("""() => { window.said = []; new MutationObserver(() =>
        window.said.push(document.querySelector('#y-aloud').textContent)).observe(
        document.querySelector('#y-aloud'), {childList: true}); }""")
    for _ in range(3):
        desk.live.tell("call", ringing())
    desk.live.tell("call", answered())
    expect(page.locator(".y-call")).to_have_attribute("data-state", "talking")
    assert page.evaluate("() => window.said") == ["大野 誠 様 から着信です"]


def test_a_call_goes_its_way_and_stays_for_the_note(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/customers")
    desk.live.tell("call", ringing("hq-1795398001.1"))
    card = page.locator(".y-call")
    expect(card).to_contain_text("Ringing")
    desk.live.tell("call", answered(id="hq-1795398001.1"))
    expect(card).to_contain_text("On call")
    card.get_by_role("button", name="Note").click()
    expect(card.locator("textarea")).to_be_focused()
    card.locator("textarea").fill("will send papers")
    desk.live.tell("call", ended("answered", id="hq-1795398001.1"))
    expect(card).to_contain_text("Ended")
    expect(card.locator("textarea")).to_have_value("will send papers")
    card.locator("textarea").press("Control+Enter")
    expect(page.locator("#y-said")).to_contain_text("Saved and done")
    expect(page.locator(".y-call")).to_have_count(0)
    assert desk.fake.acts[-1] == (
        "record", 1, ("hq-1795398001.1",), "100120", "contact", "phone", "spoke", "will send papers",
    )  # fmt: skip


def test_several_calls_stack_shrink_and_close_in_every_tab(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/calls")
    other = page.context.new_page()
    other.goto(desk.url + "/me")
    for number in range(5):
        desk.live.tell("call", ringing(f"hq-{number}.1", started_at=ringing()["started_at"] + number))
    expect(page.locator(".y-call")).to_have_count(2)
    expect(page.locator(".y-mini")).to_have_count(3)
    expect(other.locator(".y-call")).to_have_count(2)
    page.locator('.y-call[data-call="hq-4.1"] [data-act="minimise"]').click()
    expect(other.locator('.y-mini[data-call="hq-4.1"]')).to_be_visible()
    page.locator('.y-mini[data-call="hq-4.1"]').click()
    expect(page.locator('.y-call[data-call="hq-4.1"]')).to_be_visible()
    page.locator('.y-call[data-call="hq-4.1"] [data-act="close"]').click()
    expect(other.locator('[data-call="hq-4.1"]')).to_have_count(0)


def test_calls_of_others_are_listed_and_do_not_pop_up(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    desk.live.tell("call", ringing(mine="branch"))
    expect(page.locator("[data-now] li")).to_have_count(1)
    expect(page.locator(".y-call")).to_have_count(0)
    desk.live.tell("gone", {"id": "hq-9.1"})
    expect(page.locator("[data-now-none]")).to_be_visible()


def test_the_rep_in_charge_sees_where_it_rings_and_the_candidates(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    call = ringing(mine="rep", ringing=["2107"])
    twin = call["cards"][0] | {"code": "100121", "name": "大野 次郎"}
    desk.live.tell("call", call | {"cards": [call["cards"][0], twin]})
    card = page.locator(".y-call")
    expect(card).to_contain_text("→ Ext. 2107")
    expect(card).to_contain_text("大野 次郎")
    card.get_by_role("button", name="Note").click()
    expect(card.locator("select option")).to_have_count(2)


def test_pop_ups_survive_a_change_of_page_and_lead_to_the_item(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/calls")
    desk.live.tell("call", ringing("hq-1795398001.1"))
    expect(page.locator(".y-call")).to_be_visible()
    page.click('.y-rail a[href="/customers"]')
    expect(page.locator("h1")).to_have_text("Customers")
    expect(page.locator(".y-call")).to_be_visible()
    page.keyboard.press("Alt+o")
    expect(page).to_have_url(re.compile(r"/desk/1$|/work$"))
    expect(page.locator('[data-item="1"]')).to_be_visible()


def test_a_call_that_was_taken_from_somebody_hidden_says_nothing_of_who_it_was(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    desk.live.tell(
        "taken", {"id": "hq-7.1", "state": "talking", "extension": "2104", "answered_at": 1.0, "ended_at": None}
    )
    expect(page.locator("#y-said")).to_contain_text("You took a call of a customer outside your list")
    expect(page.locator(".y-call")).to_have_count(0)


def test_a_hostile_name_stays_text(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    name = '<img src=x onerror="window.hurt=1">'
    call = ringing()
    desk.live.tell("call", call | {"cards": [call["cards"][0] | {"name": name}], "queue": name})
    desk.live.tell("call", ringing("hq-2.2", cards=[], name=name, number="050-0000-0163"))
    expect(page.locator(".y-call")).to_have_count(2)
    expect(page.locator(".y-call h2").first).to_contain_text("<img")
    assert page.evaluate("() => window.hurt") is None


def test_on_a_phone_it_is_a_sheet_above_the_tabs(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/calls", "ja", PHONE)
    desk.live.tell("call", ringing())
    card = page.locator(".y-call")
    expect(card).to_be_visible()
    box, tabs = card.bounding_box(), page.locator(".y-tabs").bounding_box()
    assert box and tabs
    assert box["width"] > 360 and box["y"] + box["height"] <= tabs["y"]


def test_a_broken_stream_is_said(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/desk/1")
    expect(page.locator("#y-live-state")).to_contain_text("Live")
    desk.live.tell("exchange", {"exchange": "osaka", "branch": "131", "state": "down"})
    expect(page.locator("#y-live-state")).to_contain_text("PBX 2/3")
    expect(page.locator("#y-live-state")).to_have_attribute("data-tone", "amber")


def test_notifications_carry_no_name_unless_the_viewer_wants_it(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("/me", "en", permissions=["notifications"])
    page.evaluate("""() => { window.shown = []; window.Notification = class { constructor(title, more) {
        window.shown.push([title, more.tag, more.body]); } close() {} static permission = 'granted'; }; }""")
    desk.live.tell("call", ringing())
    expect(page.locator(".y-call")).to_be_visible()
    assert page.evaluate("() => window.shown") == [["A call is ringing", "hq-9.1", ""]]
    page.check('[data-preference="names"]')
    desk.live.tell("call", ringing("hq-10.1"))
    expect(page.locator(".y-call")).to_have_count(2)
    assert page.evaluate("() => window.shown[1]") == ["A call is ringing", "hq-10.1", "大野 誠"]
