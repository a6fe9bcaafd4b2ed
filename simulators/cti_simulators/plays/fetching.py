"""Calls that a colleague fetches: from a phone that rings (pickup), or from where they were parked."""

from __future__ import annotations

from cti_simulators.plays.steps import Call, Hands, wait
from cti_simulators.scenarios import Parking
from cti_simulators.stage import Script
from cti_simulators.switch import Bridge, Channel

SPACE = "701"
"""The first parking space, and what a colleague dials to fetch the call from there."""
PARKED_FOR = 40
"""Seconds until a parked call would come back."""
TOLD_FOR = 2.6
"""Seconds that the phone that parks a call hears in which space it is."""


def pick_up_elsewhere(hands: Hands, call: Call, rung: Channel) -> None:
    """Another extension takes the call from the phone that rings (``**`` and its number)."""
    switch, caller = hands.switch, call.caller
    extension = call.scenario.picked_up_by
    picker = switch.channel(extension, 4, hands.display(extension), "internal", f"**{rung.caller.number}")
    switch.connected(picker, caller.caller)
    switch.state(picker, 6)
    switch.emit("Pickup", "call", [*picker.headers(), *rung.headers("Target")])
    switch.soft_hangup(rung)
    switch.connected(caller, picker.caller)
    code, picker.exten = picker.exten, ""
    switch.dial_end(caller, picker, "ANSWER")
    switch.state(caller, 6)
    call.answered = hands.now()
    hands.note(call, "ANSWERED")
    bridge = switch.bridge()
    switch.enter(bridge, picker)
    rung.exten = code
    switch.hangup(rung, 26)
    switch.enter(bridge, caller)
    picker.linkedid = caller.linkedid
    bridge.technology = "native_rtp"
    call.bridge, call.callee = bridge, picker


def park(hands: Hands, call: Call, parking: Parking, end: float) -> Script:
    """The phone parks the caller, who hears music; a colleague fetches the call and talks until ``end``."""
    switch, caller, phone, bridge = hands.switch, call.caller, call.callee, call.bridge
    if phone is None or bridge is None:
        raise RuntimeError("only a call that was answered can be parked")
    lot = switch.bridge(Bridge("", "holding_bridge", kind="parking", creator="Parking", name="default"))
    hands.note(call, "ANSWERED")
    switch.leave(bridge, caller)
    bridge.technology = "simple_bridge"
    _tell(hands, "ParkedCall", caller, None, phone, 0)
    switch.enter(lot, caller)
    switch.music(caller, True)
    yield TOLD_FOR
    switch.leave(bridge, phone)
    switch.destroy(bridge)
    switch.hangup(phone)
    yield from wait(parking.seconds - TOLD_FOR)
    fetcher = switch.channel(parking.by, 4, hands.display(parking.by), "internal", SPACE)
    fetching = Call(fetcher, call.scenario, f"default,{SPACE}", "ParkedCall", since=hands.now(), answered=hands.now())
    switch.state(fetcher, 6)
    joined = switch.bridge()
    switch.music(caller, False)
    _tell(hands, "UnParkedCall", caller, fetcher, phone, int(parking.seconds))
    _note_parked(hands, call)
    hands.note(fetching, "ANSWERED")
    switch.leave(lot, caller)
    switch.enter(joined, caller)
    fetcher.linkedid = caller.linkedid
    switch.enter(joined, fetcher)
    joined.technology = "native_rtp"
    switch.connected(caller, fetcher.caller)
    switch.connected(fetcher, caller.caller)
    call.callee, call.bridge = fetcher, joined
    yield from wait(end - hands.now())
    _part(hands, call, fetcher, joined)
    hands.tell(fetching)
    hands.tell(call)


def _tell(hands: Hands, name: str, parked: Channel, fetcher: Channel | None, phone: Channel, seconds: int) -> None:
    """How long it has been parked and how long until it comes back, in whole seconds."""
    hands.switch.emit(
        name,
        "call",
        [
            *parked.headers("Parkee"),
            *(fetcher.headers("Retriever") if fetcher else []),
            ("ParkerDialString", f"PJSIP/{phone.caller.number}"),
            ("Parkinglot", "default"),
            ("ParkingSpace", SPACE),
            ("ParkingTimeout", str(PARKED_FOR - seconds)),
            ("ParkingDuration", str(seconds)),
        ],
    )


def _note_parked(hands: Hands, call: Call) -> None:
    """A row of the record for the time in the parking lot; the next one is again of the dialplan's own step."""
    before = call.application, call.data
    call.application, call.data, call.callee = "Park", f"default:{SPACE}", None
    hands.note(call, "ANSWERED")
    call.application, call.data = before


def _part(hands: Hands, call: Call, fetcher: Channel, bridge: Bridge) -> None:
    """Both sides are channels that somebody dialled from, so both are told to end."""
    switch, caller = hands.switch, call.caller
    by, other = (caller, fetcher) if call.scenario.hangup == "caller" else (fetcher, caller)
    hands.note(call, "ANSWERED")
    switch.hangup_request(by)
    switch.leave(bridge, by)
    switch.soft_hangup(by)
    switch.leave(bridge, other)
    switch.destroy(bridge)
    switch.soft_hangup(other)
    switch.hangup(by)
    switch.hangup(other)
