"""The daemon's hold on the dashboard process: starts it, knows when it is up, starts it again when it dies or hangs,
and takes it along when the daemon ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet import defer, protocol, task
from twisted.internet.error import ProcessExitedAlready
from twisted.logger import Logger
from twisted.protocols import amp

from cti_adapters.live.outbox import DaemonSocket, Outbox, Ping
from cti_server.settings import Settings

LONGEST_SOCKET_PATH = 100
"""Linux takes 107 bytes (unix(7))."""

UP_WITHIN = 60.0
PING_EVERY = 5.0
ANSWER_WITHIN = 20.0
STOP_WITHIN = 8.0
STEADY_AFTER = 10.0
"""Seconds that it has to be up for before its death counts as the first again."""

WAITS = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Before the first, second ... restart in a row."""


class Sockets:
    """Where the two processes meet: in the data folder, or, where that path is too long for a unix socket, in a
    private temporary folder. The data folder is locked by whoever runs the server (``cti_server.main``)."""

    def __init__(self, data_dir: Path) -> None:
        self._temporary: Path | None = None
        folder = data_dir
        if len(os.fsencode(data_dir / "dashboard.sock")) > LONGEST_SOCKET_PATH:
            folder = self._temporary = Path(tempfile.mkdtemp(prefix="yobirin-"))
        self.dashboard = folder / "dashboard.sock"
        self.daemon = folder / "daemon.sock"

    def close(self) -> None:
        """Takes the temporary folder away."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


class Watch:
    """Keeps one dashboard process running. ``start`` and ``stop`` on the reactor thread."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        outbox: Outbox,
        *,
        mailbox: Path | None = None,
        environment: Mapping[str, str] | None = None,
        module: str = "cti_web.dashboard",
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._mailbox = mailbox
        self._environment = dict(os.environ if environment is None else environment)
        self._module = module
        self._sockets = Sockets(settings.data_dir)
        self._factory = DaemonSocket(outbox, self._hello)
        self._listening: Any = None
        self._process: _Process | None = None
        self._connection: amp.AMP | None = None
        self._pinging = task.LoopingCall(self._ping)
        self._pinging.clock = reactor
        self._later: Any = None
        self._up_since: float | None = None
        self._deaths_in_a_row = 0
        self._stopping = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process that runs now."""
        return self._process.pid if self._process is not None else None

    def socket(self) -> Path | None:
        """Where pages are to be had; null while the dashboard is not up."""
        return self._sockets.dashboard if self._up_since is not None else None

    def check(self) -> str | None:
        """For the health page: null if it is up."""
        return None if self._up_since is not None else "the dashboard process is starting"

    def start(self) -> None:
        """Listens for the dashboard and starts it."""
        self._sockets.daemon.unlink(missing_ok=True)
        self._listening = self._reactor.listenUNIX(str(self._sockets.daemon), self._factory, mode=0o600)
        self._pinging.start(PING_EVERY, now=False)
        self._spawn()

    @defer.inlineCallbacks
    def stop(self) -> Any:
        """Ends the dashboard; fires when it is gone."""
        self._stopping = True
        self._up_since = None
        if self._pinging.running:
            self._pinging.stop()
        if self._later is not None and self._later.active():
            self._later.cancel()
        if self._process is not None:
            process = self._process
            process.signal("TERM")
            kill = self._reactor.callLater(STOP_WITHIN, process.signal, "KILL")
            yield process.ended
            if kill.active():
                kill.cancel()
        if self._listening is not None:
            yield self._listening.stopListening()
        self._sockets.close()

    def _spawn(self) -> None:
        self._sockets.dashboard.unlink(missing_ok=True)  # one that was killed leaves it behind
        arguments = [sys.executable, "-m", self._module, "--socket", str(self._sockets.dashboard)]
        arguments += ["--daemon", str(self._sockets.daemon)]
        if self._mailbox is not None:
            arguments += ["--mailbox", str(self._mailbox)]
        process = _Process(self._settings.model_dump_json().encode() + b"\n")
        process.ended.addCallback(self._died)
        self._process = process
        # Standard output goes where errors go: what the daemon prints stays its own.
        self._reactor.spawnProcess(process, sys.executable, arguments, self._environment, childFDs={0: "w", 1: 2, 2: 2})
        self._later = self._reactor.callLater(UP_WITHIN, self._too_late, process)

    def _hello(self, pid: int, connection: amp.AMP) -> None:
        if self._stopping or pid != self.pid:
            return
        self._connection = connection
        if self._up_since is None:
            self._up_since = self._reactor.seconds()
            self._log.info("the dashboard is up")
        if self._later.active():
            self._later.cancel()

    def _too_late(self, process: _Process) -> None:
        self._log.error("the dashboard did not come up within {seconds} s", seconds=UP_WITHIN)
        process.signal("KILL")

    def _ping(self) -> defer.Deferred[Any] | None:
        process = self._process
        if self._up_since is None or self._connection is None or process is None:
            return None
        answer = self._connection.callRemote(Ping)
        answer.addTimeout(ANSWER_WITHIN, self._reactor)
        answer.addErrback(lambda _: self._hangs(process))
        return answer  # type: ignore[no-any-return]

    def _hangs(self, process: _Process) -> None:
        if process is self._process and not self._stopping:
            self._log.error("the dashboard does not answer; it is ended and started again")
            process.signal("KILL")

    def _died(self, status: Any) -> None:
        up_for = 0.0 if self._up_since is None else self._reactor.seconds() - self._up_since
        self._process = None
        self._connection = None
        self._up_since = None
        if self._later is not None and self._later.active():
            self._later.cancel()
        if self._stopping:
            return
        self._deaths_in_a_row = 1 if up_for >= STEADY_AFTER else self._deaths_in_a_row + 1
        wait = WAITS[min(self._deaths_in_a_row, len(WAITS)) - 1]
        self.restarts += 1
        self._log.error("the dashboard ended ({status}); it is started again in {wait} s", status=status, wait=wait)
        self._later = self._reactor.callLater(wait, self._spawn)


class _Process(protocol.ProcessProtocol):
    """One dashboard process. ``ended`` fires with what ended it."""

    def __init__(self, first_line: bytes) -> None:
        self._first_line = first_line
        self.ended: defer.Deferred[str] = defer.Deferred()
        self.pid: int | None = None

    def connectionMade(self) -> None:
        """It runs: gives it the settings."""
        transport: Any = self.transport
        self.pid = transport.pid
        transport.write(self._first_line)

    def signal(self, name: str) -> None:
        """Sends a signal; one that has ended is left in peace."""
        transport: Any = self.transport
        with contextlib.suppress(ProcessExitedAlready):
            transport.signalProcess(name)

    def processEnded(self, reason: Any) -> None:
        """It is gone."""
        value = reason.value
        self.ended.callback(f"signal {value.signal}" if value.signal else f"status {value.exitCode}")
