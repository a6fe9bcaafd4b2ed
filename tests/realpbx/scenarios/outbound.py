"""Calls to the carrier: click to dial, busy, congestion, no answer."""

from __future__ import annotations

import asyncio

from tests.realpbx.scene import Play, Scene
from tests.realpbx.sipagent import Leg

sleep = asyncio.sleep
MAIN = "0312345600"
RANG_SELF = "click to dial: the extension's own phone rang first; ring_seconds are the customer's"


async def _clicked(s: Scene, number: str, *, caller: str = "") -> tuple[Leg, Leg]:
    """Click to dial from 2001: 2001 has answered, the customer's phone has been reached."""
    s.originate("2001", number, caller=caller)
    extension = await s.take("2001", 1.2)
    return extension, await s.carrier.incoming()


async def click_to_dial(s: Scene) -> None:
    """The extension answers, then the customer; the extension hangs up."""
    extension, customer = await _clicked(s, "0661110301")
    customer.ring()
    await sleep(1.5)
    await customer.answer()
    await sleep(2.0)
    await extension.bye()
    await customer.ended.wait()
    s.call("out", extension, "0661110301", number="2001", name="SA1", rang=[extension], outside=[customer],
           ringing=[customer], by=customer, final="2001", hangup="caller", presented_number=MAIN,
           notes=RANG_SELF)  # fmt: skip


async def click_to_dial_with_caller(s: Scene) -> None:
    """As above, but the Originate names the customer as CallerID; the customer hangs up."""
    extension, customer = await _clicked(s, "09055550302", caller="<09055550302>")
    customer.ring()
    await sleep(1.5)
    await customer.answer()
    await sleep(2.0)
    await customer.bye()
    await extension.ended.wait()
    s.call("out", extension, "09055550302", number="2001", name="SA1", rang=[extension], outside=[customer],
           ringing=[customer], by=customer, final="2001", hangup="callee", presented_number=MAIN,
           notes=RANG_SELF)  # fmt: skip


async def click_to_dial_busy(s: Scene) -> None:
    """The customer is busy."""
    extension, customer = await _clicked(s, "0661110303")
    await sleep(0.3)
    customer.reject()
    await extension.ended.wait()
    s.call("out", extension, "0661110303", number="2001", name="SA1", rang=[extension], outside=[customer],
           ringing=[customer], final="2001", hangup=None, disposition="busy", presented_number=MAIN,
           notes=RANG_SELF)  # fmt: skip


async def click_to_dial_customer_silent(s: Scene) -> None:
    """The customer does not answer; the extension gives up."""
    extension, customer = await _clicked(s, "0661110304")
    customer.ring()
    await sleep(2.5)
    await extension.bye()
    await customer.ended.wait()
    s.call("out", extension, "0661110304", number="2001", name="SA1", rang=[extension], outside=[customer],
           ringing=[customer], final="2001", hangup="caller", presented_number=MAIN, notes=RANG_SELF)  # fmt: skip


async def click_to_dial_extension_silent(s: Scene) -> None:
    """The extension does not answer; the customer is never called."""
    s.originate("2001", "0661110305", timeout_ms=4000)
    extension = await s.ring("2001")
    await extension.ended.wait()
    s.call("out", extension, "0661110305", number="2001", name="SA1", rang=[extension], ringing=[], hangup="pbx",
           final="2001", notes="the customer was never called; failed would also be right")  # fmt: skip


async def click_to_dial_extension_refuses(s: Scene) -> None:
    """The extension refuses; the customer is never called."""
    s.originate("2001", "0661110306")
    extension = await s.phones["2001"].incoming()
    await sleep(0.2)
    extension.reject()
    s.call("out", extension, "0661110306", number="2001", name="SA1", refused=[extension], hangup=None,
           disposition="busy", final="2001", notes="the extension refused; the customer was never called")  # fmt: skip
    await sleep(1.0)


async def _dialled(s: Scene, number: str) -> tuple[Leg, Leg]:
    """2002 dials an outside number; the carrier has the call."""
    caller = await s.phones["2002"].call(number, name="SA2")
    return caller, await s.carrier.incoming()


async def busy(s: Scene) -> None:
    """486 from the carrier."""
    caller, customer = await _dialled(s, "0661110307")
    await sleep(0.3)
    customer.reject()
    await caller.ended.wait()
    s.call("out", caller, "0661110307", number="2002", name="SA2", outside=[customer], hangup=None, final="2002",
           disposition="busy", presented_number=MAIN)  # fmt: skip


async def congestion(s: Scene) -> None:
    """503 from the carrier."""
    caller, customer = await _dialled(s, "0661110308")
    await sleep(0.3)
    customer.reject(503, "Service Unavailable")
    await caller.ended.wait()
    s.call("out", caller, "0661110308", number="2002", name="SA2", outside=[customer], hangup=None, final="2002",
           disposition="failed", presented_number=MAIN)  # fmt: skip


async def unallocated(s: Scene) -> None:
    """404 from the carrier: no such number."""
    caller, customer = await _dialled(s, "0661110309")
    await sleep(0.3)
    customer.reject(404, "Not Found")
    await caller.ended.wait()
    s.call("out", caller, "0661110309", number="2002", name="SA2", outside=[customer], hangup=None, final="2002",
           disposition="failed", presented_number=MAIN)  # fmt: skip


async def given_up(s: Scene) -> None:
    """The customer's phone rings, the extension gives up."""
    caller, customer = await _dialled(s, "0661110310")
    await sleep(0.3)
    customer.ring()
    await sleep(3.0)
    caller.cancel()
    await caller.ended.wait()
    await customer.ended.wait()
    s.call("out", caller, "0661110310", number="2002", name="SA2", outside=[customer], hangup="caller", final="2002",
           presented_number=MAIN)  # fmt: skip


async def not_answered(s: Scene) -> None:
    """The carrier ends the ringing with 480."""
    caller, customer = await _dialled(s, "0661110311")
    await sleep(0.3)
    customer.ring()
    await sleep(3.0)
    customer.reject(480, "Temporarily Unavailable")
    await caller.ended.wait()
    s.call("out", caller, "0661110311", number="2002", name="SA2", outside=[customer], hangup=None, final="2002",
           presented_number=MAIN, notes="480 after ringing: nobody took it")  # fmt: skip


async def hung_up_by_customer(s: Scene) -> None:
    """An answered call that the customer ends; dialled in the international form."""
    caller, customer = await _dialled(s, "+81661110312")
    customer.ring()
    await sleep(1.5)
    await customer.answer()
    await sleep(2.0)
    await customer.bye()
    await caller.ended.wait()
    s.call("out", caller, "+81661110312", number="2002", name="SA2", outside=[customer], by=customer, hangup="callee",
           final="2002", presented_number=MAIN)  # fmt: skip


ALL: dict[str, Play] = {
    "D1-click-to-dial": click_to_dial,
    "D2-click-to-dial-callerid": click_to_dial_with_caller,
    "D3-click-to-dial-customer-busy": click_to_dial_busy,
    "D4-click-to-dial-customer-no-answer": click_to_dial_customer_silent,
    "D5-click-to-dial-extension-no-answer": click_to_dial_extension_silent,
    "D6-click-to-dial-extension-busy": click_to_dial_extension_refuses,
    "D7-outbound-busy": busy,
    "D8-outbound-congestion": congestion,
    "D9-outbound-unallocated": unallocated,
    "D10-outbound-given-up": given_up,
    "D11-outbound-no-answer": not_answered,
    "D12-outbound-customer-hangs-up": hung_up_by_customer,
}
