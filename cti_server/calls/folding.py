"""From the events of one exchange to its call log: one entry per caller's call (spec C2).

The fold is a pure function of the sequence of events: the same events make the same calls with the same ids. It knows
no clock and no I/O. Which event does what stands in one table; the topics have modules of their own (`call_course`,
`call_moves`, `call_places`, `call_gaps`), and what became of a call is worked out in `call_outcome`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cti_server.calls import call_course, call_gaps, call_moves, call_places, events
from cti_server.calls.call_book import Book
from cti_server.calls.call_outcome import log_of
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.log import CallLog, Settled
from cti_server.shared.positions import Position

__all__ = ["ExchangePlan", "Folder"]

_HANDLERS: Final[dict[type, Callable[[Book, Any], None]]] = {
    events.LegCreated: call_course.leg_created,
    events.LegChanged: call_course.leg_changed,
    events.CallerChanged: call_course.caller_changed,
    events.DialBegun: call_course.dial_begun,
    events.DialEnded: call_course.dial_ended,
    events.Originated: call_course.originated,
    events.Bridged: call_course.bridged,
    events.Unbridged: call_course.unbridged,
    events.HangupRequested: call_course.hangup_requested,
    events.LegEnded: call_course.leg_ended,
    events.Held: call_moves.held,
    events.Unheld: call_moves.unheld,
    events.TransferredBlind: call_moves.transferred_blind,
    events.TransferredAttended: call_moves.transferred_attended,
    events.PickedUp: call_moves.picked_up,
    events.Parked: call_moves.parked,
    events.Unparked: call_moves.unparked,
    events.QueueJoined: call_places.queue_joined,
    events.QueueLeft: call_places.queue_left,
    events.AgentConnected: call_places.agent_connected,
    events.ConferenceJoined: call_places.conference_joined,
    events.ReachedVoicemail: call_places.reached_voicemail,
    events.VoicemailLeft: call_places.voicemail_left,
    events.Accounted: call_places.accounted,
    events.FaxSeen: call_places.fax_seen,
    events.Recorded: call_places.recorded,
    events.LinkUp: call_gaps.link_up,
    events.LinkLost: call_gaps.link_lost,
    events.ServerStarted: call_gaps.server_started,
    events.LegUp: call_gaps.leg_up,
    events.LegsListed: call_gaps.legs_listed,
    events.LegsRecorded: call_gaps.legs_recorded,
    events.Swept: call_gaps.swept,
}


def _no_party(number: str | None) -> str | None:
    return None


class Folder:
    """Folds the events of one exchange. ``party``: an outside number as received -> E.164, or None where it is none."""

    def __init__(self, plan: ExchangePlan, party: Callable[[str | None], str | None] = _no_party) -> None:
        self._book = Book(plan, party)

    def feed(self, event: events.Event, position: Position) -> None:
        """Takes an event in. ``position``: a place in the journal from which on this event can be read again."""
        book = self._book
        book.position = position
        at = event.at
        if at >= book.settle_at:
            book.settle_due(at)
        _HANDLERS[type(event)](book, event)
        book.now = at

    def changed(self) -> list[CallLog]:
        """The calls that changed since this was last asked, live and ended, in the order of their first change. They
        are copies: the fold goes on without touching them."""
        book = self._book
        logs = [log_of(call, book.plan, book.party) for call in book.changed.values()]
        book.changed.clear()
        return logs

    def settled(self) -> list[Settled]:
        """None: an entry that has ended is final."""
        return []

    def open_calls(self) -> list[CallLog]:
        """The calls that are going on."""
        book = self._book
        return [log_of(call, book.plan, book.party) for call in book.calls.values() if call.counts]

    def low_water(self) -> Position | None:
        """The oldest place in the journal that is needed to make the open calls again; None when nothing is open."""
        return self._book.low_water()
