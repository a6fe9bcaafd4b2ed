"""A call into a queue: all members ring, one takes it, or the caller gives up; with or without a voice menu before."""

from __future__ import annotations

from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.scenarios import Scenario
from cti_simulators.stage import Script
from cti_simulators.switch import Channel


def queue(hands: Hands, scenario: Scenario) -> Script:
    """The exchange answers, then the caller waits in a queue whose members all ring."""
    switch = hands.switch
    call = hands.arrive(scenario)
    call.application, call.data = "Queue", f"{scenario.queue},t,,,60"
    switch.state(call.caller, 6)
    call.answered = hands.now()
    if scenario.menu:
        yield scenario.menu
        call.caller.priority = 7
    yield GAP
    call.caller.priority += 1
    joined = hands.now()
    where = ("Queue", scenario.queue)
    switch.emit("QueueCallerJoin", "agent", [*call.caller.headers(), where, ("Position", "1"), ("Count", "1")])
    switch.music(call.caller, True)
    members = scenario.rings or hands.site.queues.get(scenario.queue, ())
    rung = {member: _ring_member(hands, call, member) for member in members}
    yield RINGS_AFTER
    for phone in rung.values():
        switch.state(phone, 5)
        switch.connected(phone, call.caller.caller)
        switch.dial_state(call.caller, phone)
    yield from wait(scenario.ring - RINGS_AFTER)
    if scenario.outcome == "answered":
        yield from _answered(hands, call, rung, joined)
    else:
        _abandoned(hands, call, rung, joined)


def _ring_member(hands: Hands, call: Call, member: str) -> Channel:
    switch, caller = hands.switch, call.caller
    phone = switch.channel(member, 0, hands.display(member), "internal", "s", caller)
    asked = [(key, value) for key, value in phone.headers("Dest")]
    told = {
        "DestConnectedLineNum": caller.headers()[3][1],
        "DestConnectedLineName": caller.headers()[4][1],
        "DestExten": caller.exten,
    }
    switch.emit(
        "AgentCalled",
        "agent",
        [*caller.headers(), *((key, told.get(key, value)) for key, value in asked), *_member(hands, call, member)],
    )
    switch.dial_begin(caller, phone, f"PJSIP/{member}")
    phone.exten, phone.connected = caller.exten, caller.caller
    return phone


def _member(hands: Hands, call: Call, member: str) -> list[tuple[str, str]]:
    return [
        ("Queue", call.scenario.queue),
        ("Interface", f"PJSIP/{member}"),
        ("MemberName", hands.display(member).name),
    ]


def _answered(hands: Hands, call: Call, rung: dict[str, Channel], joined: float) -> Script:
    switch, caller, scenario = hands.switch, call.caller, call.scenario
    member = scenario.by or next(iter(rung))
    taken = rung[member]
    losers = [phone for phone in rung.values() if phone is not taken]
    waited = str(round(hands.now() - joined))
    switch.state(taken, 6)
    switch.dial_end(caller, taken, "ANSWER")
    for phone in losers:
        switch.dial_end(caller, phone, "CANCEL")
    switch.connected(caller, taken.caller)
    for phone in losers:
        switch.dial_end(caller, phone, "CANCEL")
        call.callee = phone
        hands.note(call, "NO ANSWER")
    switch.music(caller, False)
    switch.emit(
        "QueueCallerLeave", "agent", [*caller.headers(), ("Queue", scenario.queue), ("Position", "1"), ("Count", "0")]
    )
    about = [*caller.headers(), *taken.headers("Dest"), *_member(hands, call, member), ("HoldTime", waited)]
    switch.emit("AgentConnect", "agent", [*about, ("RingTime", waited)])
    for phone in losers:
        switch.hangup(phone, 26)
    hands.join(call, taken)
    answered = hands.now()
    yield from wait(scenario.talk)
    talked = ("TalkTime", str(round(hands.now() - answered)))
    reason = ("Reason", "caller" if scenario.hangup == "caller" else "agent")
    _hang_up(hands, call, [*_complete(hands, call, member), ("HoldTime", waited), talked, reason])


def _complete(hands: Hands, call: Call, member: str) -> list[tuple[str, str]]:
    if call.callee is None:
        raise RuntimeError("nobody took the call out of the queue")
    return [*call.caller.headers(), *call.callee.headers("Dest"), *_member(hands, call, member)]


def _hang_up(hands: Hands, call: Call, complete: list[tuple[str, str]]) -> None:
    """As any other hanging up, but the request names no cause and the agent's work is told as complete."""
    switch, caller, callee, bridge = hands.switch, call.caller, call.callee, call.bridge
    if callee is None or bridge is None:
        raise RuntimeError("nobody took the call out of the queue")
    by, other = (caller, callee) if call.scenario.hangup == "caller" else (callee, caller)
    hands.note(call, "ANSWERED")
    switch.hangup_request(by)
    switch.emit("AgentComplete", "agent", complete)
    switch.leave(bridge, by)
    switch.leave(bridge, other)
    switch.destroy(bridge)
    switch.soft_hangup(caller)
    switch.hangup(callee)
    switch.hangup(caller)
    hands.tell(call)


def _abandoned(hands: Hands, call: Call, rung: dict[str, Channel], joined: float) -> None:
    switch, caller, scenario = hands.switch, call.caller, call.scenario
    switch.hangup_request(caller)
    switch.music(caller, False)
    for _ in range(2):
        for phone in rung.values():
            switch.dial_end(caller, phone, "CANCEL")
    where = [*caller.headers(), ("Queue", scenario.queue), ("Position", "1")]
    switch.emit(
        "QueueCallerAbandon",
        "agent",
        [*where, ("OriginalPosition", "1"), ("HoldTime", str(round(hands.now() - joined)))],
    )
    switch.emit("QueueCallerLeave", "agent", [*where, ("Count", "0")])
    switch.soft_hangup(caller)
    begun = call.since
    for phone in rung.values():
        switch.hangup(phone, 0)
        call.callee, call.since, call.answered = phone, begun, begun
        hands.note(call, "NO ANSWER")
    hands.tell(call)
    switch.hangup(caller, 0)
