"""A real browser in front of the whole product."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from tests.browser.conftest import DESKTOP
from tests.realpbx.product import PASSWORD, Product


def signed_in(browser: Browser, product: Product, login: str) -> Page:
    """A page of somebody who has signed in, in a browser of their own."""
    page = browser.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="Asia/Tokyo").new_page()  # type: ignore[arg-type]
    page.goto(f"http://127.0.0.1:{product.port}/signin")
    page.fill("[name=login]", login)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "/signin" not in url)
    return page
