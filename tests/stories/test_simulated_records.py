"""Records of the simulator in front of the whole product: it connects to us, or we sign in at it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cti_simulators.scenarios import load
from tests.realpbx.product import Product, exchange, free_port

SCENARIO = Path(__file__).parents[2] / "config" / "scenarios" / "answered.toml"
CALLS = len(load(SCENARIO).call)


@contextmanager
def simulated(profile: str, *arguments: str) -> Iterator[int]:
    """``cti simulate`` with the scenario; gives the port that it names."""
    words = ("simulate", "--smdr", profile, "--speed", "1000", "--scenario", str(SCENARIO), *arguments)
    command = [sys.executable, "-m", "cti_server.cli", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield int(running.stdout.readline().rsplit(":", 1)[1])
        finally:
            running.kill()


def installed(folder: Path, installations: list[Product], wait: bool = True, **feed: object) -> Product:
    product = Product(folder / "p", [exchange("hq", kind="smdr", **feed)])  # type: ignore[arg-type]
    installations.append(product)
    product.person("801", "rep", "121", "hq/2001", language="en")
    product.start(wait)
    return product


def test_an_exchange_that_connects_to_us_is_heard(tmp_path: Path, installations: list[Product]) -> None:
    port = free_port()
    product = installed(
        tmp_path,
        installations,
        wait=False,
        port=port,
        feed="listen",
        allowed_peers=["127.0.0.1"],
        profile="avaya-ipoffice",
    )
    product.until_link("hq", "connecting")
    with simulated("avaya-ipoffice", "--connect", f"127.0.0.1:{port}"):
        calls = product.ended_calls(CALLS)
        product.until_link("hq", "up")
    assert [call["disposition"] for call in calls] == ["answered"] * CALLS
    assert {call["answered_by_extension"] for call in calls} == {"2001"}
    assert product.until_link("hq", "connecting")["reason"] == "awaiting-exchange"


def test_we_sign_in_where_the_make_asks_for_it(tmp_path: Path, installations: list[Product]) -> None:
    with simulated("panasonic-a") as port:
        product = installed(tmp_path, installations, port=port, feed="connect", profile="panasonic-a")
        calls = product.ended_calls(CALLS)
        assert product.link("hq")["state"] == "up"
    assert {call["answered_by_extension"] for call in calls} == {"2001"}
