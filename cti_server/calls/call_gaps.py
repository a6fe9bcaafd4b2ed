"""What nobody heard: lost connections, an exchange that died, calls that were going on when we came (spec O1)."""

from __future__ import annotations

from typing import Final

from cti_server.calls.call import Call
from cti_server.calls.call_book import Book
from cti_server.calls.call_course import start_call
from cti_server.calls.call_states import Happening
from cti_server.calls.events import LegsListed, LegsRecorded, LegUp, LinkLost, LinkUp, ServerStarted, Swept

FORGOTTEN: Final = 12 * 3600.0
"""Seconds without a sign of life after which a call is no longer believed to be going on."""


def link_lost(book: Book, event: LinkLost) -> None:
    """From now on nothing is known of the calls that are open."""
    _lose(book, event.heard)


def link_up(book: Book, event: LinkUp) -> None:
    """We hear the exchange again. Where nobody noticed that we didn't (we ourselves were away), we lost it at the
    last event."""
    if any(call not in book.lost for call in book.calls.values()):
        _lose(book, book.now)


def _lose(book: Book, heard: float) -> None:
    book.heard = heard
    book.listing.clear()
    book.listing_from = None
    for call in list(book.calls.values()):
        if call in book.settling:
            book.settle(call)
            continue
        book.lost[call] = None
        call.mark("cut-by-gap")
        book.touch(call, call.seen_at)


def server_started(book: Book, event: ServerStarted) -> None:
    """An exchange that has been running only since after we lost it has ended all calls, and told nobody."""
    booted = event.at - event.uptime
    if booted <= book.heard:
        return
    for call in list(book.lost):
        book.end_unseen(call, book.heard, booted, surely=True)


def leg_up(book: Book, event: LegUp) -> None:
    """One line of the list of all legs."""
    if not book.listing:
        book.listing_from = book.position
    book.listing[event.created.leg] = event


def legs_listed(book: Book, event: LegsListed) -> None:
    """The list is complete: what isn't on it is gone, what is new on it began unseen."""
    listed = sorted(book.listing.values(), key=lambda line: (line.dialled_by_exchange, line.created.at))
    present = frozenset(book.listing)
    book.listing.clear()
    if book.listing_from is not None:
        book.position, book.listing_from = book.listing_from, None  # what the list made known began with its first line
    for call in list(book.lost):
        _compare(book, call, present, event.at)
    for line in listed:
        _take_in(book, line, event.at)
    for call in dict.fromkeys(leg.call for line in listed if (leg := book.legs.get(line.created.leg))):
        if "cut-by-gap" in call.marks or "start-not-seen" in call.marks:
            call.connect(event.at, exactly=False)
            book.touch(call, event.at)


def legs_recorded(book: Book, event: LegsRecorded) -> None:
    """Calls that are in the record are over. Those of which a gap hid the end wait no longer: what the record says of
    them completes the entry (`call_recovery`)."""
    for call in list(book.calls.values()):
        if call.root.id not in event.legs or call.ended_at is not None:
            continue
        if call in book.settling:
            book.settle(call)
        elif call in book.lost and call.anchor is call.root:
            book.end_unseen(call, max(book.heard, call.seen_at), event.at, surely=True)


def _compare(book: Book, call: Call, present: frozenset[str], at: float) -> None:
    del book.lost[call]
    if call.anchor.id not in present:
        book.end_unseen(call, book.heard, at, surely=False)
        return
    for leg in [leg for leg in call.legs if leg.id not in present]:
        book.remove_leg(leg, at)
    book.touch(call, at)


def _take_in(book: Book, line: LegUp, at: float) -> None:
    created = line.created
    leg = book.legs.get(created.leg)
    if leg is None:
        if created.inner < 0:
            return
        call = book.by_group.get(created.group)
        if call is None:
            call = start_call(book, created, calls_exchange=not line.dialled_by_exchange)
            call.mark("start-not-seen")
            leg = call.root
            if created.state == "up" and leg.calls_exchange:
                call.happens(Happening.TAKEN_BY_EXCHANGE)
        else:
            leg = book.add_leg(created, call, calls_exchange=not line.dialled_by_exchange)
        if line.dialled_by_exchange:
            _dialled_unseen(call, line)
    elif created.state == "up":
        leg.call.stops_ringing(leg)
    if line.bridge:
        book.enter_bridge(leg, line.bridge, line.connects)
    else:
        book.leave_bridge(leg)


def _dialled_unseen(call: Call, line: LegUp) -> None:
    leg = next(leg for leg in call.legs if leg.id == line.created.leg)
    leg.dialler = call.root
    leg.dialled = line.created.number if leg.kind == "trunk" else ""
    call.counts = True
    if call.first_kind is None and leg.kind != "inner":
        call.first_kind = leg.kind
    if call.first_dial_at is None and leg is not call.root:
        call.first_dial_at = line.created.at
    if leg.kind == "inner":
        return
    if line.created.state == "ringing":
        call.starts_ringing(leg, line.at)
    elif line.created.state == "up" and leg.extension:
        call.rang.add(leg.extension)


def swept(book: Book, event: Swept) -> None:
    """Time went by: calls get their last word, or are given up. (The exchange's clock may be far ahead of ours: who was
    waiting at the last sweep already has waited long enough by any clock.)"""
    for call in [call for call in book.settling if call in book.swept]:
        book.settle(call)
    book.swept = frozenset(book.settling)
    for call in list(book.calls.values()):
        if call not in book.settling and event.at - call.seen_at > FORGOTTEN:
            book.end_unseen(call, call.seen_at, event.at, surely=True)
