"""What the links have in common that bring records (SMDR, CDR): when silence is a gap, and how a connection is read."""

from __future__ import annotations

import json
import socket
from datetime import datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from cti_adapters.exchanges.link import KeptLink
from cti_adapters.exchanges.recording import Recording
from cti_adapters.exchanges.status import Link, Reason
from cti_adapters.exchanges.steady_time import Timer
from cti_adapters.journal.files import Kind
from cti_server.settings import ExchangeSettings

LAST_WORD_AFTER: Final = 0.5
"""So many seconds after the patience with a lost link's calls has ended they are taken for final."""
PROBE_AFTER, PROBE_EVERY, PROBES = 60, 15, 4
"""Seconds of silence after which the system asks whether the other side is still there, seconds between askings, and
how often: an exchange may rightly be silent for a night, and only so a link is found out that is dead on its side."""


class RecordLink(KeptLink):
    """Brings what an exchange writes down of its calls. ``recording``: its make."""

    def __init__(self, settings: ExchangeSettings, *args: Any, recording: Recording, **more: Any) -> None:
        super().__init__(settings, *args, **more)
        self._recording = recording
        self._silence = Silence(settings)
        self._quiet = False
        self._last_word: Timer | None = None

    def start(self) -> None:
        """Begins to connect."""
        super().start()
        self._speak_last()

    def _lost(self, reason: Reason, heard: float | None = None) -> None:
        super()._lost(reason, heard)
        self._speak_last()

    def _ended(self) -> None:
        self._cancel_last_word()
        super()._ended()

    def _speak_last(self) -> None:
        """An exchange may well hand over its records and hang up: it is not to be waited for until it comes again to
        take its last calls for final. The journal is told once more that nothing is heard."""
        self._cancel_last_word()
        if self._running and self._blind is not None:
            wait = self._recording.patience.settling + LAST_WORD_AFTER
            self._last_word = self._reactor.callLater(wait, self._still_lost)

    def _cancel_last_word(self) -> None:
        if self._last_word is not None:
            self._last_word.cancel()
            self._last_word = None

    def _still_lost(self) -> None:
        self._last_word = None
        if self._blind is not None and not self._intake.paused:
            self._intake.add(Kind.DOWN, json.dumps(self._blind).encode(), self._clock.now())

    def _heard_from(self, at: float, **told: Any) -> None:
        self._cancel_last_word()
        self._quiet = False
        super()._heard_from(at, **told)
        self._silence.since = at

    def _keep(self, data: bytes, at: float) -> None:
        if self._quiet:
            self._quiet = False
            self._journal_up(at)
            self._say(Link.UP, Reason())
        self._silence.since = at
        super()._keep(data, at)

    def _ticked(self) -> None:
        super()._ticked()
        now = self._clock.now()
        if not self._quiet and not self._intake.paused and self._silence.too_long(now):
            self._quiet = True
            self._journal_down("no-records", self._silence.since)
            minutes = {"minutes": str(self._settings.silent_minutes)}
            self._say(Link.UP, Reason("no-records", minutes), warnings=self.state.warnings)


class Silence:
    """The rule of an exchange about how long it may say nothing, and in which hours of its day."""

    def __init__(self, settings: ExchangeSettings) -> None:
        self._seconds = settings.silent_minutes * 60.0
        self._zone = ZoneInfo(settings.timezone)
        self._hours = time.fromisoformat(settings.silent_from), time.fromisoformat(settings.silent_until)
        self.since = 0.0
        """When something was heard last; epoch seconds, UTC."""

    def too_long(self, now: float) -> bool:
        """Whether it has said nothing for longer than it may. Only the hours in which silence counts are counted."""
        local = datetime.fromtimestamp(now, self._zone)
        begins, ends = (datetime.combine(local.date(), hour, self._zone) for hour in self._hours)
        if not self._seconds or not begins <= local < ends:
            return False
        return now - max(self.since, begins.timestamp()) >= self._seconds


class RecordReader(Protocol):
    """Reads one connection: signs in as the make wants it, then hands on every byte."""

    SIGN_IN_SECONDS: Final = 15.0
    LONGEST_GREETING: Final = 64 * 1024

    def __init__(self, owner: Any, recording: Recording, password: str, reactor: Any) -> None:
        self._owner = owner
        self._steps = list(recording.dialogue)
        self._password = password
        self._reactor = reactor
        self._greeting = b""
        self._patience: Any = None
        self._why: Reason | None = None
        self.up = False

    def connectionMade(self) -> None:
        """The connection is there."""
        _probe(self.transport)
        if self._steps:
            self._patience = self._reactor.callLater(self.SIGN_IN_SECONDS, self.close, Reason("login-timeout"))
        else:
            self._sign_in(b"")

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        if self.up:
            self._owner.received(data)
            return
        self._greeting += data
        while self._steps:
            before, found, after = self._greeting.partition(self._steps[0].expect)
            if not found:
                if len(self._greeting) > self.LONGEST_GREETING:
                    self.close(Reason("not-this-make"))
                return
            self._owner.aside(before + found)
            self._greeting = after
            self._write(self._steps.pop(0).send.replace(b"{password}", self._password.encode()))
        self._sign_in(self._greeting)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        if not self.up and self._greeting:
            self._owner.aside(self._greeting)
        told = Reason("closed" if self.up or not self._steps else "sign-in-ended")
        self._owner.lost(self, self._why or told)

    def close(self, reason: Reason) -> None:
        """Ends the connection, for a reason."""
        self._why = self._why or reason
        transport: Any = self.transport
        if transport is None:
            return
        # All that came has been read; what a lost other side has not taken must not keep the connection.
        leave = getattr(transport, "abortConnection", transport.loseConnection)
        leave()

    def pause(self) -> None:
        """Stops reading; what comes waits on the way."""
        if self.transport is not None:
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Reads on."""
        if self.transport is not None:
            self.transport.resumeProducing()

    def _sign_in(self, rest: bytes) -> None:
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        self.up = True
        self._greeting = b""
        self._owner.up(self)
        if rest:
            self._owner.received(rest)

    def _write(self, data: bytes) -> None:
        transport: Any = self.transport
        if transport is not None:
            transport.write(data)


def _probe(transport: Any) -> None:
    """Has the system find out that the other side is gone without having said so."""
    if not hasattr(transport, "setTcpKeepAlive"):
        return  # a serial line
    transport.setTcpKeepAlive(True)
    raw = transport.getHandle()
    for option, value in (
        (socket.TCP_KEEPIDLE, PROBE_AFTER),
        (socket.TCP_KEEPINTVL, PROBE_EVERY),
        (socket.TCP_KEEPCNT, PROBES),
    ):
        raw.setsockopt(socket.IPPROTO_TCP, option, value)
