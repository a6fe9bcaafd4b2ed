"""A conference room: somebody from outside joins it after a prompt, colleagues join and leave."""

from __future__ import annotations

from cti_simulators.plays.steps import GAP, Call, Hands, wait
from cti_simulators.scenarios import PROMPT, Guest, Scenario
from cti_simulators.stage import Script
from cti_simulators.switch import Bridge, Channel

CLOSES_AFTER = 0.4
"""Seconds from the last participant's leaving until the room is gone."""


def conference(hands: Hands, scenario: Scenario) -> Script:
    """The caller dials the room, is ``talk`` seconds in it, and leaves last."""
    switch = hands.switch
    call = hands.arrive(scenario)
    room, caller = scenario.room, call.caller
    call.application, call.data, call.answered = "ConfBridge", room, hands.now()
    yield GAP
    caller.context, caller.exten = "internal", room
    switch.state(caller, 6)
    bridge = switch.bridge(Bridge("", "softmix", kind="base", creator="ConfBridge", name=room))
    bridge.announcers = 1
    switch.emit("ConfbridgeStart", "call", [("Conference", room), *bridge.headers()])
    yield PROMPT
    switch.enter(bridge, caller)
    _joined(hands, bridge, caller)
    begun = hands.now()
    for guest in sorted(scenario.guests, key=lambda one: one.after):
        yield from wait(begun + guest.after - hands.now())
        yield from _visit(hands, call, bridge, guest)
    yield from wait(begun + scenario.talk - hands.now())
    hands.note(call, "ANSWERED")
    switch.hangup_request(caller)
    _left(hands, bridge, caller)
    switch.leave(bridge, caller)
    switch.emit("ConfbridgeEnd", "call", [("Conference", room), *bridge.headers()])
    yield CLOSES_AFTER
    bridge.announcers = 0
    switch.destroy(bridge)
    switch.soft_hangup(caller)
    hands.tell(call)
    switch.hangup(caller)


def _visit(hands: Hands, call: Call, bridge: Bridge, guest: Guest) -> Script:
    """A colleague dials the room, stays and hangs up."""
    switch = hands.switch
    phone = switch.channel(guest.extension, 4, hands.display(guest.extension), "internal", bridge.name)
    visit = Call(phone, call.scenario, bridge.name, "ConfBridge", since=hands.now(), answered=hands.now())
    call.callee = call.callee or phone
    switch.state(phone, 6)
    switch.enter(bridge, phone)
    _joined(hands, bridge, phone)
    yield guest.stays
    hands.note(visit, "ANSWERED")
    switch.hangup_request(phone)
    before = len(bridge.channels) + bridge.announcers
    switch.leave(bridge, phone)
    switch.soft_hangup(phone)
    _left(hands, bridge, phone, before)
    switch.hangup(phone)
    hands.tell(visit)


def _joined(hands: Hands, bridge: Bridge, channel: Channel) -> None:
    about = [("Conference", bridge.name), *bridge.headers(), *channel.headers(), ("Admin", "No"), ("Muted", "No")]
    hands.switch.emit("ConfbridgeJoin", "call", about)


def _left(hands: Hands, bridge: Bridge, channel: Channel, members: int | None = None) -> None:
    """Counts whoever leaves as still there."""
    about = [("Conference", bridge.name), *bridge.headers("", members), *channel.headers(), ("Admin", "No")]
    hands.switch.emit("ConfbridgeLeave", "call", about)
