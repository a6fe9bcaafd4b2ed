"""The plain course of a call: legs come, ring, are answered, joined, and go."""

from __future__ import annotations

from cti_server.calls.call import Call
from cti_server.calls.call_book import Book
from cti_server.calls.call_legs import Leg, taker
from cti_server.calls.call_outcome import REFUSALS, REFUSED
from cti_server.calls.call_plan import shown_number
from cti_server.calls.call_states import Happening
from cti_server.calls.events import (
    Bridged,
    CallerChanged,
    DialBegun,
    DialEnded,
    HangupRequested,
    LegChanged,
    LegCreated,
    LegEnded,
    Originated,
    Unbridged,
)


def leg_created(book: Book, event: LegCreated) -> None:
    """A leg of a call that is known, or the first one of a new call."""
    if event.inner < 0 or event.leg in book.legs:
        return
    call = book.by_group.get(event.group)
    if call is None:
        if event.leg != event.group:
            return  # part of a call whose beginning nobody saw, and that no list of legs has shown
        # An analog telephone that was picked up is neither down nor ringing.
        start_call(book, event, calls_exchange=event.state != "down")
    else:
        book.add_leg(event, call, calls_exchange=event.state in ("ring", "up"))
        book.touch(call, event.at)


def start_call(book: Book, event: LegCreated, *, calls_exchange: bool) -> Call:
    """A call begins with this leg."""
    recalled = None if calls_exchange else _recalling(book, event)
    if recalled is not None:
        book.by_group[event.group] = recalled
        recalled.belongs_to(event.group)
        book.add_leg(event, recalled, calls_exchange=False)
        return recalled
    call = book.open_call(event.group, event.leg, event.at)
    root = book.add_leg(event, call, calls_exchange=calls_exchange)
    call.root = call.anchor = root
    call.originated = not calls_exchange
    if root.kind == "trunk":
        call.counts = True
        if calls_exchange:
            call.caller_number = shown_number(event.number)
            call.caller_name = event.name or None
    else:
        call.caller_number = root.extension
        call.caller_name = event.name or None
    if calls_exchange and event.dialled not in ("", "s"):
        call.dialled = event.dialled
    book.touch(call, event.at)
    return call


def _recalling(book: Book, event: LegCreated) -> Call | None:
    """The call that an extension had transferred after a consultation and that comes back to it because nobody took it:
    the exchange calls the extension by itself, and nothing in the event says what for."""
    return next((call for call in book.calls.values() if event.peer in call.may_come_back_to), None)


def leg_changed(book: Book, event: LegChanged) -> None:
    """A telephone rings, or the caller's leg is taken by the exchange itself."""
    leg = book.legs.get(event.leg)
    if leg is None or leg.kind == "inner":
        return
    call = leg.call
    if event.state == "ringing":
        if leg.calls_exchange:
            return
        call.starts_ringing(leg, event.at)
        call.counts = True
    elif event.state == "up":
        call.stops_ringing(leg)
        if leg is not call.anchor or call.originated or call.answered or leg.taken_by or leg.chosen:
            return
        if call.pbx_answered_at is None:
            call.pbx_answered_at = event.at
            call.happens(Happening.TAKEN_BY_EXCHANGE)
    elif event.state == "busy" and leg is call.anchor:
        call.refused_by_exchange = True
    else:
        return
    book.touch(call, event.at)


def caller_changed(book: Book, event: CallerChanged) -> None:
    """The exchange's directory gave the outside caller a name. (An extension's own name stays: what the exchange sets
    there is what it presents to the other side.)"""
    leg = book.legs.get(event.leg)
    if leg is None or leg is not leg.call.root:
        return
    call = leg.call
    if leg.kind == "trunk" and leg.calls_exchange and not call.answered:
        call.caller_name = event.name or call.caller_name
        call.caller_number = call.caller_number or shown_number(event.number)
        book.touch(call, event.at)


def _for_first_leg(call: Call, source: Leg | None) -> bool:
    """Whether the exchange dials, on request, the extension that is to make the call: the call itself comes after."""
    if not call.originated or call.answered:
        return False
    return source is None or (call.anchor.kind == "inner" and source is call.anchor.other_half)


def dial_begun(book: Book, event: DialBegun) -> None:
    """Somebody is being called."""
    target = book.legs.get(event.target)
    source = book.legs.get(event.leg)
    if target is None or (event.leg and source is None):
        return
    call = source.call if source else target.call
    if target.call is not call:
        book.move(target, call)
    target.dialler = source
    target.dialled = event.dialled or event.asked
    call.counts = True
    book.touch(call, event.at)
    if source is None or _for_first_leg(call, source):
        if target is call.root and target.kind == "trunk":
            call.dialled = target.dialled or None
        return
    call.transfer_pending = False
    if source is call.anchor or source is call.root:
        call.hold_over(event.at)
        call.left_alone()
        if call.dialled is None:
            call.dialled = event.asked if event.asked[:1] in tuple("+0123456789") else target.dialled
    if not call.answered and call.first_dial_at is None:
        call.first_dial_at = event.at
    if call.first_kind is None and target.kind != "inner":
        call.first_kind = target.kind
    if target.kind == "trunk" and call.presented is None:
        call.presented = event.presented or None


def dial_ended(book: Book, event: DialEnded) -> None:
    """They answered, or didn't."""
    target = book.legs.get(event.target)
    if target is None:
        return
    source = book.legs.get(event.leg)
    call = target.call
    call.stops_ringing(target)
    book.touch(call, event.at)
    first = not target.dial_over
    target.dial_over = True
    if event.status == "answered":
        if source is None:
            return
        if source.queue:
            source.chosen = target
        else:
            source.taken_by = target
        find_answer(call, event.at)
    elif first:
        _dialled_in_vain(call, target, source, event)


def _dialled_in_vain(call: Call, target: Leg, source: Leg | None, event: DialEnded) -> None:
    status = REFUSALS.get(target.cause, event.status) if target.hung_up else event.status
    if target.extension and not target.rang and (event.forwarded or status in REFUSED):
        call.attempted.add(target.extension)
    if event.forwarded or call.answered:
        return
    call.statuses.append(status)
    if target.kind != "inner":
        call.refused = target.hung_up
    if source is not None and not _for_first_leg(call, source):
        call.last_dial_end_at = event.at


def find_answer(call: Call, at: float) -> None:
    """Whether now a person has the call: all the way from the caller's leg to a telephone or trunk."""
    if call.originated and call.anchor.kind == "inner":
        _find_maker(call)
        return
    if call.answered:
        return
    for start in (call.anchor, call.root):
        person = taker(start)
        if person is not None and person is not call.anchor:
            call.answered_by(person, at)
            return


def _find_maker(call: Call) -> None:
    """Who makes the call that the exchange set up through an inner pair: the extension that answered behind it."""
    half = call.anchor.other_half
    maker = taker(half) if half else None
    if maker is not None:
        call.anchor = maker
        call.caller_number = maker.extension or call.caller_number
        call.caller_name = maker.name or call.caller_name


def originated(book: Book, event: Originated) -> None:
    """The first leg of a call on request answered, or didn't; this says where the call was to go."""
    leg = book.legs.get(event.leg)
    call = leg.call if leg else _requested(book, event.device)
    if call is None or not call.originated:
        return
    if event.dialled not in ("", "s"):
        call.dialled = event.dialled
    call.counts = True
    book.touch(call, event.at)


def _requested(book: Book, device: str) -> Call | None:
    """The oldest call on request that still rings this device."""
    for call in book.calls.values():
        if call.originated and call.dialled is None and call.root.channel.rpartition("-")[0] == device:
            return call
    return None


def bridged(book: Book, event: Bridged) -> None:
    """Legs are joined."""
    leg = book.legs.get(event.leg)
    if leg is None:
        return
    leg.call.belongs_to(event.group)
    bridge = book.enter_bridge(leg, event.bridge, event.connects)
    if not bridge.connects:
        return
    for other in bridge.legs:
        if other.call is not leg.call:
            _join(book, leg.call, other.call)
            break
    call = leg.call
    call.connect(event.at)
    book.touch(call, event.at)


def _join(book: Book, one: Call, two: Call) -> None:
    """Two calls in one bridge. One that has reached nobody by itself was only the way of its leg into the other."""
    for lonely, call in ((one, two), (two, one)):
        if lonely.first_kind is None and not lonely.answered and lonely.root.kind != "trunk":
            book.merge(call, lonely)
            return


def unbridged(book: Book, event: Unbridged) -> None:
    """A leg left."""
    leg = book.legs.get(event.leg)
    if leg is not None and leg.bridge is not None and leg.bridge.id == event.bridge:
        book.leave_bridge(leg)


def hangup_requested(book: Book, event: HangupRequested) -> None:
    """Somebody hung up."""
    leg = book.legs.get(event.leg)
    if leg is None:
        return
    call = leg.call
    if leg is call.anchor:
        call.hangup_cause = event.cause
        if call.refused_by_exchange:
            return  # nobody hung up: this is how the exchange lets go of a leg that it refuses
        call.anchor_hung_up = True
        call.left_in_queue = not call.answered and any(other.queue for other in call.legs)
    elif leg is call.partner:
        call.partner_hung_up = True
    leg.hung_up = True
    leg.cause = event.cause


def leg_ended(book: Book, event: LegEnded) -> None:
    """A leg is gone; with the anchor the call is over."""
    leg = book.legs.get(event.leg)
    if leg is None:
        book.listing.pop(event.leg, None)
        return
    call = leg.call
    call.belongs_to(event.group)
    book.remove_leg(leg, event.at)
    book.touch(call, event.at)
    if leg is call.anchor or not call.legs:
        book.end(call, event.at)
