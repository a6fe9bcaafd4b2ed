"""The decoders of the lanes: what an exchange of some kind sends becomes events."""

from __future__ import annotations

from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import KEEP, NOISE, decode
from cti_server.calls.events import Event, Unreadable


class AmiDecoder:
    """Asterisk's manager interface."""

    def __init__(self) -> None:
        self._framer = Framer(skip=NOISE, keep=KEEP)

    @property
    def pending(self) -> int:
        """How many of the newest bytes belong to a frame that is not complete yet."""
        return self._framer.pending

    def feed(self, data: bytes, at: float) -> list[Event | Unreadable]:
        """The events that ``data`` completes. ``at``: when it arrived, epoch seconds, UTC."""
        events: list[Event | Unreadable] = []
        for frame in self._framer.feed(data):
            event = decode(Message(frame), at) if isinstance(frame, bytes) else frame
            if event is not None:
                events.append(event)
        return events

    def finish(self, at: float) -> list[Event | Unreadable]:
        """A frame without an end is none."""
        unfinished = self.reset()
        return [] if unfinished is None else [unfinished]

    def reset(self) -> Unreadable | None:
        """A new connection; returns what the last one left unfinished."""
        return self._framer.reset()
