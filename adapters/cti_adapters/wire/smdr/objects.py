"""Cuts a feed of JSON objects into frames, over however many lines each is written: however a read splits them.

An object that stands in a list is a frame of its own, and what is written around the list is nothing: reports put
their records into one. What is no object is cut into lines, as in other feeds.
"""

from __future__ import annotations

import re
from typing import Final

from cti_adapters.wire.smdr.framing import HEAD, Frame, too_long
from cti_server.calls.events import Unreadable

_OUTSIDE: Final = re.compile(rb"[{\r\n\0\f\x02\x03]")
_INSIDE: Final = re.compile(rb'["{}\[\]]')
_STRING: Final = re.compile(rb'["\\]')
_NOTHING: Final = b" \t,[]}"
"""What may stand between objects."""


class ObjectFramer:
    """As `framing.Framer`. ``most``: bytes of the longest frame; of a longer one these are an `Unreadable`, and what
    follows them is looked at afresh."""

    def __init__(self, *, most: int = 65536) -> None:
        self._most = most
        self.line = 1
        self._after_cr = False
        self._clear()

    def _clear(self) -> None:
        self._held = bytearray()
        self._held_line = self.line
        self._open: list[int] = []
        """The braces and brackets that are open, from the frame's own brace on; empty outside of objects."""
        self._in_string = self._escaped = False

    @property
    def pending(self) -> int:
        """How many of the newest bytes belong to a frame that has not ended."""
        return len(self._held)

    def feed(self, data: bytes) -> list[Frame | Unreadable]:
        """The frames that ``data`` completes."""
        frames: list[Frame | Unreadable] = []
        place = 0
        while place < len(data):
            end = self._next(data, place)
            whole = len(self._held) + end - place <= self._most
            if not whole:
                end = place + self._most + 1 - len(self._held)
            self._hold(data[place:end])
            if whole:
                self._act(data[end - 1], frames)
            else:
                frames.append(too_long(bytes(self._held), len(self._held)))
                self._clear()
            place = end
        return frames

    def finish(self) -> list[Frame | Unreadable]:
        """What the end of a file completes."""
        frames: list[Frame | Unreadable] = []
        self._give(frames)
        return frames

    def reset(self) -> Unreadable | None:
        """A new connection; returns what the last one left unfinished."""
        raw = bytes(self._held)
        self.line, self._after_cr = 1, False
        self._clear()
        if not raw.strip(_NOTHING):
            return None
        return Unreadable(raw[:HEAD], "the connection ended in the middle of a record", len(raw))

    def _next(self, data: bytes, place: int) -> int:
        """Where the next byte ends that something has to be done about, or the data."""
        if self._escaped:
            return place + 1
        wanted = _STRING if self._in_string else _INSIDE if self._open else _OUTSIDE
        found = wanted.search(data, place)
        return found.end() if found is not None else len(data)

    def _hold(self, piece: bytes) -> None:
        if not self._held:
            self._held_line = self.line
        self._held += piece
        self.line += piece.count(b"\n") + piece.count(b"\r") - piece.count(b"\r\n")
        self.line -= self._after_cr and piece.startswith(b"\n")
        self._after_cr = piece.endswith(b"\r")

    def _act(self, byte: int, frames: list[Frame | Unreadable]) -> None:
        if self._escaped:
            self._escaped = False
        elif self._in_string:
            self._escaped = byte == ord("\\")
            self._in_string = byte != ord('"')
        elif not self._open:
            self._act_outside(byte, frames)
        elif byte == ord('"'):
            self._in_string = True
        elif byte == ord("{") and self._open[-1] == ord("["):
            self._begin()
        elif byte in b"{[":
            self._open.append(byte)
        elif byte in b"}]":
            self._open.pop()
            if not self._open:
                self._give(frames)

    def _act_outside(self, byte: int, frames: list[Frame | Unreadable]) -> None:
        if byte != ord("{"):
            if byte in b"\r\n\0\f\x02\x03":
                self._held.pop()
                self._give(frames)
        elif not self._held[:-1].strip(_NOTHING):
            self._begin()

    def _begin(self) -> None:
        """The newest byte begins an object that is a frame: what stands before it is nothing."""
        self._held = bytearray(b"{")
        self._held_line = self.line
        self._open = [ord("{")]

    def _give(self, frames: list[Frame | Unreadable]) -> None:
        raw = bytes(self._held)
        if raw.strip(_NOTHING):
            frames.append(Frame(self._held_line, raw))
        self._clear()
