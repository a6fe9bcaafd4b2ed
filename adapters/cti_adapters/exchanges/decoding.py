"""The decoders of the lanes: what an exchange of some kind sends becomes events."""

from __future__ import annotations

from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import KEEP, NOISE, decode
from cti_adapters.wire.smdr.framing import Frame
from cti_adapters.wire.smdr.profile import Profile
from cti_adapters.wire.smdr.reading import Noise, Reader, Reading
from cti_server.calls.events import Event, RecordRead, Unreadable
from cti_server.calls.records import CallRecord


class AmiDecoder:
    """Asterisk's manager interface."""

    learned = 0

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


class RecordDecoder:
    """The records (SMDR, CDR) of a make, by its profile. Lines that tell of no call are counted in ``noise``."""

    def __init__(self, profile: Profile) -> None:
        self._reader = Reader(profile)
        self._undecided = profile.together
        self.noise = 0

    @property
    def pending(self) -> int:
        """How many of the newest bytes belong to a record that is not complete yet."""
        return self._reader.pending

    @property
    def learned(self) -> int:
        """How often something came that the records after it can't be read without."""
        return self._reader.learned

    def feed(self, data: bytes, at: float) -> list[Event | Unreadable]:
        """The records that ``data`` completes. ``at``: when it arrived, epoch seconds, UTC."""
        return self._events(self._reader.feed(data), at)

    def finish(self, at: float) -> list[Event | Unreadable]:
        """What the end of a file, or a long silence, completes."""
        return self._events(self._reader.finish(), at)

    def reset(self) -> Unreadable | None:
        """A new connection; returns what the last one left unfinished."""
        return self._reader.reset()

    def _events(self, readings: list[tuple[Frame, Reading]], at: float) -> list[Event | Unreadable]:
        events: list[Event | Unreadable] = []
        for frame, reading in readings:
            if isinstance(reading, CallRecord):
                # Whether others of the call come is known only when they have come.
                record = reading._replace(continuation=None) if self._undecided else reading
                events.append(RecordRead(at, record, frame.raw))
            elif isinstance(reading, Noise):
                self.noise += 1
            else:
                events.append(reading)
        return events
