"""The files of a journal: segments named by the journal offset of their first byte, plain or compressed."""

from __future__ import annotations

import gzip
import io
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

PLAIN, COMPRESSED, UNFINISHED = ".log", ".log.gz", ".tmp"
_LEVEL = 4
_CHUNK = 2**20


@dataclass(slots=True)
class Segment:
    """One file. ``base`` is the journal offset of its first byte."""

    base: int
    path: Path

    @property
    def compressed(self) -> bool:
        """Whether the file is gzip."""
        return self.path.name.endswith(COMPRESSED)

    def open(self) -> BinaryIO:
        """The segment's bytes, uncompressed, seekable."""
        if self.compressed:
            return cast(BinaryIO, gzip.open(self.path, "rb"))
        return open(self.path, "rb", buffering=0)

    def length(self) -> int:
        """Bytes, uncompressed."""
        if not self.compressed:
            return self.path.stat().st_size
        with self.open() as file:
            return file.seek(0, io.SEEK_END)


def named(folder: Path, base: int) -> Path:
    """Where the plain segment that begins at ``base`` lies."""
    return folder / f"{base:020d}{PLAIN}"


def found(folder: Path) -> list[Segment]:
    """The segments of a folder in order; clears away what an interrupted compression left behind."""
    for path in folder.glob(f"*{UNFINISHED}"):
        path.unlink()
    by_base: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        digits = path.name.split(".")[0]
        if not digits.isdigit() or not path.name.endswith((PLAIN, COMPRESSED)):
            continue
        if path.name.endswith(COMPRESSED):
            named(folder, int(digits)).unlink(missing_ok=True)
        elif int(digits) in by_base:
            continue
        by_base[int(digits)] = path
    return [Segment(base, by_base[base]) for base in sorted(by_base)]


def listed(folder: Path) -> list[Segment]:
    """The segments of a folder in order, for those that only read: unlike ``found`` this clears nothing away."""
    found: dict[int, Path] = {}
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    for path in paths:
        digits = path.name.split(".")[0]
        if digits.isdigit() and path.name.endswith((PLAIN, COMPRESSED)):
            found.setdefault(int(digits), path)  # the plain one comes first by name
    return [Segment(base, found[base]) for base in sorted(found)]


def compress(plain: Path) -> Path:
    """Writes the compressed twin of a plain segment, whole or not at all, and returns its path; the plain one stays.

    The time of last change is kept, as retention goes by it. Raises OSError (a full disk) and leaves nothing behind.
    """
    target = plain.with_name(plain.name.removesuffix(PLAIN) + COMPRESSED)
    unfinished = target.with_name(target.name + UNFINISHED)
    changed = plain.stat()
    try:
        with open(plain, "rb") as source, open(unfinished, "wb") as sink:
            os.fchmod(sink.fileno(), 0o600)
            with gzip.GzipFile("", "wb", _LEVEL, sink, mtime=0) as packed:
                shutil.copyfileobj(source, packed, _CHUNK)
            sink.flush()
            os.fsync(sink.fileno())
        os.utime(unfinished, ns=(changed.st_atime_ns, changed.st_mtime_ns))
        os.rename(unfinished, target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(plain.parent)
    return target


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
