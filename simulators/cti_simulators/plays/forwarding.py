"""Calls that are forwarded: by the dialplan to an outside phone, or by the phone that rings to a colleague (302).

Either goes through the dialplan again by a pair of local channels, which the exchange takes out once both sides talk.
"""

from __future__ import annotations

from cti_simulators.plays.outbound import CARRIER_RINGS_AFTER, reach_out
from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.plays.talking import converse
from cti_simulators.scenarios import Scenario
from cti_simulators.stage import Script
from cti_simulators.switch import Bridge, Channel


def forwarded(hands: Hands, scenario: Scenario) -> Script:
    """A call that reaches ``forward``: taken there, or given up while it rings there."""
    call = hands.arrive(scenario)
    yield GAP
    outside = scenario.forward not in hands.site.extensions
    near, far = _to_colleague(hands, call) if scenario.rings else _by_dialplan(hands, call)
    through = Call(far, scenario, since=hands.now())
    leg = reach_out(hands, far, scenario.forward) if outside else hands.offer(through, scenario.forward)
    through.callee = leg
    hands.switch.connected(call.caller, leg.caller)
    rings_after = CARRIER_RINGS_AFTER if outside else RINGS_AFTER
    yield rings_after
    _ringing(hands, call, near, far, leg)
    yield from wait(scenario.ring - rings_after)
    if scenario.outcome == "given-up":
        _given_up(hands, call, near, through, leg)
        return
    if scenario.outcome == "timeout":
        _timed_out(hands, call, near, through, leg)
        return
    _joined(hands, call, near, through, leg)
    yield from converse(hands, call)


def _by_dialplan(hands: Hands, call: Call) -> tuple[Channel, Channel]:
    """The dialplan sends the number on without ringing anybody here."""
    switch, caller, number = hands.switch, call.caller, call.scenario.forward
    outside = number not in hands.site.extensions
    near, far = switch.local(number, "outbound" if outside else "internal", caller)
    near.exten, near.connected = caller.exten, caller.caller
    _introduce(hands, call, near, far)
    switch.dial_begin(caller, near, f"{number}@{near.context}")
    return near, far


def _to_colleague(hands: Hands, call: Call) -> tuple[Channel, Channel]:
    """The phone refuses and names where to go instead."""
    switch, caller, number = hands.switch, call.caller, call.scenario.forward
    phone = hands.offer(call, call.scenario.rings[0])
    switch.hangup_request(phone, 23, 302)
    near, far = switch.local(number, "internal" if number in hands.site.extensions else "outbound", caller)
    _introduce(hands, call, near, far)
    switch.dial_end(caller, phone, "CANCEL", number)
    switch.dial_begin(caller, near, f"{number}@{near.context}")
    hands.note_phones(call, [phone])
    switch.hangup(phone, 23, 302)
    return near, far


def _introduce(hands: Hands, call: Call, near: Channel, far: Channel) -> None:
    """Both ends are told who calls and what was dialled."""
    switch, caller = hands.switch, call.caller
    dialled = caller.caller._replace(number=call.scenario.to, name="")
    switch.caller_id(near, dialled)
    switch.connected(near, caller.caller)
    far.connected = dialled
    switch.caller_id(far, caller.caller)
    switch.connected(far, dialled)
    where = [("Context", near.context), ("Exten", call.scenario.forward), ("LocalOptimization", "Yes")]
    switch.emit("LocalBridge", "call", [*near.headers("LocalOne"), *far.headers("LocalTwo"), *where])
    call.data = f"Local/{call.scenario.forward}@{near.context},30"


def _ringing(hands: Hands, call: Call, near: Channel, far: Channel, leg: Channel) -> None:
    switch = hands.switch
    switch.state(leg, 5)
    near.caller = leg.caller
    switch.state(near, 5)
    switch.caller_id(near, leg.caller)
    switch.dial_state(far, leg)
    switch.dial_state(call.caller, near)


def _joined(hands: Hands, call: Call, near: Channel, through: Call, leg: Channel) -> None:
    """Taken; then the exchange joins caller and phone directly and the pair of local channels ends."""
    switch, caller, far = hands.switch, call.caller, through.caller
    switch.state(leg, 6)
    leg.exten = ""
    switch.dial_end(far, leg, "ANSWER")
    switch.state(far, 6)
    inner = switch.bridge()
    switch.state(near, 6)
    near.exten = ""
    switch.dial_end(caller, near, "ANSWER")
    switch.enter(inner, leg)
    switch.state(caller, 6)
    switch.enter(inner, far)
    outer = switch.bridge()
    switch.enter(outer, near)
    switch.enter(outer, caller)
    call.answered = through.answered = hands.now()
    call.callee = near
    _optimised(hands, caller, near, far, inner, outer)
    hands.note(through, "ANSWERED")
    hands.note(call, "ANSWERED")
    hands.tell(through)
    switch.soft_hangup(far)
    switch.hangup_request(near, 16)
    switch.hangup(far)
    switch.leave(outer, near)
    switch.destroy(outer)
    switch.hangup(near)
    inner.technology = "native_rtp"
    call.callee, call.bridge = leg, inner


def _optimised(hands: Hands, caller: Channel, near: Channel, far: Channel, inner: Bridge, outer: Bridge) -> None:
    switch = hands.switch
    pair = [*near.headers("LocalOne"), *far.headers("LocalTwo")]
    number = near.name.rpartition("-")[2].partition(";")[0]
    name = ("Id", str(int(number, 16)))
    switch.emit(
        "LocalOptimizationBegin",
        "call",
        [*pair, *caller.headers("Source"), ("DestUniqueId", far.uniqueid), name],
    )
    switch.leave(outer, caller)
    switch.leave(inner, far)
    switch.enter(inner, caller, swap=far)
    switch.emit("LocalOptimizationEnd", "call", [*pair, ("Success", "No"), name])


def _given_up(hands: Hands, call: Call, near: Channel, through: Call, leg: Channel) -> None:
    switch, caller, far = hands.switch, call.caller, through.caller
    switch.hangup_request(caller, 127, 487)
    switch.dial_end(caller, near, "CANCEL")
    switch.hangup_request(far, 127)
    hands.note(through, "NO ANSWER")
    hands.tell(through)
    switch.dial_end(far, leg, "CANCEL")
    switch.hangup(near, 127)
    switch.soft_hangup(far)
    switch.hangup(far, 127)
    switch.soft_hangup(caller, 16, 487)
    switch.hangup(caller, 127, 487)
    hands.note_phones(call, [near])
    hands.tell(call)
    switch.hangup(leg, 127, 500)


def _timed_out(hands: Hands, call: Call, near: Channel, through: Call, leg: Channel) -> None:
    """Nobody takes it there either."""
    switch, caller, far = hands.switch, call.caller, through.caller
    hands.note(through, "NO ANSWER")
    hands.tell(through)
    switch.dial_end(far, leg, "NOANSWER")
    switch.soft_hangup(far)
    switch.hangup_request(near, 16)
    switch.hangup(far)
    switch.dial_end(caller, near, "NOANSWER")
    switch.hangup(near)
    switch.soft_hangup(caller)
    switch.hangup(leg, 0)
    hands.note_phones(call, [near])
    hands.tell(call)
    switch.hangup(caller)
