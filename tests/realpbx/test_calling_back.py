"""Calling a customer back from the desk, through a real Asterisk: the rep's telephone rings first, then the customer's,
and what became of it stands on the row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cti_adapters.storage import schema
from tests.realpbx.asterisk import SECRET, Asterisk
from tests.realpbx.product import Browser, Product, exchange
from tests.realpbx.sipagent import Leg
from tests.realpbx.stage import Stage
from tests.web.running import until

sleep = asyncio.sleep


@pytest.fixture(scope="module")
def product(shared_asterisk: Asterisk) -> Iterator[Product]:
    shared_asterisk.start()
    with TemporaryDirectory() as folder:
        made = Product(Path(folder) / "p", [exchange("hq", shared_asterisk.ports.ami)], SECRET)
        made.person("801", "rep", "121", "hq/2001")
        made.customer("100101", "06-6111-0301", "801")
        made.customer("100103", "090-5555-0302", "801")
        made.customer("100105", "06-6111-0305", "801")
        made.start()
        made.until_link("hq", "up")
        yield made
        log = made.log()
        assert made.stop() == 0
        made.close()
    assert "Traceback" not in log and "Unhandled" not in log, log
    assert "6111" not in log and "5555" not in log, "a number stands in the log"


@pytest.fixture(scope="module")
def rep(product: Product) -> Browser:
    return product.sign_in("801")


async def gives_up(stage: Stage, number: str) -> None:
    caller = await stage.inbound("0312345600", number)
    agent = await stage.ring("2001")
    await sleep(0.5)
    caller.cancel()
    await agent.ended.wait()
    await caller.ended.wait()


def open_item(rep: Browser, code: str) -> int:
    """The item of a customer who is open on the rep's desk."""
    return int(until(lambda: next((item for item, words in rep.rows() if code in words), None), f"{code} on the desk"))


def outcome(product: Product, item: int, state: str) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        return next(
            (row for row in product.rows(schema.dials) if row["item_id"] == item and row["state"] == state), None
        )

    row: dict[str, Any] = until(found, f"the call back of item {item} to be {state}")
    return row


def state_of(product: Product, item: int) -> str:
    return str(next(row["state"] for row in product.rows(schema.items) if row["id"] == item))


def test_the_customer_answers_and_the_item_is_closed(product: Product, rep: Browser, stage: Stage) -> None:
    stage.do(gives_up(stage, "0661110301"))
    item = open_item(rep, "顧客100101")
    status, body = rep.post(f"/desk/{item}/dial")
    assert status in (200, 303), body

    async def both_answer() -> tuple[Leg, Leg]:
        phone = await stage.take("2001", 0.3)
        customer = await stage.carrier.incoming()
        customer.ring()
        await sleep(0.3)
        await customer.answer()
        return phone, customer

    phone, customer = stage.do(both_answer())
    assert customer.invite is not None and customer.invite.user == "0661110301"
    row = outcome(product, item, "answered")
    until(lambda: state_of(product, item) == "done", "the item to be done")
    stage.do(customer.bye())
    stage.do(phone.ended.wait())
    told = product.ended_calls(2)[-1]
    assert (told["id"], told["direction"], told["disposition"]) == (row["made_call"], "out", "answered")
    assert (told["dialed_number"], told["final_extension"]) == ("0661110301", "2001")
    assert not [words for _, words in rep.rows() if "顧客100101" in words]
    assert [words for _, words in rep.rows("/desk?tab=done") if "顧客100101" in words]
    history = [one for one in product.rows(schema.history) if one["customer_code"] == "100101"]
    assert [(one["by"], one["automatic"], one["channel"]) for one in history] == [("801", True, "phone")]


def test_the_customer_is_busy_and_the_item_stays_open(product: Product, rep: Browser, stage: Stage) -> None:
    stage.do(gives_up(stage, "09055550302"))
    item = open_item(rep, "顧客100103")
    rep.post(f"/desk/{item}/dial")

    async def refused() -> Leg:
        phone = await stage.take("2001", 0.3)
        customer = await stage.carrier.incoming()
        await sleep(0.2)
        customer.reject()
        return phone

    phone = stage.do(refused())
    outcome(product, item, "busy")
    stage.do(phone.bye())
    assert state_of(product, item) == "open"
    assert open_item(rep, "顧客100103") == item
    assert "busy" in rep.page(f"/desk/{item}").lower()


def test_the_rep_s_own_telephone_refuses(product: Product, rep: Browser, stage: Stage) -> None:
    stage.do(gives_up(stage, "0661110305"))
    item = open_item(rep, "顧客100105")
    rep.post(f"/desk/{item}/dial")

    async def refused() -> None:
        phone = await stage.phones["2001"].incoming()
        await sleep(0.1)
        phone.reject()

    stage.do(refused())
    # Asterisk says no more of a telephone that refuses than that it didn't come about (OriginateResponse, Reason 0).
    assert outcome(product, item, "failed")["reason"] == "extension-unavailable"
    assert state_of(product, item) == "open"
    assert stage.carrier.waiting == 0
