"""What the codec and the fold make of bytes, in memory: nothing is journalled, stored or shown to anybody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from cti_adapters.exchanges.decoding import RecordDecoder
from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import decode
from cti_adapters.wire.smdr.profile import Profile
from cti_server.calls.events import Event, LinkLost, LinkUp, RecordRead, Swept, Unreadable
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.calls.record_folding import Patience, RecordFolder
from cti_server.calls.truth import as_truth
from cti_server.shared.positions import Position

SETTLED = 60.0
"""Seconds after the last byte: what is not over by then has lost its end."""


class Heard(NamedTuple):
    """One message that came. ``at``: when, epoch seconds UTC. ``problem``: why it couldn't be read; empty if it was."""

    at: float
    connection: int
    name: str
    headers: tuple[tuple[str, str], ...]
    problem: str = ""


class Reading(Protocol):
    """Reads the bytes of one exchange, one connection after the other."""

    heard: list[Heard]

    def hear(self, connection: int, at: float, data: bytes) -> None:
        """Bytes of a connection, at their arrival (epoch seconds, UTC)."""

    def calls(self) -> list[dict[str, Any]]:
        """All calls, in the order of their beginning, as ``cti trace`` tells them."""


class DryRun:
    """Asterisk's manager interface."""

    def __init__(self, plan: ExchangePlan) -> None:
        self.heard: list[Heard] = []
        self._framer = Framer()
        self._folder = Folder(plan)
        self._logs: dict[str, CallLog] = {}
        self._connection = -1
        self._now = 0.0

    def hear(self, connection: int, at: float, data: bytes) -> None:
        """Bytes of a connection, at their arrival (epoch seconds, UTC)."""
        if connection != self._connection:
            self._connect(connection, at)
        self._now = max(self._now, at)
        for frame in self._framer.feed(data):
            if isinstance(frame, Unreadable):
                self.heard.append(Heard(at, connection, "", (), frame.reason))
            else:
                self._message(at, Message(frame))
        self._take()

    def _connect(self, connection: int, at: float) -> None:
        if self._connection >= 0:
            self._framer.reset()
            self._folder.feed(LinkLost(self._now, self._now), Position(0, 0))
        self._folder.feed(LinkUp(at), Position(0, 0))
        self._connection = connection

    def _message(self, at: float, message: Message) -> None:
        event = decode(message, at)
        problem = event.reason if isinstance(event, Unreadable) else ""
        name = message.name or message.response
        self.heard.append(Heard(at, self._connection, name, tuple(message.items()), problem))
        if event is not None and not isinstance(event, Unreadable):
            self._folder.feed(event, Position(0, 0))

    def _take(self) -> None:
        self._logs |= {log.id: log for log in self._folder.changed()}

    def calls(self) -> list[dict[str, Any]]:
        """All calls, in the order of their beginning, as ``cti trace`` tells them."""
        if self._connection >= 0:
            self._folder.feed(Swept(self._now + SETTLED), Position(0, 0))
        self._take()
        return _told(self._logs)


class RecordDryRun:
    """The records of a make, by its profile."""

    def __init__(self, profile: Profile, plan: ExchangePlan) -> None:
        self.heard: list[Heard] = []
        self._decoder = RecordDecoder(profile)
        self._folder = RecordFolder(plan, patience=Patience(additions=profile.additions))
        self._logs: dict[str, CallLog] = {}
        self._connection = -1
        self._now = 0.0
        self._noise = 0

    def hear(self, connection: int, at: float, data: bytes) -> None:
        """Bytes of a connection, at their arrival (epoch seconds, UTC)."""
        if connection != self._connection:
            if self._connection >= 0:
                left = self._decoder.reset()
                self._take([left] if left is not None else [], self._now)
                self._folder.feed(LinkLost(self._now, self._now), Position(0, 0))
            self._folder.feed(LinkUp(at), Position(0, 0))
            self._connection = connection
        self._now = max(self._now, at)
        self._take(self._decoder.feed(data, at), at)

    def _take(self, events: Sequence[Event | Unreadable], at: float) -> None:
        noise, self._noise = self._decoder.noise - self._noise, self._decoder.noise
        self.heard += [Heard(at, self._connection, "—", ())] * noise
        for event in events:
            if isinstance(event, Unreadable):
                self.heard.append(Heard(at, self._connection, "", (), event.reason))
            elif isinstance(event, RecordRead):
                said = event.record
                told = {"Channel": said.direction, "DestChannel": said.extension, "CallerIDNum": said.external_number}
                headers = tuple((name, str(value)) for name, value in told.items() if value)
                self.heard.append(Heard(at, self._connection, "SMDR", headers))
                self._folder.feed(event, Position(len(self.heard), 0))
        self._logs |= {log.id: log for log in self._folder.changed()}

    def calls(self) -> list[dict[str, Any]]:
        """All calls, in the order of their beginning, as ``cti trace`` tells them."""
        self._take(self._decoder.finish(self._now), self._now)
        return _told(self._logs)


def _told(logs: Mapping[str, CallLog]) -> list[dict[str, Any]]:
    there = [log for log in logs.values() if log.merged_into is None]
    return [as_truth(log) for log in sorted(there, key=lambda log: (log.started_at, log.id))]
