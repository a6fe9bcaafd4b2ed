"""The exchange ends a call itself, because it stops."""

from __future__ import annotations

from cti_simulators.plays.steps import Call, Hands
from cti_simulators.switch import Channel

STOPS = 4
"""The cause that an exchange names that stops (seen in a recorded restart)."""


def stop(hands: Hands, call: Call) -> None:
    """Hangs up every channel of a call. One that still rings ends as if the caller had given up; of that there is no
    recording."""
    switch, caller, callee, bridge = hands.switch, call.caller, call.callee, call.bridge
    others = [one for one in switch.channels.values() if one is not caller and one.linkedid == caller.linkedid]
    joined = bridge is not None and callee is not None and callee in bridge.channels
    for channel in (*others, caller):
        switch.soft_hangup(channel, STOPS)
    if bridge is not None and joined:
        _part(hands, call)
    else:
        for channel in others:
            switch.dial_end(caller, channel, "CANCEL")
    switch.soft_hangup(caller)
    hands.note(call, "ANSWERED" if joined else "NO ANSWER")
    hands.tell(call)
    switch.hangup(caller)
    for channel in others:
        switch.hangup(channel)


def _part(hands: Hands, call: Call) -> None:
    bridge = call.bridge
    if bridge is None:
        return
    left: list[Channel] = sorted(bridge.channels, key=lambda one: one is call.caller)
    for channel in left:
        hands.switch.leave(bridge, channel)
    hands.switch.destroy(bridge)
