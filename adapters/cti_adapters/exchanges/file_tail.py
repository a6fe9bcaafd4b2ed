"""A file that grows: read on from a place, through rotation by renaming, by copying and cutting, and through cuts."""

from __future__ import annotations

import os
import time
from collections import deque
from pathlib import Path
from typing import BinaryIO, Final

from cti_adapters.exchanges.file_places import (
    HEAD_BYTES,
    Piece,
    Place,
    Source,
    begins_alike,
    head_of,
    holds,
    holds_inode,
    place_at,
    siblings,
)

GRACE_SECONDS: Final = 1.0
"""So long after it was renamed the old file may still be written to."""
NOTED_BYTES: Final = 2**20
"""So many bytes are read at most between two notes of the place."""


class Tail(Source):
    """Reads the file at ``path``; ``place`` is where it stood last, null at first (then from the file's beginning)."""

    def __init__(self, path: Path, place: Place | None = None) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._name = ""
        self._offset = 0
        self._next: deque[tuple[Path, int]] = deque()  # to be read before the file itself goes on
        self._noted: Place | None = None
        self._resumed = place
        self._begins = False
        self._lost = ""
        self._replaced_at: float | None = None
        self._is_current = True

    def read(self, most: int) -> Piece | None:
        """The next piece. Raises FileNotFoundError while there is no such file, OSError where it can't be read."""
        if self._file is None:
            self._open()
        elif self._is_current and self._was_cut():
            return self._after_cut(most)
        assert self._file is not None
        data = os.pread(self._file.fileno(), most, self._offset)
        if data:
            return self._piece(data)
        if self._next or self._was_replaced():
            self._leave()
            return self.read(most)
        return None

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- opening and leaving

    def _find(self, place: Place) -> None:
        """Where the file of a place is by now, and what was written after it. While there is no file at all, nothing
        is lost yet: a disk may have to be mounted."""
        self._next.clear()
        if holds(self._path, place):
            self._next.append((self._path, place.offset))
            return
        others = list(siblings(self._path))
        at = next((number for number, (_, path) in enumerate(others) if holds(path, place)), None)
        if at is None:
            self._path.stat()
            self._lost, self._begins, self._resumed = "file-shrank", True, None
            return
        self._next.append((others[at][1], place.offset))
        later = (path for _, path in others[at + 1 :])
        self._next.extend((path, 0) for path in later if not begins_alike(path, self._path))

    def _open(self) -> None:
        if self._resumed is not None:
            self._find(self._resumed)
        path, offset = self._next[0] if self._next else (self._path, 0)
        file = path.open("rb")
        if self._next:
            self._next.popleft()
        self._file, self._name, self._offset = file, path.name, offset
        self._is_current = path == self._path
        self._replaced_at = None
        self._begins = self._begins or offset == 0
        self._noted, self._resumed = self._resumed, None

    def _leave(self) -> None:
        """The file is read to its end. There may be others between it and the one that has its name now."""
        if not self._next:
            self._next.extend((path, 0) for path in self._later())
        self.close()
        self._begins = True

    def _was_replaced(self) -> bool:
        """Whether the file has another name by now, and has not been written to for a moment."""
        assert self._file is not None
        ours = os.fstat(self._file.fileno())
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return bool(self._later())  # renamed; the new one is not there yet, or was renamed too
        if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino):
            return False
        now = time.monotonic()
        self._replaced_at = self._replaced_at or now
        return now - self._replaced_at >= GRACE_SECONDS

    def _later(self) -> list[Path]:
        """The files that were renamed after the one that is open. A copy that was made of the one that has its name
        now, to cut that, is none."""
        assert self._file is not None
        ours = os.fstat(self._file.fileno())
        others = [path for _, path in siblings(self._path)]
        for number, path in enumerate(others):
            if holds_inode(path, ours):
                return [later for later in others[number + 1 :] if not begins_alike(later, self._path)]
        return []

    # -- cut

    def _was_cut(self) -> bool:
        """Whether what was read before is not in the file any more."""
        assert self._file is not None
        if os.fstat(self._file.fileno()).st_size < self._offset:
            return True
        known = self._noted
        return known is not None and head_of(self._file, known.head_size) != known.head

    def _after_cut(self, most: int) -> Piece | None:
        """Looks for a copy that holds the rest, then begins anew. Without one it can't be told whether there was
        more."""
        self.close()
        self._begins = True
        known, offset = self._noted, self._offset
        copy = None
        if known is not None:
            old = Place(known.name, 0, 0, known.head, known.head_size, offset)
            copy = next((path for _, path in siblings(self._path) if known.head_size and holds(path, old)), None)
        if copy is None:
            self._lost = "file-shrank"
        else:
            self._next.append((copy, offset))
            self._begins = False
        return self.read(most)

    # -- noting

    def _piece(self, data: bytes) -> Piece:
        assert self._file is not None
        place, lost = None, self._lost
        noted = self._noted
        if (
            noted is None
            or self._offset - noted.offset >= NOTED_BYTES
            or (noted.head_size < HEAD_BYTES and self._offset + len(data) > noted.head_size)
        ):
            place = self._noted = place_at(
                self._file, self._name, self._offset, self._offset + len(data), begins=self._begins
            )
        self._offset += len(data)
        self._begins, self._lost = False, ""
        return Piece(data, place, lost)
