"""A call into a queue: all members ring, one takes it, or the caller gives up; with or without a voice menu before."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.scenarios import Scenario
from cti_simulators.stage import Script
from cti_simulators.switch import Channel

BETWEEN_MEMBERS = 1.0
"""Seconds between two members that ring one after the other."""


GOES_ON = 0.9
"""Seconds that the dialplan takes to hang up after a queue's time was up."""


def queue(hands: Hands, scenario: Scenario) -> Script:
    """The exchange answers, then the caller waits in a queue whose members all ring; or they ring one by one, and the
    exchange answers only with the member who takes it."""
    switch = hands.switch
    call = hands.arrive(scenario)
    call.application, call.data = "Queue", f"{scenario.queue},t,,,60"
    if scenario.early:
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
    members = scenario.rings or hands.site.queues.get(scenario.queue, ())
    if scenario.early:
        switch.music(call.caller, True)
    if scenario.one_by_one:
        yield from _one_by_one(hands, call, members, joined)
        return
    rung = {member: _ring_member(hands, call, member) for member in members}
    yield RINGS_AFTER
    for phone in rung.values():
        _rings(hands, call, phone)
    yield from wait(scenario.ring - RINGS_AFTER)
    if scenario.outcome == "answered":
        yield from _answered(hands, call, rung, joined)
    else:
        _abandoned(hands, call, rung, joined)


def _one_by_one(hands: Hands, call: Call, members: Sequence[str], joined: float) -> Script:
    """Each rings ``one_by_one`` seconds; the last takes it after ``ring`` seconds, or the queue's time is up then."""
    switch, caller, scenario = hands.switch, call.caller, call.scenario
    last = members.index(scenario.by) if scenario.by else len(members) - 1
    for member in members[:last]:
        phone = yield from _ring_one(hands, call, member, scenario.one_by_one)
        _not_taken(hands, call, member, phone, scenario.one_by_one)
        yield BETWEEN_MEMBERS
    begun = hands.now()
    phone = yield from _ring_one(hands, call, members[last], scenario.ring)
    if scenario.outcome == "timeout":
        _not_taken(hands, call, members[last], phone, scenario.ring)
        yield from _timed_out(hands, call, joined)
        return
    switch.state(phone, 6)
    switch.dial_end(caller, phone, "ANSWER")
    if scenario.early:
        switch.music(caller, False)
    yield from _connected(hands, call, members[last], phone, joined, begun)


def _ring_one(hands: Hands, call: Call, member: str, seconds: float) -> Generator[float, None, Channel]:
    phone = _ring_member(hands, call, member)
    hands.switch.connected(call.caller, phone.caller)
    yield RINGS_AFTER
    _rings(hands, call, phone)
    yield from wait(seconds - RINGS_AFTER)
    return phone


def _not_taken(hands: Hands, call: Call, member: str, phone: Channel, seconds: float) -> None:
    switch, caller = hands.switch, call.caller
    about = [*caller.headers(), *phone.headers("Dest"), *_member(hands, call, member)]
    switch.emit("AgentRingNoAnswer", "agent", [*about, ("RingTime", str(round(seconds * 1000)))])
    switch.dial_end(caller, phone, "NOANSWER")
    switch.dial_end(caller, phone, "CANCEL")
    switch.hangup(phone, 0)
    call.callee = phone
    hands.note(call, "NO ANSWER")


def _timed_out(hands: Hands, call: Call, joined: float) -> Script:
    """The queue's own time is up: it says that the caller left, though the dialplan goes on and hangs up."""
    switch, caller = hands.switch, call.caller
    _left(hands, call, joined)
    switch.music(caller, False)
    _out(hands, call)
    call.application, call.data, call.callee = "Hangup", "", None
    yield GOES_ON
    switch.soft_hangup(caller)
    hands.note(call, "ANSWERED")
    switch.hangup(caller)
    hands.tell(call)


def _left(hands: Hands, call: Call, joined: float) -> None:
    """The wait ended without anybody."""
    where = [*call.caller.headers(), ("Queue", call.scenario.queue), ("Position", "1"), ("OriginalPosition", "1")]
    hands.switch.emit("QueueCallerAbandon", "agent", [*where, ("HoldTime", str(round(hands.now() - joined)))])


def _out(hands: Hands, call: Call) -> None:
    """The caller is no longer in the queue."""
    where = [*call.caller.headers(), ("Queue", call.scenario.queue), ("Position", "1"), ("Count", "0")]
    hands.switch.emit("QueueCallerLeave", "agent", where)


def _rings(hands: Hands, call: Call, phone: Channel) -> None:
    hands.switch.state(phone, 5)
    hands.switch.connected(phone, call.caller.caller)
    hands.switch.dial_state(call.caller, phone)


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
    yield from _connected(hands, call, member, taken, joined, joined, losers)


def _connected(
    hands: Hands,
    call: Call,
    member: str,
    taken: Channel,
    joined: float,
    begun: float,
    losers: Sequence[Channel] = (),
) -> Script:
    """Out of the queue and to the end of the talk. ``begun``: when the phone that took it began to ring."""
    switch, caller, scenario = hands.switch, call.caller, call.scenario
    waited = str(round(hands.now() - joined))
    _out(hands, call)
    about = [*caller.headers(), *taken.headers("Dest"), *_member(hands, call, member), ("HoldTime", waited)]
    switch.emit("AgentConnect", "agent", [*about, ("RingTime", str(round(hands.now() - begun)))])
    if caller.state != 6:
        switch.state(caller, 6)
        call.answered = hands.now()
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
    switch, caller = hands.switch, call.caller
    switch.hangup_request(caller)
    switch.music(caller, False)
    for _ in range(2):
        for phone in rung.values():
            switch.dial_end(caller, phone, "CANCEL")
    _left(hands, call, joined)
    _out(hands, call)
    switch.soft_hangup(caller)
    begun = call.since
    for phone in rung.values():
        switch.hangup(phone, 0)
        call.callee, call.since, call.answered = phone, begun, begun
        hands.note(call, "NO ANSWER")
    hands.tell(call)
    switch.hangup(caller, 0)
