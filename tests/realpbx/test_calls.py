"""Calls between real phones through a real Asterisk: the server's call log says what the phones and the carrier did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.golden.recordings import differences
from tests.realpbx.asterisk import SECRET, Asterisk
from tests.realpbx.product import Product, exchange
from tests.realpbx.scenarios import ALL
from tests.realpbx.scene import Play, Scene
from tests.realpbx.stage import Stage

TOLERANCE = (0.5, 1.0)
OURS = {"linkedids"}
"""Which groups of channels a call had is known from recordings only."""

sleep = asyncio.sleep


@pytest.fixture(scope="module")
def product(shared_asterisk: Asterisk) -> Iterator[Product]:
    """A server that listens with the AMI user of least rights."""
    shared_asterisk.start()
    with TemporaryDirectory() as folder:
        made = Product(Path(folder) / "p", [exchange("hq", shared_asterisk.ports.ami)], SECRET)
        made.start()
        made.until_link("hq", "up")
        yield made
        log = made.log()
        status = made.stop()
        made.close()
    assert status == 0
    assert "Traceback" not in log and "Unhandled" not in log, log


async def internal(s: Scene) -> None:
    """A colleague is called, answers, and hangs up."""
    caller = await s.phones["2001"].call("2002", name="SA1")
    agent = await s.take("2002", 0.5)
    await caller.answered.wait()
    await sleep(1.0)
    await agent.bye()
    await caller.ended.wait()
    s.call("internal", caller, "2002", number="2001", name="SA1", rang=[agent], by=agent, hangup="callee")


PLAYS: dict[str, Play] = {"internal": internal} | {
    name: ALL[name]
    for name in (
        "D12-outbound-customer-hangs-up",
        "D7-outbound-busy",
        "F1-burst",
        "F5-withheld-missed",
        "F6-abroad",
        "G9-queue-agent-transfers",
        "G10-queue-agent-transfers-blind",
        "H4-queue-without-answer",
    )
}


@pytest.mark.parametrize("name", PLAYS)
def test_the_call_log_says_what_happened(product: Product, asterisk: Asterisk, stage: Stage, name: str) -> None:
    before = {call["id"] for call in product.calls()}
    scene = Scene(stage, asterisk)
    stage.do(PLAYS[name](scene))
    told = product.ended_calls(len(before) + len(scene.truth))
    fresh = [call for call in told if call["id"] not in before]
    # Calls of one moment may come in either order: they are paired by who called whom.
    assert not differences(sorted(fresh, key=who), sorted(scene.truth, key=who), OURS, TOLERANCE)


def who(call: dict[str, Any]) -> tuple[str, ...]:
    return (call["caller_number"] or "", call["dialed_number"], call["started_at"])
