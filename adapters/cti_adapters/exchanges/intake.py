"""The way of an exchange's bytes into its journal, and what happens while the journal can't take them (a full disk)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol

from cti_adapters.exchanges.status import Reason
from cti_adapters.exchanges.steady_time import Timer, Timers
from cti_adapters.journal.files import Journal, JournalFull, Kind

log = logging.getLogger(__name__)

RETRY_SECONDS = 3.0


class Reader(Protocol):
    """Who is to stop and go on reading; told by the intake."""

    def pause(self, reason: Reason) -> None:
        """Nothing more can be kept: stop reading."""

    def resume(self) -> None:
        """All that was held is kept now: go on."""


class Intake:
    """Appends to the journal and wakes the lane. What a full disk refuses is held, in order, and tried again every
    few seconds; meanwhile the reader is paused, so that not more than one read is ever held."""

    def __init__(self, journal: Journal, wake: Callable[[], None], reactor: Timers) -> None:
        self._journal = journal
        self._wake = wake
        self._reactor = reactor
        self._held: deque[tuple[Kind, bytes, float]] = deque()
        self._retry: Timer | None = None
        self.reader: Reader | None = None
        self.pauses = 0

    @property
    def paused(self) -> bool:
        """Whether something is held."""
        return bool(self._held)

    @property
    def heard(self) -> bool:
        """Whether the journal's newest record says that the exchange is being listened to."""
        for kind, _, _ in reversed(self._held):
            if kind is not Kind.ASIDE:
                return kind is not Kind.DOWN
        return self._journal.last is not None and self._journal.last.kind is not Kind.DOWN

    def add(self, kind: Kind, payload: bytes, at: float) -> None:
        """Keeps a record; ``at`` is epoch seconds, UTC."""
        if self._held:
            self._held.append((kind, payload, at))
            return
        try:
            self._journal.append(kind, payload, at)
        except OSError as bad:
            self._hold((kind, payload, at), bad)
        else:
            self._wake()

    def stop(self) -> None:
        """Gives up what is held (it is tried one last time)."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        try:
            self._append_held()
        except OSError as bad:
            log.error("the journal could not take the last %d records: %s", len(self._held), bad)
        self._held.clear()

    def _hold(self, record: tuple[Kind, bytes, float], bad: OSError) -> None:
        self._held.append(record)
        self.pauses += 1
        self._retry = self._reactor.callLater(RETRY_SECONDS, self._try_again)
        log.error("the journal can't take what the exchange sends; reading stops: %s", bad)
        if self.reader is not None:
            self.reader.pause(_why(bad))

    def _append_held(self) -> None:
        while self._held:
            self._journal.append(*self._held[0])
            self._held.popleft()
            self._wake()

    def _try_again(self) -> None:
        self._retry = None
        try:
            self._append_held()
        except OSError as bad:
            self._retry = self._reactor.callLater(RETRY_SECONDS, self._try_again)
            if self.reader is not None:
                self.reader.pause(_why(bad))
            return
        log.info("the journal can be written to again; reading goes on")
        if self.reader is not None:
            self.reader.resume()


def _why(bad: OSError) -> Reason:
    if isinstance(bad, JournalFull):
        return Reason("disk-full")
    return Reason("journal-failed", {"error": bad.strerror or type(bad).__name__})
