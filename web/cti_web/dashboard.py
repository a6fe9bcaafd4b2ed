"""The dashboard process: Flask's pages under Twisted's WSGI container, on a unix socket that only the daemon knows.

    python -m cti_web.dashboard --socket PATH --daemon PATH [--mailbox FOLDER]

The settings come as one line of JSON on standard input, so that they are those the daemon runs with. Standard input
stays open for as long as the daemon lives: its end is the end of this process.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from twisted.internet import defer, threads
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ReactorNotRunning
from twisted.logger import ILogObserver, LogLevel, STDLibLogObserver, globalLogBeginner
from twisted.python.threadpool import ThreadPool
from twisted.web import resource, server
from twisted.web.http import Request
from twisted.web.wsgi import WSGIResource
from zope.interface import implementer

from cti_adapters.live.outbox import WakeUps
from cti_adapters.storage.work import Database
from cti_server.review.policy import policy_of
from cti_server.settings import Settings
from cti_server.shared.clock import SystemClock
from cti_web.app import create_app

THREADS = 8
"""Pages made at the same time."""

AHEAD = 128 * 1024
"""Bytes of one answer that may wait to be taken; a thread that is ahead of its browser by more waits for it."""

NICENESS = 5
"""The daemon goes first where there is too little of the machine for both."""

LAST_SECONDS = 5.0
"""How long pages that are being made may still take when the process ends."""

WsgiApp = Callable[..., Iterable[bytes]]


class Pages(resource.Resource):
    """Flask's pages; each answer is made only as fast as it is taken."""

    isLeaf = True

    def __init__(self, reactor: Any, pool: ThreadPool, application: WsgiApp) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._pool = pool
        self._application = application

    def render(self, request: Request) -> int:
        """Has a thread make the page."""
        flow = _Flow(request)

        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            return _Paced(self._reactor, self._application(environ, start_response), flow)

        rendered: int = WSGIResource(self._reactor, self._pool, application).render(request)
        return rendered


class _Flow:
    """Whether the connection takes more; lives on the reactor thread."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._paused = False
        self._gone = False
        self._waiting: defer.Deferred[None] | None = None
        request.registerProducer(self, True)
        request.notifyFinish().addErrback(lambda _: self.stopProducing())

    def pauseProducing(self) -> None:
        """The connection's buffer is full."""
        self._paused = True

    def resumeProducing(self) -> None:
        """The connection's buffer is empty."""
        self._paused = False
        self._release()

    def stopProducing(self) -> None:
        """Nobody is there any more."""
        self._gone = True
        self._release()

    def room(self) -> defer.Deferred[None]:
        """Fires once more may be written. Fails where nobody is there any more."""
        self._waiting = defer.Deferred()
        waiting = self._waiting
        if self._gone or not self._paused:
            self._release()
        return waiting

    def finish(self) -> None:
        """Nothing more is written."""
        if not self._gone:
            self._request.unregisterProducer()

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            if self._gone:
                waiting.errback(ConnectionDone("the browser left"))
            else:
                waiting.callback(None)


class _Paced:
    """A WSGI answer that waits for the browser now and then; iterated in the thread that makes the page."""

    def __init__(self, reactor: Any, parts: Iterable[bytes], flow: _Flow) -> None:
        self._reactor = reactor
        self._parts = parts
        self._flow = flow

    def __iter__(self) -> Iterator[bytes]:
        ahead = 0
        try:
            for part in self._parts:
                yield part
                ahead += len(part)
                if ahead >= AHEAD:
                    ahead = 0
                    self._wait(self._flow.room)
        except ConnectionDone:
            return
        except Exception:
            self._finish()  # close() is not called for an answer that broke off
            raise

    def _wait(self, what: Callable[[], Any]) -> None:
        threads.blockingCallFromThread(self._reactor, what)

    def _finish(self) -> None:
        # Not waited for: the reactor may be at its end by now, and it keeps the order anyway.
        self._reactor.callFromThread(self._flow.finish)

    def close(self) -> None:
        """The page is made: says so to Flask, and lets the connection go on to the next."""
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()
        self._finish()


_Request: Any = server.Request


class FromDaemon(_Request):  # type: ignore[misc]
    """A request that the daemon passed on: who the browser is stands in the daemon's headers."""

    def getClientAddress(self) -> IPv4Address:
        """The browser's address."""
        return IPv4Address("TCP", self.getHeader("x-forwarded-for") or "", 0)

    def getHost(self) -> IPv4Address:
        """A unix socket has no port, but WSGI wants one."""
        return IPv4Address("TCP", "127.0.0.1", 443 if self.isSecure() else 80)

    def isSecure(self) -> bool:
        """Whether the browser speaks https."""
        return bool(self.getHeader("x-forwarded-proto") == "https")


def main(arguments: list[str] | None = None) -> None:
    """Serves pages until the daemon goes or says stop."""
    parser = argparse.ArgumentParser(prog="cti_web.dashboard", description="Started by `cti serve`.")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--daemon", type=Path, required=True)
    parser.add_argument("--mailbox", type=Path)
    options = parser.parse_args(arguments)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon; it takes us along
    os.nice(NICENESS)
    settings = Settings.model_validate_json(_first_line())

    from twisted.internet import reactor as installed

    reactor: Any = installed
    globalLogBeginner.beginLoggingTo([_problems], redirectStandardIO=False)
    wake_ups = WakeUps(reactor, options.daemon, os.getpid())
    database = Database(settings.database_url, policy=policy_of(settings.review))
    app = create_app(database, settings, SystemClock(), wake_ups, mailbox=options.mailbox)
    pool = ThreadPool(1, THREADS, "pages")
    site = server.Site(
        Pages(reactor, pool, app.wsgi_app), requestFactory=FromDaemon, reactor=reactor, parsePOSTFormSubmission=False
    )
    site.noisy = False
    reactor.listenUNIX(str(options.socket), site, mode=0o600, backlog=256)
    reactor.callWhenRunning(pool.start)
    reactor.callWhenRunning(wake_ups.start)
    threading.Thread(target=_end_with_input, args=(reactor,), daemon=True).start()
    reactor.addSystemEventTrigger("before", "shutdown", _no_longer_than, LAST_SECONDS)
    reactor.run()
    pool.stop()
    database.close()


def die_with_parent() -> None:
    """Has Linux end this process with its parent, even if it hangs so badly that nothing of ours runs any more."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG, prctl(2)
        if os.getppid() != parent:
            os._exit(1)


def _first_line() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 65536)
        if not part:
            sys.exit(1)
        line += part
    return line


def _end_with_input(reactor: Any) -> None:
    while os.read(0, 4096):
        pass
    reactor.callFromThread(_stop, reactor)
    _no_longer_than(LAST_SECONDS)


def _stop(reactor: Any) -> None:
    with contextlib.suppress(ReactorNotRunning):  # it was told to stop already
        reactor.stop()


def _no_longer_than(seconds: float) -> None:
    """Ends the process after so long, whatever it still does."""
    last = threading.Timer(seconds, os._exit, (0,))
    last.daemon = True
    last.start()


_observer = STDLibLogObserver("cti_web")


@implementer(ILogObserver)  # type: ignore[untyped-decorator]
def _problems(event: Any) -> None:
    """Twisted's own warnings and errors go where Python's logging goes."""
    if event.get("log_level", LogLevel.info) >= LogLevel.warn:
        _observer(event)


if __name__ == "__main__":
    main()
