"""Records over TCP: we connect to the exchange, or it connects to us (spec O3)."""

from __future__ import annotations

import logging
from collections import deque
from ipaddress import ip_address, ip_network
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_client import CONNECT_SECONDS, why_not_connected
from cti_adapters.exchanges.link import where
from cti_adapters.exchanges.record_link import RecordLink, RecordReader
from cti_adapters.exchanges.status import Link, Reason
from cti_adapters.journal.files import Kind
from cti_server.shared.errors import SettingsError

log = logging.getLogger(__name__)

OLD_IS_SILENT: Final = 5.0
"""An exchange that connects again has lost its old connection: what that one had to say has come after so many
seconds."""
MOST_WAITING: Final = 4


class ReadingLink(RecordLink):
    """What both ways of a connection have in common."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._reader: RecordReader | None = None

    # -- what the reader tells

    def up(self, reader: RecordReader) -> None:
        """The exchange is heard from here on."""
        self._heard_from(self._clock.now())

    def received(self, data: bytes) -> None:
        """Bytes of the exchange."""
        self._keep(data, self._clock.now())

    def aside(self, data: bytes) -> None:
        """What was said on the way in."""
        self._intake.add(Kind.ASIDE, data, self._clock.now())

    def lost(self, reader: RecordReader, reason: Reason) -> None:
        """A connection is gone."""
        if reader is self._reader:
            self._reader = None
            self._lost(Reason(reason.code, {**where(self._settings), **reason.detail}))

    # -- how it is kept (KeptLink)

    def _close(self, reason: Reason) -> bool:
        if self._reader is None:
            return False
        self._reader.close(reason)
        return True

    def _pause_reading(self) -> None:
        if self._reader is not None:
            self._reader.pause()

    def _resume_reading(self) -> bool:
        if self._reader is None:
            return False
        self._reader.resume()
        return True

    def _made(self) -> RecordReader:
        return RecordReader(self, self._recording, self._settings.secret(), self._reactor)


class ConnectingLink(ReadingLink):
    """We connect to the exchange, sign in where the make wants it, and connect again whatever happens."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._attempt: Deferred[Any] | None = None

    def _connect(self) -> None:
        self._timer = None
        if self.state.state is Link.STOPPED:
            self._say(Link.CONNECTING, self._connecting())
        try:
            reader = self._made()
        except SettingsError as bad:
            self._try_later(Reason("bad-settings", {"error": str(bad)}))
            return
        endpoint: Any = HostnameEndpoint(
            self._reactor, self._settings.host, self._settings.port, timeout=CONNECT_SECONDS
        )
        self._attempt = endpoint.connect(_One(reader, self))
        self._attempt.addCallbacks(self._connected, self._not_connected)

    def up(self, reader: RecordReader) -> None:
        """The exchange is heard from here on."""
        self._reader = reader
        super().up(reader)

    def lost(self, reader: RecordReader, reason: Reason) -> None:
        """The connection is gone, also one that was not signed in yet."""
        self._reader = reader
        super().lost(reader, reason)

    @property
    def _trying(self) -> bool:
        return self._attempt is not None

    def _abandon(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()

    def _connected(self, reader: RecordReader) -> None:
        self._attempt = None
        if reader.transport is not None and reader.transport.connected:
            self._reader = reader
            if self._intake.paused:
                reader.pause()

    def _not_connected(self, failure: Failure) -> None:
        self._attempt = None
        if not self._running:
            return  # cancelled by stop()
        found = why_not_connected(failure, self._settings)
        code = "nothing-listens" if found.code == "connection-refused" else found.code
        self._try_later(Reason(code, found.detail))


class _One(Factory):
    noisy = False

    def __init__(self, reader: RecordReader, link: ConnectingLink) -> None:
        self._reader = reader

    def buildProtocol(self, _: IAddress | None) -> RecordReader:
        """The reader of the one connection."""
        return self._reader


class ListeningLink(ReadingLink):
    """The exchange connects to us. One connection is read at a time, so that no two records get mixed up; one that
    comes while another is open waits unread until that one is over, or has been silent for a moment: an exchange that
    connects again has lost the old one. Whoever may not connect is turned away."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._port: Any = None
        self._waiting: deque[RecordReader] = deque()
        self._allowed = [ip_network(text, strict=False) for text in self._settings.allowed_peers]
        self._takeover: Any = None

    def _connect(self) -> None:
        self._timer = None
        if self._port is None:
            try:
                self._port = self._reactor.listenTCP(self._settings.port, _Door(self), interface=self._settings.host)
            except CannotListenError as bad:
                said = getattr(bad.socketError, "strerror", None) or str(bad.socketError)
                self._try_later(Reason("port-taken", {**where(self._settings), "error": said}))
                return
        self._say(Link.CONNECTING, self._connecting())

    @property
    def listens_at(self) -> int:
        """The port that it listens at; 0 while it doesn't."""
        return 0 if self._port is None else int(self._port.getHost().port)

    def _connecting(self) -> Reason:
        return Reason("awaiting-exchange", where(self._settings))

    def _try_later(self, reason: Reason) -> None:
        """A connection that is over is no failed attempt: the door is open."""
        if self._port is None:
            super()._try_later(reason)
            return
        self._up_at = None
        self.counters.failures += 1
        if not self._intake.paused:
            self._say(Link.CONNECTING, self._connecting(), connected_since=None)

    # -- who comes and goes

    def reader_for(self, address: str) -> RecordReader | None:
        """A reader of a connection from an address; null where it may not connect."""
        if not any(ip_address(address) in network for network in self._allowed):
            self._warn(Reason("peer-refused", {"address": address}))
            return None
        if len(self._waiting) >= MOST_WAITING:
            return None
        return _Comer(self, self._recording, "", self._reactor)

    def arrived(self, reader: RecordReader) -> bool:
        """A connection is there. False: it has to wait, unread."""
        if self._reader is None and not self._waiting:
            self._reader = reader
            if self._intake.paused:
                reader.pause()
            return True
        self._waiting.append(reader)
        reader.pause()
        self._watch()
        return False

    def lost(self, reader: RecordReader, reason: Reason) -> None:
        """A connection is gone, perhaps one that waited."""
        if reader in self._waiting:
            self._waiting.remove(reader)
            return
        super().lost(reader, reason)
        if self._waiting and self._running:
            reader = self._waiting.popleft()
            self._reader = reader
            reader.begin()  # type: ignore[attr-defined]
            if not self._intake.paused:
                reader.resume()

    def _watch(self) -> None:
        if self._takeover is None:
            self._takeover = self._reactor.callLater(OLD_IS_SILENT, self._take_over)

    def _take_over(self) -> None:
        """Leaves the old connection off, once all that it brought has been read and nothing more comes."""
        self._takeover = None
        if not self._waiting or self._reader is None:
            return
        silent = self._clock.now() - (self.state.last_heard or 0.0)
        if silent >= OLD_IS_SILENT and not self._intake.paused:
            self._reader.close(Reason("connected-again"))
        else:
            self._watch()

    # -- how it is kept

    def _abandon(self) -> None:
        if self._takeover is not None:
            self._takeover.cancel()
            self._takeover = None
        if self._port is not None:
            self._port.stopListening()
            self._port = None
        for reader in list(self._waiting):
            reader.close(Reason("stopped"))


class _Comer(RecordReader):
    """A connection that came to us."""

    def connectionMade(self) -> None:
        """It may have to wait."""
        if self._owner.arrived(self):
            self.begin()

    def begin(self) -> None:
        """It is its turn."""
        super().connectionMade()


class _Door(Factory):
    noisy = False

    def __init__(self, link: ListeningLink) -> None:
        self._link = link

    def buildProtocol(self, address: Any) -> RecordReader | None:
        """A reader, or nothing for whoever may not connect."""
        return self._link.reader_for(address.host)
