"""Queues: agents that ring out, refuse or are not there, and waits that end."""

from __future__ import annotations

import asyncio

from tests.realpbx.scene import Play, Scene

sleep = asyncio.sleep


async def first_rings_out(s: Scene) -> None:
    """Linear, without Answer(): the first agent rings out, the second answers."""
    caller = await s.inbound("0312345612", "0312340701")
    first = await s.ring("2003")
    second = await s.take("2004", 1.0)
    await sleep(2.0)
    await caller.bye()
    await second.ended.wait()
    s.call("in", caller, "0312345612", number="0312340701", rang=[first, second], by=second, hangup="caller",
           queue="support")  # fmt: skip


async def first_refuses(s: Scene) -> None:
    """Linear: the first agent refuses, the second answers."""
    caller = await s.inbound("0312345612", "0312340702")
    first = await s.phones["2003"].incoming()
    await sleep(0.2)
    first.reject()
    second = await s.take("2004", 1.0)
    await sleep(2.0)
    await second.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345612", number="0312340702", refused=[first], rang=[second], by=second, hangup="callee",
           queue="support")  # fmt: skip


async def timeout(s: Scene) -> None:
    """Nobody answers in time; the PBX says goodbye and hangs up."""
    caller = await s.inbound("0312345621", "0312340703")
    first = await s.ring("2003")
    second = await s.ring("2004")
    await second.ended.wait()
    await caller.ended.wait()
    note = "the queue's own limit ended the wait and the dialplan went on; abandoned would also be right"
    s.call("in", caller, "0312345621", number="0312340703", rang=[first, second], hangup="pbx", queue="support",
           pbx=True, notes=note)  # fmt: skip


async def not_answered_by_pbx(s: Scene) -> None:
    """A queue without Answer(): ring all, one answers."""
    caller = await s.inbound("0312345679", "0312340704", "HIBARI")
    legs = [await s.ring(extension) for extension in ("2001", "2002")]
    await sleep(1.5)
    await legs[0].answer()
    await legs[1].ended.wait()
    await sleep(2.0)
    await caller.bye()
    await legs[0].ended.wait()
    s.call("in", caller, "0312345679", number="0312340704", name="HIBARI", rang=legs, by=legs[0], hangup="caller",
           queue="sales")  # fmt: skip


async def abandoned_between_agents(s: Scene) -> None:
    """The first agent rang out; the caller leaves while the second rings. The PBX had not answered."""
    caller = await s.inbound("0312345612", "0312340705")
    first = await s.ring("2003")
    second = await s.ring("2004")
    await sleep(1.0)
    caller.cancel()
    await second.ended.wait()
    await caller.ended.wait()
    s.call("in", caller, "0312345612", number="0312340705", rang=[first, second], hangup="caller", queue="support",
           disposition="abandoned")  # fmt: skip


async def all_rang_out_then_answered(s: Scene) -> None:
    """Both agents ring out, at the second round the first one answers."""
    caller = await s.inbound("0312345612", "0312340706")
    first = await s.ring("2003")
    second = await s.ring("2004")
    again = await s.take("2003", 1.0)
    await sleep(1.5)
    await caller.bye()
    await again.ended.wait()
    s.call("in", caller, "0312345612", number="0312340706", rang=[first, second, again], by=again, hangup="caller",
           queue="support")  # fmt: skip


async def two_waiting(s: Scene) -> None:
    """Two callers wait in one queue; both are answered, one after the other."""
    one = await s.inbound("0312345616", "0312340707")
    await one.answered.wait()
    await sleep(3.5)
    await one.digits("1")
    legs = [await s.ring(extension) for extension in ("2002", "2004")]
    await sleep(0.8)
    await legs[0].answer()
    await legs[1].ended.wait()
    two = await s.inbound("0312345616", "0312340708")
    await two.answered.wait()
    await sleep(3.5)
    await two.digits("1")
    other = await s.take("2004", 0.8)
    await sleep(1.5)
    await one.bye()
    await legs[0].ended.wait()
    await two.bye()
    await other.ended.wait()
    s.call("in", one, "0312345616", number="0312340707", rang=legs, by=legs[0], hangup="caller", queue="support2",
           pbx=True)  # fmt: skip
    s.call("in", two, "0312345616", number="0312340708", rang=[other], by=other, hangup="caller", queue="support2",
           pbx=True)  # fmt: skip


async def left_in_menu(s: Scene) -> None:
    """The caller hangs up in the spoken menu."""
    caller = await s.inbound("0312345616", "0312340709")
    await caller.answered.wait()
    await sleep(2.0)
    await caller.bye()
    s.call("in", caller, "0312345616", number="0312340709", hangup="caller", disposition="abandoned", pbx=True)


ALL: dict[str, Play] = {
    "H1-first-agent-rings-out": first_rings_out,
    "H2-first-agent-refuses": first_refuses,
    "H3-queue-timeout": timeout,
    "H4-queue-without-answer": not_answered_by_pbx,
    "H5-abandoned-between-agents": abandoned_between_agents,
    "H6-answered-in-second-round": all_rang_out_then_answered,
    "H7-two-waiting": two_waiting,
    "H8-left-in-menu": left_in_menu,
}
