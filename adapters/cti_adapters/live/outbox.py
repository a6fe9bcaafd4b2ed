"""From the dashboard to the daemon: a row committed with what it is about, then a wake-up over AMP on a unix socket.

The wake-up carries ids only and may be lost: the daemon also looks for waiting rows when it starts and every few
seconds. Each row is marked as handled in the same transaction as what its handler changes; what the handler leaves to
be done in memory (tell the screens, dial) is done on the reactor right after that commit.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.application.internet import ClientService, backoffPolicy
from twisted.internet import defer, endpoints, protocol, task, threads
from twisted.logger import Logger
from twisted.protocols import amp

from cti_adapters.storage import outbox as rows
from cti_adapters.storage.outbox import OutboxRow
from cti_adapters.storage.taking_turns import rest
from cti_adapters.storage.work import Database, UnitOfWork
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Unavailable
from cti_server.shared.scope import EVERYTHING

Effect = Callable[[], object]
Handler = Callable[[UnitOfWork, OutboxRow], Effect | None]
"""Called in a worker thread within the transaction that marks the row as handled. What it returns is called on the
reactor after the commit; it must not raise for a reason that trying again would not mend."""

TRIES = 3
"""A row whose handler fails so often is given up, logged and counted."""

AT_ONCE = 100
LONG = 0.02
"""Seconds. A row that took longer is a lot of some long work, and the next of its lots waits already."""
KEPT_DAYS = 7
PRUNE_EVERY = 3600.0


class Wake(amp.Command):
    """Rows wait in the outbox."""

    arguments = [(b"rows", amp.ListOf(amp.Integer()))]  # noqa: RUF012 - how amp declares them
    requiresAnswer = False


class Hello(amp.Command):
    """The dashboard is up and serves pages."""

    arguments = [(b"pid", amp.Integer())]  # noqa: RUF012


class Ping(amp.Command):
    """Whether the dashboard still lives."""


class Outbox:
    """The daemon's side: hands each waiting row to the handler of its kind, exactly once."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        *,
        sweep: float = 5.0,
    ) -> None:
        self._reactor = reactor
        self._database = database
        self._clock = clock
        self._handlers = dict(handlers)
        self._sweeping = task.LoopingCall(self.wake)
        self._sweeping.clock = reactor
        self._sweep = sweep
        self._draining: defer.Deferred[Any] | None = None
        self._again = False
        self._tries: Counter[int] = Counter()
        self._stopped = False
        self._pruned_at = 0.0
        self.handled = 0
        self.given_up = 0

    def start(self) -> None:
        """Handles what waits from before, then whatever comes."""
        self._sweeping.start(self._sweep, now=True)

    def stop(self) -> defer.Deferred[Any]:
        """Stops looking; fires when the row at hand is done."""
        self._stopped = True
        if self._sweeping.running:
            self._sweeping.stop()
        return self._draining or defer.succeed(None)

    def wake(self) -> None:
        """Looks for waiting rows, now. Call it on the reactor thread."""
        if self._stopped:
            return
        if self._draining is not None:
            self._again = True
            return
        self._draining = threads.deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._drain)
        self._draining.addErrback(self._not_now)
        self._draining.addBoth(self._drained)

    def _drained(self, _: Any) -> None:
        self._draining = None
        if self._again:
            self._again = False
            self.wake()

    def _not_now(self, failure: Any) -> None:
        if failure.check(Unavailable):
            self._log.warn("the outbox can't be read just now; it is tried again")
        else:
            self._log.failure("the outbox could not be read", failure)

    def _drain(self) -> None:
        """In a thread: handles rows, oldest first, until none waits but those that failed in this round."""
        failed: set[int] = set()
        while not self._stopped:
            with self._database.open(EVERYTHING) as work:
                waiting = [row for row in rows.waiting(work, AT_ONCE) if row not in failed]
            if not waiting:
                break
            failed.update(row for row in waiting if not self._handle(row))
        now = self._clock.now()
        if now - self._pruned_at >= PRUNE_EVERY:
            self._pruned_at = now
            with self._database.open(EVERYTHING) as work:
                rows.prune(work, now - KEPT_DAYS * 86_400)

    def _handle(self, row_id: int) -> bool:
        """Handles one row; False if it is to be tried again later."""
        began = time.perf_counter()
        try:
            with self._database.open(EVERYTHING, write=True) as work:
                row = rows.take(work, row_id, self._clock.now())
                effect = self._handlers[row.kind](work, row) if row is not None else None
        except Unavailable:
            raise
        except Exception as problem:  # noqa: BLE001 - one bad row must not stop the others
            return self._failed(row_id, problem)
        self._tries.pop(row_id, None)
        self.handled += 1
        if effect is not None:
            self._reactor.callFromThread(self._run, effect)
        elif time.perf_counter() - began > LONG:
            rest(began)
        return True

    def _failed(self, row_id: int, problem: Exception) -> bool:
        self._tries[row_id] += 1
        self._log.error(
            "row {row} of the outbox could not be handled: {problem}", row=row_id, problem=type(problem).__name__
        )
        if self._tries[row_id] < TRIES:
            return False
        del self._tries[row_id]
        with self._database.open(EVERYTHING, write=True) as work:
            rows.take(work, row_id, self._clock.now())
        self.given_up += 1
        return True

    def _run(self, effect: Effect) -> None:
        defer.maybeDeferred(effect).addErrback(
            lambda failure: self._log.failure("what a row of the outbox asked for failed", failure)
        )


class DaemonEnd(amp.AMP):
    """The daemon's end of a connection from a dashboard."""

    factory: DaemonSocket

    @Wake.responder
    def _wake(self, rows: list[int]) -> dict[str, Any]:
        self.factory.outbox.wake()
        return {}

    @Hello.responder
    def _hello(self, pid: int) -> dict[str, Any]:
        self.factory.on_hello(pid, self)
        return {}


class DaemonSocket(protocol.ServerFactory):
    """Listens for the dashboard. ``on_hello(pid, connection)`` is told when it is up."""

    protocol: Any = DaemonEnd
    noisy = False

    def __init__(self, outbox: Outbox, on_hello: Callable[[int, amp.AMP], None]) -> None:
        self.outbox = outbox
        self.on_hello = on_hello


class _DashboardEnd(amp.AMP):
    """The dashboard's end."""

    @Ping.responder
    def _ping(self) -> dict[str, Any]:
        return {}


class WakeUps:
    """The dashboard's side: tells the daemon that rows wait. Connects again by itself."""

    def __init__(self, reactor: Any, socket: Path, pid: int) -> None:
        self._reactor = reactor
        self._pid = pid
        self._connection: amp.AMP | None = None
        factory: Any = protocol.Factory.forProtocol(_DashboardEnd)
        factory.noisy = False
        endpoint: Any = endpoints.UNIXClientEndpoint(reactor, str(socket))
        self._service = ClientService(
            endpoint,
            factory,
            retryPolicy=backoffPolicy(0.1, 5.0),
            clock=reactor,
            prepareConnection=self._connected,
        )

    def start(self) -> None:
        """Connects and says hello."""
        self._service.startService()

    def stop(self) -> defer.Deferred[Any]:
        """Lets the connection go."""
        stopped: defer.Deferred[Any] = self._service.stopService()
        return stopped

    def wake(self, rows: list[int]) -> None:
        """Tells the daemon; from any thread. What gets lost it finds by itself."""
        self._reactor.callFromThread(self._send, list(rows))

    def _connected(self, connection: amp.AMP) -> Any:
        self._connection = connection
        return connection.callRemote(Hello, pid=self._pid)

    def _send(self, rows: list[int]) -> None:
        connection = self._connection
        if connection is not None and connection.transport is not None and connection.transport.connected:
            connection.callRemote(Wake, rows=rows[:100])  # one would do: all that wait are handled
