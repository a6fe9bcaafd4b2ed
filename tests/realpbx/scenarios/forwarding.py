"""Hold, ring groups, forwarding, Local channels, pickup."""

from __future__ import annotations

import asyncio

from tests.realpbx.scene import Play, Scene

sleep = asyncio.sleep


async def hold(s: Scene) -> None:
    """The agent holds the caller twice."""
    caller = await s.inbound("0312345600", "0312340101")
    agent = await s.take("2001")
    await sleep(1.0)
    await agent.hold()
    await sleep(1.5)
    await agent.unhold()
    await sleep(0.8)
    await agent.hold()
    await sleep(0.7)
    await agent.unhold()
    await sleep(0.8)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345600", number="0312340101", rang=[agent], by=agent, hangup="caller")


async def hold_hung_up(s: Scene) -> None:
    """The caller loses patience while on hold."""
    caller = await s.inbound("0312345604", "0312340102")
    agent = await s.take("2002")
    await sleep(1.0)
    await agent.hold()
    await sleep(2.0)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345604", number="0312340102", rang=[agent], by=agent, hangup="caller")


async def ring_group(s: Scene) -> None:
    """Three phones ring, the second answers."""
    caller = await s.inbound("0312345610", "0312340103")
    legs = [await s.ring(extension) for extension in ("2001", "2002", "2003")]
    await sleep(2.0)
    await legs[1].answer()
    await legs[0].ended.wait()
    await sleep(2.0)
    await legs[1].bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345610", number="0312340103", rang=legs, by=legs[1], hangup="callee")


async def ring_group_nobody(s: Scene) -> None:
    """Three phones ring, one refuses, the caller gives up."""
    caller = await s.inbound("0312345610", "0312340104")
    legs = [await s.ring(extension) for extension in ("2001", "2002", "2003")]
    await sleep(1.0)
    legs[2].reject()
    await sleep(2.5)
    caller.cancel()
    await legs[0].ended.wait()
    await caller.ended.wait()
    s.call("in", caller, "0312345610", number="0312340104", rang=legs, hangup="caller")


async def forward_to_mobile(s: Scene) -> None:
    """The PBX forwards to a mobile through a Local channel; the mobile answers."""
    caller = await s.inbound("0312345611", "0312340105")
    mobile = await s.carrier.incoming()
    await sleep(0.4)
    mobile.ring()
    await sleep(2.0)
    await mobile.answer()
    await caller.answered.wait()
    await sleep(2.5)
    await mobile.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345611", number="0312340105", outside=[mobile], by=mobile, hangup="callee")


async def forward_to_mobile_unanswered(s: Scene) -> None:
    """The mobile rings, the caller gives up."""
    caller = await s.inbound("0312345611", "0312340106")
    mobile = await s.carrier.incoming()
    mobile.ring()
    await sleep(3.0)
    caller.cancel()
    await caller.ended.wait()
    await mobile.ended.wait()
    s.call("in", caller, "0312345611", number="0312340106", outside=[mobile], hangup="caller")


async def forward_by_phone(s: Scene) -> None:
    """The phone says 302 Moved to 2004, which answers."""
    caller = await s.inbound("0312345600", "0312340107")
    moved = await s.phones["2001"].incoming()
    moved.reject(302, "Moved Temporarily", contact="2004")
    agent = await s.take("2004", 2.0)
    await caller.answered.wait()
    await sleep(2.0)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345600", number="0312340107", refused=[moved], rang=[agent], by=agent, hangup="caller")


async def forward_by_phone_unanswered(s: Scene) -> None:
    """The phone says 302 Moved to 2004, where nobody is."""
    caller = await s.inbound("0312345600", "0312340108")
    moved = await s.phones["2001"].incoming()
    moved.reject(302, "Moved Temporarily", contact="2004")
    other = await s.ring("2004")
    await caller.ended.wait()
    s.call("in", caller, "0312345600", number="0312340108", refused=[moved], rang=[other], hangup="pbx")


async def local_optimised(s: Scene) -> None:
    """A Local channel that is optimised away after the answer."""
    caller = await s.inbound("0312345614", "0312340109")
    agent = await s.take("2001", 2.0)
    await caller.answered.wait()
    await sleep(2.5)
    await caller.bye()
    await agent.ended.wait()
    s.call("in", caller, "0312345614", number="0312340109", rang=[agent], by=agent, hangup="caller")


async def local_kept(s: Scene) -> None:
    """A Local channel that stays (/n)."""
    caller = await s.inbound("0312345615", "0312340110")
    agent = await s.take("2002", 2.0)
    await caller.answered.wait()
    await sleep(2.5)
    await agent.bye()
    await caller.ended.wait()
    s.call("in", caller, "0312345615", number="0312340110", rang=[agent], by=agent, hangup="callee")


async def local_kept_unanswered(s: Scene) -> None:
    """A Local channel that stays (/n); the caller gives up."""
    caller = await s.inbound("0312345615", "0312340111")
    agent = await s.ring("2002")
    await sleep(2.5)
    caller.cancel()
    await agent.ended.wait()
    await caller.ended.wait()
    s.call("in", caller, "0312345615", number="0312340111", rang=[agent], hangup="caller")


async def pickup(s: Scene, digits: str, number: str) -> None:
    """2001 rings, a colleague at 2003 picks the call up."""
    caller = await s.inbound("0312345600", number)
    rung = await s.ring("2001")
    await sleep(2.0)
    picker = await s.phones["2003"].call(digits, name="SA3")
    await picker.answered.wait()
    await rung.ended.wait()
    await sleep(2.5)
    await caller.bye()
    await picker.ended.wait()
    s.call("in", caller, "0312345600", number=number, rang=[rung], by=picker, hangup="caller")


async def pickup_directed(s: Scene) -> None:
    """**2001."""
    await pickup(s, "**2001", "0312340112")


async def pickup_group(s: Scene) -> None:
    """*8."""
    await pickup(s, "*8", "0312340113")


ALL: dict[str, Play] = {
    "B1-hold": hold,
    "B2-hold-hung-up": hold_hung_up,
    "B3-ring-group": ring_group,
    "B4-ring-group-nobody": ring_group_nobody,
    "B5-forward-mobile": forward_to_mobile,
    "B6-forward-mobile-unanswered": forward_to_mobile_unanswered,
    "B7-forward-by-phone": forward_by_phone,
    "B8-forward-by-phone-unanswered": forward_by_phone_unanswered,
    "B9-local-optimised": local_optimised,
    "B10-local-kept": local_kept,
    "B11-local-kept-unanswered": local_kept_unanswered,
    "B12-pickup-directed": pickup_directed,
    "B13-pickup-group": pickup_group,
}
