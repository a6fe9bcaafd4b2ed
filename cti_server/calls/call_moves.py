"""Calls that go from hand to hand: transfers, pickup, parking, hold."""

from __future__ import annotations

from cti_server.calls.call_book import Book
from cti_server.calls.call_legs import Leg, taker
from cti_server.calls.call_outcome import direction
from cti_server.calls.call_states import Happening
from cti_server.calls.events import Held, Parked, PickedUp, TransferredAttended, TransferredBlind, Unheld, Unparked


def held(book: Book, event: Held) -> None:
    """On hold."""
    leg = book.legs.get(event.leg)
    if leg is not None:
        leg.call.hold(leg, event.at)
        book.touch(leg.call, event.at)


def unheld(book: Book, event: Unheld) -> None:
    """Taken back. (A transfer is announced like that too, without a hold before it.)"""
    leg = book.legs.get(event.leg)
    if leg is not None:
        leg.call.unhold(leg, event.at)
        book.touch(leg.call, event.at)


def transferred_blind(book: Book, event: TransferredBlind) -> None:
    """Sent elsewhere, whoever may take it there."""
    transferer = book.legs.get(event.transferer)
    transferee = book.legs.get(event.transferee)
    leg = transferee or transferer
    if leg is None or _passed_on(transferer):
        return
    call = leg.call
    if event.extension:
        call.transferred_to.append(event.extension)
    call.transfer_pending = True
    if transferer is call.anchor and transferee is not None:
        call.hand_over(transferee)
    call.hold_over(event.at)
    call.left_alone()
    book.touch(call, event.at)


def _passed_on(transferer: Leg | None) -> bool:
    """Whether this leg's transfer is known already: a feed may say things twice."""
    if transferer is None:
        return False
    before, transferer.passed_on = transferer.passed_on, True
    return before


def transferred_attended(book: Book, event: TransferredAttended) -> None:
    """Handed over after a consultation. A consultation that was a call of its own is part of this one now."""
    first, second = book.legs.get(event.transferer), book.legs.get(event.second_transferer)
    transferee, target = book.legs.get(event.transferee), book.legs.get(event.target)
    parties = [leg for leg in (transferee, target) if leg is not None]
    calls = list(dict.fromkeys(leg.call for leg in (transferee, target, first, second) if leg is not None))
    if not calls or _passed_on(first):
        return
    call = min(calls, key=lambda one: (_RANK[direction(one, book.plan)], one.started_at))
    for other in calls:
        book.merge(call, other)
    if call.anchor in (first, second) and parties:
        call.hand_over(parties[0])
    sent_to = next((leg for leg in reversed(parties) if leg is not call.anchor), None)
    if sent_to is not None:
        number = _number(sent_to)
        if number:
            call.transferred_to.append(number)
    call.hold_over(event.at)
    call.left_alone()
    call.may_come_back_to = {leg.extension for leg in (first, second) if leg is not None and leg.extension}
    for leg in (first, second):
        if leg is not None:
            book.leave_bridge(leg)
    call.connect(event.at)
    book.touch(call, event.at)


_RANK = {"in": 0, "out": 1, "internal": 2}
"""Which of two calls that become one gives its name to both: the customer's."""


def _number(leg: Leg) -> str:
    """Whom one reaches at a leg: its extension or outside number, or what is behind an inner pair."""
    if leg.kind == "extension":
        return leg.extension or ""
    if leg.kind == "trunk":
        return leg.dialled
    behind = taker(leg.other_half) if leg.other_half else None
    return _number(behind) if behind is not None and behind.kind != "inner" else leg.number


def picked_up(book: Book, event: PickedUp) -> None:
    """Somebody took the call that rang at another's telephone. What they dialled for it was no call of its own."""
    picker, target = book.legs.get(event.picker), book.legs.get(event.target)
    if picker is None or target is None:
        return
    call = target.call
    book.merge(call, picker.call)
    call.stops_ringing(target)
    if target.dialler is not None:
        target.dialler.taken_by = picker
    if not call.answered:
        call.answered_by(picker, event.at)
    book.touch(call, event.at)


def parked(book: Book, event: Parked) -> None:
    """Put aside, for anybody to take. Where it was sent to the parking place, that was no transfer."""
    leg = book.legs.get(event.leg)
    if leg is None:
        return
    call = leg.call
    if call.transfer_pending and call.transferred_to:
        call.transferred_to.pop()
    call.transfer_pending = False
    if call.anchor is not leg and leg.kind != "inner":
        call.hand_over(leg)
    call.left_alone()
    call.hold_over(event.at)
    call.hold(leg, event.at)
    book.touch(call, event.at)


def unparked(book: Book, event: Unparked) -> None:
    """Taken by somebody, who is now the one it was passed on to."""
    leg, retriever = book.legs.get(event.leg), book.legs.get(event.retriever)
    if leg is None:
        return
    call = leg.call
    call.hold_over(event.at)
    call.happens(Happening.LEFT_ALONE)
    if retriever is not None:
        if retriever.call is not call and retriever.extension:
            call.transferred_to.append(retriever.extension)
        book.merge(call, retriever.call)
        call.connect(event.at)
    book.touch(call, event.at)
