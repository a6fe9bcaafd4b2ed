"""The end of a journal, read from its files by whoever likes, while the daemon writes (another process may do it).

Nothing is locked, changed or kept open: each read opens the files anew. Where a read begins in the midst of records,
the next one is found by its checksum.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Final, NamedTuple

from cti_adapters.journal.records import HEADER, Record, parse
from cti_adapters.journal.segments import Segment, listed

READ_MOST: Final = 128 * 1024
"""Bytes that one read takes at most, about."""


class Stretch(NamedTuple):
    """Records of a journal one after the other. ``next`` is the offset to go on from, ``skipped`` how many bytes before
    the first record were left out because more had come than a reader can follow."""

    records: list[Record]
    next: int
    skipped: int = 0


def read_end(folder: Path, most: int = READ_MOST) -> Stretch:
    """The newest records, about ``most`` bytes of them; none where there is no journal yet. Raises OSError."""
    segments = listed(folder)
    for segment in reversed(segments):
        size = _length(segment)
        if size:
            return _records(segment, max(0, size - most), size, sync=size > most)
    return Stretch([], segments[-1].base if segments else 0)


def read_on(folder: Path, offset: int, most: int = READ_MOST) -> Stretch:
    """What came from ``offset`` on (where an earlier read ended). Where more came than ``most`` bytes it goes on near
    the end and says how much it left out. Raises OSError."""
    segments = listed(folder)
    current = next((one for one in reversed(segments) if one.base <= offset), None)
    if current is None:
        return read_end(folder, most)
    newer = [one for one in segments if one.base > current.base]
    waiting = max(0, _length(current) - (offset - current.base)) + sum(_length(one) for one in newer)
    if waiting > most:
        found = read_end(folder, most)
        first = found.records[0].offset if found.records else found.next
        return found._replace(skipped=max(0, first - offset))
    found = _records(current, offset - current.base, _length(current), sync=False)
    for segment in newer:
        more = _records(segment, 0, _length(segment), sync=False)
        found = Stretch(found.records + more.records, more.next)
    return found


def _records(segment: Segment, start: int, size: int, *, sync: bool) -> Stretch:
    """The whole records of a segment between two places of it; with ``sync`` from the first one that is found."""
    if start > size:
        start, sync = max(0, size - READ_MOST), True  # an offset that was never given out
    data = _bytes(segment, start, size)
    skip = first_record(data, segment.base + start) if sync else 0
    parsed = parse(data[skip:], segment.base + start + skip)
    if parsed.damaged and not sync:
        skip = first_record(data, segment.base + start)
        parsed = parse(data[skip:], segment.base + start + skip)
    return Stretch(parsed.records, parsed.end)


def first_record(data: bytes, offset: int) -> int:
    """Where the first whole record begins: its checksum tells it from any other bytes."""
    for place in range(max(0, len(data) - HEADER.size + 1)):
        length, kind = int.from_bytes(data[place + 4 : place + 8], "little"), data[place + 16]
        if not 0 < kind < 16 or place + HEADER.size + length > len(data):
            continue
        if parse(data[place : place + HEADER.size + length], offset + place).records:
            return place
    return len(data)


def _length(segment: Segment) -> int:
    try:
        return segment.length()
    except FileNotFoundError:
        return 0  # compressed or dropped since the folder was read: the next read finds it
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return 0


def _bytes(segment: Segment, start: int, size: int) -> bytes:
    try:
        with segment.open() as file:
            file.seek(start)
            return file.read(size - start)
    except (FileNotFoundError, EOFError, zlib.error, gzip.BadGzipFile):
        return b""
