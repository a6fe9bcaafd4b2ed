"""A telephone that is taken for the day: its pop-ups and calls follow at once, in a running server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cti_adapters.storage import schema
from tests.realpbx.product import Live, Product, exchange
from tests.stories.simulated import Simulated, answered


def _rang(live: Live, number: str) -> list[dict[str, Any]]:
    """What a screen was told of a caller's calls."""
    return [call for name, call in live.events if name == "call" and (call["number"] or "").endswith(number[-4:])]


def test_whoever_takes_a_telephone_gets_its_pop_ups_until_they_leave_it(pbx: Simulated, tmp_path: Path) -> None:
    product = Product(tmp_path / "p", [exchange("hq", pbx.port, kind="simulated")])
    try:
        product.person("801", "branch manager", "121", "hq/2001", language="en")
        product.person("802", "branch manager", "121", "hq/2003", language="en")
        product.person("700", "branch manager", "121", language="en")
        for number in ("0312340101", "0312340102", "0312340103"):
            product.customer(f"1{number[-5:]}", number, "700")
        product.start()
        pbx.until_heard()
        guest, owner = product.sign_in("801"), product.sign_in("802")
        with guest.live() as at_guest, owner.live() as at_owner:
            for place, number in enumerate(("0312340101", "0312340102", "0312340103"), start=1):
                if place == 2:
                    form = {"exchange": "hq", "extension": "2003", "sure": "1"}
                    status, body = guest.post("/telephone/take", form, page="/telephone")
                    assert status == 303, body
                    told = at_owner.wait(lambda name, _: name == "seat", "the owner to be told")
                    assert (told["extension"], told["by"], told["mine"]) == ("2003", "担当801", False)
                    assert "sits at your 2003" in owner.page("/telephone")
                if place == 3:
                    guest.post("/telephone/leave", page="/telephone")
                    at_owner.wait(lambda name, one: name == "seat" and one["mine"], "the owner to have it again")
                pbx.play(answered(number, extension="2003"))
                product.ended_calls(place)
            asked = guest.post("/me/pop-up-test", page="/me")
            assert asked[0] == 200
            at_guest.wait(lambda name, _: name == "test", "the test of the pop-up")
            mine = {
                who: [
                    {call["mine"] for call in _rang(live, f"031234010{n}")} & {"ringing", "talking"} != set()
                    for n in (1, 2, 3)
                ]
                for who, live in (("guest", at_guest), ("owner", at_owner))
            }
        assert mine == {"guest": [False, True, False], "owner": [True, False, True]}
        receivers = {row["caller_number"]: row["receiver"] for row in product.rows(schema.calls)}
        assert receivers == {"0312340101": "802", "0312340102": "801", "0312340103": "802"}
        assert len(product.rows(schema.calls)) == 3  # what was tried is no call
        assert product.cti("user", "list").stdout.count("hq:2003") == 1
    finally:
        product.close()
