"""What an exchange sent of one call, and what each piece made of it: the stretch of the journal in which the call lies
is folded once more, in memory, as the lane folded it. So it is known of each message whether it is this call's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cti_adapters.exchanges.kinds import reading_of
from cti_adapters.exchanges.lane import Lane
from cti_adapters.exchanges.raw_tail import RECORD_LONGEST, of_lines
from cti_adapters.journal.around import read_around
from cti_adapters.journal.files import Kind, Record
from cti_server.calls.call_recovery import GapFetch
from cti_server.calls.log import CallLog, Settled
from cti_server.calls.raw_text import RawText, Sight, ami_text, line_text
from cti_server.settings import ExchangeSettings
from cti_server.shared.feed import GapChange, UnreadableBytes
from cti_server.shared.notices import Notice
from cti_server.shared.positions import Position

BEFORE_SECONDS: Final = 10.0
AFTER_SECONDS: Final = 30.0
"""So far around a call the journal is read: what tells of it may come a little before or after."""
READ_MOST: Final = 2 * 2**20
"""Bytes of the journal that are read for one call; of a long call at a busy exchange it is the beginning."""
PIECES_MOST: Final = 300


class Piece(NamedTuple):
    """A message, or a record, of a call. ``at`` is when it arrived (epoch seconds, UTC); ``log`` the call as it was
    after it, null where it changed nothing."""

    at: float
    text: RawText
    log: CallLog | None


class CallBytes(NamedTuple):
    """The pieces in their order. ``cut``: the call went on beyond what is read for one."""

    pieces: list[Piece]
    cut: bool


class Lasted(NamedTuple):
    """When a call lies in the journal: by what the exchange says, and by when the server first wrote of it (the clocks
    may differ). Epoch seconds, UTC."""

    call: str
    linkedids: Sequence[str]
    started_at: float
    ended_at: float
    written_at: float | None


def call_bytes(settings: ExchangeSettings, folder: Path, call: Lasted, sight: Sight) -> CallBytes:
    """What the journal in ``folder`` has of a call. Empty where it is not kept any more, or came as a record that was
    fetched. Raises OSError; SettingsError where the exchange's profile is gone."""
    lines = of_lines(settings.kind)
    secret = (folder / "secret").read_bytes() if lines and (folder / "secret").exists() else b""
    length = call.ended_at - call.started_at
    begins = [call.written_at, call.started_at + (length if lines else 0)]
    for begin in dict.fromkeys(one for one in begins if one is not None):
        until = begin + AFTER_SECONDS + (0 if lines else length)
        around = read_around(folder, begin - BEFORE_SECONDS, until, READ_MOST)
        pieces = _pieces(settings, secret, around.records, call, sight)
        if any(one.log is not None for one in pieces):
            return CallBytes(pieces[:PIECES_MOST], around.cut or len(pieces) > PIECES_MOST)
    return CallBytes([], False)


def _pieces(
    settings: ExchangeSettings, secret: bytes, records: Sequence[Record], call: Lasted, sight: Sight
) -> list[Piece]:
    lines = of_lines(settings.kind)
    source = _Cut(records, lines=lines)
    if not source.records:
        return []
    reading = reading_of(settings, secret)
    watched = _Watched(call.call)
    lane = Lane(settings.id, source, watched, reading.decoder, reading.fold, batch_bytes=1)
    for step in itertools.count():
        if lane.step(float(step)) is None:
            break
    found = []
    for record in source.records:
        log = watched.after.get(record.offset)
        if record.kind is not Kind.BYTES or (log is None and (lines or not _names(record.payload, call.linkedids))):
            continue
        piece = record.payload.strip(b"\r\n\0\f")
        text = line_text(piece[:RECORD_LONGEST], sight) if lines else ami_text(piece, sight)
        found.append(Piece(record.at, text, log))
    return found


def _names(message: bytes, linkedids: Sequence[str]) -> bool:
    """Whether a message of Asterisk's is about one of these calls."""
    return any(f"{one}\n".encode() in message.replace(b"\r", b"") for one in linkedids)


class _Cut:
    """A stretch of a journal as a lane reads it, each message a record of its own."""

    def __init__(self, records: Sequence[Record], *, lines: bool) -> None:
        self._end = _RECORD_END if lines else _MESSAGE_END
        self.records = list(self._cut(records))
        self.start = 0
        self.end = len(self.records)

    def read(self, offset: int, max_bytes: int) -> list[Record]:
        """The next one."""
        return self.records[offset : offset + 1]

    def sync(self) -> None:
        """Nothing is written."""

    def advance_to(self, offset: int) -> None:
        """Nothing is written."""

    def _cut(self, records: Sequence[Record]) -> Iterator[Record]:
        number = itertools.count()
        pending, aligned = b"", False
        for record in records:
            if record.kind is not Kind.BYTES:
                if record.kind in (Kind.UP, Kind.DOWN, Kind.PLACE):
                    pending, aligned = b"", True
                place = next(number)
                yield record._replace(offset=place, next=place + 1)
                continue
            pending += record.payload
            begin = 0
            for end in self._end.finditer(pending):
                piece = pending[begin : end.end()]
                begin = end.end()
                if aligned:
                    place = next(number)
                    yield Record(place, place + 1, Kind.BYTES, record.at, piece)
                aligned = True  # the first one may be half a message
            pending = pending[begin:]


class _Watched:
    """A lane's store that keeps how one call was after each piece, and nothing else."""

    def __init__(self, call: str) -> None:
        self._call = call
        self.after: dict[int, CallLog] = {}

    def positions(self, exchange: str) -> tuple[Position, Position] | None:
        """Nothing is there yet."""
        return None

    def commit(
        self,
        exchange: str,
        changed: list[CallLog],
        unreadable: list[UnreadableBytes],
        gaps: list[GapChange],
        folded: Position,
        rebuild: Position,
        fetch: GapFetch | None = None,
        settled: Sequence[Settled] = (),
    ) -> list[Notice]:
        """Keeps the call, if it is among them; ``folded`` is behind the piece that changed it."""
        for log in changed:
            if log.id == self._call:
                self.after[folded.record - 1] = log
        return []


_MESSAGE_END: Final = re.compile(rb"\n\r?\n")
_RECORD_END: Final = re.compile(rb"[\r\n]+")
