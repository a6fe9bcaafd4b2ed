"""The AMI connection is lost, or the exchange itself stops."""

from __future__ import annotations

import asyncio
import time

from tests.realpbx.scene import Play, Scene, instant

sleep = asyncio.sleep


async def cut_in_call(s: Scene) -> None:
    """The connection is away for a while in the middle of a call."""
    caller = await s.inbound("0312345600", "0312340401")
    agent = await s.take("2001")
    await sleep(1.0)
    await s.cut()
    await sleep(2.0)
    await s.reconnect()
    await sleep(1.5)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345600", number="0312340401", rang=[agent], by=agent, hangup="caller")


async def ended_in_cut(s: Scene) -> None:
    """The call ends while the connection is away."""
    caller = await s.inbound("0312345600", "0312340402")
    agent = await s.take("2001")
    await sleep(1.0)
    await s.cut()
    await sleep(1.0)
    await caller.bye()
    await agent.ended.wait()
    await sleep(1.5)
    await s.reconnect()
    await sleep(0.5)
    s.call("in", caller, "0312345600", number="0312340402", rang=[agent], by=agent, hangup="caller",
           notes="the end was not seen; the CDR has it")  # fmt: skip


async def began_in_cut(s: Scene) -> None:
    """A call begins and is answered while the connection is away, and goes on."""
    await s.cut()
    await sleep(0.5)
    caller = await s.inbound("0312345600", "0312340403")
    agent = await s.take("2001")
    await sleep(1.0)
    await s.reconnect()
    await sleep(1.5)
    await agent.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345600", number="0312340403", rang=[agent], by=agent, hangup="callee",
           notes="its beginning was not seen; CoreShowChannels shows it")  # fmt: skip


async def answered_in_cut(s: Scene) -> None:
    """A phone rings when the connection goes, and is answered while it is away."""
    caller = await s.inbound("0312345604", "0312340404")
    agent = await s.ring("2002")
    await sleep(0.8)
    await s.cut()
    await sleep(0.6)
    await agent.answer()
    await sleep(1.0)
    await s.reconnect()
    await sleep(1.5)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345604", number="0312340404", rang=[agent], by=agent, hangup="caller",
           notes="the answer was not seen")  # fmt: skip


async def whole_call_in_cut(s: Scene) -> None:
    """A call begins and ends while the connection is away; another follows."""
    await s.cut()
    await sleep(0.3)
    caller = await s.inbound("0312345600", "0312340405")
    agent = await s.take("2001")
    await sleep(1.0)
    await caller.bye()
    await agent.ended.wait()
    await sleep(0.5)
    await s.reconnect()
    await sleep(0.5)
    second = await s.inbound("0312345604", "0312340406")
    other = await s.take("2002")
    await sleep(1.0)
    await second.bye()
    await other.ended.wait()
    s.call("in", caller, "0312345600", number="0312340405", rang=[agent], by=agent, hangup="caller",
           notes="only the CDR knows of it")  # fmt: skip
    s.call("in", second, "0312345604", number="0312340406", rang=[other], by=other, hangup="caller")


async def queue_answered_in_cut(s: Scene) -> None:
    """A caller waits in a queue when the connection goes; an agent answers while it is away."""
    caller = await s.inbound("0312345601", "0312340412")
    legs = [await s.ring(extension) for extension in ("2001", "2002")]
    await sleep(0.8)
    await s.cut()
    await sleep(0.6)
    await legs[1].answer()
    await legs[0].ended.wait()
    await sleep(1.0)
    await s.reconnect()
    await sleep(1.5)
    await caller.bye()
    await legs[1].ended.wait()
    s.call("in", caller, "0312345601", number="0312340412", rang=legs, by=legs[1], hangup="caller", queue="sales",
           pbx=True, notes="the answer was not seen")  # fmt: skip


async def one_of_two_ended_in_cut(s: Scene) -> None:
    """Two calls are up when the connection goes; one ends while it is away, the other goes on."""
    one = await s.inbound("0312345600", "0312340413")
    first = await s.take("2001", 0.8)
    two = await s.inbound("0312345604", "0312340414")
    second = await s.take("2002", 0.8)
    await sleep(0.8)
    await s.cut()
    await sleep(0.6)
    await first.bye()
    await one.ended.wait()
    await sleep(1.0)
    await s.reconnect()
    await sleep(1.5)
    await two.bye()
    await second.ended.wait()
    s.call("in", one, "0312345600", number="0312340413", rang=[first], by=first, hangup="callee",
           notes="the end was not seen; the CDR has it")  # fmt: skip
    s.call("in", two, "0312345604", number="0312340414", rang=[second], by=second, hangup="caller")


async def killed_in_call(s: Scene) -> None:
    """SIGKILL in the middle of a call, start again, and the next call."""
    caller = await s.inbound("0312345600", "0312340407")
    agent = await s.take("2001")
    await sleep(1.5)
    killed = time.time()
    await asyncio.to_thread(s.asterisk.kill)
    s.call("in", caller, "0312345600", number="0312340407", rang=[agent], by=agent, hangup=None)
    caller.vanish()
    agent.vanish()
    await sleep(0.5)
    await asyncio.to_thread(s.asterisk.start)
    s.truth[-1]["ended_between"] = [instant(killed), instant(time.time())]
    s.truth[-1]["notes"] = "the exchange was killed: nobody knows the end"
    await s.reconnect()
    await sleep(0.5)
    second = await s.inbound("0312345604", "0312340408")
    other = await s.take("2002")
    await sleep(1.0)
    await second.bye()
    await other.ended.wait()
    s.call("in", second, "0312345604", number="0312340408", rang=[other], by=other, hangup="caller")


async def killed_while_ringing(s: Scene) -> None:
    """SIGKILL while a phone rings."""
    caller = await s.inbound("0312345600", "0312340409")
    agent = await s.ring("2001")
    await sleep(1.0)
    killed = time.time()
    await asyncio.to_thread(s.asterisk.kill)
    s.call("in", caller, "0312345600", number="0312340409", rang=[agent], hangup=None)
    caller.vanish()
    agent.vanish()
    await sleep(0.5)
    await asyncio.to_thread(s.asterisk.start)
    s.truth[-1] |= {
        "ended_between": [instant(killed), instant(time.time())],
        "ring_seconds": round(killed - agent.began, 1),
    }
    s.truth[-1]["notes"] = "the exchange was killed: nobody knows the end; ring_seconds are those until then"
    await s.reconnect()


async def restarted_in_call(s: Scene) -> None:
    """`core restart now` in the middle of a call, and the next call."""
    caller = await s.inbound("0312345600", "0312340410")
    agent = await s.take("2001")
    await sleep(1.5)
    await asyncio.to_thread(s.asterisk.restart_now)
    await caller.ended.wait()
    await agent.ended.wait()
    s.call("in", caller, "0312345600", number="0312340410", rang=[agent], by=agent, hangup="pbx")
    await s.reconnect()
    await sleep(0.5)
    second = await s.inbound("0312345604", "0312340411")
    other = await s.take("2002")
    await sleep(1.0)
    await second.bye()
    await other.ended.wait()
    s.call("in", second, "0312345604", number="0312340411", rang=[other], by=other, hangup="caller")


ALL: dict[str, Play] = {
    "E1-cut-in-call": cut_in_call,
    "E2-ended-in-cut": ended_in_cut,
    "E3-began-in-cut": began_in_cut,
    "E4-answered-in-cut": answered_in_cut,
    "E5-whole-call-in-cut": whole_call_in_cut,
    "E6-killed-in-call": killed_in_call,
    "E7-killed-while-ringing": killed_while_ringing,
    "E8-restarted-in-call": restarted_in_call,
    "E9-queue-answered-in-cut": queue_answered_in_cut,
    "E10-one-of-two-ended-in-cut": one_of_two_ended_in_cut,
}
