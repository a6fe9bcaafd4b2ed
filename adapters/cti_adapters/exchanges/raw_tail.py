"""What an exchange said last, for people: its journal's end cut into messages and masked (``calls.raw_text``).

Reading begins only where a message begins: half a message would show as something else than what it is, and could
show digits that belong to a number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, NamedTuple

from cti_adapters.journal.files import Kind, Record
from cti_adapters.journal.tail import Stretch, read_end, read_on
from cti_server.calls.raw_text import Sight, ami_text, line_text
from cti_server.shared.positions import Position

MESSAGES_MOST: Final = 200
"""More messages than these of one read are not shown one by one: the newest are, and how many were left out."""
RECORD_LONGEST: Final = 4096

EntryKind = Literal["message", "up", "down", "aside", "left-out"]


class RawEntry(NamedTuple):
    """One line of the tail. ``at`` is when it arrived (epoch seconds, UTC)."""

    at: float
    kind: EntryKind
    name: str = ""
    """The event's name; of ``down`` the code of the reason."""
    lines: list[str] = []  # noqa: RUF012 - never changed
    size: int = 0
    """Of ``left-out`` the messages, or where ``name`` is *bytes* the bytes; of ``aside`` its bytes."""


class RawTail(NamedTuple):
    """What was said, oldest first, and from where the next read goes on."""

    entries: list[RawEntry]
    next: Position


def of_lines(kind: str) -> bool:
    """Whether an exchange of this kind (of the settings) sends a record per line."""
    return kind == "smdr"


def last_said(folder: Path, *, lines: bool, sight: Sight, most: int) -> RawTail:
    """The newest ``most`` messages of the journal in ``folder``; ``lines``: each line is a record (SMDR). Raises
    OSError."""
    cutter = _Cutter(lines=lines, sight=sight)
    cutter.take(read_end(folder), 0)
    return RawTail(cutter.entries[-most:], cutter.next)


def said_since(folder: Path, position: Position, *, lines: bool, sight: Sight) -> RawTail:
    """What came since ``position``, which an earlier read gave; bounded, and says what it left out. Raises OSError."""
    stretch = read_on(folder, position.record)
    cutter = _Cutter(lines=lines, sight=sight)
    on_course = not stretch.records or stretch.records[0].offset == position.record
    cutter.aligned = on_course and not stretch.skipped and position.skip != _MIDST
    if stretch.skipped:
        cutter.entries.append(RawEntry(stretch.records[0].at, "left-out", "bytes", size=stretch.skipped))
    cutter.take(stretch, position.skip if cutter.aligned and stretch.records else 0)
    return RawTail(_bounded(cutter.entries), cutter.next)


def _bounded(entries: list[RawEntry]) -> list[RawEntry]:
    over = len(entries) - MESSAGES_MOST
    if over <= 0:
        return entries
    return [RawEntry(entries[over].at, "left-out", "messages", size=over), *entries[over:]]


@dataclass(slots=True)
class _Cutter:
    """Cuts records into messages. ``aligned``: what comes next is the beginning of one."""

    lines: bool
    sight: Sight
    entries: list[RawEntry] = field(default_factory=list)
    next: Position = field(default_factory=lambda: Position(0, 0))
    aligned: bool = False
    _pending: bytes = b""

    def take(self, stretch: Stretch, skip: int) -> None:
        """All records of a stretch, the first from ``skip`` on."""
        for record in stretch.records:
            if record.kind is Kind.BYTES:
                self._bytes(record, skip)
            elif record.kind in (Kind.UP, Kind.DOWN, Kind.ASIDE):
                self._link(record)
            skip = 0
        if not self.aligned:
            self.next = Position(stretch.next, _MIDST)
        elif not self._pending:
            self.next = Position(stretch.next, 0)

    def _link(self, record: Record) -> None:
        self._pending = b""
        self.aligned = True
        if record.kind is Kind.ASIDE:
            self.entries.append(RawEntry(record.at, "aside", size=len(record.payload)))
        elif record.kind is Kind.UP:
            self.entries.append(RawEntry(record.at, "up"))
        else:
            self.entries.append(RawEntry(record.at, "down", str(json.loads(record.payload).get("reason", ""))))

    def _bytes(self, record: Record, skip: int) -> None:
        data = record.payload[skip:]
        end = _RECORD_END if self.lines else _MESSAGE_END
        if not self._pending:
            self.next = Position(record.offset, skip)
        whole = self._pending + data
        pieces = end.split(whole)
        rest = pieces.pop()
        if pieces:
            if not self.aligned:
                pieces.pop(0)
                self.aligned = True
            for piece in pieces:
                self._message(piece, record.at)
            self.next = Position(record.offset, len(record.payload) - len(rest))
        self._pending = rest if self.aligned else rest[-4:]

    def _message(self, piece: bytes, at: float) -> None:
        piece = piece.strip(b"\r\n\0\f")
        if not piece:
            return
        shown = line_text(piece[:RECORD_LONGEST], self.sight) if self.lines else ami_text(piece, self.sight)
        self.entries.append(RawEntry(at, "message", shown.name, shown.lines))


_MIDST: Final = -1
"""As ``skip`` of a position: what comes next is not the beginning of a message, or may not be."""
_MESSAGE_END: Final = re.compile(rb"\n\r?\n")
_RECORD_END: Final = re.compile(rb"[\r\n]+")
