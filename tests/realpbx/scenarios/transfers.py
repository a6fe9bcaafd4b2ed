"""Transfers that go wrong or go another way: blind, by feature code, by REFER."""

from __future__ import annotations

import asyncio

from tests.realpbx.scene import Play, Scene
from tests.realpbx.sipagent import Leg

sleep = asyncio.sleep


async def _talking(s: Scene, did: str, number: str, extension: str) -> tuple[Leg, Leg]:
    """A caller who talks to an extension."""
    caller = await s.inbound(did, number)
    agent = await s.take(extension)
    await caller.answered.wait()
    await sleep(1.0)
    return caller, agent


async def blind_comes_back(s: Scene) -> None:
    """2004 sends the caller to 2003, who does not answer; the call comes back to 2004."""
    caller, agent = await _talking(s, "0312345619", "0312340601", "2004")
    await agent.transfer("2003")
    target = await s.ring("2003")
    back = await s.take("2004", 1.0)
    await sleep(1.5)
    await caller.bye()
    await back.ended.wait()
    s.call("in", caller, "0312345619", number="0312340601", rang=[agent, target, back], by=agent, hangup="caller",
           transferred_to=["2003"], final="2004", notes="2003 did not take it: it came back to 2004")  # fmt: skip


async def blind_nobody(s: Scene) -> None:
    """2001 sends the caller to 2004, where nobody is; the PBX hangs up."""
    caller, agent = await _talking(s, "0312345600", "0312340602", "2001")
    await agent.transfer("2004")
    target = await s.ring("2004")
    await caller.ended.wait()
    s.call("in", caller, "0312345600", number="0312340602", rang=[agent, target], by=agent, hangup="pbx",
           transferred_to=["2004"], final="2001", notes="nobody took the transfer")  # fmt: skip


async def blind_given_up(s: Scene) -> None:
    """2001 sends the caller to 2002; the caller hangs up while 2002 rings."""
    caller, agent = await _talking(s, "0312345600", "0312340603", "2001")
    await agent.transfer("2002")
    target = await s.ring("2002")
    await sleep(1.5)
    await caller.bye()
    await target.ended.wait()
    s.call("in", caller, "0312345600", number="0312340603", rang=[agent, target], by=agent, hangup="caller",
           transferred_to=["2002"], final="2001", notes="nobody took the transfer")  # fmt: skip


async def blind_by_code(s: Scene) -> None:
    """## and the number, by keys."""
    caller, agent = await _talking(s, "0312345604", "0312340604", "2002")
    await agent.digits("##")
    await sleep(1.8)
    await agent.digits("2001")
    target = await s.take("2001", 1.0)
    await sleep(1.5)
    await target.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345604", number="0312340604", rang=[agent, target], by=agent, hangup="callee",
           transferred_to=["2001"], final="2001")  # fmt: skip


async def _consulting(s: Scene, number: str, colleague: str) -> tuple[Leg, Leg]:
    """2002 talks to a caller and has dialled *2 and a colleague."""
    caller, agent = await _talking(s, "0312345604", number, "2002")
    await agent.digits("*2")
    await sleep(1.8)
    await agent.digits(colleague)
    return caller, agent


async def consultation_busy(s: Scene) -> None:
    """*2: the colleague refuses; the agent goes on with the caller."""
    caller, agent = await _consulting(s, "0312340605", "2003")
    colleague = await s.phones["2003"].incoming()
    await sleep(0.3)
    colleague.reject()
    await sleep(4.0)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345604", number="0312340605", rang=[agent], by=agent, hangup="caller",
           attempted_extensions=["2003"], notes="*2, the colleague refused: no transfer")  # fmt: skip


async def consultation_cancelled(s: Scene) -> None:
    """*2: the colleague answers, the agent goes back to the caller with *1."""
    caller, agent = await _consulting(s, "0312340606", "2003")
    colleague = await s.take("2003", 0.8)
    await sleep(1.5)
    await agent.digits("*1")
    await colleague.ended.wait()
    await sleep(2.0)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345604", number="0312340606", rang=[agent, colleague], by=agent, hangup="caller",
           notes="*2 and back with *1: no transfer")  # fmt: skip


async def consultation_timeout(s: Scene) -> None:
    """*2: the colleague does not answer within the limit (10 s)."""
    caller, agent = await _consulting(s, "0312340607", "2001")
    colleague = await s.ring("2001")
    await colleague.ended.wait()
    await sleep(4.0)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345604", number="0312340607", rang=[agent, colleague], by=agent, hangup="caller",
           notes="*2, nobody answered: no transfer")  # fmt: skip


async def consultation_came_back(s: Scene) -> None:
    """Hold, a call to a colleague, back to the caller: the consultation is a call of its own."""
    caller, agent = await _talking(s, "0312345600", "0312340608", "2001")
    await agent.hold()
    consultation = await s.phones["2001"].call("2002", name="SA1")
    colleague = await s.take("2002", 1.0)
    await sleep(1.2)
    await consultation.bye()
    await colleague.ended.wait()
    await agent.unhold()
    await sleep(1.2)
    await agent.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345600", number="0312340608", rang=[agent], by=agent, hangup="callee")
    s.call("internal", consultation, "2002", number="2001", name="SA1", rang=[colleague], by=colleague,
           hangup="caller", notes="a consultation that came back")  # fmt: skip


async def queue_agent_transfers(s: Scene) -> None:
    """The agent of a queue consults a colleague and transfers by REFER with Replaces."""
    caller = await s.inbound("0312345601", "0312340609")
    legs = [await s.ring(extension) for extension in ("2001", "2002")]
    await sleep(1.0)
    await legs[0].answer()
    await legs[1].ended.wait()
    await sleep(1.2)
    await legs[0].hold()
    consultation = await s.phones["2001"].call("2003", name="SA1")
    colleague = await s.take("2003", 1.0)
    await sleep(1.2)
    await legs[0].transfer("2003", consultation)
    await sleep(2.0)
    await caller.bye()
    await colleague.ended.wait()
    s.call("in", caller, "0312345601", number="0312340609", rang=[*legs, colleague], by=legs[0], hangup="caller",
           queue="sales", transferred_to=["2003"], final="2003", pbx=True)  # fmt: skip
    for leg in (legs[0], consultation):
        await leg.bye()


async def queue_agent_transfers_blind(s: Scene) -> None:
    """The agent of a queue transfers blind by REFER."""
    caller = await s.inbound("0312345601", "0312340610")
    legs = [await s.ring(extension) for extension in ("2001", "2002")]
    await sleep(1.0)
    await legs[1].answer()
    await legs[0].ended.wait()
    await sleep(1.2)
    await legs[1].transfer("2003")
    target = await s.take("2003", 1.0)
    await sleep(1.5)
    await target.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345601", number="0312340610", rang=[*legs, target], by=legs[1], hangup="callee",
           queue="sales", transferred_to=["2003"], final="2003", pbx=True)  # fmt: skip
    await legs[1].bye()


async def completed_while_ringing(s: Scene) -> None:
    """*2: the agent hangs up while the colleague still rings; the caller waits for the answer."""
    caller, agent = await _consulting(s, "0312340611", "2003")
    colleague = await s.ring("2003")
    await sleep(0.8)
    await agent.bye()
    await sleep(1.0)
    await colleague.answer()
    await sleep(1.5)
    await caller.bye()
    await colleague.ended.wait()
    s.call("in", caller, "0312345604", number="0312340611", rang=[agent, colleague], by=agent, hangup="caller",
           transferred_to=["2003"], final="2003")  # fmt: skip


ALL: dict[str, Play] = {
    "G1-blind-comes-back": blind_comes_back,
    "G2-blind-nobody": blind_nobody,
    "G3-blind-given-up": blind_given_up,
    "G4-blind-by-code": blind_by_code,
    "G5-consultation-busy": consultation_busy,
    "G6-consultation-cancelled": consultation_cancelled,
    "G7-consultation-timeout": consultation_timeout,
    "G8-consultation-came-back": consultation_came_back,
    "G9-queue-agent-transfers": queue_agent_transfers,
    "G10-queue-agent-transfers-blind": queue_agent_transfers_blind,
    "G11-completed-while-ringing": completed_while_ringing,
}
