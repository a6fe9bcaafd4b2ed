"""An exchange that is read as another make, from the warning on its page to the call log: the whole product, in a real
browser. Its profile is made from the lines that it sent, saved, put into use, and what had come is folded again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage import schema
from tests.browser.whole_product import signed_in
from tests.realpbx.product import Product, exchange
from tests.stories.test_records import record
from tests.web.running import until

EXCHANGE = "/admin/exchanges/hq"


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    """Records of IP Office that came ten minutes ago and are read as Mitel's; who looks after it, and a rep with a
    customer."""
    file = tmp_path / "smdr.log"
    file.touch()
    table = exchange("hq", 0, kind="smdr", feed="file", path=str(file), profile="mitel")
    del table["port"], table["secret_env"]
    made = Product(tmp_path / "p", [])
    made.person("900", "administrator", "121", language="en")
    made.person("801", "rep", "121", "hq/2001", language="en")
    made.customer("100101", "0312340101", "801")
    made.exchanges.append(table)
    made.write_config()
    journal = Journal(made.data / "journal" / "hq")
    journal.append(Kind.BYTES, record(1, "0312340101", talk=0) + record(2, "0312340102"), time.time() - 600)
    journal.append(Kind.TICK, b"", time.time())
    journal.close()
    made.start()
    yield made
    made.close()


def test_from_what_cannot_be_read_to_the_call_log(browser: Browser, product: Product) -> None:
    admin = signed_in(browser, product, "900")
    home = f"http://127.0.0.1:{product.port}"
    until(lambda: len(product.rows(schema.unreadable)) == 2, "two records that can't be read")
    admin.goto(home + EXCHANGE)
    expect(admin.get_by_text("This looks like records of Avaya IP Office")).to_be_visible()

    admin.goto(f"{home}/admin/profiles")
    admin.fill("[name=lines]", record(1, "0312340101", talk=0).decode())
    admin.wait_for_selector(".y-outcome")
    admin.fill("#y-save-as", "floor3")
    admin.locator("[formaction$='/admin/profiles/save']").click()
    admin.wait_for_selector(".y-bar[data-tone=green]")

    admin.goto(f"{home}{EXCHANGE}/change?profile=floor3")
    admin.get_by_role("button", name="Save").click()
    admin.wait_for_url(f"**{EXCHANGE}")
    admin.get_by_role("button", name="Fold again").click()
    expect(admin.locator("#y-folding")).to_contain_text("added: 2")
    assert product.calls() == []
    admin.get_by_role("button", name="Write it to the call log").click()
    expect(admin.locator("#y-folding")).to_contain_text("2 calls were corrected.")

    calls = product.ended_calls(2)
    assert [call["disposition"] for call in calls] == ["missed", "answered"]
    admin.reload()
    expect(admin.get_by_text("Everything that came could be read.")).to_be_visible()
    rep = signed_in(browser, product, "801")
    rep.goto(f"{home}/desk")
    expect(rep.get_by_text("顧客100101").first).to_be_visible()
    expect(rep.get_by_text("0312340102")).to_have_count(0)
