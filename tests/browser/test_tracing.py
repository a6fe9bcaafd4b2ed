"""The raw tail, and why there was no pop-up, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cti_adapters.journal.files import Journal, Kind
from tests.browser.conftest import DESKTOP, PHONE, Desk, OpenPage
from tests.browser.test_accessibility import findings
from tests.web.fake_desk import NOW

NEWCHANNEL = (
    b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-000000%02x\r\nChannelStateDesc: Ring\r\n"
    b"CallerIDNum: 0312340012\r\nCallerIDName: \xe5\xb7\x9d\xe4\xb8\x8a\r\nContext: from-trunk\r\nExten: 2001\r\n\r\n"
)
HANGUP = b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-000000%02x\r\nCause: 16\r\n\r\n"


@pytest.fixture
def journal(desk: Desk) -> Iterator[Journal]:
    folder: Path = desk.app.extensions["yobirin.settings"].data_dir / "journal" / "osaka"
    made = Journal(folder)
    made.append(Kind.UP, b"{}", NOW - 60)
    for number in range(4):
        made.append(Kind.BYTES, NEWCHANNEL % number + HANGUP % number, NOW - 50 + number)
    yield made
    made.close()


def test_the_tail_is_followed_filtered_and_paused(open_page: OpenPage, journal: Journal) -> None:
    page = open_page("/admin/exchanges/osaka", "en", DESKTOP)
    lines = page.locator("#y-tail li")
    assert lines.count() == 9 and "03••••0012" in page.inner_text("#y-tail") and "川上" not in page.content()
    page.get_by_role("button", name="Follow").click()
    journal.append(Kind.BYTES, NEWCHANNEL % 200, NOW)
    page.wait_for_selector("#y-tail li:nth-child(10)")
    page.get_by_role("button", name="Pause").click()
    page.fill("[data-tail-filter]", "hangup")
    assert page.locator("#y-tail li[data-raw]:visible").count() == 4
    page.fill("[data-tail-filter]", "0312340012")
    assert page.locator("#y-tail li[data-raw]:visible").count() == 0, "the filter sees what people see"
    page.fill("[data-tail-filter]", "")
    page.locator("#y-tail summary").last.focus()
    page.keyboard.press("Enter")
    assert "CallerIDName: •••" in page.inner_text("#y-tail")
    assert findings(page) == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_whole_numbers_are_shown_for_a_reason(
    open_page: OpenPage, desk: Desk, journal: Journal, language: str, pictures: Path | None
) -> None:
    page = open_page("/admin/exchanges/osaka", language, PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#y-tail-card summary.y-link").click()
    page.fill("#y-tail-card [name=reason]", "ticket 7")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-tail-card b.y-amber")
    assert "0312340012" in page.inner_text("#y-tail") and ("reveal_raw", "osaka", "ticket 7") in desk.fake.acts
    assert findings(page) == []


@pytest.mark.parametrize("language", ["ja", "en"])
def test_why_there_was_no_pop_up_is_answered_by_the_keyboard(open_page: OpenPage, language: str) -> None:
    page = open_page("/admin/exchanges/osaka", language, PHONE)
    page.locator("#y-panel-why [name=number]").focus()
    page.keyboard.type("03-1234-0142")
    page.keyboard.press("Enter")
    page.wait_for_selector("#y-why-answer .y-trail")
    assert page.locator('#y-why-answer li[data-tone="red"]').count() == 1
    assert "0142" not in page.url and page.evaluate("document.documentElement.scrollWidth") <= 390
    assert findings(page) == []
