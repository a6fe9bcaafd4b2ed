"""Where a call can be inside the exchange: a queue, a conference room, a mailbox; and what is said about it by the
way."""

from __future__ import annotations

from cti_server.calls.call_book import Book
from cti_server.calls.call_course import find_answer
from cti_server.calls.call_outcome import awaits_record
from cti_server.calls.call_states import Happening
from cti_server.calls.events import (
    Accounted,
    AgentConnected,
    ConferenceJoined,
    FaxSeen,
    QueueJoined,
    QueueLeft,
    ReachedVoicemail,
    Recorded,
    VoicemailLeft,
)


def queue_joined(book: Book, event: QueueJoined) -> None:
    """Waiting for an agent."""
    leg = book.legs.get(event.leg)
    if leg is None:
        return
    leg.queue = event.queue
    leg.call.queue = event.queue
    leg.call.counts = True
    leg.call.happens(Happening.TAKEN_BY_EXCHANGE)
    book.touch(leg.call, event.at)


def queue_left(book: Book, event: QueueLeft) -> None:
    """Waiting no more; whether for an agent, for good or for the queue's own time-out shows otherwise."""
    leg = book.legs.get(event.leg)
    if leg is not None:
        leg.queue = ""
        book.touch(leg.call, event.at)


def agent_connected(book: Book, event: AgentConnected) -> None:
    """An agent has it."""
    leg, agent = book.legs.get(event.leg), book.legs.get(event.agent)
    if leg is None:
        return
    leg.queue = ""
    leg.taken_by = agent or leg.chosen
    leg.chosen = None
    find_answer(leg.call, event.at)
    book.touch(leg.call, event.at)


def conference_joined(book: Book, event: ConferenceJoined) -> None:
    """In a conference room: answered, by the room."""
    leg = book.legs.get(event.leg)
    if leg is None:
        return
    call = leg.call
    call.counts = True
    if leg is call.anchor:
        if not call.answered:
            call.answer(event.at)
            call.answered_by_extension = event.room
        call.final_extension = event.room
        call.happens(Happening.CONNECTED)
    book.touch(call, event.at)


def reached_voicemail(book: Book, event: ReachedVoicemail) -> None:
    """Talking to a mailbox: no person answered."""
    leg = book.legs.get(event.leg)
    if leg is not None and leg is leg.call.anchor:
        leg.call.in_voicemail = True
        leg.call.counts = True
        book.touch(leg.call, event.at)


def voicemail_left(book: Book, event: VoicemailLeft) -> None:
    """A message was kept."""
    leg = book.legs.get(event.leg)
    if leg is not None:
        leg.call.voicemail_left = True
        book.touch(leg.call, event.at)


def accounted(book: Book, event: Accounted) -> None:
    """The exchange's own record of the caller's leg, before or after the leg is gone."""
    call = book.calls.get(f"{book.plan.id}-{event.leg}")
    if call is None or call.root.id != event.leg:
        return
    if event.voicemail and not call.answered:
        call.in_voicemail = True
        call.counts = True
    if call.answered and call.answered_at is None and event.answered_at is not None and call.talk_from is not None:
        call.answer(min(max(event.answered_at, call.started_at), call.talk_from))
    book.touch(call, event.at)
    if call in book.settling and not awaits_record(call):
        book.settle(call)


def fax_seen(book: Book, event: FaxSeen) -> None:
    """A fax machine."""
    leg = book.legs.get(event.leg)
    if leg is not None:
        leg.call.fax = True
        book.touch(leg.call, event.at)


def recorded(book: Book, event: Recorded) -> None:
    """Being recorded; the first file that is named counts."""
    leg = book.legs.get(event.leg)
    if leg is not None and event.file:
        leg.call.recording = leg.call.recording or event.file
        book.touch(leg.call, event.at)
