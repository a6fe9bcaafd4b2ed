"""From the answer to the end: talk, hold, transfers, hanging up."""

from __future__ import annotations

from collections.abc import Generator

from cti_simulators.plays.fetching import park
from cti_simulators.plays.steps import GAP, RINGS_AFTER, Call, Hands, wait
from cti_simulators.scenarios import Transfer
from cti_simulators.stage import Script
from cti_simulators.switch import Channel, snapshot


def converse(hands: Hands, call: Call) -> Script:
    """The talk of an answered call with its hold and its transfer, until somebody hangs up."""
    scenario = call.scenario
    end = hands.now() + scenario.talk
    if scenario.hold is not None:
        yield from _hold(hands, call, *scenario.hold)
    if scenario.transfer is not None:
        yield from wait(scenario.transfer.after)
        if scenario.transfer.kind == "blind":
            joined = yield from _blind(hands, call, scenario.transfer)
            if not joined:
                return
        else:
            yield from _attended(hands, call, scenario.transfer)
    if scenario.park is not None:
        yield from wait(scenario.park.after)
        yield from park(hands, call, scenario.park, end)
        return
    yield from wait(end - hands.now())
    # After a pickup the request names no cause.
    hands.hang_up(call, cause=None if scenario.picked_up_by else 16)


def _hold(hands: Hands, call: Call, after: float, seconds: float) -> Script:
    """Our phone (or the one that was called) puts the other side on hold and takes it back."""
    ours, other = _sides(hands, call)
    yield after
    hands.switch.hold(ours)
    hands.switch.music(other, True)
    yield seconds
    hands.switch.unhold(ours)
    hands.switch.music(other, False)


def _sides(hands: Hands, call: Call) -> tuple[Channel, Channel]:
    """(our phone, the other side)."""
    if call.callee is None:
        raise RuntimeError("there is nobody to hold")
    if call.scenario.kind == "outbound":
        return call.caller, call.callee
    return call.callee, call.caller


def _blind(hands: Hands, call: Call, transfer: Transfer) -> Generator[float, None, bool]:
    """REFER without asking: the caller rings the next phone, and where nobody takes it, perhaps the first one again.
    Returns whether it was taken."""
    switch, caller, phone, bridge = hands.switch, call.caller, call.callee, call.bridge
    if phone is None or bridge is None:
        raise RuntimeError("only a call that was answered can be transferred")
    switch.unhold(phone)
    switch.blind_transfer(phone, caller, bridge, transfer.to)
    hands.note(call, "ANSWERED")
    switch.leave(bridge, phone)
    caller.context, caller.exten, caller.priority = "internal", transfer.to, 1
    bridge.technology = "simple_bridge"
    switch.leave(bridge, caller)
    switch.destroy(bridge)
    switch.hangup(phone)
    target = hands.offer(call, transfer.to)
    yield RINGS_AFTER
    hands.ringing(caller, target)
    yield from wait(transfer.ring - RINGS_AFTER)
    if transfer.answered:
        hands.pick_up(call, target)
        return True
    switch.dial_end(caller, target, "NOANSWER")
    hands.note(call, "NO ANSWER")
    if transfer.returns:
        switch.hangup(target, 0)
        again = hands.offer(call, phone.caller.number)
        yield RINGS_AFTER
        hands.ringing(caller, again)
        yield from wait(transfer.returns - RINGS_AFTER)
        hands.pick_up(call, again)
        return True
    switch.soft_hangup(caller)
    switch.hangup(target, 0)
    switch.hangup(caller)
    hands.tell(call)
    return False


def _attended(hands: Hands, call: Call, transfer: Transfer) -> Script:
    """Our phone holds the caller, asks a colleague on a second line, then joins both by REFER with Replaces, or comes
    back to the caller."""
    switch, caller, first, bridge = hands.switch, call.caller, call.callee, call.bridge
    if first is None or bridge is None:
        raise RuntimeError("only a call that was answered can be transferred")
    switch.hold(first)
    switch.music(caller, True)
    yield 0.8
    second = switch.channel(first.caller.number, 4, first.caller, "internal", transfer.to)
    asking = Call(second, call.scenario, since=hands.now())
    yield GAP
    target = hands.offer(asking, transfer.to)
    yield RINGS_AFTER
    hands.ringing(second, target)
    yield from wait(transfer.ring - RINGS_AFTER)
    hands.pick_up(asking, target)
    yield from wait(transfer.consult)
    if transfer.joined:
        _replace(hands, call, asking)
        return
    hands.hang_up(asking, by="caller")
    switch.unhold(first)
    switch.music(caller, False)


def _replace(hands: Hands, call: Call, asking: Call) -> None:
    """The caller takes the place of the phone that asked."""
    switch, caller, first, bridge = hands.switch, call.caller, call.callee, call.bridge
    second, target, other = asking.caller, asking.callee, asking.bridge
    if first is None or bridge is None or target is None or other is None:
        raise RuntimeError("both calls have to be answered before they are joined")
    hands.note(asking, "ANSWERED")
    hands.note(call, "ANSWERED")
    switch.unhold(first)
    switch.unhold(second)
    switch.leave(bridge, caller)
    switch.leave(other, second)
    switch.enter(other, caller, swap=second)
    switch.soft_hangup(second, 1)
    switch.attended_transfer(snapshot(first), bridge, second, other, caller, target)
    switch.music(caller, False)
    switch.connected(caller, target.caller)
    target.linkedid = caller.linkedid
    switch.connected(target, caller.caller)
    switch.soft_hangup(second)
    switch.hangup(second)
    bridge.technology = "simple_bridge"
    switch.leave(bridge, first)
    switch.destroy(bridge)
    switch.hangup(first)
    hands.tell(asking)
    call.callee, call.bridge = target, other
