"""A real reactor of its own, running in a thread, for tests that speak over loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread


class Running:
    """A reactor that runs, and a way to call into it."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        self._thread = threading.Thread(target=self.reactor.run, kwargs={"installSignalHandlers": False})
        started = threading.Event()
        self.reactor.callWhenRunning(started.set)
        self._thread.start()
        started.wait(10)

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Calls it on the reactor's thread and waits for the result (of its Deferred)."""
        return blockingCallFromThread(self.reactor, function, *arguments, **options)

    def stop(self) -> None:
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(20)
        assert not self._thread.is_alive()


@contextmanager
def running_reactor() -> Iterator[Running]:
    running = Running()
    try:
        yield running
    finally:
        running.stop()


def until(true: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Waits for something that another thread brings about; fails saying what did not come."""
    gate = threading.Event()
    for _ in range(int(seconds / 0.005)):
        found = true()
        if found:
            return found
        gate.wait(0.005)
    raise AssertionError(f"waited {seconds} s in vain for {what}")
