"""Cuts the bytes of a record feed into frames, before any character is decoded: however a read splits them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from cti_server.calls.events import Unreadable

HEAD: Final = 4096
"""How many bytes of something unreadable are kept."""
_RUN: Final = re.compile(rb"[\r\n\0\f\x02\x03]+")
"""What makes end records with, in whatever mixture: CR LF, LF CR, CR LF LF, CR LF NUL NUL NUL, form feeds before page
headers, STX and ETX around records."""
LINES: Final = re.compile(rb"[^\r\n\0\f\x02\x03]*[\r\n\0\f\x02\x03]+|[^\r\n\0\f\x02\x03]+")
"""Lines, each with what ends it."""
_LINE_END: Final = re.compile(rb"\r\n|\n\r|\n|\r")
_BLANK: Final = b" \t"
_ONE_END: Final = {b"\r\n": b"", b"\n\r": b"", b"\n": b"\n", b"\r": b"\r"}
"""One end of a line, and what of it may be the first half of a pair."""


class Frame(NamedTuple):
    """One record or other line of a feed."""

    line: int
    """The line it begins on, 1-based."""
    raw: bytes


class Framer:
    """``blocks``: a frame is all lines up to an empty one, as in the manager interface, instead of one line.
    ``most``: bytes of the longest frame; a longer one is one `Unreadable`, without having been held."""

    def __init__(self, *, blocks: bool = False, most: int = 65536) -> None:
        self._blocks = blocks
        self._most = most
        self._clear()
        self.line = 1

    def _clear(self) -> None:
        self._held = b""
        self._lost = 0
        self._last = b""
        self._owed = False  # the last text's own end of line is still to come
        self._block: list[bytes] = []
        self._block_line = 0
        self._block_size = 0

    @property
    def pending(self) -> int:
        """How many of the newest bytes belong to a frame that has not ended."""
        return len(self._held) + self._lost + self._block_size

    def feed(self, data: bytes) -> list[Frame | Unreadable]:
        """The frames that ``data`` completes; blank lines are none."""
        frames: list[Frame | Unreadable] = []
        place = 0
        most = self._most
        for run in _RUN.finditer(data):
            piece = data[place : run.start()]
            ending = _ONE_END.get(run.group())
            if ending is not None and piece and not (self._blocks or self._held or self._lost) and len(piece) <= most:
                # A line in one read, with one end: nearly all are.
                if piece.strip(_BLANK):
                    frames.append(Frame(self.line, piece))
                self.line += 1
                self._last = ending
                self._owed = False
                place = run.end()
                continue
            after_text = bool(piece or self._held or self._lost)
            if after_text:
                self._line_done(piece, frames)
            self._ended(run.group(), after_text, frames)
            place = run.end()
        rest = data[place:]
        if rest:
            self._last = b""
            self._hold(rest)
        return frames

    def finish(self) -> list[Frame | Unreadable]:
        """What the end of a file completes."""
        frames: list[Frame | Unreadable] = []
        if self._held or self._lost:
            self._line_done(b"", frames)
        self._close_block(frames)
        self._clear()
        return frames

    def reset(self) -> Unreadable | None:
        """A new connection; returns what the last one left unfinished."""
        size = self.pending
        head = b"\n".join([*self._block, self._held])[:HEAD]
        self._clear()
        self.line = 1
        return Unreadable(head, "the connection ended in the middle of a record", size) if head.strip() else None

    def _hold(self, rest: bytes) -> None:
        if self._lost:
            self._lost += len(rest)
        elif len(self._held) + len(rest) > self._most:
            whole = self._held + rest
            self._held = whole[:HEAD]
            self._lost = len(whole) - len(self._held)
        else:
            self._held += rest

    def _line_done(self, piece: bytes, frames: list[Frame | Unreadable]) -> None:
        if piece:
            self._hold(piece)
        raw, lost = self._held, self._lost
        self._held, self._lost = b"", 0
        if lost:
            frames.append(too_long(raw, lost + len(raw)))
        elif self._blocks:
            self._add_to_block(raw, frames)
        elif raw.strip(_BLANK):
            frames.append(Frame(self.line, raw))

    def _ended(self, run: bytes, after_text: bool, frames: list[Frame | Unreadable]) -> None:
        # A pair whose halves came in two reads is one end of a line.
        if not after_text and self._last + run[:1] in (b"\r\n", b"\n\r"):
            run = run[1:]
        ends = _LINE_END.findall(run)
        count = len(ends)
        self.line += count
        self._last = ends[-1] if ends and len(ends[-1]) == 1 and run.endswith(ends[-1]) else b""
        self._owed = self._owed or after_text
        if self._blocks:
            if self._block:
                self._block_size += len(run)
            if count > self._owed:
                self._close_block(frames)
        self._owed = self._owed and not count

    def _add_to_block(self, raw: bytes, frames: list[Frame | Unreadable]) -> None:
        if not self._block:
            self._block_line = self.line
        self._block.append(raw)
        self._block_size += len(raw)
        if self._block_size > self._most:
            frames.append(too_long(b"\n".join(self._block)[:HEAD], self._block_size))
            self._block, self._block_size = [], 0

    def _close_block(self, frames: list[Frame | Unreadable]) -> None:
        if self._block:
            frames.append(Frame(self._block_line, b"\n".join(self._block)))
        self._block, self._block_size = [], 0


def too_long(head: bytes, size: int) -> Unreadable:
    """What is told of a frame without an end."""
    return Unreadable(head[:HEAD], f"{size} bytes without the end of a record: too long for any", size)
