"""A folder into which finished files are dropped: each is read once, whatever it is called later."""

from __future__ import annotations

import os
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, Final

from cti_adapters.exchanges.file_places import Piece, Place, Source, digest_of, place_at
from cti_adapters.exchanges.file_tail import NOTED_BYTES

SETTLED_SECONDS: Final = 2.0
"""A file that has not changed for so long is finished."""
UNFINISHED: Final = (".part", ".tmp", ".filepart", ".partial", ".crdownload")


class Drop(Source):
    """Reads the files of a folder, the oldest first. ``memory``: the file that remembers what was read, by content."""

    def __init__(self, folder: Path, pattern: str, memory: Path, place: Place | None = None) -> None:
        self._folder = folder
        self._pattern = pattern
        self._memory = memory
        self._taken = set(memory.read_text("ascii").split()) if memory.exists() else set()
        self._looked: dict[str, tuple[tuple[int, int], float]] = {}  # name: size and time, since when
        self._done: dict[str, tuple[int, int]] = {}
        self._file: BinaryIO | None = None
        self._name = self._digest = ""
        self._offset = self._noted = 0
        self._lost = ""
        if place is not None and place.ends:
            self._remember(place.digest)
        elif place is not None:
            self._resume(place)

    def read(self, most: int) -> Piece | None:
        """The next piece. Raises FileNotFoundError while there is no such folder."""
        if self._file is None and not self._open_next():
            return None
        assert self._file is not None
        data = os.pread(self._file.fileno(), most, self._offset)
        if not data:
            over = self._place(ends=True)
            self.close()
            return Piece(b"", over)
        begins = self._offset == 0
        due = begins or self._lost or self._offset - self._noted >= NOTED_BYTES
        place = self._place(begins=begins) if due else None
        self._noted = self._offset if due else self._noted
        self._offset += len(data)
        lost, self._lost = self._lost, ""
        return Piece(data, place, lost)

    def finished(self) -> None:
        """The journal knows that the last file is over."""
        self._remember(self._digest)

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _place(self, **more: bool) -> Place:
        assert self._file is not None
        return place_at(self._file, self._name, self._offset, self._offset, digest=self._digest, **more)

    # -- which file

    def _open_next(self) -> bool:
        for name, sign in self._finished_files():
            path = self._folder / name
            digest = digest_of(path)
            self._done[name] = sign
            if digest not in self._taken:
                self._open(path, digest, 0)
                return True
        return False

    def _open(self, path: Path, digest: str, offset: int) -> None:
        self._file = path.open("rb")
        self._name, self._digest, self._offset, self._noted = path.name, digest, offset, offset

    def _finished_files(self) -> list[tuple[str, tuple[int, int]]]:
        """(name, size and time) of the files that are finished and were not read yet, the oldest first."""
        now = time.monotonic()
        found, looked = [], {}
        for entry in self._entries():
            try:
                stat = entry.stat()
            except FileNotFoundError:
                continue
            sign = stat.st_size, stat.st_mtime_ns
            before, since = self._looked.get(entry.name, (None, now))
            looked[entry.name] = (sign, since if before == sign else now)
            if before == sign and now - since >= SETTLED_SECONDS and self._done.get(entry.name) != sign:
                found.append((stat.st_mtime_ns, entry.name, sign))
        self._looked = looked
        return [(name, sign) for _, name, sign in sorted(found)]

    def _entries(self) -> list[os.DirEntry[str]]:
        with os.scandir(self._folder) as entries:
            return [
                entry
                for entry in entries
                if entry.is_file()
                and fnmatchcase(entry.name, self._pattern)
                and not entry.name.startswith(".")
                and not entry.name.endswith(UNFINISHED)
            ]

    def _resume(self, place: Place) -> None:
        """Goes on with the file that was being read; it may have another name by now."""
        try:
            entries = sorted(self._entries(), key=lambda entry: entry.name != place.name)
            for entry in entries:
                if entry.stat().st_size >= place.offset and digest_of(Path(entry.path)) == place.digest:
                    self._open(Path(entry.path), place.digest, place.offset)
                    return
        except FileNotFoundError:
            pass  # the folder, or a file in it, is gone: so is what was left to read
        self._lost = "file-vanished"

    def _remember(self, digest: str) -> None:
        if digest in self._taken:
            return
        self._taken.add(digest)
        with self._memory.open("a", encoding="ascii") as file:
            file.write(f"{digest}\n")
            file.flush()
            os.fsync(file.fileno())
