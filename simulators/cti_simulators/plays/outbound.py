"""Calls to the outside: an extension dials, or a program has the exchange dial (click to dial)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.plays.talking import converse
from cti_simulators.scenarios import Outcome, Scenario, Side
from cti_simulators.stage import Script
from cti_simulators.switch import NOBODY, UNKNOWN, Channel, Party

CARRIER_RINGS_AFTER = 0.6
"""Seconds until the carrier says that the outside phone rings."""
TONE_SECONDS = 5.0
"""How long the exchange plays the busy tone to a phone that it had called itself."""


def outbound(hands: Hands, scenario: Scenario) -> Script:
    """An extension dials an outside number."""
    call = hands.arrive(scenario)
    yield GAP
    yield from _to_carrier(hands, call)


def _to_carrier(hands: Hands, call: Call) -> Script:
    """The call goes to the carrier, with every outcome."""
    caller, scenario = call.caller, call.scenario
    caller.context = "outbound"
    leg = reach_out(hands, caller, scenario.to)
    call.data, call.callee = f"PJSIP/{scenario.to}@{hands.site.trunk},60,T", leg
    if scenario.outcome in ("busy", "congestion"):
        yield 0.4
        yield from _refused(hands, call, leg, scenario.outcome)
        return
    yield CARRIER_RINGS_AFTER
    hands.ringing(caller, leg)
    yield from wait(scenario.ring - CARRIER_RINGS_AFTER)
    if scenario.outcome == "answered":
        hands.pick_up(call, leg)
        yield from converse(hands, call)
    elif scenario.outcome == "given-up":
        _given_up(hands, call, leg)
    else:
        _not_answered(hands, call, leg)


def reach_out(hands: Hands, caller: Channel, number: str) -> Channel:
    """The dialplan presents the firm's main number and dials the trunk. Returns the leg to the carrier."""
    switch = hands.switch
    switch.caller_id(caller, Party(hands.site.main_number))
    leg = switch.channel(hands.site.trunk, 0, NOBODY, "from-trunk", "s", caller)
    leg.exten, leg.connected = number, caller.caller
    switch.caller_id(leg, Party(number))
    switch.connected(leg, caller.caller)
    caller.priority = 2
    switch.dial_begin(caller, leg, f"{number}@{hands.site.trunk}")
    if caller.connected != leg.caller:
        switch.connected(caller, leg.caller)
    return leg


def _refused(hands: Hands, call: Call, leg: Channel, outcome: Outcome) -> Script:
    """Busy, or no line. Who dialled hears the tone from the carrier; who had the exchange dial, from the exchange."""
    switch, caller = hands.switch, call.caller
    cause, tech, status = (17, 486, "BUSY") if outcome == "busy" else (34, 503, "CONGESTION")
    switch.hangup_request(leg, cause, tech)
    switch.dial_end(caller, leg, status)
    switch.hangup(leg, cause, tech)
    hands.note(call, "BUSY" if outcome == "busy" else "FAILED")
    caller.priority += 5 if outcome == "busy" else 7
    if caller.state == 6:
        call.application, call.callee = "Busy" if outcome == "busy" else "Congestion", None
        yield TONE_SECONDS
        hands.note(call, "ANSWERED")
        switch.soft_hangup(caller)
    else:
        switch.state(caller, 7)
        switch.hangup_request(caller, cause, tech)
        switch.soft_hangup(caller, 16, tech)
    hands.tell(call)
    switch.hangup(caller, cause, tech)


def _given_up(hands: Hands, call: Call, leg: Channel) -> None:
    switch, caller = hands.switch, call.caller
    up = caller.state == 6
    switch.hangup_request(caller, *(() if up else (127, 487)))
    switch.dial_end(caller, leg, "CANCEL")
    switch.soft_hangup(caller, 16, None if up else 487)
    hands.note(call, "NO ANSWER")
    hands.tell(call)
    switch.hangup(caller, *((0,) if up else (127, 487)))
    switch.hangup(leg, *((16,) if up else (127, 500)))


def _not_answered(hands: Hands, call: Call, leg: Channel) -> None:
    """The carrier says that nobody answers."""
    switch, caller = hands.switch, call.caller
    switch.hangup_request(leg, 19, 480)
    switch.dial_end(caller, leg, "NOANSWER")
    switch.hangup(leg, 19, 480)
    caller.priority += 4
    switch.soft_hangup(caller)
    hands.note(call, "NO ANSWER")
    hands.tell(call)
    switch.hangup(caller, 19, 480)


@dataclass(frozen=True, slots=True)
class Dialling:
    """What the ``Originate`` action asked for, and how both sides are going to behave."""

    extension: str
    number: str
    caller: Party = NOBODY
    """Whom the extension's phone shows as calling."""
    action_id: str = ""
    phone: Literal["lifted", "rings", "busy"] = "lifted"
    """What becomes of the extension's phone."""
    lifts_after: float = 2.0
    outcome: Outcome = "answered"
    """What becomes of the call to the outside."""
    ring: float = 5.0
    talk: float = 20.0
    hangup: Side = "callee"
    timeout: float = 30.0


def click_to_dial(hands: Hands, scenario: Scenario) -> Script:
    """A program has the exchange ring an extension and then dial from it."""
    return originate(
        hands,
        Dialling(
            scenario.caller,
            scenario.to,
            Party(scenario.to),
            phone=scenario.phone,
            outcome=scenario.outcome,
            ring=scenario.ring,
            talk=scenario.talk,
            hangup=scenario.hangup,
            timeout=scenario.ring if scenario.phone == "rings" else 30.0,
        ),
    )


def originate(hands: Hands, dialling: Dialling) -> Script:
    """Click to dial: the extension rings first; once it is picked up the outside number is dialled from it."""
    switch = hands.switch
    mine = hands.display(dialling.extension)
    phone = switch.channel(dialling.extension, 0, mine, "internal", "s")
    if dialling.caller.number:
        switch.caller_id(phone, Party(dialling.caller.number, dialling.caller.name or mine.name))
        switch.connected(phone, dialling.caller)
    switch.dial_begin(None, phone, dialling.extension)
    if dialling.phone == "busy":
        yield 0.2
        switch.hangup_request(phone, 17, 486)
        switch.dial_end(None, phone, "BUSY")
        _response(hands, dialling, None, reason=0)
        switch.hangup(phone, 17, 486)
        return
    yield RINGS_AFTER
    hands.ringing(None, phone)
    if dialling.phone == "rings":
        yield from wait(dialling.timeout - RINGS_AFTER)
        _response(hands, dialling, None, reason=3)
        switch.hangup(phone, 19, 480)
        return
    yield from wait(dialling.lifts_after)
    switch.state(phone, 6)
    switch.dial_end(None, phone, "ANSWER")
    phone.exten = dialling.number
    _response(hands, dialling, phone, reason=4)
    scenario = Scenario(
        kind="outbound",
        caller=dialling.extension,
        to=dialling.number,
        outcome=dialling.outcome,
        ring=dialling.ring,
        talk=dialling.talk,
        hangup=dialling.hangup,
    )
    call = Call(phone, scenario, since=phone.born, answered=hands.now())
    hands.calls.append(call)
    yield from _to_carrier(hands, call)


def _response(hands: Hands, dialling: Dialling, phone: Channel | None, reason: int) -> None:
    """How the first leg went. ``reason`` 0: refused, 3: no answer, 4: answered."""
    told = [("ActionID", dialling.action_id)] if dialling.action_id else []
    shown = dialling.caller
    hands.switch.emit(
        "OriginateResponse",
        "call",
        [
            *told,
            ("Response", "Success" if phone else "Failure"),
            ("Channel", phone.name if phone else f"PJSIP/{dialling.extension}"),
            ("Context", "internal"),
            ("Exten", dialling.number),
            ("Reason", str(reason)),
            ("Uniqueid", phone.uniqueid if phone else UNKNOWN),
            ("CallerIDNum", shown.number or UNKNOWN),
            ("CallerIDName", shown.name or UNKNOWN),
        ],
    )
