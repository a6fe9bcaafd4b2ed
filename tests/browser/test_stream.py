"""The live stream in a real browser: all tabs share one, nothing is missed when it breaks, it ends with the session."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from twisted.internet.tcp import Server
from twisted.web.resource import Resource
from twisted.web.server import Site

from cti_adapters.live.hub import Hub
from cti_server.shared.notices import CallChanged, Candidate, ExchangeChanged, SessionEnded, WorkChanged
from cti_server.shared.scope import Label, Scope, Span
from cti_web.push import LiveResource
from cti_web.site import Health, PublicSite
from tests.web.running import Running, running_reactor
from tests.web.test_push import Clock, FakeSessions, session_id

LABEL = Label("customer", "121", "801", 2)
PAGE = b"""<!doctype html><html lang="en"><head><title>t</title>
<script src="/record.js"></script><script type="module" src="/static/live/live.js"></script></head>
<body data-user="%s"><form action="/signout" method="post"><button>out</button></form></body></html>"""
RECORD = b"""window.told = [];
for (const name of ["call", "gone", "taken", "work", "exchange", "resync", "state"]) {
  document.addEventListener("live:" + name, (event) => window.told.push([name, event.detail]));
}
document.addEventListener("submit", (event) => event.preventDefault());"""


class Pages(Resource):
    """Stands for the dashboard: one page for each user."""

    isLeaf = True

    def render_GET(self, request: Any) -> bytes:
        if request.path == b"/record.js":
            request.setHeader(b"Content-Type", b"text/javascript")
            return RECORD
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        return PAGE % request.path.rsplit(b"/", 1)[-1]


class House:
    def __init__(self, running: Running, folder: Path) -> None:
        self.running = running
        self.sessions = FakeSessions()
        for user in ("801", "802"):
            self.sessions.sign_in(user, Scope(user, "121", Span.OWN, frozenset({1, 2, 3}), may_handle=True))
        self.hub = Hub(Clock(), show=lambda number, masked: number)
        self.live = LiveResource(self.hub, self.sessions, running.reactor, heartbeat=1.0)
        self._socket = folder / "pages.sock"
        self.port = 0
        running.call(self._start)

    def _start(self) -> None:
        reactor = self.running.reactor
        self._pages = reactor.listenUNIX(str(self._socket), Site(Pages(), reactor=reactor))
        self.live.start()
        self.open()

    def open(self) -> None:
        reactor = self.running.reactor
        site = PublicSite(reactor, self.live, Health(), lambda: self._socket)
        self._port = reactor.listenTCP(self.port, site, interface="127.0.0.1")
        self.port = self._port.getHost().port

    def cut(self) -> None:
        """The server is gone for the browsers; what happens meanwhile is kept."""
        self.running.call(self._port.stopListening)
        self.running.call(self.hub.close)
        self.running.call(self._hang_up)

    def _hang_up(self) -> None:
        for connection in self.running.reactor.getReaders():
            if isinstance(connection, Server):
                connection.abortConnection()

    def stop(self) -> None:
        self.running.call(self.live.stop)
        self.running.call(self._port.stopListening)
        self.running.call(self._pages.stopListening)

    def publish(self, notice: Any) -> None:
        self.running.call(self.hub.publish, notice)

    def streams(self) -> int:
        return self.hub.stats()["streams"]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_reactor() as found:
        yield found


@pytest.fixture
def house(running: Running) -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        found = House(running, Path(folder))
        yield found
        found.stop()


@pytest.fixture
def context(browser: Browser, house: House) -> Iterator[BrowserContext]:
    made = browser.new_context()
    sign_in(made, house, "801")
    yield made
    made.close()


def sign_in(context: BrowserContext, house: House, user: str) -> None:
    context.add_cookies([{"name": "yobirin", "value": user, "url": f"http://127.0.0.1:{house.port}"}])


def tab(context: BrowserContext, house: House, user: str = "801") -> Page:
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{house.port}/{user}")
    return page


def told(page: Page, what: str) -> list[Any]:
    found: list[Any] = page.evaluate("name => told.filter(([one]) => one === name).map(([, detail]) => detail)", what)
    return found


def comes(page: Page, true: Callable[[], Any], what: str) -> None:
    for _ in range(1200):
        if true():
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"waited in vain for {what}; told: {page.evaluate('told')}")


def is_live(page: Page) -> bool:
    states = told(page, "state")
    return bool(states) and states[-1]["state"] == "live"


def call(state: str = "ringing", call_id: str = "hq-1", rep: str = "801") -> CallChanged:
    label = Label("customer", "121", rep, 2)
    return CallChanged(call_id, {"state": state}, (Candidate(label, {"code": "100101"}),), "+81355550142")


def test_all_tabs_share_one_stream_and_each_is_told_everything(house: House, context: BrowserContext) -> None:
    house.publish(ExchangeChanged("hq", "121", "up"))
    tabs = [tab(context, house) for _ in range(8)]
    for page in tabs:
        comes(page, lambda page=page: is_live(page), "the stream")
    assert house.streams() == 1
    house.publish(call())
    for page in tabs:
        comes(page, lambda page=page: told(page, "call"), "the call")
        assert told(page, "state")[-1]["exchanges"] == {"hq": "up"}
    late = tab(context, house)
    comes(late, lambda: told(late, "call"), "the call that is live already")
    assert house.hub.counters.attached == 1
    tabs[0].close()
    house.publish(WorkChanged((LABEL,), (), (7,)))
    comes(late, lambda: told(late, "work") == [{"calls": [], "items": [7]}], "the change of work")


def test_what_happens_while_the_stream_is_broken_is_not_missed(house: House, context: BrowserContext) -> None:
    page = tab(context, house)
    comes(page, lambda: is_live(page), "the stream")
    house.publish(call(call_id="hq-1"))
    house.publish(call(call_id="hq-2"))
    comes(page, lambda: len(told(page, "call")) == 2, "the calls")
    house.cut()
    house.publish(call("ended", "hq-1"))
    house.publish(call("talking", "hq-2"))
    house.publish(WorkChanged((LABEL,), (), (1,)))
    comes(page, lambda: told(page, "state")[-1]["state"] == "away", "the page to be told that it is not live")
    house.running.call(house.open)
    comes(page, lambda: is_live(page), "the stream to come back")
    comes(page, lambda: told(page, "work"), "what was missed")
    assert [(one["id"], one["state"]) for one in told(page, "call")[2:]] == [("hq-1", "ended"), ("hq-2", "talking")]
    assert told(page, "resync") == []


def test_after_a_restart_of_the_server_calls_that_are_over_go_away(house: House, context: BrowserContext) -> None:
    page = tab(context, house)
    comes(page, lambda: is_live(page), "the stream")
    house.publish(call(call_id="hq-1"))
    house.publish(call(call_id="hq-2"))
    comes(page, lambda: len(told(page, "call")) == 2, "the calls")
    house.cut()
    house.live._hub = house.hub = Hub(Clock(), show=lambda number, masked: number)  # knows nothing of before
    house.publish(call("talking", "hq-2"))
    house.running.call(house.open)
    comes(page, lambda: told(page, "gone") == [{"id": "hq-1"}], "the call that is over to go")
    assert told(page, "resync") == [{}]
    assert told(page, "call")[-1]["state"] == "talking"


def test_signing_out_in_one_tab_ends_it_in_all(house: House, context: BrowserContext) -> None:
    one, two = tab(context, house), tab(context, house)
    comes(two, lambda: is_live(one) and is_live(two), "the stream")
    one.click("button")
    comes(two, lambda: told(two, "state")[-1]["state"] == "signed-out", "the other tab to be told")
    comes(two, lambda: house.streams() == 0, "the stream to end")


def test_a_session_that_was_ended_elsewhere_is_not_tried_again(house: House, context: BrowserContext) -> None:
    page = tab(context, house)
    comes(page, lambda: is_live(page), "the stream")
    del house.sessions.known[session_id("801")]
    house.publish(SessionEnded(session_id("801")))
    comes(page, lambda: told(page, "state")[-1]["state"] == "signed-out", "the page to be told")
    attached = house.hub.counters.attached
    page.wait_for_timeout(3500)
    assert (house.hub.counters.attached, house.live.refused) == (attached, 0)


def test_another_user_in_the_same_browser_sees_nothing_of_the_first_ones_calls(
    house: House, context: BrowserContext
) -> None:
    first = tab(context, house)
    comes(first, lambda: is_live(first), "the stream")
    house.publish(call(rep="801"))
    comes(first, lambda: told(first, "call"), "the call")
    sign_in(context, house, "802")
    second = tab(context, house, "802")
    comes(second, lambda: is_live(second), "the stream of the other user")
    house.publish(call(call_id="hq-9", rep="802"))
    comes(second, lambda: told(second, "call"), "the other user's call")
    assert [one["id"] for one in told(second, "call")] == ["hq-9"]


def test_a_database_that_is_away_is_waited_for(house: House, context: BrowserContext) -> None:
    house.sessions.broken = True
    page = tab(context, house)
    comes(page, lambda: house.live.refused >= 2, "the stream to be refused")
    house.sessions.broken = False
    comes(page, lambda: is_live(page), "the stream")


def test_without_shared_workers_the_page_holds_the_stream_itself(house: House, context: BrowserContext) -> None:
    context.add_init_script("delete window.SharedWorker")
    page = tab(context, house)
    comes(page, lambda: is_live(page), "the stream")
    house.publish(call())
    comes(page, lambda: told(page, "call"), "the call")
    page.goto("about:blank")
    comes(page, lambda: house.streams() == 0, "the stream to end with its page")
