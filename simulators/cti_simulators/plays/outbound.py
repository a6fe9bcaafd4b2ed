"""Calls to the outside: an extension dials, or a program has the exchange dial (click to dial)."""

from __future__ import annotations

from dataclasses import dataclass

from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.plays.talking import converse
from cti_simulators.scenarios import Outcome, Scenario
from cti_simulators.stage import Script
from cti_simulators.switch import NOBODY, Channel, Party

CARRIER_RINGS_AFTER = 0.6
"""Seconds until the carrier says that the outside phone rings."""


def outbound(hands: Hands, scenario: Scenario) -> Script:
    """An extension dials an outside number."""
    call = hands.arrive(scenario)
    yield GAP
    yield from _to_carrier(hands, call)


def _to_carrier(hands: Hands, call: Call) -> Script:
    """The dialplan presents the firm's main number and dials the trunk."""
    switch, caller, scenario = hands.switch, call.caller, call.scenario
    caller.context = "outbound"
    switch.caller_id(caller, Party(hands.site.main_number))
    leg = switch.channel(hands.site.trunk, 0, NOBODY, "from-trunk", "s", caller)
    leg.exten, leg.connected = scenario.to, caller.caller
    switch.caller_id(leg, Party(scenario.to))
    switch.connected(leg, caller.caller)
    caller.priority = 2
    switch.dial_begin(caller, leg, f"{scenario.to}@{hands.site.trunk}")
    switch.connected(caller, leg.caller)
    call.data, call.callee = f"PJSIP/{scenario.to}@{hands.site.trunk},60,T", leg
    if scenario.outcome in ("busy", "congestion"):
        yield 0.4
        _refused(hands, call, leg, scenario.outcome)
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
        _timed_out(hands, call, leg)


def _refused(hands: Hands, call: Call, leg: Channel, outcome: Outcome) -> None:
    switch, caller = hands.switch, call.caller
    cause, tech, status = (17, 486, "BUSY") if outcome == "busy" else (34, 503, "CONGESTION")
    switch.hangup_request(leg, cause, tech)
    switch.dial_end(caller, leg, status)
    caller.priority += 5
    if outcome == "busy":
        switch.state(caller, 7)
    switch.hangup_request(caller, cause, tech)
    switch.hangup(leg, cause, tech)
    switch.soft_hangup(caller, 16, tech)
    hands.note(call, "BUSY" if outcome == "busy" else "FAILED")
    hands.tell(call)
    switch.hangup(caller, cause, tech)


def _given_up(hands: Hands, call: Call, leg: Channel) -> None:
    switch, caller = hands.switch, call.caller
    switch.hangup_request(caller, 127, 487)
    switch.dial_end(caller, leg, "CANCEL")
    switch.soft_hangup(caller, 16, 487)
    switch.hangup(leg, 127, 487)
    switch.hangup(caller, 127, 487)
    hands.note(call, "NO ANSWER")
    hands.tell(call)


def _timed_out(hands: Hands, call: Call, leg: Channel) -> None:
    switch, caller = hands.switch, call.caller
    switch.dial_end(caller, leg, "NOANSWER")
    caller.priority += 4
    switch.soft_hangup(caller)
    switch.hangup(leg, 0)
    switch.hangup(caller)
    hands.note(call, "NO ANSWER")
    hands.tell(call)


@dataclass(frozen=True, slots=True)
class Dialling:
    """What the ``Originate`` action asked for, and how both sides are going to behave."""

    extension: str
    number: str
    caller: Party
    action_id: str
    lifts: bool = True
    """Whether the extension's phone is picked up."""
    lifts_after: float = 2.0
    outcome: Outcome = "answered"
    ring: float = 5.0
    talk: float = 20.0
    timeout: float = 30.0


def originate(hands: Hands, dialling: Dialling) -> Script:
    """Click to dial: the extension rings first; once it is picked up the outside number is dialled from it."""
    switch = hands.switch
    phone = switch.channel(dialling.extension, 0, hands.display(dialling.extension), "internal", "s")
    phone.exten = dialling.number
    switch.caller_id(phone, dialling.caller)
    switch.dial_begin(None, phone, dialling.extension)
    yield RINGS_AFTER
    hands.ringing(None, phone)
    if not dialling.lifts:
        yield from wait(dialling.timeout - RINGS_AFTER)
        switch.dial_end(None, phone, "NOANSWER")
        _response(hands, dialling, phone, reason=3)
        switch.hangup(phone, 0)
        return
    yield from wait(dialling.lifts_after)
    switch.state(phone, 6)
    switch.dial_end(None, phone, "ANSWER")
    _response(hands, dialling, phone, reason=4)
    scenario = Scenario(
        kind="outbound",
        caller=dialling.extension,
        to=dialling.number,
        outcome=dialling.outcome,
        ring=dialling.ring,
        talk=dialling.talk,
        hangup="callee",
    )
    yield GAP
    yield from _to_carrier(hands, Call(phone, scenario, since=hands.now(), answered=hands.now()))


def _response(hands: Hands, dialling: Dialling, phone: Channel, reason: int) -> None:
    """How the first leg went. ``reason`` 3: no answer, 4: answered."""
    told = [("ActionID", dialling.action_id)] if dialling.action_id else []
    hands.switch.emit(
        "OriginateResponse",
        "call",
        [
            *told,
            ("Response", "Success" if reason == 4 else "Failure"),
            ("Channel", phone.name if reason == 4 else f"PJSIP/{dialling.extension}"),
            ("Context", "internal"),
            ("Exten", dialling.number),
            ("Application", ""),
            ("Data", ""),
            ("Reason", str(reason)),
            ("Uniqueid", phone.uniqueid if reason == 4 else "<null>"),
            ("CallerIDNum", dialling.caller.number or "<unknown>"),
            ("CallerIDName", dialling.caller.name or "<unknown>"),
        ],
    )
