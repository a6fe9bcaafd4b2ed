"""Parking, conference, voicemail."""

from __future__ import annotations

import asyncio

from tests.realpbx.scene import Play, Scene
from tests.realpbx.sipagent import Leg

sleep = asyncio.sleep


async def _parked(s: Scene, number: str) -> tuple[Leg, Leg]:
    """A caller whom 2001 took and parked with #72."""
    caller = await s.inbound("0312345620", number)
    agent = await s.take("2001")
    await sleep(1.0)
    await agent.digits("#72")
    await agent.ended.wait()
    await sleep(1.5)
    return caller, agent


async def park_retrieved(s: Scene) -> None:
    """A colleague at 2002 fetches the parked caller with 701."""
    caller, agent = await _parked(s, "0312340201")
    fetcher = await s.phones["2002"].call("701", name="SA2")
    await fetcher.answered.wait()
    await sleep(2.0)
    await fetcher.bye()
    await caller.ended.wait()
    to, note = ["2002"], "parked with #72, fetched with 701"
    s.call("in", caller, "0312345620", number="0312340201", rang=[agent], by=agent, final="2002", transferred_to=to,
           hangup="callee", notes=note)  # fmt: skip


async def park_abandoned(s: Scene) -> None:
    """The parked caller loses patience."""
    caller, agent = await _parked(s, "0312340202")
    await caller.bye()
    s.call("in", caller, "0312345620", number="0312340202", rang=[agent], by=agent, hangup="caller")


async def park_comes_back(s: Scene) -> None:
    """Nobody fetches the parked caller: after 40 s the phone that parked rings again and takes the call."""
    caller, agent = await _parked(s, "0312340207")
    back = await s.take("2001", 1.0, limit_s=60.0)
    await sleep(1.5)
    await caller.bye()
    await back.ended.wait()
    s.call("in", caller, "0312345620", number="0312340207", rang=[agent, back], by=agent, final="2001",
           hangup="caller", notes="parked, and back to the phone that parked: no transfer")  # fmt: skip


async def conference(s: Scene) -> None:
    """An outside caller enters the room, then a colleague; the colleague leaves first."""
    caller = await s.inbound("0312345617", "0312340203")
    await caller.answered.wait()
    await sleep(5.0)
    colleague = await s.phones["2001"].call("8000", name="SA1")
    await colleague.answered.wait()
    await sleep(3.0)
    await colleague.bye()
    await sleep(1.0)
    await caller.bye()
    note = "answered by a conference room; its join waits for a prompt"
    s.call("in", caller, "0312345617", number="0312340203", answered_at=s.event_at("ConfbridgeJoin"), pbx=True,
           hangup="caller", notes=note, answered_by_extension="8000", final="8000")  # fmt: skip
    s.call("internal", colleague, "8000", number="2001", name="SA1", answered_at=s.event_at("ConfbridgeJoin", 2),
           pbx=True, hangup="caller", notes="a colleague joins the room", answered_by_extension="8000",
           final="8000")  # fmt: skip


async def voicemail_left(s: Scene) -> None:
    """Nobody answers; the caller speaks after the tone."""
    caller = await s.inbound("0312345613", "0312340204")
    rung = await s.ring("2002")
    await caller.answered.wait()
    await sleep(15.0)
    await caller.bye()
    s.call("in", caller, "0312345613", number="0312340204", rang=[rung], pbx=True, hangup="caller",
           disposition="voicemail", voicemail_left=True)  # fmt: skip


async def voicemail_refused(s: Scene) -> None:
    """Nobody answers; the caller hangs up while the greeting plays."""
    s.carrier.speaks = False
    caller = await s.inbound("0312345613", "0312340205")
    rung = await s.ring("2002")
    await caller.answered.wait()
    await sleep(2.5)
    await caller.bye()
    s.call("in", caller, "0312345613", number="0312340205", rang=[rung], pbx=True, hangup="caller",
           disposition="voicemail", voicemail_left=False)  # fmt: skip


async def given_up_before_voicemail(s: Scene) -> None:
    """The caller hangs up while the phone rings: no mailbox was reached."""
    caller = await s.inbound("0312345613", "0312340206")
    rung = await s.ring("2002")
    await sleep(2.0)
    caller.cancel()
    await caller.ended.wait()
    await rung.ended.wait()
    s.call("in", caller, "0312345613", number="0312340206", rang=[rung], hangup="caller")


ALL: dict[str, Play] = {
    "C1-park-retrieved": park_retrieved,
    "C2-park-abandoned": park_abandoned,
    "C3-conference": conference,
    "C4-voicemail-left": voicemail_left,
    "C5-voicemail-no-message": voicemail_refused,
    "C6-given-up-before-voicemail": given_up_before_voicemail,
    "C7-park-comes-back": park_comes_back,
}
