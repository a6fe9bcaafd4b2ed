"""The states of a call and what moves it from one to another. ``docs/call-states.md`` is generated from this table."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cti_server.calls.log import State


class Happening(StrEnum):
    """What can move a call."""

    RINGS = "a telephone rings"
    RINGS_NO_MORE = "no telephone rings any more"
    TAKEN_BY_EXCHANGE = "the exchange answers (announcement, menu, queue)"
    CONNECTED = "somebody talks with the caller"
    HELD = "held or parked"
    RESUMED = "taken back from hold"
    LEFT_ALONE = "transferred on, nobody there yet"
    ENDED = "over"


TABLE: Final[dict[State, dict[Happening, State]]] = {
    "arriving": {
        Happening.RINGS: "ringing",
        Happening.TAKEN_BY_EXCHANGE: "waiting",
        Happening.CONNECTED: "talking",
        Happening.HELD: "held",
        Happening.ENDED: "ended",
    },
    "ringing": {
        Happening.RINGS_NO_MORE: "waiting",
        Happening.CONNECTED: "talking",
        Happening.HELD: "held",
        Happening.ENDED: "ended",
    },
    "waiting": {
        Happening.RINGS: "ringing",
        Happening.CONNECTED: "talking",
        Happening.HELD: "held",
        Happening.ENDED: "ended",
    },
    "talking": {
        Happening.HELD: "held",
        Happening.LEFT_ALONE: "waiting",
        Happening.ENDED: "ended",
    },
    "held": {
        Happening.CONNECTED: "talking",
        Happening.RESUMED: "talking",
        Happening.LEFT_ALONE: "waiting",
        Happening.ENDED: "ended",
    },
    "ended": {},
}
"""State -> happening -> next state. What isn't listed leaves the state as it is: while two talk, a telephone that
rings is a consultation."""


def after(state: State, happening: Happening) -> State:
    """The state that follows."""
    return TABLE[state].get(happening, state)


def diagram() -> str:
    """The table as a Markdown page with a state diagram."""
    arrows = [
        f"    {state} --> {following}: {happening}"
        for state, moves in TABLE.items()
        for happening, following in moves.items()
    ]
    lines = [
        "# The states of a call",
        "",
        "Generated from `cti_server/calls/call_states.py`; a test keeps the two equal.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> arriving",
        *arrows,
        "    ended --> [*]",
        "```",
        "",
        "What isn't drawn leaves the state as it is: while two talk, a telephone that rings is a consultation.",
        "",
    ]
    return "\n".join(lines)
