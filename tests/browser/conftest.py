"""A real browser (Debian's Chromium, driven by Playwright) before the pages. Skipped with the reason where there is no
Chromium; with YOBIRIN_NO_SKIP=1 that is a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.web.fake_desk import FakeDesk
from tests.web.pages import make_app
from tests.web.serving import FakeLive, served

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 20_000
"""Milliseconds: a busy machine is slow, not wrong."""
expect.set_options(timeout=PATIENCE)
DESKTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}


def chromium() -> str | None:
    return shutil.which("chromium")


@pytest.fixture(scope="session", autouse=True)
def browser_is_there() -> None:
    if chromium() is None:
        reason = "there is no Chromium; run `python tests/provision.py --only chromium` as root"
        if os.environ.get("YOBIRIN_NO_SKIP", "") not in ("", "0"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return browser_type_launch_args | {"executable_path": chromium(), "args": list(FLAGS)}


@dataclass
class Desk:
    """The pages with what stands behind them."""

    url: str
    app: Flask
    fake: FakeDesk
    live: FakeLive


@pytest.fixture(scope="module")
def served_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    fake, live = FakeDesk(), FakeLive()
    app = make_app(tmp_path_factory.mktemp("pages"), fake)
    with served(app, live) as url:
        yield Desk(url, app, fake, live)


@pytest.fixture
def desk(served_pages: Desk) -> Desk:
    """Fresh for each test; the server goes on."""
    fresh = FakeDesk()
    served_pages.fake.__dict__.update(fresh.__dict__)
    served_pages.live.last.clear()
    return served_pages


def is_live(page: Page) -> None:
    """Waits until the page hears the live stream, if it has one."""
    if page.locator("#y-live-state").count():
        page.wait_for_selector('#y-live-state:not([data-tone="grey"])', state="attached")


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, desk: Desk) -> Iterator[OpenPage]:
    """Opens a page for a viewer: ``open_page("/desk", "ja", PHONE)``. Whatever the browser complains of (scripts,
    the content security policy) fails the test at its end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(path: str, language: str = "en", viewport: dict[str, int] = DESKTOP, **more: Any) -> Page:
        context = browser.new_context(
            viewport={"width": viewport["width"], "height": viewport["height"]},
            locale="ja-JP" if language == "ja" else "en-GB",
            timezone_id="Asia/Tokyo",
            **more,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.add_cookies([{"name": "yobirin", "value": language, "url": desk.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{path}: {error}"))
        page.on(
            "console", lambda message: complaints.append(f"{path}: {message.text}") if message.type == "error" else None
        )
        page.goto(desk.url + path)
        page.wait_for_selector("main")
        is_live(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    expected = ("status of 4", "status of 5", "Response Status Error Code 4", "net::ERR")
    assert [one for one in complaints if not any(part in one for part in expected)] == []


@pytest.fixture
def pictures() -> Path | None:
    """Where to keep pictures of the pages (YOBIRIN_PICTURES); none by default."""
    folder = os.environ.get("YOBIRIN_PICTURES")
    return Path(folder) if folder else None
