"""The raw tail's page: what may be shown is decided by the server, whatever the page sends back."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cti_adapters.journal.files import Journal, Kind
from cti_server.calls.desk import Desk
from cti_server.calls.raw_text import Sight
from cti_server.shared.errors import NotAllowed
from cti_server.shared.scope import Scope, Span
from tests.web.fake_desk import NOW, FakeDesk
from tests.web.pages import REP, FakeAccounts, make_app

MESSAGE = b"Event: Newchannel\r\nCallerIDNum: 0312340012\r\nCallerIDName: Kawakami\r\n\r\n"
TAIL = "/admin/exchanges/osaka/tail"


class Page:
    def __init__(self, folder: Path) -> None:
        self.fake, self.accounts = FakeDesk(), FakeAccounts()
        self.app = make_app(folder, self.fake, self.accounts)
        self.app.config["WTF_CSRF_ENABLED"] = False
        self.client: FlaskClient = self.app.test_client()
        self.client.set_cookie("yobirin", "en")
        self.journal = Journal(folder / "journal" / "osaka")
        self.after = ""

    def get(self, after: str | None = None) -> str:
        return self._take(self.client.get(TAIL, query_string={"after": self.after if after is None else after}))

    def reveal(self, reason: str) -> str:
        return self._take(self.client.post(f"{TAIL}/whole", data={"reason": reason}))

    def _take(self, answer: Any) -> str:
        text: str = answer.get_data(as_text=True)
        found = re.search(r'name="after" value="([^"]*)"', text)
        self.after = found[1] if found else ""
        return text


@pytest.fixture
def page(tmp_path: Path) -> Page:
    made = Page(tmp_path)
    made.journal.append(Kind.UP, b"{}", NOW)
    made.journal.append(Kind.BYTES, MESSAGE, NOW)
    return made


def test_only_what_is_new_comes(page: Page) -> None:
    assert "03••••0012" in page.get()
    assert "Newchannel" not in page.get()
    page.journal.append(Kind.BYTES, MESSAGE + b"Event: Half\r\nCallerIDNum: 0312", NOW)
    text = page.get()
    assert text.count("<b>Newchannel") == 1 and "0312" not in text and "Kawakami" not in text


def test_where_to_go_on_can_not_be_made_up(page: Page) -> None:
    page.get()
    mine = page.after
    for forged in ("", "1.2", mine[:-2], f"x{mine}", '["801","osaka",0,44,9999999999.0]'):
        text = page.get(forged)
        assert "0312340012" not in text and "Kawakami" not in text
        assert "<b>Newchannel" in text, "it begins anew"
    page.accounts.viewer = replace(REP, id="802")
    assert "<b>Newchannel" in page.get(mine), "another user's place counts for nothing"


def test_whole_numbers_end_with_the_right_to_see_them(page: Page) -> None:
    assert "0312340012" in page.reveal("ticket 7")
    whole = page.after
    page.journal.append(Kind.BYTES, MESSAGE, NOW)
    assert "0312340012" in page.get()
    page.fake.may_reveal_raw = False
    assert "0312340012" not in page.get(whole)
    page.fake.may_reveal_raw = True
    page.accounts.viewer = replace(REP, id="802")
    assert "0312340012" not in page.get(whole)


def test_only_who_sees_every_caller_may_ask_for_whole_numbers() -> None:
    class Calls(Desk):
        def exchange(self, exchange: str) -> Any:
            return None

    def desk(viewer: Any) -> Calls:
        return Calls(None, viewer, None)  # type: ignore[arg-type]

    all_of_them = Scope("801", "121", Span.ALL, frozenset({1, 2, 3}), True, True)
    administrator = replace(REP, scope=all_of_them)
    assert desk(administrator).may_reveal_raw
    for less in (
        replace(administrator, rights=frozenset({"exchanges", "unregistered"})),
        replace(administrator, rights=frozenset({"audit", "handle"})),
        replace(administrator, scope=replace(all_of_them, classes=frozenset({2, 3}))),
        replace(administrator, scope=replace(all_of_them, span=Span.BRANCH)),
        replace(administrator, scope=replace(all_of_them, unregistered=False)),
    ):
        assert not desk(less).may_reveal_raw
        with pytest.raises(NotAllowed):
            desk(less).reveal_raw("hq", "why")
    held = replace(administrator, scope=replace(all_of_them, span=Span.BRANCH))
    assert desk(held).raw_sight("hq") is Sight.STRICT and desk(administrator).raw_sight("hq") is Sight.MASKED
