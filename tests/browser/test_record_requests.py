"""A reviewer asks a rep for the record of a call, with the whole product, in real browsers: it comes to the rep's desk
while they look at it, they record, and the reviewer's page says so without being loaded again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_accessibility import findings
from tests.browser.whole_product import signed_in
from tests.realpbx.product import Product, exchange
from tests.stories.test_records import record


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """A call of a customer that the rep answered a few minutes ago, and a reviewer of another branch."""
    file = tmp_path / "smdr.log"
    file.write_bytes(record(1, "0312340101"))
    table = exchange("hq", 0, kind="smdr", feed="file", path=str(file), profile="avaya-ipoffice")
    del table["port"], table["secret_env"]
    made = Product(tmp_path / "p", [table])
    made.person("900", "compliance reviewer", "122", language="en")
    made.person("801", "rep", "121", "hq/2001", language="en")
    made.customer("100101", "0312340101", "801")
    made.start()
    yield made
    made.close()


def test_asked_for_recorded_and_seen_to_be(browser: Browser, product: Product) -> None:
    home = f"http://127.0.0.1:{product.port}"
    (call,) = product.ended_calls(1)
    rep = signed_in(browser, product, "801")
    rep.goto(f"{home}/desk")
    expect(rep.locator("#y-live-state")).to_contain_text("Live")

    reviewer = signed_in(browser, product, "900")
    reviewer.goto(f"{home}/compliance/trail/{call['id']}")
    expect(reviewer.locator("#y-live-state")).to_contain_text("Live")
    reviewer.get_by_text("Ask for a record …").click()
    expect(reviewer.locator("#y-ask [name=to]")).to_have_value("801")
    assert findings(reviewer) == []
    reviewer.fill("#y-ask [name=note]", "What did they want?")
    reviewer.get_by_role("button", name="Ask", exact=True).click()
    expect(reviewer.locator("#y-requests")).to_contain_text("Waiting for the record")

    asked = rep.locator(".y-asked .y-row")
    expect(asked).to_contain_text("What did they want?")  # without the rep doing anything
    expect(rep.locator("#y-rail [data-badge=asked]")).to_have_text("1")
    assert findings(rep) == []
    asked.click()
    rep.wait_for_selector("#y-record")
    assert findings(rep) == []
    rep.locator("label:has([value=visit])").click()
    expect(rep.locator("#y-record").get_by_role("radio", name="Met")).to_be_checked()
    rep.locator("label:has([value=phone])").click()
    rep.fill("#y-record [name=note]", "Asked about their statement.")
    rep.get_by_role("button", name="Save the record").click()
    rep.wait_for_url(f"{home}/desk")
    expect(rep.locator(".y-asked")).to_have_count(0)

    expect(reviewer.locator("#y-requests")).to_contain_text("Record made")  # likewise
    reviewer.goto(f"{home}/compliance/requests?state=answered")
    expect(reviewer.locator("#y-results")).to_contain_text("担当801")
    assert findings(reviewer) == []
