"""A journal read through from its beginning, for whoever folds it again: nothing is locked or changed, so that it may
be read while a server writes to it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from cti_adapters.journal.files import JournalDamaged, Kind
from cti_adapters.journal.records import HEADER, Parsed, Record, parse
from cti_adapters.journal.segments import Segment, listed
from cti_server.shared.errors import YobirinError
from cti_server.shared.positions import Position

READ_BYTES: Final = 2**20


class JournalReader:
    """The records of a journal's folder up to a position (``until``; null: all that is there now), and the time that
    went by directly behind it (TICK): it changed nothing, so that no position was stored, but calls are over by it.

    One record at a time is given out, as a lane gets them from a live exchange: calls come out as they did then.
    Raises YobirinError where there is no journal.
    """

    def __init__(self, folder: Path, until: Position | None = None) -> None:
        self._folder = folder
        self._segments = listed(folder)
        if not self._segments:
            raise YobirinError(f"there is no journal in {folder}; nothing can be folded again")
        newest = self._segments[-1]
        self._until = until
        self.start = self._segments[0].base
        self.end = newest.base + newest.length()
        if until is not None:
            self.end = min(self.end, until.record + (1 if until.skip else 0))
        self.first: Record | None = None
        """The oldest record that was read."""
        self.damaged = False
        """Whether something between the oldest record and the end is missing or can't be read."""
        self._held: dict[int, Record] = {}
        self._file: tuple[int, BinaryIO] | None = None
        if until is not None and not until.skip:
            self._go_on_over_time(newest.base + newest.length())

    def _go_on_over_time(self, last: int) -> None:
        while self.end < last and (self.end in self._held or self._load(self.end)):
            record = self._held.get(self.end)
            if record is None or record.kind is not Kind.TICK:
                return
            self.end = record.next

    def read(self, offset: int, max_bytes: int) -> list[Record]:
        """The record at ``offset`` (the next one that is there); none at the end. Raises JournalDamaged."""
        if offset >= self.end:
            return []
        if offset not in self._held and not self._load(offset):
            return []
        record = self._held.get(offset) or next(iter(self._held.values()))
        if record.offset >= self.end:
            return []
        if self.first is None:
            self.first = record
        if self._until is not None and record.offset == self._until.record:
            record = record._replace(payload=record.payload[: self._until.skip])
        return [record]

    def sync(self) -> None:
        """Nothing is written."""

    def advance_to(self, offset: int) -> None:
        """Nothing is written."""

    def secret(self) -> bytes:
        """What only this journal has (``Journal.secret``). Raises YobirinError where the server never made it."""
        try:
            return (self._folder / "secret").read_bytes()
        except FileNotFoundError as bad:
            raise YobirinError(
                f"the journal in {self._folder} has lost its file “secret”, by which records of this exchange are "
                "named; bring it back from a copy before folding again"
            ) from bad

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file[1].close()
            self._file = None

    def _load(self, offset: int) -> bool:
        """Holds records from ``offset`` on, or from the next one that is there."""
        self._held = {}
        while True:
            index = max(0, sum(1 for one in self._segments if one.base <= offset) - 1)
            following = self._segments[index + 1].base if index + 1 < len(self._segments) else None
            parsed = self._parsed(self._segments[index], offset)
            if parsed.records:
                self._held = {record.offset: record for record in parsed.records}
                return True
            if parsed.damaged:
                self.damaged = True
                raise JournalDamaged(offset, following or self.end)
            if following is None:
                return False
            if following != offset and self.first is not None:
                self.damaged = True  # a hole: the journal lost what stood there
            offset = following

    def _parsed(self, segment: Segment, offset: int) -> Parsed:
        size = READ_BYTES
        while True:
            data = self._bytes(segment, offset, size)
            if data is None:
                return Parsed([], offset, True, 0)
            parsed = parse(data, offset)
            if parsed.records or parsed.damaged or len(data) < size:
                return parsed
            size = max(parsed.needs, HEADER.size) if parsed.needs > size else size * 2

    def _bytes(self, segment: Segment, offset: int, size: int) -> bytes | None:
        try:
            if self._file is None or self._file[0] != segment.base:
                self.close()
                try:
                    file = segment.open()
                except FileNotFoundError:  # compressed since the folder was read
                    self._segments = [one for one in listed(self._folder) if one.base < self.end]
                    file = next(one for one in self._segments if one.base == segment.base).open()
                self._file = (segment.base, file)
            file = self._file[1]
            file.seek(offset - segment.base)
            return file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, StopIteration):
            return None
