"""What a journal holds of a time, found without reading the rest: its records stand in the order of their arrival, so
that halving finds the place, in a journal of any length. Like ``tail.py`` it locks, changes and keeps nothing open.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from cti_adapters.journal.records import Record, parse
from cti_adapters.journal.segments import Segment, listed
from cti_adapters.journal.tail import first_record

PROBE: Final = 64 * 1024
"""Bytes that one look into a segment takes; more where a record is longer."""


class Around(NamedTuple):
    """The records of a time, in order. ``cut``: there were more than one read takes; the rest is not among them."""

    records: list[Record]
    cut: bool


def read_around(folder: Path, since: float, until: float, most: int) -> Around:
    """The records that arrived from ``since`` to ``until`` (epoch seconds, UTC), about ``most`` bytes of them. None
    where the journal does not reach back so far. Raises OSError."""
    segments = listed(folder)
    low, high = 0, len(segments)
    while low < high:  # the first segment that begins at ``since`` or later
        middle = (low + high) // 2
        first = next(iter(parse(_beginning(segments[middle]), segments[middle].base).records), None)
        if first is not None and first.at < since:
            low = middle + 1
        else:
            high = middle
    found: list[Record] = []
    for segment in segments[max(0, low - 1) :]:
        held = _Held(segment)
        start = _place(held, since)
        records = parse(held.read(start, start + most), segment.base + start).records
        found += [one for one in records if since <= one.at <= until]
        if records and records[-1].at > until:
            return Around(found, False)
        reached = records[-1].next - segment.base if records else start
        most -= reached - start
        if reached < held.size:
            return Around(found, True)
    return Around(found, False)


class _Held:
    """A segment to read here and there. One that is compressed is unpacked once; a broken one is empty."""

    def __init__(self, segment: Segment) -> None:
        self.base = segment.base
        self._segment = segment
        self._whole: bytes | None = None
        try:
            if segment.compressed:
                with segment.open() as file:
                    self._whole = file.read()
            self.size = segment.length() if self._whole is None else len(self._whole)
        except (FileNotFoundError, EOFError, zlib.error, gzip.BadGzipFile):
            self._whole, self.size = b"", 0

    def read(self, start: int, end: int) -> bytes:
        """The bytes between two places, as far as they are there."""
        if self._whole is not None:
            return self._whole[start:end]
        with self._segment.open() as file:
            file.seek(start)
            return file.read(max(0, min(end, self.size) - start))

    def next_record(self, start: int) -> Record | None:
        """The first whole record from ``start`` on; null where there is none."""
        taken = PROBE
        while True:
            data = self.read(start, start + taken)
            skip = first_record(data, self.base + start) if start else 0
            records = parse(data[skip:], self.base + start + skip).records
            if records or start + taken >= self.size:
                return records[0] if records else None
            taken *= 8


def _place(held: _Held, since: float) -> int:
    """Where a record begins that is about a probe's length before the first that came at ``since``."""
    low, high, found = 0, held.size, 0
    while high - low > PROBE:
        middle = (low + high) // 2
        record = held.next_record(middle)
        if record is not None and record.at < since:
            found = record.offset - held.base
            low = max(middle, record.next - held.base)
        else:
            high = middle
    return found


def _beginning(segment: Segment) -> bytes:
    try:
        with segment.open() as file:
            return file.read(PROBE)
    except (FileNotFoundError, EOFError, zlib.error, gzip.BadGzipFile):
        return b""
