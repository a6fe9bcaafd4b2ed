"""A tester has a scenario played on a simulated exchange: the pop-up comes up on the desk whose telephone rings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.realpbx.product import Product, exchange, text
from tests.stories.simulated import Simulated

CALL = """
[[call]]
at = 0.2
caller = "0399990001"
to = "0312345600"
rings = ["2001"]
ring = 20
talk = 30
"""


@pytest.fixture
def product(pbx: Simulated, tmp_path: Path) -> Iterator[Product]:
    """One simulated exchange, a tester, and a rep with a customer."""
    made = Product(tmp_path / "p", [exchange("hq", pbx.port, kind="simulated")])
    made.person("985", "tester", "121", language="en")
    made.person("801", "rep", "121", "hq/2001", language="en")
    made.customer("710101", "0399990001", "801")
    yield made
    made.close()


def test_from_the_testers_page_to_the_reps_pop_up_and_the_call_log(product: Product, pbx: Simulated) -> None:
    product.start()
    pbx.until_heard()
    product.until_link("hq", "up")
    tester, rep = product.sign_in("985"), product.sign_in("801")
    form = {"scenario": "own", "text": CALL, "exchange": "hq", "live_speed": "10"}
    with rep.live() as live:
        status, body = tester.post("/sim/live", form, page="/sim")
        assert status == 200 and "Being played on" in text(body), text(body)
        shown = live.call(state="ringing")
        assert [card["code"] for card in shown["cards"]] == ["710101"]
    many = CALL.replace("\n", "\r\n") * 501  # as browsers send it
    with tester.live() as live:
        tester.post("/sim/live", form | {"text": many}, page="/sim")
        answer = live.wait(lambda name, _: name == "play", "what the exchange answered")
        assert "more than 500 calls are not played at once" in answer["refused"]
        assert tester.post("/sim/live", {"act": "stop", "exchange": "hq"}, page="/sim")[0] == 200
    (call,) = product.ended_calls(1)
    assert (call["caller_number"], call["caller_name"], call["exchange"]) == ("0399990001", "SIM", "hq")
