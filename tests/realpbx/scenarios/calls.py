"""Several calls at once, withheld and foreign numbers, odd names, unknown numbers."""

from __future__ import annotations

import asyncio

from tests.realpbx.scene import Play, Scene
from tests.realpbx.sipagent import Leg

sleep = asyncio.sleep


async def burst(s: Scene) -> None:
    """Five calls within a moment: answered, ring group, unanswered, queue, voicemail."""
    numbers = {did: f"03123405{did}" for did in ("00", "01", "02", "03", "04")}
    callers = {did: await s.inbound(f"03123457{did}", number) for did, number in numbers.items()}
    legs: dict[str, list[Leg]] = {did: [] for did in numbers}
    await sleep(0.4)
    for phone in s.phones.values():
        while phone.waiting:
            leg = await s.ring(phone.user)
            # Which call it is, is told by the caller's number in From.
            legs[next(did for did, number in numbers.items() if number in leg.remote)].append(leg)
    await sleep(1.0)
    await legs["00"][0].answer()
    await sleep(0.6)
    group = _at(legs["01"], "2003")
    await group.answer()
    await sleep(0.6)
    agent = legs["03"][0]
    await agent.answer()
    await callers["02"].ended.wait()
    await callers["00"].bye()
    await group.bye()
    await callers["03"].bye()
    await callers["04"].answered.wait()
    await sleep(1.0)
    await callers["04"].bye()
    s.call("in", callers["00"], "0312345700", number=numbers["00"], rang=legs["00"], by=legs["00"][0], hangup="caller")
    s.call("in", callers["01"], "0312345701", number=numbers["01"], rang=legs["01"], by=group, hangup="callee")
    s.call("in", callers["02"], "0312345702", number=numbers["02"], rang=legs["02"], hangup="pbx")
    s.call("in", callers["03"], "0312345703", number=numbers["03"], rang=legs["03"], by=agent, hangup="caller",
           queue="burstq", pbx=True)  # fmt: skip
    s.call("in", callers["04"], "0312345704", number=numbers["04"], rang=legs["04"], hangup="caller", pbx=True,
           disposition="voicemail", voicemail_left=False)  # fmt: skip


def _at(legs: list[Leg], extension: str) -> Leg:
    return next(leg for leg in legs if leg.agent.user == extension)


async def same_caller_twice(s: Scene) -> None:
    """The same number calls twice at once; one gives up, one is answered."""
    first = await s.inbound("0312345600", "0312340510")
    one = await s.ring("2001")
    await sleep(0.5)
    second = await s.inbound("0312345604", "0312340510")
    two = await s.take("2002", 1.0)
    first.cancel()
    await one.ended.wait()
    await first.ended.wait()
    await sleep(1.5)
    await second.bye()
    await two.ended.wait()
    s.call("in", first, "0312345600", number="0312340510", rang=[one], hangup="caller")
    s.call("in", second, "0312345604", number="0312340510", rang=[two], by=two, hangup="caller")


async def _answered(s: Scene, caller: Leg, did: str, number: str | None, name: str | None, notes: str = "") -> None:
    """The call is answered at once, and the caller soon hangs up."""
    extension = {"0312345600": "2001", "0312345618": "2004"}[did]
    agent = await s.take(extension, 0.6)
    await sleep(1.0)
    await caller.bye()
    await agent.ended.wait()
    await sleep(0.3)
    s.call("in", caller, did, number=number, name=name, rang=[agent], by=agent, hangup="caller", notes=notes)


async def withheld_with_identity(s: Scene) -> None:
    """Privacy: id with a P-Asserted-Identity: Asterisk shows the number."""
    caller = await s.carrier.call(
        "0312345600",
        name="Anonymous",
        address="sip:anonymous@anonymous.invalid",
        extra=[("P-Asserted-Identity", "<sip:0312340511@127.0.0.1>"), ("Privacy", "id")],
    )
    note = "Privacy: id with a P-Asserted-Identity: the events show the number, and nothing says that it is withheld"
    await _answered(s, caller, "0312345600", "0312340511", None, note)


async def withheld(s: Scene) -> None:
    """What Japanese carriers send for withheld, unobtainable and payphone callers."""
    for name in ("Anonymous", "Unavailable", "Coin line/payphone"):
        address = "sip:anonymous@anonymous.invalid"
        caller = await s.carrier.call("0312345600", name=name, address=address, extra=[("Privacy", "id")])
        await _answered(s, caller, "0312345600", None, name)


async def withheld_missed(s: Scene) -> None:
    """A withheld caller without any name gives up."""
    address = "sip:anonymous@anonymous.invalid"
    caller = await s.carrier.call("0312345600", address=address, extra=[("Privacy", "id")])
    agent = await s.ring("2001")
    await sleep(1.5)
    caller.cancel()
    await agent.ended.wait()
    await caller.ended.wait()
    s.call("in", caller, "0312345600", number=None, rang=[agent], hangup="caller")


async def abroad(s: Scene) -> None:
    """Numbers in the international form."""
    for number in ("+442079460512", "+81312340513"):
        await _answered(s, await s.inbound("0312345600", number), "0312345600", number, None)


async def names(s: Scene) -> None:
    """Names with quotes, backslashes and Japanese, from SIP and from the exchange's own directory."""
    caller = await s.inbound("0312345600", "0312340514", "山田　太郎")
    await _answered(s, caller, "0312345600", "0312340514", "山田　太郎")
    caller = await s.inbound("0312345600", "0312340515", r"O\"Brien & Söhne")
    note = "the backslash of the quoted-pair in SIP stays in the name"
    await _answered(s, caller, "0312345600", "0312340515", r"O\"Brien & Söhne", note)
    for number, name in (("0312340516", "株式会社ひばり"), ("0312340517", "D'Arc \\ O\"Hara?")):
        s.taps[-1].send(f"Action: DBPut\r\nFamily: cidname\r\nKey: {number}\r\nVal: {name}\r\n\r\n")
        await sleep(0.2)
        await _answered(s, await s.inbound("0312345618", number), "0312345618", number, name)


async def unknown_number(s: Scene) -> None:
    """A number that the exchange does not know is refused without a trace; the next call is in order."""
    refused = await s.inbound("0399999999", "0312340518")
    await refused.ended.wait()
    caller = await s.inbound("0312345600", "0312340519")
    await _answered(s, caller, "0312345600", "0312340519", None)


async def phone_away(s: Scene) -> None:
    """The phone refuses with 503 (switched off behind a proxy)."""
    caller = await s.inbound("0312345600", "0312340520")
    agent = await s.phones["2001"].incoming()
    await sleep(0.2)
    agent.reject(503, "Service Unavailable")
    await caller.ended.wait()
    s.call("in", caller, "0312345600", number="0312340520", refused=[agent], hangup=None, disposition="failed",
           notes="missed would also be right")  # fmt: skip


async def internal_missed(s: Scene) -> None:
    """An extension calls a colleague who does not answer."""
    caller = await s.phones["2001"].call("2002", name="SA1")
    agent = await s.ring("2002")
    await sleep(1.5)
    caller.cancel()
    await agent.ended.wait()
    await caller.ended.wait()
    s.call("internal", caller, "2002", number="2001", name="SA1", rang=[agent], hangup="caller")


async def internal_busy(s: Scene) -> None:
    """An extension calls a colleague who refuses."""
    caller = await s.phones["2001"].call("2003", name="SA1")
    agent = await s.phones["2003"].incoming()
    await sleep(0.2)
    agent.reject()
    await caller.ended.wait()
    s.call("internal", caller, "2003", number="2001", name="SA1", refused=[agent], hangup=None, disposition="busy")


ALL: dict[str, Play] = {
    "F1-burst": burst,
    "F2-same-caller-twice": same_caller_twice,
    "F3-withheld-with-identity": withheld_with_identity,
    "F4-withheld": withheld,
    "F5-withheld-missed": withheld_missed,
    "F6-abroad": abroad,
    "F7-names": names,
    "F8-unknown-number": unknown_number,
    "F9-phone-away": phone_away,
    "F10-internal-missed": internal_missed,
    "F11-internal-busy": internal_busy,
}
