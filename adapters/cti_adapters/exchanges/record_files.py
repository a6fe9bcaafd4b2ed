"""Records in files: one that grows, or a folder of finished ones (spec O3).

Where reading stands is in the journal: a PLACE says which file, and from where on the bytes that follow it come. So
nothing is lost or there twice, whenever the server is killed. That the server was not running is no gap: the file
waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from cti_adapters.exchanges.file_drop import Drop
from cti_adapters.exchanges.file_places import Piece, Place, Source
from cti_adapters.exchanges.file_tail import Tail
from cti_adapters.exchanges.record_link import RecordLink
from cti_adapters.exchanges.status import Link, Reason
from cti_adapters.journal.files import Kind

LOOK_SECONDS: Final = 0.5
PIECE_BYTES: Final = 32 * 1024
MISSING_SECONDS: Final = 60.0
"""So long a file may be away, as while it is rotated, before that is a gap."""


class FilesLink(RecordLink):
    """Looks again and again for what is new, in a thread; how is for the kinds of it to say."""

    missing = "file-missing"

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._source: Source | None = None
        self._looking: Deferred[Any] | None = None
        self._missing_since: float | None = None
        self._read_at = 0.0
        self._over = False  # the journal has the end of a finished file, and its source is to be told so

    def start(self) -> None:
        """Goes on where the journal says that reading stood."""
        self._running = True
        last = self._journal.last
        if last is not None and last.kind is Kind.DOWN:
            self._blind = json.loads(last.payload)
        self._connect()

    def _source_at(self, place: Place | None) -> Source:
        raise NotImplementedError

    # -- looking

    def _connect(self) -> None:
        self._timer = None
        if self.state.state is Link.STOPPED:
            self._say(Link.CONNECTING, self._connecting())
        if self._looking is not None or self._intake.paused:
            return
        looking: Deferred[Any] = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._look)
        self._looking = looking
        looking.addCallbacks(self._found, self._not_read)

    def _look(self) -> Piece | None:
        if self._source is None:
            place = place_in(self._journal)
            self._source = self._source_at(place)
        if self._over and isinstance(self._source, Drop):
            self._source.finished()
            self._over = False
        return self._source.read(PIECE_BYTES)

    def _found(self, piece: Piece | None) -> None:
        self._looking = None
        if not self._running:
            self._ended()
            return
        self._open_at(self._clock.now())
        if piece is None:
            self._timer = self._reactor.callLater(LOOK_SECONDS, self._connect)
            return
        self._take(piece, self._clock.now())
        if not self._intake.paused:
            self._timer = self._reactor.callLater(0, self._connect)

    def _take(self, piece: Piece, at: float) -> None:
        if piece.lost:
            self._journal_down(piece.lost, self._read_at or at)
            self._journal_up(at)
            self._warn(Reason(piece.lost, {"path": str(self._settings.path)}))
        if piece.place is not None:
            self._intake.add(Kind.PLACE, json.dumps(piece.place.as_json()).encode(), at)
        if piece.data:
            self._keep(piece.data, at)
        self._read_at = at
        self._over = self._over or (piece.place is not None and piece.place.ends)

    def _open_at(self, at: float) -> None:
        """It can be read: what came before is gone on with, without a gap where there was none."""
        self._missing_since = None
        if self.state.state is Link.UP:
            return
        if not self._intake.heard:
            self._journal_up(at)
        if self._tick is None:
            self._keep_ticking()
        self._up_at = self._reactor.seconds()
        self._silence.since = max(self._silence.since, at)
        self.counters.connects += 1
        self._say(Link.UP, Reason(), connected_since=at)

    def _not_read(self, failure: Failure) -> None:
        self._looking = None
        failure.trap(OSError)
        if not self._running:
            self._ended()
            return
        now = self._reactor.seconds()
        self._missing_since = self._missing_since or now
        if now - self._missing_since >= MISSING_SECONDS and self._intake.heard:
            self._stop_ticking()
            self._journal_down(self.missing, None)
        path = str(self._settings.path)
        if isinstance(failure.value, FileNotFoundError):
            reason = Reason(self.missing, {"path": path})
        else:
            said = getattr(failure.value, "strerror", None) or type(failure.value).__name__
            reason = Reason("file-unreadable", {"path": path, "error": said})
        self._say(Link.DOWN, reason, connected_since=None)
        self._timer = self._reactor.callLater(LOOK_SECONDS, self._connect)

    # -- how it is kept (KeptLink)

    def _connecting(self) -> Reason:
        return Reason("opening-line", {"device": str(self._settings.path)})

    def _abandon(self) -> None:
        return

    def _close(self, reason: Reason) -> bool:
        """What is being read is let finish; the journal stays as it is, since nothing is missed."""
        return self._looking is not None

    def _ended(self) -> None:
        self._stop_ticking()
        if self._source is not None:
            self._source.close()
        super()._ended()

    def _pause_reading(self) -> None:
        return  # nothing is read while the intake holds something

    def _resume_reading(self) -> bool:
        if self._running and self._timer is None and self._looking is None:
            self._timer = self._reactor.callLater(0, self._connect)
        return self._running


class TailLink(FilesLink):
    """A file that grows."""

    def _source_at(self, place: Place | None) -> Source:
        return Tail(_path(self._settings.path), place)


class DropLink(FilesLink):
    """A folder into which finished files are dropped."""

    missing = "folder-missing"

    def _source_at(self, place: Place | None) -> Source:
        return Drop(_path(self._settings.path), self._settings.pattern, self._journal.folder / "taken", place)


def place_in(journal: Any) -> Place | None:
    """Where reading stands according to a journal: the newest PLACE, and the bytes after it."""
    found, after = journal.newest(Kind.PLACE)
    if found is None:
        return None
    told = json.loads(found.payload)
    told["offset"] += after
    return Place(**told)


def _path(path: Path | None) -> Path:
    assert path is not None, "the settings have seen to it"
    return path
