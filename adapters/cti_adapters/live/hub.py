"""The live hub: tells every open screen what happened, each only what its viewer's scope admits (spec C4, C5).

It lives on the reactor thread and is called after the commit; it knows no sockets: a stream is a ``write`` and a
``close``. What it keeps is bounded: the live calls, the last notices for ``Last-Event-ID``, and per stream what waits.
Event ids are random tokens and heartbeats carry one too: neither tells a viewer how much happens that they may not see.
"""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from cti_adapters.live.audience import Audience, Stream
from cti_adapters.live.deliveries import Deliveries
from cti_adapters.live.events import CallEvents, Show, event, play_answered, seat, taken, tested, view_of
from cti_server.shared import phone
from cti_server.shared.clock import Clock
from cti_server.shared.notices import (
    GONE,
    CallChanged,
    ExchangeChanged,
    Notice,
    PlayAnswered,
    PopUpTested,
    SeatChanged,
    SessionEnded,
    WorkChanged,
)
from cti_server.shared.scope import Label, Scope


class LiveViewer(Protocol):
    """What the hub needs of a viewer."""

    @property
    def scope(self) -> Scope:
        """What they may see; ``scope.user`` says who they are."""


@dataclass(slots=True)
class _Live:
    """A call that is not over: the last notice of it, and who took it without being allowed to see it."""

    notice: CallChanged
    takers: dict[str, str | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Past:
    """A notice in the ring, with the labels that the call had before it."""

    number: int
    notice: Notice
    before: tuple[Label, ...]


@dataclass(slots=True)
class Counters:
    """What happened since the start; shown to the PBX administrator."""

    attached: int = 0
    notices: int = 0
    sent: int = 0
    bytes_sent: int = 0
    cut_slow: int = 0
    closed_over_limit: int = 0
    resumed: int = 0
    resynced: int = 0
    calls_dropped: int = 0


class Hub:
    """See the module. ``show`` formats numbers; ``cap`` is what may wait for one screen, in bytes."""

    def __init__(
        self,
        clock: Clock,
        *,
        show: Show = lambda number, masked: phone.show(number, masked=masked),
        cap: int = 256 * 1024,
        streams_per_user: int = 8,
        ring: int = 4096,
        live_calls: int = 10_000,
    ) -> None:
        self._clock = clock
        self._show = show
        self._cap = cap
        self._per_user = streams_per_user
        self._audience = Audience()
        self._live: OrderedDict[str, _Live] = OrderedDict()
        self._live_limit = live_calls
        self._exchanges: dict[str, str] = {}
        self._ring: deque[_Past] = deque(maxlen=ring)
        self._number = 0
        self._tokens: OrderedDict[str, int] = OrderedDict()
        self._token_limit = 4 * ring
        self._boot = secrets.token_hex(4)
        self._slots: list[dict[Stream, None]] = [{} for _ in range(64)]
        self._next_slot = 0
        self._beat_slot = 0
        self.counters = Counters()
        self.deliveries = Deliveries()

    # --- streams

    def attach(
        self,
        viewer: LiveViewer,
        session: str,
        write: Callable[[bytes], None],
        close: Callable[[bool], None],
        last_event_id: str | None = None,
    ) -> Stream:
        """Opens a stream: says hello, then what the viewer missed since ``last_event_id``, or, where that can't be
        told, ``resync`` and every live call they may see; then ``ready``. ``close(cut)`` must end the connection;
        with ``cut`` at once.

        A user's oldest stream gives way when there are too many: it is most likely one whose computer is gone.
        """
        scope = viewer.scope
        for old in self._audience.of_user(scope.user)[: -(self._per_user - 1) or None]:
            self.counters.closed_over_limit += 1
            self._say_bye(old, "limit")
        stream = Stream(scope.user, session, write, close, self._cap)
        self._audience.add(stream, scope)
        stream.slot = self._next_slot
        self._slots[stream.slot][stream] = None
        self._next_slot = (self._next_slot + 1) % len(self._slots)
        self.counters.attached += 1
        self._greet(stream, last_event_id)
        return stream

    def detach(self, stream: Stream) -> None:
        """The connection is gone."""
        if self._audience.discard(stream):
            del self._slots[stream.slot][stream]

    def streams(self) -> list[Stream]:
        """All open streams."""
        return list(self._audience.streams)

    def slot(self, number: int) -> list[Stream]:
        """The streams of one slot (there are `beats` of them): a share of all, to look at a few at a time."""
        return list(self._slots[number])

    def end(self, stream: Stream, reason: str) -> None:
        """Closes a stream for good: the browser is told not to come back (``ended``, ``limit``)."""
        self._say_bye(stream, reason)

    def of_users(self, users: Iterable[str]) -> list[Stream]:
        """The open streams of some users."""
        return [stream for user in users for stream in self._audience.of_user(user)]

    def rescope(self, stream: Stream, viewer: LiveViewer) -> None:
        """The viewer may see more or less from now on: what is hidden by now is taken off the screen, what is to be
        seen by now comes, and lists are fetched again."""
        if not self._audience.discard(stream):
            return
        before = stream.scope
        self._audience.add(stream, viewer.scope)
        token = self._new_token()
        for live in list(self._live.values()):
            if view_of(before, live.notice) is not None and view_of(viewer.scope, live.notice) is None:
                self._send(stream, event("gone", {"id": live.notice.call_id}, token))
        self._send(stream, event("resync", {}))
        self._snapshot(stream)

    def drop(self, stream: Stream) -> None:
        """Closes a stream so that the browser opens it again."""
        self.detach(stream)
        stream.close()

    def close(self) -> None:
        """The server stops: all streams are closed; browsers come back by themselves."""
        for stream in self.streams():
            self.drop(stream)

    def beat(self) -> None:
        """Sends a heartbeat to one slot of the streams; called ``beats`` times per heartbeat interval, so that a
        thousand screens are never written to in one go."""
        data = event("beat", 0, self._new_token())
        for stream in self.slot(self._beat_slot):
            self._send(stream, data)
        self._beat_slot = (self._beat_slot + 1) % len(self._slots)

    @property
    def beats(self) -> int:
        """How many calls of `beat` reach every stream once."""
        return len(self._slots)

    def stats(self) -> dict[str, int]:
        """Counters and what is held now."""
        counted = {name: getattr(self.counters, name) for name in Counters.__slots__}
        waiting = sum(stream.waiting for stream in self._audience.streams)
        held = {"streams": len(self._audience), "users": self._audience.users, "live_calls": len(self._live)}
        return held | {"bytes_waiting": waiting} | counted

    # --- notices

    def publish(self, notice: Notice) -> None:
        """Tells everybody whom it concerns. Call it on the reactor thread, after the commit."""
        self.counters.notices += 1
        if isinstance(notice, SessionEnded):
            for stream in self._audience.of_session(notice.session):
                self._say_bye(stream, "ended")
            return
        if isinstance(notice, SeatChanged):
            self._publish_seat(notice)
            return
        if isinstance(notice, PopUpTested):
            self._publish_test(notice)
            return
        if isinstance(notice, PlayAnswered):
            for stream in self._audience.of_user(notice.user):
                self._send(stream, play_answered(notice))
            return
        self._number += 1
        token = self._new_token()
        before: tuple[Label, ...] = ()
        if isinstance(notice, CallChanged):
            before = self._publish_call(notice, token)
        elif isinstance(notice, WorkChanged):
            self._publish_work(notice, token)
        else:
            self._publish_exchange(notice, token)
        self._ring.append(_Past(self._number, notice, before))

    def publish_all(self, notices: Iterable[Notice]) -> None:
        """`publish` for each, in order."""
        for notice in notices:
            self.publish(notice)

    def _publish_call(self, notice: CallChanged, token: str) -> tuple[Label, ...]:
        live = self._live.get(notice.call_id)
        labels = _labels(notice)
        before = _labels(live.notice) if live else ()
        before = () if before == labels else before
        takers = dict(live.takers) if live else {}
        events = CallEvents(notice, self._show, token)
        named = {label.rep for label in (*labels, *before)} | {*notice.ringing, notice.receiver, *takers}
        named.discard(None)
        now = self._clock.now()
        noting = self.deliveries.of(notice.call_id, now)
        noting.ring((*notice.ringing, notice.receiver), now)
        told = noting.told
        for group in self._audience.groups((*labels, *before)):
            data = self._for_viewer(group.scope, notice, before, events, token)
            if data is not None:
                room = noting.room
                for stream in list(group.streams):
                    if stream.user not in named:
                        sent = self._send(stream, data)
                        if not sent or (room and stream.user not in told):
                            noting.tell(stream.user, now, "call", cut=not sent, named=False)
        for user in sorted(name for name in named if name):
            streams = self._audience.of_user(user)
            if not streams:
                noting.miss(user, now)
            for stream in streams:
                kind, data = "call", self._for_viewer(stream.scope, notice, before, events, token)
                if data is None:
                    kind, data = "taken", _taken_data(user, notice, takers, token)
                if data is not None:
                    sent = self._send(stream, data)
                    noting.tell(user, now, kind, cut=not sent)
        self._remember(notice, takers)
        return before

    def _for_viewer(
        self, scope: Scope, notice: CallChanged, before: tuple[Label, ...], events: CallEvents, token: str
    ) -> bytes | None:
        view = view_of(scope, notice)
        if view is not None:
            return events.bytes_for(view)
        if any(scope.admits(label) for label in before):
            return event("gone", {"id": notice.call_id}, token)
        return None

    def _remember(self, notice: CallChanged, takers: dict[str, str | None]) -> None:
        if notice.call.get("state") == "ended":
            self._live.pop(notice.call_id, None)
            return
        for user in list(takers):
            if user != notice.receiver:
                del takers[user]
        if notice.receiver is not None:
            takers[notice.receiver] = notice.call.get("talking")
        self._live[notice.call_id] = _Live(notice, takers)
        if len(self._live) > self._live_limit:
            self._live.popitem(last=False)
            self.counters.calls_dropped += 1

    def _publish_work(self, notice: WorkChanged, token: str) -> None:
        named = {label.rep for label in notice.labels if label.rep} | set(notice.users)
        for group in self._audience.groups(notice.labels):
            data = _work_data(group.scope, notice, token)
            if data is not None:
                for stream in list(group.streams):
                    if stream.user not in named:
                        self._send(stream, data)
        for user in sorted(named):
            for stream in self._audience.of_user(user):
                data = _work_data(stream.scope, notice, token)
                if data is not None:
                    self._send(stream, data)

    def _publish_exchange(self, notice: ExchangeChanged, token: str) -> None:
        self._exchanges[notice.exchange] = notice.state
        if notice.state == GONE:
            del self._exchanges[notice.exchange]
        data = _exchange_data(notice, token)
        for stream in self.streams():
            self._send(stream, data)

    def _publish_seat(self, notice: SeatChanged) -> None:
        """A call that rings there now rings at whoever has the telephone from now on."""
        for live in list(self._live.values()):
            call = live.notice.call
            if call.get("exchange") == notice.exchange and notice.extension in call.get("ringing", ()):
                self.publish(live.notice.handed(notice.extension, notice.holder))
        for user in notice.users:
            for stream in self._audience.of_user(user):
                self._send(stream, seat(notice, user))

    def _publish_test(self, notice: PopUpTested) -> None:
        streams = self._audience.of_user(notice.user)
        for stream in streams:
            self._send(stream, tested(notice, len(streams), self._clock.now()))

    # --- hello, and what was missed

    def _greet(self, stream: Stream, last_event_id: str | None) -> None:
        since = self._since(last_event_id) if last_event_id else None
        hello = {
            "boot": self._boot,
            "at": self._clock.now(),
            "fresh": since is None,
            "exchanges": self._exchanges,
        }
        retry = f"retry: {random.randint(1000, 3000)}\n".encode()
        self._send(stream, retry + event("hello", hello))
        if since is not None:
            self.counters.resumed += 1
            self._replay(stream, since)
            return
        if last_event_id:
            self.counters.resynced += 1
            self._send(stream, event("resync", {}))
        self._snapshot(stream)

    def _since(self, last_event_id: str) -> int | None:
        """The number of the last notice that this id stands for; None if what came after it is no longer held."""
        number = self._tokens.get(last_event_id)
        oldest = self._ring[0].number if self._ring else self._number + 1
        return None if number is None or number + 1 < oldest else number

    def _snapshot(self, stream: Stream) -> None:
        scope, token = stream.scope, self._new_token()
        for live in list(self._live.values()):
            data = self._for_viewer(scope, live.notice, (), CallEvents(live.notice, self._show, token), token)
            if data is None:
                data = _taken_data(stream.user, live.notice, {}, token)
            if data is not None and not self._send_late(stream, live.notice.call_id, data):
                return
        self._send(stream, event("ready", {}, token))

    def _replay(self, stream: Stream, since: int) -> None:
        """What came after ``since``, by the scope as it is now; of each call only how it stands."""
        scope, token = stream.scope, self._new_token()
        calls: dict[str, CallChanged] = {}
        before: dict[str, set[Label]] = {}
        work = False
        for past in reversed(self._ring):
            if past.number <= since:
                break
            notice = past.notice
            if isinstance(notice, CallChanged):
                calls.setdefault(notice.call_id, notice)
                before.setdefault(notice.call_id, set()).update(past.before)
            elif isinstance(notice, WorkChanged):
                work = work or _work_data(scope, notice, "") is not None
        for call_id, notice in reversed(calls.items()):
            events = CallEvents(notice, self._show, token)
            data = self._for_viewer(scope, notice, tuple(before[call_id]), events, token)
            if data is None:
                data = _taken_data(stream.user, notice, {}, token)
            if data is not None and not self._send_late(stream, call_id, data):
                return
        if work:
            self._send(stream, event("work", {}, token))
        self._send(stream, event("ready", {}, token))

    # --- little helpers

    def _send_late(self, stream: Stream, call_id: str, data: bytes) -> bool:
        """Tells a screen that was just opened of a call that it missed."""
        sent = self._send(stream, data)
        now = self._clock.now()
        self.deliveries.of(call_id, now).tell(stream.user, now, "late", cut=not sent)
        return sent

    def _send(self, stream: Stream, data: bytes) -> bool:
        if stream.send(data):
            self.counters.sent += 1
            self.counters.bytes_sent += len(data)
            return True
        self.counters.cut_slow += 1
        self.detach(stream)
        stream.close(cut=True)
        return False

    def _say_bye(self, stream: Stream, reason: str) -> None:
        if self._send(stream, event("bye", {"reason": reason})):
            self.detach(stream)
            stream.close()

    def _new_token(self) -> str:
        token = f"{self._boot}-{secrets.token_hex(6)}"
        self._tokens[token] = self._number
        if len(self._tokens) > self._token_limit:
            self._tokens.popitem(last=False)
        return token


def _labels(notice: CallChanged) -> tuple[Label, ...]:
    return tuple(candidate.label for candidate in notice.candidates)


def _taken_data(user: str, notice: CallChanged, takers: dict[str, str | None], token: str) -> bytes | None:
    """What a receiver who may not see the customer is told; None for everybody else."""
    if notice.call.get("direction") != "in":
        return None
    if user == notice.receiver and notice.call.get("state") != "ended":
        return taken(notice, notice.call.get("talking"), False, token)
    if user == notice.receiver or user in takers:
        return taken(notice, takers.get(user) or notice.call.get("talking"), True, token)
    return None


def _work_data(scope: Scope, notice: WorkChanged, token: str) -> bytes | None:
    """Lists and counts are to be fetched again; of what is said only to who may see all that the notice is about."""
    admitted = [scope.admits(label) for label in notice.labels]
    if admitted and all(admitted):
        return event("work", {"calls": notice.call_ids, "items": notice.item_ids}, token)
    if any(admitted) or scope.user in notice.users:
        return event("work", {}, token)
    return None


def _exchange_data(notice: ExchangeChanged, token: str) -> bytes:
    return event("exchange", {"exchange": notice.exchange, "branch": notice.branch, "state": notice.state}, token)
