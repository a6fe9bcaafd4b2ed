"""The journal: every byte that an exchange sent, with its time of arrival, before anything is made of it (spec O1).

An offset counts all bytes ever appended, across segments, whether these are compressed or already dropped. One thread
appends (the reactor's), one reads and syncs (the writer's); a third may compress and drop old segments meanwhile.
"""

from __future__ import annotations

import errno
import fcntl
import gzip
import os
import threading
import zlib
from bisect import bisect_right
from pathlib import Path
from typing import BinaryIO

from cti_adapters.journal.records import HEADER, Kind, Parsed, Record, encode, parse
from cti_adapters.journal.segments import Segment, compress, found, named, sync_folder

__all__ = ["Journal", "JournalDamaged", "JournalFull", "JournalInUse", "Kind", "Record"]

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SCAN_BYTES = 2**20
_DAY = 86400.0
_SECRET_BYTES = 32


class JournalFull(OSError):
    """There is no room for the record; the journal is as it was before. Try again when there is."""


class JournalInUse(OSError):
    """Another process has the journal open."""


class JournalDamaged(Exception):
    """What is stored at ``offset`` can't be read any more (a damaged disk). Reading can go on at ``resume``."""

    def __init__(self, offset: int, resume: int) -> None:
        super().__init__(f"the journal is damaged from offset {offset} to {resume}")
        self.offset = offset
        self.resume = resume


class Journal:
    """The journal of one exchange, a folder of its own.

    Opening it cuts off a tail that a crash left half written (``cut_bytes`` says how much). Raises JournalInUse when
    another process has it open, OSError when the folder can't be used.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = 64 * 2**20, keep_days: float = 90) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._keep = keep_days * _DAY
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_file = _locked(folder)
        self._table = threading.Lock()  # the segments, and which descriptors wait for their sync
        self._reading = threading.Lock()
        self._reader: tuple[Path, BinaryIO] | None = None
        self._unsynced: list[int] = []
        self._names_changed = True
        self._torn = False
        self.cut_bytes = 0
        self.last: Record | None = None
        """The newest record that is not ASIDE; null where there is none."""
        self._segments = found(folder)
        if not self._segments or self._segments[-1].compressed:
            base = self._segments[-1].base + self._segments[-1].length() if self._segments else 0
            self._segments.append(_created(folder, base))
        self._fd = os.open(self._segments[-1].path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        self.end = self._base
        """The offset behind the last record."""
        self._find_end()

    @property
    def start(self) -> int:
        """The oldest offset that is still kept."""
        return self._segments[0].base

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    @property
    def _base(self) -> int:
        return self._segments[-1].base

    def append(self, kind: Kind, payload: bytes, at: float) -> int:
        """Adds a record and returns its offset. ``at`` is epoch seconds, UTC.

        Raises JournalFull when the disk is full, OSError when it can't be written to; then nothing was added.
        """
        record = encode(kind, payload, at)
        if self._torn:
            self._untear()
        if self.end > self._base and self.end - self._base + len(record) > self._segment_bytes:
            self._begin_segment(self.end)
        try:
            written = os.write(self._fd, record)
        except OSError as bad:
            self._untear()
            raise _refusal(bad) from bad
        if written != len(record):
            self._untear()
            raise JournalFull(errno.ENOSPC, "no room left for the journal", str(self._folder))
        offset = self.end
        self.end = offset + written
        if kind is not Kind.ASIDE:
            self.last = Record(offset, self.end, kind, at, payload)
        return offset

    def read(self, offset: int, max_bytes: int) -> list[Record]:
        """The records from ``offset`` (the start of one) on, about ``max_bytes`` of them and at least one; none only
        at the end. Where old segments are gone it goes on with the oldest that is kept.

        Raises JournalDamaged when what is stored there can't be read, OSError when the disk fails.
        """
        with self._reading:
            end = self.end
            while offset < end:
                segment, following = self._segment_at(offset)
                offset = max(offset, segment.base)
                parsed = self._parsed(segment, offset, min(following or end, end), max_bytes)
                if parsed.records:
                    return parsed.records
                if parsed.damaged or following is None:
                    raise JournalDamaged(offset, following or end)
                offset = following
            return []

    def newest(self, kind: Kind) -> tuple[Record | None, int]:
        """The newest record of a kind and how many BYTES came after it; (null, 0) where there is none. Reads backwards,
        segment by segment."""
        with self._table:
            bases = [segment.base for segment in self._segments]
        after, end = 0, self.end
        for base in reversed(bases):
            found, since = self._newest_within(base, end, kind)
            after += since
            if found is not None:
                return found, after
            end = base
        return None, 0

    def _newest_within(self, base: int, end: int, kind: Kind) -> tuple[Record | None, int]:
        found, since, offset = None, 0, base
        while offset < end:
            try:
                records = self.read(offset, _SCAN_BYTES)
            except JournalDamaged as bad:
                offset = bad.resume
                continue
            if not records:
                break
            for record in records:
                if record.offset >= end:
                    break
                if record.kind is kind:
                    found, since = record, 0
                elif record.kind is Kind.BYTES:
                    since += len(record.payload)
            offset = records[-1].next
        return found, since

    def sync(self) -> None:
        """Makes everything that was appended before durable (fdatasync). For one thread only."""
        with self._table:
            closed, self._unsynced = self._unsynced, []
            current, names_changed = self._fd, self._names_changed
            self._names_changed = False
        for handle in closed:
            os.fdatasync(handle)
            os.close(handle)
        os.fdatasync(current)
        if names_changed:
            sync_folder(self._folder)

    def secret(self) -> bytes:
        """What only this journal has: made at random when it is first asked for, and kept beside the records."""
        path = self._folder / "secret"
        if not path.exists():
            fresh = path.with_suffix(".new")
            handle = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.write(handle, os.urandom(_SECRET_BYTES))
            os.fsync(handle)
            os.close(handle)
            fresh.replace(path)
            sync_folder(self._folder)
        return path.read_bytes()

    def advance_to(self, offset: int) -> None:
        """Lets the journal go on at ``offset``, beyond its end: when the database knows of records that the journal
        lost, no offset may be given out twice."""
        if offset > self.end:
            self._begin_segment(offset)
            self.end = offset

    def rotate_old(self, now: float, needed_from: int) -> None:
        """Compresses closed segments, and drops the oldest one if it is older than ``keep_days``.

        Touches nothing at or behind ``needed_from`` (the rebuild position). At most one segment is dropped per call,
        so that a clock that jumps ahead for an hour doesn't cost the journal. Slow: call it in a worker thread.
        """
        with self._table:
            done = [
                segment
                for segment, following in zip(self._segments, self._segments[1:], strict=False)
                if following.base <= needed_from
            ]
        for segment in done:
            if not segment.compressed:
                self._compress(segment)
        if done and done[0].path.stat().st_mtime < now - self._keep:
            with self._table:
                self._segments.remove(done[0])
            done[0].path.unlink()

    def close(self) -> None:
        """Syncs and lets go of the files."""
        self.sync()
        os.close(self._fd)
        with self._reading:
            self._forget_reader()
        os.close(self._lock_file)

    def _compress(self, segment: Segment) -> None:
        plain = segment.path
        packed = compress(plain)
        with self._table:
            segment.path = packed
        plain.unlink()

    def _begin_segment(self, base: int) -> None:
        try:
            segment = _created(self._folder, base)
            fresh = os.open(segment.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except OSError as bad:
            raise _refusal(bad) from bad
        with self._table:
            self._unsynced.append(self._fd)
            self._fd = fresh
            self._names_changed = True
            self._segments.append(segment)

    def _untear(self) -> None:
        """Takes back what a failed write left behind the last whole record."""
        self._torn = True
        os.ftruncate(self._fd, self.end - self._base)
        self._torn = False

    def _segment_at(self, offset: int) -> tuple[Segment, int | None]:
        """The segment that holds ``offset`` (the oldest one for what is gone), and where the next one begins."""
        with self._table:
            index = max(0, bisect_right(self._segments, offset, key=lambda segment: segment.base) - 1)
            following = self._segments[index + 1].base if index + 1 < len(self._segments) else None
            segment = self._segments[index]
            return Segment(segment.base, segment.path), following

    def _parsed(self, segment: Segment, offset: int, end: int, max_bytes: int) -> Parsed:
        """Whole records of one segment from ``offset`` on. Damaged, too, when it stops in the midst of one."""
        data = self._stored(segment, offset, min(max_bytes, end - offset))
        if data is None:
            return Parsed([], offset, True, 0)
        parsed = parse(data, offset)
        if not parsed.records and not parsed.damaged and data:
            head = parse(self._stored(segment, offset, HEADER.size) or b"", offset)
            needs = max(parsed.needs, head.needs, HEADER.size)
            parsed = parse(self._stored(segment, offset, min(needs, end - offset)) or b"", offset)
            if not parsed.records:
                parsed = parsed._replace(damaged=True)
        return parsed

    def _stored(self, segment: Segment, offset: int, size: int) -> bytes | None:
        """Bytes of a segment, fewer where it ends; null when a compressed one is broken."""
        file = self._opened(segment)
        try:
            file.seek(offset - segment.base)
            return file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            self._forget_reader()
            return None

    def _opened(self, segment: Segment) -> BinaryIO:
        if self._reader is None or self._reader[0] != segment.path:
            self._forget_reader()
            try:
                file = segment.open()
            except FileNotFoundError:  # compressed since we looked
                segment, _ = self._segment_at(segment.base)
                file = segment.open()
            self._reader = (segment.path, file)
        return self._reader[1]

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader[1].close()
            self._reader = None

    def _find_end(self) -> None:
        """Reads the newest segment through, cuts a torn tail off, and finds the newest record."""
        size = os.fstat(self._fd).st_size
        self.end = self._base
        for index in range(len(self._segments) - 1, -1, -1):
            segment = self._segments[index]
            newest = index == len(self._segments) - 1
            limit = self._base + size if newest else self._segments[index + 1].base
            reached = self._scan(segment, limit)
            if newest:
                self.end = reached
                self.cut_bytes = self._base + size - reached
                if self.cut_bytes:
                    os.ftruncate(self._fd, reached - self._base)
            if self.last is not None:
                break
        self._forget_reader()

    def _scan(self, segment: Segment, limit: int) -> int:
        """Notes the newest record of a segment; returns the offset behind the last whole one."""
        offset = segment.base
        while offset < limit:
            parsed = self._parsed(segment, offset, limit, _SCAN_BYTES)
            for record in reversed(parsed.records):
                if record.kind is not Kind.ASIDE:
                    self.last = record
                    break
            if not parsed.records:
                break
            offset = parsed.end
        return offset


def _created(folder: Path, base: int) -> Segment:
    path = named(folder, base)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    return Segment(base, path)


def _locked(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as bad:
        os.close(handle)
        raise JournalInUse(bad.errno, "another server has this journal open", str(folder)) from bad
    return handle


def _refusal(bad: OSError) -> OSError:
    if bad.errno in _NO_ROOM:
        return JournalFull(bad.errno, bad.strerror, bad.filename)
    return bad
