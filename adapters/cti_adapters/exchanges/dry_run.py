"""What the codec and the fold make of bytes, in memory: nothing is journalled, stored or shown to anybody else."""

from __future__ import annotations

from typing import Any, NamedTuple

from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import decode
from cti_server.calls.events import LinkLost, LinkUp, Swept, Unreadable
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
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


class DryRun:
    """Reads the bytes of one exchange, one connection after the other."""

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
        logs = [log for log in self._logs.values() if log.merged_into is None]
        return [as_truth(log) for log in sorted(logs, key=lambda log: (log.started_at, log.id))]
