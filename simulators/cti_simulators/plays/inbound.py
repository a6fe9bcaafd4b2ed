"""A call to a phone or to several at once: from the carrier, or from one extension to another."""

from __future__ import annotations

from cti_simulators.plays.fetching import pick_up_elsewhere
from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.plays.talking import converse
from cti_simulators.scenarios import Scenario
from cti_simulators.stage import Script
from cti_simulators.switch import Channel

SHORTEST_MESSAGE = 3.0
"""Seconds; a shorter message is not kept."""


def phone(hands: Hands, scenario: Scenario) -> Script:
    """Rings one phone or a group, with every outcome."""
    call = hands.arrive(scenario)
    yield GAP
    phones = hands.offer_all(call, scenario.rings or (scenario.to,))
    answering = next((rung for rung in phones if rung.caller.number == scenario.answering), phones[0])
    if scenario.outcome == "busy":
        yield 0.25
        _busy(hands, call, answering)
        return
    if scenario.outcome == "away":
        yield 0.2
        _away(hands, call, answering)
        return
    yield RINGS_AFTER
    for rung in phones:
        hands.ringing(call.caller, rung)
    yield from wait(scenario.ring - RINGS_AFTER)
    if scenario.outcome == "given-up":
        _given_up(hands, call, phones)
    elif scenario.outcome == "timeout":
        _timed_out(hands, call, phones)
    elif scenario.outcome == "voicemail":
        yield from _voicemail(hands, call, phones)
    elif scenario.picked_up_by:
        pick_up_elsewhere(hands, call, phones[0])
        yield from converse(hands, call)
    else:
        hands.pick_up(call, answering, [rung for rung in phones if rung is not answering])
        yield from converse(hands, call)


def _busy(hands: Hands, call: Call, phone: Channel) -> None:
    switch, caller = hands.switch, call.caller
    switch.hangup_request(phone, 17, 486)
    switch.dial_end(caller, phone, "BUSY")
    caller.priority += 2
    switch.state(caller, 7)
    switch.hangup_request(caller, 17, 486)
    switch.hangup(phone, 17, 486)
    switch.soft_hangup(caller, 16, 486)
    hands.note(call, "BUSY")
    hands.tell(call)
    switch.hangup(caller, 17, 486)


def _away(hands: Hands, call: Call, phone: Channel) -> None:
    """The phone is not there: nothing rings."""
    switch, caller = hands.switch, call.caller
    switch.hangup_request(phone, 34, 503)
    switch.dial_end(caller, phone, "CONGESTION")
    switch.hangup(phone, 34, 503)
    switch.soft_hangup(caller)
    hands.note(call, "FAILED")
    switch.hangup(caller, 34, 503)
    hands.tell(call)


def _given_up(hands: Hands, call: Call, phones: list[Channel]) -> None:
    switch, caller = hands.switch, call.caller
    switch.hangup_request(caller, 127, 487)
    for rung in phones:
        switch.dial_end(caller, rung, "CANCEL")
    switch.soft_hangup(caller, 16, 487)
    for rung in phones:
        switch.hangup(rung, 127, 500)
    switch.hangup(caller, 127, 487)
    hands.note_phones(call, phones)
    hands.tell(call)


def _timed_out(hands: Hands, call: Call, phones: list[Channel]) -> None:
    switch, caller = hands.switch, call.caller
    for rung in phones:
        switch.dial_end(caller, rung, "NOANSWER")
    caller.priority += 2
    switch.soft_hangup(caller)
    for rung in phones:
        switch.hangup(rung, 0)
    switch.hangup(caller, 19, 480)
    hands.note_phones(call, phones)
    hands.tell(call)


def _voicemail(hands: Hands, call: Call, phones: list[Channel]) -> Script:
    """Nobody takes it, so the exchange answers and keeps a message of ``talk`` seconds."""
    switch, caller = hands.switch, call.caller
    for rung in phones:
        switch.dial_end(caller, rung, "NOANSWER")
    hands.note_phones(call, phones)
    for rung in phones:
        switch.hangup(rung, 0)
    caller.priority += 1
    switch.state(caller, 6)
    mailbox = f"{phones[0].caller.number}@default"
    call.application, call.data, call.callee = "VoiceMail", f"{mailbox},u", None
    call.since = call.answered = hands.now()
    yield from wait(call.scenario.talk)
    switch.hangup_request(caller)
    if call.scenario.talk >= SHORTEST_MESSAGE:
        switch.message_waiting(caller, mailbox)
    switch.soft_hangup(caller)
    hands.note(call, "ANSWERED")
    hands.tell(call)
    switch.hangup(caller, 0)
