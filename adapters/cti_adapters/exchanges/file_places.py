"""Where reading stands in a file of records, so that it goes on exactly there: also when the file has another name by
then, or another file has its name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

HEAD_BYTES: Final = 1024
PACKED: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})
_HASHED: Final = 2**20


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file. A file is known by its beginning, and by the number that the file system gave it."""

    name: str
    device: int
    inode: int
    head: str
    """SHA-256 of its first ``head_size`` bytes, hexadecimal."""
    head_size: int
    offset: int
    digest: str = ""
    """Of a finished file: SHA-256 of all of it."""
    begins: bool = False
    """What came before belongs to another file, of which nothing more comes."""
    ends: bool = False
    """Nothing more comes of this file."""

    def as_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)


class Piece(NamedTuple):
    """What a look at a file or folder brought."""

    data: bytes
    place: Place | None
    """Where ``data`` begins, where that has to be noted."""
    lost: str = ""
    """Why something before ``data`` may be missing: a code of ``status.SENTENCES``; empty where nothing is."""


class Source:
    """What can be read piece by piece. Blocking: for a thread."""

    def read(self, most: int) -> Piece | None:
        """The next piece, at most so many bytes; null where there is nothing new. Raises OSError."""
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the files."""
        raise NotImplementedError


def place_at(file: BinaryIO, name: str, offset: int, seen: int, **more: Any) -> Place:
    """The place in an open file, of which so many bytes were seen."""
    found = os.fstat(file.fileno())
    size = min(seen, HEAD_BYTES)
    return Place(name, found.st_dev, found.st_ino, head_of(file, size), size, offset, **more)


def head_of(file: BinaryIO, size: int) -> str:
    """The digest of a file's beginning."""
    return sha256(os.pread(file.fileno(), size, 0)).hexdigest()


def digest_of(path: Path) -> str:
    """The digest of a whole file."""
    made = sha256()
    with path.open("rb") as file:
        while data := file.read(_HASHED):
            made.update(data)
    return made.hexdigest()


def holds(path: Path, place: Place) -> bool:
    """Whether the file at ``path`` is the one of a place, with all of it up to there."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_size < place.offset or head_of(file, place.head_size) != place.head:
                return False
            return bool(place.head_size) or (found.st_dev, found.st_ino) == (place.device, place.inode)
    except OSError:
        return False  # gone meanwhile, or not to be read: not the one


def holds_inode(path: Path, file: os.stat_result) -> bool:
    """Whether the file at ``path`` is this one."""
    try:
        return os.path.samestat(path.stat(), file)
    except FileNotFoundError:
        return False


def begins_alike(copy: Path, path: Path) -> bool:
    """Whether a file begins as the other does: it is a copy of that."""
    try:
        with copy.open("rb") as one, path.open("rb") as other:
            size = min(os.fstat(one.fileno()).st_size, HEAD_BYTES)
            return size > 0 and head_of(one, size) == head_of(other, size)
    except OSError:
        return False


def siblings(path: Path) -> Iterator[tuple[float, Path]]:
    """(when it was written last, path) of the files that ``path`` may have been renamed or copied to, the oldest
    first."""
    found = []
    for entry in path.parent.iterdir():
        if entry.name == path.name or entry.suffix in PACKED or not entry.name.startswith(path.stem):
            continue
        try:
            if entry.is_file():
                found.append((entry.stat().st_mtime, entry))
        except FileNotFoundError:
            continue
    yield from sorted(found)
