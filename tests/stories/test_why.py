"""From the exchange's bytes to a screen, in a running server: every step of it can be asked for afterwards."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.realpbx.product import Product, exchange
from tests.stories.simulated import Simulated, missed
from tests.web.running import until


@pytest.mark.parametrize("screen", [True, False], ids=["a screen is open", "no screen is open"])
def test_a_call_is_followed_from_its_bytes_to_the_screen(pbx: Simulated, tmp_path: Path, screen: bool) -> None:
    product = Product(tmp_path / "p", [exchange("hq", pbx.port, kind="simulated")])
    try:
        product.person("801", "rep", "121", "hq/2001", language="en")
        product.person("900", "administrator", "121", language="en")
        product.customer("100101", "0312340101", "801")
        product.start()
        pbx.until_heard()
        with product.sign_in("801").live() if screen else nullcontext():
            pbx.play(missed("0312340101"))
            product.ended_calls(1)
        admin = product.sign_in("900")

        def said() -> str:
            status, body = admin.post("/admin/exchanges/hq/why", {"number": "03-1234-0101"})
            assert status == 200, body
            return "" if "Not known yet" in body or "Not kept" in body else body

        text = until(said, "an answer", 20)
        lights = re.findall(r'<li data-tone="(\w+)"><b>([^<]*)</b>', text)
        red = [name for tone, name in lights if tone == "red"]
        assert red == ([] if screen else ["Screen open"]), lights
        if screen:
            assert {tone for tone, _ in lights} == {"green"}
            steps = text[text.index("Something came") :]
            times = re.findall(r'<time class="y-muted"[^>]*>([\d:.]+)</time>', steps)
            assert len(times) >= 5 and times == sorted(times)
        told = product.cti("exchange", "why", "hq", "--number", "0312340101")
        assert told.returncode == (0 if screen else 1), told.stderr
        assert ("NO  Screen open" in told.stdout) is not screen and "0312340101" not in told.stdout
    finally:
        product.close()
