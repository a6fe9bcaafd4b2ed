"""The writer: one thread that takes all lanes in turn, because SQLite has one writer."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from cti_adapters.exchanges.lane import Lane
from cti_server.shared.notices import Notice

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while another one waits for it. Python's own 5 ms would be seen as a
delay between a ringing telephone and the pop-up."""


class Writer:
    """Gives every lane that has work one batch, round and round, and sleeps when none has.

    ``deliver`` gets the notices of a committed batch, in the writer's thread.
    """

    def __init__(
        self, deliver: Callable[[list[Notice]], None], *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._deliver = deliver
        self._seconds = seconds
        self._lanes: tuple[Lane, ...] = ()
        self._changing = threading.Lock()  # the tuple of lanes; never held for long
        self._stepping = threading.Lock()  # while a lane works
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._rung = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begins."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._thread.start()

    def stop(self) -> None:
        """Ends after the batch at hand. What is left in the journals is taken up at the next start."""
        self._stopping = True
        self._bell.put(None)
        if self._thread.ident is not None:
            self._thread.join()

    def add(self, lane: Lane) -> None:
        """Takes a lane in."""
        with self._changing:
            self._lanes = (*self._lanes, lane)
        self.wake()

    def remove(self, lane: Lane) -> None:
        """Lets a lane go; it is not touched any more when this returns. May wait for a batch: not for the reactor."""
        with self._changing:
            self._lanes = tuple(other for other in self._lanes if other is not lane)
        with self._stepping:
            return

    def wake(self) -> None:
        """There may be work. Cheap, from any thread."""
        if not self._rung:
            self._rung = True
            self._bell.put(None)

    def _run(self) -> None:
        while not self._stopping:
            self._rung = False  # before looking: whoever rings from now on is heard
            if not self._round():
                self._sleep()

    def _round(self) -> bool:
        """One batch of every lane; whether any had work."""
        worked = False
        for lane in self._lanes:
            with self._stepping:
                notices = lane.step(self._seconds()) if lane in self._lanes else None
            if notices is not None:
                worked = True
                if notices:
                    self._deliver(notices)
        return worked

    def _sleep(self) -> None:
        now = self._seconds()
        waits = [lane.retry_at - now for lane in self._lanes if lane.retry_at > now]
        try:
            self._bell.get(timeout=min(waits) if waits else None)
        except Empty:
            return
