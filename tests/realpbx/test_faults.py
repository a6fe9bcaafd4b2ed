"""What goes wrong between a real Asterisk and the server: it is killed in mid-call, the link breaks, it lets nobody
in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.storage import schema
from tests.golden.recordings import differences, epoch
from tests.realpbx.asterisk import SECRET, Asterisk
from tests.realpbx.cuttable import Wire
from tests.realpbx.product import Product, exchange, free_port
from tests.realpbx.scene import Scene
from tests.realpbx.sipagent import Leg
from tests.realpbx.stage import Stage
from tests.web.running import until

TOLERANCE = (0.5, 1.0)
sleep = asyncio.sleep


@pytest.fixture(scope="module")
def wire(shared_asterisk: Asterisk) -> Iterator[Wire]:
    made = Wire(shared_asterisk.ports.ami)
    yield made
    made.cut()


@pytest.fixture(scope="module")
def product(shared_asterisk: Asterisk, wire: Wire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Listens to one Asterisk through a wire that can be cut, and to an exchange that is not there."""
    shared_asterisk.start()
    tables = [exchange("hq", wire.port), exchange("gone", free_port(), branch="122")]
    made = Product(tmp_path_factory.mktemp("faults") / "p", tables, SECRET)
    made.start()
    made.until_link("hq", "up")
    yield made
    log = made.log()
    assert made.stop() == 0
    made.close()
    assert "Traceback" not in log and "Unhandled" not in log, log


async def talking(stage: Stage, number: str) -> tuple[Leg, Leg]:
    caller = await stage.inbound("0312345600", number)
    agent = await stage.take("2001", 0.3)
    await caller.answered.wait()
    await sleep(0.3)
    return caller, agent


async def ordinary(s: Scene, number: str) -> None:
    """A call in which nothing goes wrong."""
    caller, agent = await talking(s.stage, number)
    await sleep(0.5)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345600", number=number, rang=[agent], by=agent, hangup="caller")


def the_call(product: Product, number: str, state: str = "ended") -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [call for call in product.calls() if call["caller_number"] == number and call["state"] == state]

    calls = until(found, f"a call that is {state}", 60)
    assert len([call for call in product.calls() if call["caller_number"] == number]) == 1
    return dict(calls[0])


def gaps(product: Product) -> list[dict[str, Any]]:
    return [row for row in product.rows(schema.gaps) if row["exchange"] == "hq"]


def test_a_dead_exchange_delays_nobody(product: Product, asterisk: Asterisk, stage: Stage) -> None:
    scene = Scene(stage, asterisk)
    stage.do(ordinary(scene, "0312340900"))
    assert not differences([the_call(product, "0312340900")], scene.truth, {"linkedids"}, TOLERANCE)
    gone = product.link("gone")
    assert (gone["state"], gone["reason"]) == ("down", "connection-refused")
    assert product.health()[0] == 200


def test_a_call_goes_on_while_the_link_is_cut(product: Product, wire: Wire, asterisk: Asterisk, stage: Stage) -> None:
    before = len(gaps(product))
    caller, agent = stage.do(talking(stage, "0312340901"))
    the_call(product, "0312340901", "talking")
    lists = wire.sent.count(b"CoreShowChannels")
    wire.cut()
    product.until_link("hq", "down")
    wire.mend()
    product.until_link("hq", "up", 60)
    assert wire.sent.count(b"CoreShowChannels") == lists + 1
    stage.do(caller.bye())
    stage.do(agent.ended.wait())
    scene = Scene(stage, asterisk)
    scene.call("in", caller, "0312345600", number="0312340901", rang=[agent], by=agent, hangup="caller")
    told = the_call(product, "0312340901")
    assert not differences([told], scene.truth, {"linkedids"}, TOLERANCE)
    assert told["marks"] == ["cut-by-gap"]
    fresh = gaps(product)[before:]
    assert len(fresh) == 1 and fresh[0]["ended_at"] > fresh[0]["started_at"]
    assert epoch(told["answered_at"]) < fresh[0]["started_at"] < fresh[0]["ended_at"] < epoch(told["ended_at"])


def test_a_call_ends_while_the_link_is_cut(product: Product, wire: Wire, asterisk: Asterisk, stage: Stage) -> None:
    caller, agent = stage.do(talking(stage, "0312340902"))
    the_call(product, "0312340902", "talking")
    wire.cut()
    product.until_link("hq", "down")
    stage.do(caller.bye())
    stage.do(agent.ended.wait())
    wire.mend()
    told = the_call(product, "0312340902")
    assert set(told["marks"]) == {"cut-by-gap", "end-not-seen"}
    assert told["ended_at"] is None and told["disposition"] == "answered"
    assert caller.ended.at is not None
    first, last = (epoch(at) for at in told["ended_between"])
    assert first - 0.5 <= caller.ended.at <= last + 0.5


def test_the_exchange_is_killed_in_mid_call(product: Product, asterisk: Asterisk, stage: Stage) -> None:
    before = len(gaps(product))
    caller, agent = stage.do(talking(stage, "0312340903"))
    the_call(product, "0312340903", "talking")
    killed = time.time()
    asterisk.kill()
    product.until_link("hq", "down")
    caller.agent.forget()
    agent.agent.forget()
    asterisk.start()
    product.until_link("hq", "up", 60)
    told = the_call(product, "0312340903")
    assert "end-not-seen" in told["marks"] and told["ended_at"] is None
    assert told["answered_by_extension"] == "2001"
    first, last = (epoch(at) for at in told["ended_between"])
    assert first - 0.5 <= killed <= last + 0.5
    assert len(gaps(product)) == before + 1 and gaps(product)[-1]["ended_at"] is not None
    scene = Scene(stage, asterisk)
    stage.do(ordinary(scene, "0312340904"))
    assert not differences([the_call(product, "0312340904")], scene.truth, {"linkedids"}, TOLERANCE)


def test_who_is_not_let_in_is_told_why_and_does_not_knock_again_soon(asterisk: Asterisk, tmp_path: Path) -> None:
    wire = Wire(asterisk.ports.ami)
    made = Product(tmp_path / "p", [exchange("hq", wire.port)], "not-the-secret")
    try:
        made.start()
        link = made.until_link("hq", "refused")
        assert link["reason"] == "refused"
        assert link["reason_values"] == {"user": "yobirin", "said": "Authentication failed"}
        assert "the exchange refuses the sign-in of yobirin: Authentication failed; check username and secret" in (
            made.log()
        )
        assert "not-the-secret" not in made.log()
        listed = made.cti("exchange", "list")
        assert listed.returncode == 0, listed.stderr
        assert "refused" in listed.stdout and "check username and secret" in listed.stdout
        assert wire.connections == 1
        assert made.stop() == 0
    finally:
        made.close()
        wire.cut()
