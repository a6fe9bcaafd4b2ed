"""All calls and legs of one exchange that are going on, and what has changed since somebody last asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cti_server.calls import call_outcome
from cti_server.calls.call import Call
from cti_server.calls.call_legs import Bridge, Leg
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.call_states import Happening
from cti_server.calls.events import LegCreated, LegUp
from cti_server.shared.positions import Position

SETTLING: Final = 1.0
"""Seconds for which a call that is over waits for what the exchange may still say about it."""
MANY_SPANS: Final = 1000
"""More of them are cleaned up even if nobody asks for the low water."""


def _last(span: tuple[Position, Position]) -> Position:
    return span[1]


class Book:
    """The open calls. Nothing is kept of a call that is over."""

    def __init__(self, plan: ExchangePlan, party: Callable[[str | None], str | None]) -> None:
        self.plan = plan
        self.party = party
        self.position = Position(0, 0)
        self.now = 0.0
        """The time of the latest event."""
        self.legs: dict[str, Leg] = {}
        self.calls: dict[str, Call] = {}
        self.by_group: dict[str, Call] = {}
        self.halves: dict[str, Leg] = {}
        """Inner legs whose other half isn't there yet, by pair."""
        self.bridges: dict[str, Bridge] = {}
        self.changed: dict[str, Call] = {}
        self.settling: dict[Call, float] = {}
        """Calls that are over, and until when they wait for a last word."""
        self.settle_at = float("inf")
        self.swept: frozenset[Call] = frozenset()
        """Those that were waiting when time was last said to have gone by."""
        self.lost: dict[Call, None] = {}
        """Calls that were open when we lost the exchange, and of which nothing is known since."""
        self.heard = 0.0
        self.listing: dict[str, LegUp] = {}
        """The list of all legs, while it comes in."""
        self.listing_from: Position | None = None
        self.spans: list[tuple[Position, Position]] = []
        """First and last event of entangled calls that are over, while a rebuild might begin in the middle of one."""

    def touch(self, call: Call, at: float) -> None:
        """Something happened in a call."""
        call.seen_at = at
        if call.counts:
            self.changed[call.id] = call

    def low_water(self) -> Position | None:
        """The oldest place in the journal that is needed to make the open calls again; None when nothing is open.

        It never lies inside an entangled call, also not inside one that is over: half of its events would look like
        calls of their own. Of any other call that began earlier nothing is made, for nobody knows its legs.
        """
        positions = [call.position for call in self.calls.values()]
        if self.listing_from is not None:
            positions.append(self.listing_from)
        low = min(positions, default=None)
        if low is not None:
            for first, last in sorted(self.spans, key=_last, reverse=True):
                if first < low <= last:
                    low = first
        needed = self.position if low is None else low
        self.spans = [span for span in self.spans if span[1] >= needed]
        return low

    # ------------------------------------------------------------------ legs
    def open_call(self, group: str, root_id: str, at: float) -> Call:
        """A call begins."""
        call = Call(f"{self.plan.id}-{root_id}", group, at, self.position)
        self.calls[call.id] = call
        self.by_group[group] = call
        return call

    def add_leg(self, event: LegCreated, call: Call, *, calls_exchange: bool) -> Leg:
        """A leg of a call comes to be."""
        kind = self.plan.kind(event.channel, event.peer, event.inner)
        leg = Leg(event.leg, event.channel, kind, event.peer, calls_exchange, call)
        leg.name = event.name
        self.legs[leg.id] = leg
        call.legs.add(leg)
        if event.pair:
            leg.pair = event.pair
            half = self.halves.pop(event.pair, None)
            if half is None:
                self.halves[event.pair] = leg
            else:
                leg.other_half, half.other_half = half, leg
        return leg

    def move(self, leg: Leg, call: Call) -> None:
        """A leg belongs to another call than thought. A call that has no leg left never was one."""
        before = leg.call
        before.legs.discard(leg)
        leg.call = call
        call.legs.add(leg)
        if leg in before.ringing:
            before.ringing.discard(leg)
            call.ringing.add(leg)
        if not before.legs:
            self.merge(call, before)

    def remove_leg(self, leg: Leg, at: float) -> None:
        """A leg is gone."""
        self.legs.pop(leg.id, None)
        self.listing.pop(leg.id, None)
        call = leg.call
        call.legs.discard(leg)
        call.stops_ringing(leg)
        call.unhold(leg, at)
        self.leave_bridge(leg)
        if leg.pair:
            if self.halves.get(leg.pair) is leg:
                del self.halves[leg.pair]
            if leg.other_half is not None:
                leg.other_half.other_half = None

    def enter_bridge(self, leg: Leg, id: str, connects: bool) -> Bridge:
        """A leg is joined to others."""
        self.leave_bridge(leg)
        bridge = self.bridges.get(id)
        if bridge is None:
            bridge = self.bridges[id] = Bridge(id, connects)
        bridge.legs.append(leg)
        leg.bridge = bridge
        return bridge

    def leave_bridge(self, leg: Leg) -> None:
        """A leg is by itself."""
        bridge = leg.bridge
        if bridge is not None:
            leg.bridge = None
            bridge.legs.remove(leg)
            if not bridge.legs:
                self.bridges.pop(bridge.id, None)

    # ------------------------------------------------------------------ calls
    def merge(self, survivor: Call, other: Call) -> None:
        """Two calls turn out to be one."""
        if survivor is other:
            return
        survivor.absorb(other)
        for group in other.groups:
            self.by_group[group] = survivor
        self._forget(other)
        if other.counts:
            other.state = "ended"
            self.changed[other.id] = other

    def end(self, call: Call, at: float) -> None:
        """The call is over. Where the exchange's own record may still tell what it was, that is waited for."""
        if call.ended_at is not None:
            return
        call.ended_at = at
        call.ended_between = None
        call.hold_over(at)
        if call_outcome.awaits_record(call):
            self._settle_later(call, at)
        else:
            self.settle(call)

    def end_unseen(self, call: Call, since: float, until: float, *, surely: bool) -> None:
        """The call is over, at a time that nobody saw. ``surely``: the exchange won't say it after all."""
        call.ended_between = (since, max(since, until))
        if surely:
            self.settle(call)
        else:
            self._settle_later(call, until)

    def _settle_later(self, call: Call, at: float) -> None:
        self.settling[call] = at + SETTLING
        self.settle_at = min(self.settle_at, at + SETTLING)
        self.touch(call, at)

    def settle_due(self, at: float) -> None:
        """Ends the calls that have waited long enough."""
        for call, due in list(self.settling.items()):
            if due <= at:
                self.settle(call)
        self.settle_at = min(self.settling.values(), default=float("inf"))

    def settle(self, call: Call) -> None:
        """The call is over, and this is the last of it."""
        if call.ended_at is None and call.ended_between is not None:
            call.hold_over(call.ended_between[0])
            call.mark("end-not-seen")
        call.happens(Happening.ENDED)
        call.counts = call.counts or call_outcome.counts_after_all(call, self.plan)
        self.touch(call, call.seen_at)
        self._forget(call)

    def _forget(self, call: Call) -> None:
        if call.entangled and call.merged_into is None:
            self.spans.append((call.position, self.position))
            if len(self.spans) > MANY_SPANS:
                self.low_water()
        for leg in list(call.legs):
            self.legs.pop(leg.id, None)
            self.leave_bridge(leg)
            if leg.pair and self.halves.get(leg.pair) is leg:
                del self.halves[leg.pair]
        for group in call.groups:
            if self.by_group.get(group) is call:
                del self.by_group[group]
        self.calls.pop(call.id, None)
        self.settling.pop(call, None)
        self.lost.pop(call, None)
