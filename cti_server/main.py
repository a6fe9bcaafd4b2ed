"""Builds a server from its settings and runs it: the only module that sees everything.

The order of things: data folder and its lock, database, live hub, feeds, dashboard, port. Ending goes the other way:
nothing is told or taken any more that could not be kept.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from cti_server.settings import Settings, load
from cti_server.shared.errors import SettingsError

log = logging.getLogger(__name__)


def run(
    settings: Settings,
    *,
    config: Path | None = None,
    on_ready: Callable[[], None] | None = None,
    mailbox: Path | None = None,
) -> int:
    """Runs a server until it is told to end (Ctrl-C, SIGTERM); gives the exit status.

    ``config``: the file the settings came from, read again at SIGHUP. ``on_ready``: called on the reactor's thread once
    everything is up. ``mailbox``: mails go to a mail server of our own that keeps them in this folder (the demo).
    Raises SettingsError where it can't start as the settings say.
    """
    _install_reactor()
    _log_to_stderr()
    from cti_server.server import Server

    with ExitStack() as held:
        held.enter_context(_data_folder(settings.data_dir))
        server = Server(settings, mailbox=mailbox, on_ready=on_ready)
        if config is not None:
            signal.signal(signal.SIGHUP, lambda *_: server.reactor.callFromThread(_reload, server, config))
        return server.run()


def _reload(server: Any, config: Path) -> None:
    try:
        settings = load(config)
    except SettingsError as problem:
        log.error("the settings were not taken over: %s", problem)
        return
    server.apply(settings)


def _install_reactor() -> None:
    """The epoll reactor, twice as quick as the alternatives with many screens; where there is none, the platform's."""
    if "twisted.internet.reactor" in sys.modules:
        return
    if sys.platform == "linux":
        from twisted.internet import epollreactor

        epollreactor.install()


def _log_to_stderr() -> None:
    """One line a message. Numbers, names and secrets are in none of them."""
    from twisted.logger import STDLibLogObserver, globalLogBeginner

    level = os.environ.get("YOBIRIN_LOG", "WARNING").upper()
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for loud in ("apscheduler", "alembic"):
        logging.getLogger(loud).setLevel(logging.ERROR)
    observer: Any = STDLibLogObserver("twisted")
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


class _data_folder:
    """Makes the folder and holds its lock, so that no two servers write to one journal."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def __enter__(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = (self._folder / "server.lock").open("w", encoding="ascii")
        except OSError as bad:
            raise SettingsError(
                f"the data folder {self._folder} can't be used ({bad.strerror}); make it writable, or set another "
                "data_dir under [server]"
            ) from bad
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as bad:
            raise SettingsError(
                f"another server runs on the data folder {self._folder}; end it, or set another data_dir"
            ) from bad

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
