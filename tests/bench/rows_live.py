"""The live streams: what a screen costs, what one that does not read costs, and telling everybody."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from cti_adapters.live.hub import Hub
from cti_server.identity.desk import LiveSession
from cti_server.shared.clock import SystemClock
from cti_server.shared.notices import CallChanged, Candidate, ExchangeChanged
from cti_server.shared.scope import Label, Span
from tests.bench.measure import Row, resident_bytes
from tests.bench.world import viewer

SCREENS = {"small": 100, "full": 5000, "huge": 10000}
ROUNDS = {"small": 3, "full": 20, "huge": 20}


class Sessions:
    """Everybody is signed in: token tN is rep N."""

    def by_token(self, token: str) -> Any:
        """The session of a token."""
        return self.by_id(token)

    def by_id(self, session: str) -> Any:
        """The session of an id."""
        return LiveSession(session, viewer(Span.BRANCH, session.removeprefix("t")))


def _raise_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))


def _clients(port: int, count: int, reading: bool) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.drain", str(port), str(count), str(int(reading))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


class _Bench:
    """A hub behind `/live` on a real reactor, and steps that are taken when their condition holds."""

    def __init__(self) -> None:
        from twisted.internet import epollreactor

        epollreactor.install()
        from twisted.internet import reactor
        from twisted.web.resource import Resource
        from twisted.web.server import Site

        from cti_web.push import LiveResource

        _raise_limit()
        self.reactor: Any = reactor
        self.hub = Hub(SystemClock(), show=lambda number, masked: number, streams_per_user=100)
        live = LiveResource(self.hub, Sessions(), reactor)
        root = Resource()
        root.putChild(b"live", live)
        port = self.reactor.listenTCP(0, Site(root), interface="127.0.0.1", backlog=4096)
        self.port: int = port.getHost().port
        live.start()

    def __enter__(self) -> _Bench:
        self.reactor.startRunning()
        return self

    def __exit__(self, *_: object) -> None:
        self.reactor.getThreadPool().stop()

    def wait(self, until: Callable[[], bool], seconds: float = 120.0) -> None:
        """Lets the reactor run until a condition holds."""
        end = time.monotonic() + seconds
        while not until():
            self.reactor.runUntilCurrent()
            self.reactor.doIteration(0.005)
            if time.monotonic() > end:
                raise TimeoutError("the screens did not come up")

    def settle(self, rounds: int = 50) -> None:
        """Lets what is under way go out."""
        for _ in range(rounds):
            self.reactor.runUntilCurrent()
            self.reactor.doIteration(0.001)


def screens(size: str) -> list[Row]:
    """Memory per open screen, and what piles up for one that does not read."""
    with _Bench() as bench:
        return _screens(bench, size)


def _screens(bench: _Bench, size: str) -> list[Row]:
    count = SCREENS[size]
    bench.settle()
    warm = _clients(bench.port, 20, True)
    bench.wait(lambda: bench.hub.stats()["streams"] == 20)
    before = resident_bytes()
    clients = _clients(bench.port, count, True)
    bench.wait(lambda: bench.hub.stats()["streams"] == count + 20)
    bench.settle()
    each = (resident_bytes() - before) / count
    for process in (warm, clients):
        process.kill()
        process.wait()
    bench.wait(lambda: bench.hub.stats()["streams"] == 0)
    deaf = _clients(bench.port, 1, False)
    bench.wait(lambda: bench.hub.stats()["streams"] == 1)
    most = 0
    while bench.hub.stats()["streams"]:
        bench.hub.publish(_call(len(os.urandom(1))))
        most = max(most, bench.hub.stats()["bytes_waiting"])
        bench.reactor.runUntilCurrent()
        bench.reactor.doIteration(0)
    deaf.kill()
    deaf.wait()
    return [
        Row(
            f"memory per open screen ({count:,} screens)",
            each / 1024,
            "KB",
            10,
            False,
            "this process's resident memory",
            "Twisted's connection and request objects",
        ),
        Row("most that waits for a screen that does not read", most / 1024, "KB", 256, False, "then it is cut off"),
    ]


def _call(number: int) -> CallChanged:
    card = {"code": "100101", "name": "Customer", "kana": "", "branch": "007", "note": "x" * 500}
    return CallChanged(
        f"hq-{number}", {"state": "ringing"}, (Candidate(Label("customer", "000", "0", 2), card),), "+81312345678"
    )


def broadcast(size: str) -> list[Row]:
    """One notice to every screen, beside bare socket.send of the same bytes to as many sockets; processor time."""
    with _Bench() as bench:
        return _broadcast(bench, size)


def _broadcast(bench: _Bench, size: str) -> list[Row]:
    count, rounds = SCREENS[size], ROUNDS[size]
    clients = _clients(bench.port, count, True)
    bench.wait(lambda: bench.hub.stats()["streams"] == count)
    bench.settle()
    sent = bench.hub.stats()["bytes_sent"]
    begun = time.process_time()
    for number in range(rounds):
        bench.hub.publish(ExchangeChanged("hq", "121", f"up{number}"))
        while bench.reactor.getWriters():
            bench.reactor.runUntilCurrent()
            bench.reactor.doIteration(0)
    ours = time.process_time() - begun
    data = b"x" * ((bench.hub.stats()["bytes_sent"] - sent) // (rounds * count))
    clients.kill()
    clients.wait()
    server = socket.create_server(("127.0.0.1", 0), backlog=4096)
    clients = _clients(server.getsockname()[1], count, True)
    links = [server.accept()[0] for _ in range(count)]
    begun = time.process_time()
    for _ in range(rounds):
        for link in links:
            link.send(data)
    bare = time.process_time() - begun
    clients.kill()
    clients.wait()
    return [
        Row(
            f"broadcast to {count:,} screens",
            bare / ours,
            "× bare socket.send",
            0.3,
            True,
            f"socket.send ({bare / rounds * 1e3:.0f} ms a round; ours {ours / rounds * 1e3:.0f} ms)",
            "a buffered write and an epoll round per transport",
        )
    ]
