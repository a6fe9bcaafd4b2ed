"""An administrator adds an exchange on the page, changes, pauses and removes it, while another goes on untouched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cti_adapters.storage import schema
from tests.realpbx.product import Browser, Product, exchange, text
from tests.stories.simulated import Simulated, answered
from tests.web.running import Running, until

PAGE = "/admin/exchanges/yoko"


@pytest.fixture
def second(reactor: Running) -> Iterator[Simulated]:
    """The exchange that is added."""
    simulated = Simulated(reactor)
    yield simulated
    simulated.close()


@pytest.fixture
def product(pbx: Simulated, tmp_path: Path) -> Iterator[Product]:
    """One exchange in the settings file, one administrator."""
    made = Product(tmp_path / "p", [exchange("hq", pbx.port, kind="simulated")])
    made.person("900", "administrator", "121", language="en")
    yield made
    made.close()


def filled_in(port: int) -> dict[str, str]:
    """The form of the new exchange."""
    return {
        "kind": "simulated",
        "id": "yoko",
        "name": "横浜 PBX",
        "branch": "122",
        "host": "127.0.0.1",
        "port": str(port),
        "username": "yobirin",
        "secret": "yobirin",
        "area_code": "045",
        "extensions": r"\d{4}",
        "trunks": "PJSIP/trunk",
        "timezone": "Asia/Tokyo",
    }


def version(admin: Browser, page: str) -> str:
    """The version that a page's form is about."""
    found = re.search(r'name="version" value="(\d+)"', admin.page(page))
    assert found, page
    return found[1]


def do(admin: Browser, act: str) -> None:
    """Something that is done to the exchange, with the question that comes first where there is one."""
    number = version(
        admin, "/admin/exchanges" if act == "bring-back" else PAGE if act == "resume" else f"{PAGE}/do/{act}"
    )
    status, body = admin.post(f"{PAGE}/do/{act}", {"version": number})
    assert status == 303, text(body)


def found_by_test(admin: Browser, path: str, form: dict[str, str]) -> str:
    """What a test of a connection says in the end."""
    status, body = admin.post(path, form)
    where = re.search(r"/admin/exchange-tests/\d+", body)
    assert status == 200, text(body)
    if where is None:
        return text(body)  # it is done already

    def said() -> str:
        page = text(admin.page(where[0]))
        return "" if "Look again" in page else page

    return str(until(said, "the test to be done"))


def test_from_the_form_to_calls_and_away_again(product: Product, pbx: Simulated, second: Simulated) -> None:
    product.start()
    pbx.until_heard()
    untouched = list(pbx.exchange.sessions)
    admin = product.sign_in("900")
    form = filled_in(second.port)
    assert "The connection works" in found_by_test(admin, "/admin/exchanges/new-exchange/test", form)
    wrong = found_by_test(admin, "/admin/exchanges/new-exchange/test", form | {"secret": "no"})
    assert "refuses the sign-in of yobirin" in wrong
    until(lambda: not second.clients, "the test to have hung up")
    assert product.link("yoko")["state"] == "", "nothing is saved by a test"

    status, body = admin.post("/admin/exchanges/new-exchange", form)
    assert status == 303, text(body)
    product.until_link("yoko", "up")
    second.until_heard()
    second.play(answered("0451234122", talk=0.5))
    assert [call["exchange"] for call in product.ended_calls(1)] == ["yoko"]
    until(lambda: product.link("yoko")["counters"].get("last_call"), "the last call to be told")
    assert "Connected" in text(admin.page(PAGE))
    listed = product.cti("exchange", "list")
    assert re.search(r"^yoko +122 +up", listed.stdout, re.M), listed.stdout

    changed = form | {"secret": "", "name": "横浜支店 PBX", "version": version(admin, f"{PAGE}/change")}
    heard = list(second.exchange.sessions)
    assert admin.post(f"{PAGE}/change", changed)[0] == 303
    until(lambda: product.link("yoko")["name"] == "横浜支店 PBX", "the new name")
    until(lambda: second.clients and list(second.exchange.sessions) != heard, "the link to be made anew")

    do(admin, "pause")
    until(lambda: not second.clients, "the exchange to be left alone")
    until(lambda: product.link("yoko")["reason"] == "paused-by-person", "the pause to be told")
    until(
        lambda: [gap["reason"] for gap in product.rows(schema.gaps) if not gap["ended_at"]] == ["paused-by-person"],
        "gap",
    )
    do(admin, "resume")
    product.until_link("yoko", "up")
    until(lambda: all(gap["ended_at"] for gap in product.rows(schema.gaps)), "the gap to end")

    assert list(pbx.exchange.sessions) == untouched, "the link to the other exchange was not touched"
    product.kill()
    product.start()
    second.until_heard()
    until(lambda: pbx.clients == len(list(pbx.exchange.sessions)) == 1, "only the new server to listen")
    untouched = list(pbx.exchange.sessions)
    assert product.link("yoko")["counters"].get("last_call"), "known from before"

    do(admin, "remove")
    until(lambda: not second.clients, "the removed exchange to be left")
    until(lambda: not product.link("yoko")["state"], "it to be gone from the pages")
    assert len(product.calls()) == 1, "its calls stay"
    assert admin.request("GET", PAGE)[0] == 404
    do(admin, "bring-back")
    product.until_link("yoko", "up")
    assert list(pbx.exchange.sessions) == untouched, "the link to the other exchange was not touched"
    assert product.stop() == 0
