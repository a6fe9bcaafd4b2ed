"""Legs and the bridges that join them: who is connected to whom, through however many inner halves of the exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cti_server.calls.call_plan import LegKind

if TYPE_CHECKING:
    from cti_server.calls.call import Call


class Bridge:
    """Where legs are joined."""

    __slots__ = ("connects", "id", "legs")

    def __init__(self, id: str, connects: bool) -> None:
        self.id = id
        self.connects = connects
        self.legs: list[Leg] = []


class Leg:
    """One channel of the exchange while it exists."""

    __slots__ = (
        "bridge",
        "call",
        "calls_exchange",
        "cause",
        "channel",
        "chosen",
        "dial_over",
        "dialled",
        "dialler",
        "extension",
        "hung_up",
        "id",
        "kind",
        "name",
        "number",
        "other_half",
        "pair",
        "passed_on",
        "queue",
        "rang",
        "taken_by",
    )

    def __init__(self, id: str, channel: str, kind: LegKind, peer: str, calls_exchange: bool, call: Call) -> None:
        self.id = id
        self.channel = channel
        self.kind = kind
        self.call = call
        self.calls_exchange = calls_exchange
        """The leg calls the exchange; otherwise the exchange calls it."""
        self.extension = peer if kind == "extension" else None
        self.number = peer
        """The device, or the number that an inner leg was made for."""
        self.name = ""
        self.pair = ""
        self.other_half: Leg | None = None
        self.dialler: Leg | None = None
        """The leg for which the exchange dialled this one."""
        self.dialled = ""
        """The number that was dialled on this trunk."""
        self.dial_over = False
        self.rang = False
        self.passed_on = False
        """It has transferred its partner and is on its way out."""
        self.hung_up = False
        self.cause: int | None = None
        """Why it hung up, where it said so (Q.850)."""
        self.queue = ""
        """The queue that it waits in."""
        self.chosen: Leg | None = None
        """The agent who picked up for it, while the queue hasn't connected them yet."""
        self.taken_by: Leg | None = None
        """The leg that answered what was dialled for this one."""
        self.bridge: Bridge | None = None


def reached(start: Leg) -> list[Leg]:
    """The telephones and trunks that a leg talks to now, nearest first."""
    seen = {start}
    walk = [start]
    found: list[Leg] = []
    for leg in walk:
        if leg.bridge is None or not leg.bridge.connects:
            continue
        for other in leg.bridge.legs:
            if other in seen:
                continue
            seen.add(other)
            if other.kind != "inner":
                found.append(other)
            elif other.other_half is not None and other.other_half not in seen:
                seen.add(other.other_half)
                walk.append(other.other_half)
    return found


def taker(leg: Leg) -> Leg | None:
    """The telephone or trunk that answered what was dialled for a leg, through inner halves; None as long as one of the
    stations in between hasn't been answered."""
    answered = leg.taken_by
    for _ in range(32):
        if answered is None or answered.kind != "inner":
            return answered
        half = answered.other_half
        answered = half.taken_by if half else None
    return None
