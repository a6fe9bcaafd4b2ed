"""Real reactors for tests, one per test: Twisted's own can be run only once in a process."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure


def run(scenario: Callable[[Any], Coroutine[Any, Any, Any]], *, seconds: float = 20.0) -> Any:
    """Runs a coroutine on a reactor of its own and returns what it returns."""
    reactor = EPollReactor()
    results: list[Any] = []

    def begin() -> None:
        done = ensureDeferred(scenario(reactor))
        done.addTimeout(seconds, reactor)
        done.addBoth(results.append)
        done.addBoth(lambda _: reactor.callLater(0, reactor.stop))

    reactor.callWhenRunning(begin)
    # TLS flushes its small writes on the process-wide reactor, which never runs here.
    with patch("twisted.protocols.tls._get_default_clock", lambda: reactor):
        reactor.run(installSignalHandlers=False)
    for reader in reactor.removeAll():
        reader.connectionLost(Failure(ConnectionError("the test is over")))
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def sleep(reactor: Any, seconds: float) -> Deferred[None]:
    """Fires after a while."""
    done: Deferred[None] = Deferred()
    reactor.callLater(seconds, done.callback, None)
    return done


async def until(reactor: Any, condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Waits for something to become true."""
    deadline = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < deadline, "it did not come true in time"
        await sleep(reactor, 0.005)
