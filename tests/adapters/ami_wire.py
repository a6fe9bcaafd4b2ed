"""A hand-driven Asterisk at the other end of a memory transport, for the tests of the AMI client."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_client import AmiLink
from cti_adapters.exchanges.ami_session import AmiSession
from cti_adapters.exchanges.status import ExchangeState
from cti_adapters.journal.files import Journal, Record
from cti_adapters.wire.ami import Framer, Message, encode_banner, encode_event, encode_response, md5_key
from cti_server.settings import ExchangeSettings

SECRET = "wonderland"
START = 1795333833.0
PONG = encode_response("Success", [("Ping", "Pong")])


class WallClock:
    """The machine's clock, which may jump, beside the reactor's, which doesn't."""

    def __init__(self, reactor: Clock) -> None:
        self._reactor = reactor
        self.jumped = 0.0

    def now(self) -> float:
        return START + self.jumped + self._reactor.seconds()


class Wire(StringTransport):
    """One connection, seen from the exchange's side."""

    def __init__(self, session: AmiSession) -> None:
        super().__init__()
        self.session = session
        self.aborted = False
        self._framer = Framer(banner=False)

    def setTcpNoDelay(self, _: bool) -> None:
        return

    def setTcpKeepAlive(self, _: bool) -> None:
        return

    def abortConnection(self) -> None:
        if not self.aborted:
            self.aborted = True
            self.session.connectionLost(Failure(ConnectionAborted()))

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            if not self.aborted:
                self.session.dataReceived(piece)

    def asked(self) -> list[Message]:
        """The actions that came since last asked."""
        data = self.value()
        self.clear()
        return [Message(frame) for frame in self._framer.feed(data) if isinstance(frame, bytes)]

    def hang_up(self, why: Exception | None = None) -> None:
        self.aborted = True
        self.session.connectionLost(Failure(why or ConnectionDone()))

    def greet(self, challenge: str = "840415273") -> Message:
        """Banner and challenge; returns the login."""
        self.say(encode_banner())
        (asked,) = self.asked()
        assert (asked.get("Action"), asked.get("AuthType")) == ("Challenge", "MD5")
        self.say(encode_response("Success", [("Challenge", challenge)]))
        (login,) = self.asked()
        assert login.get("Action") == "Login"
        assert login.get("Key") == md5_key(challenge, SECRET)
        return login

    def accept(self) -> Message:
        """The whole sign-in; returns the CoreShowChannels that follows."""
        self.greet()
        self.say(encode_response("Success", [("Message", "Authentication accepted")]))
        (asked,) = self.asked()
        assert asked.get("Action") == "CoreShowChannels"
        return asked


class Exchange:
    """An endpoint: takes or refuses connections."""

    def __init__(self) -> None:
        self.refusing: Exception | None = None
        self.hanging = False
        self.wires: list[Wire] = []
        self.attempts = 0

    @property
    def wire(self) -> Wire:
        return self.wires[-1]

    def connect(self, factory: Any) -> Deferred[Any]:
        self.attempts += 1
        if self.hanging:
            return Deferred()
        if self.refusing is not None:
            return fail(self.refusing)
        session = factory.buildProtocol(None)
        wire = Wire(session)
        self.wires.append(wire)
        session.makeConnection(wire)
        return succeed(session)


class Bench:
    """A link, its journal and its exchange on a clock that is moved by hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.reactor = Clock()
        self.clock = WallClock(self.reactor)
        self.exchange = Exchange()
        self.states: list[ExchangeState] = []
        self.woken = 0
        self.alive = True
        secret = folder / "secret"
        secret.write_text(SECRET)
        self.settings = ExchangeSettings(
            **{"id": "hq", "name": "HQ", "kind": "ami", "branch": "121", "secret_file": secret} | settings
        )
        self.journal = Journal(folder / "journal")
        self.link = self._link()

    def _link(self) -> AmiLink:
        return AmiLink(
            self.settings,
            self.journal,
            self._wake,
            reactor=self.reactor,
            clock=self.clock,
            on_state=self.states.append,
            endpoint=self.exchange,
            random=Random(1),
        )

    def _wake(self) -> None:
        self.woken += 1

    @property
    def wire(self) -> Wire:
        return self.exchange.wire

    def up(self) -> Wire:
        self.link.start()
        self.wire.accept()
        return self.wire

    def pass_time(self, seconds: float) -> None:
        """Second by second; the exchange answers pings unless it is not ``alive``."""
        for _ in range(round(seconds)):
            self.reactor.advance(1)
            if self.alive and self.exchange.wires and not self.wire.aborted:
                for message in self.wire.asked():
                    if message.get("Action") == "Ping":
                        self.wire.say(PONG)

    def next_attempt(self) -> float:
        """Waits for the next attempt to connect; returns how long that took."""
        attempts, waited = self.exchange.attempts, 0
        while self.exchange.attempts == attempts:
            assert waited < 5000, "it is never tried again"
            waited += 1
            self.reactor.advance(1)
        return waited

    def restart(self, *, killed: bool) -> None:
        """The server starts again."""
        if not killed:
            self.link.stop()
        self.reactor = Clock()
        jumped = self.clock.now() - START
        self.clock = WallClock(self.reactor)
        self.clock.jumped = jumped
        self.journal.close()
        self.journal = Journal(self.folder / "journal")
        self.link = self._link()

    def records(self) -> list[Record]:
        records: list[Record] = []
        while found := self.journal.read(records[-1].next if records else 0, 10**6):
            records += found
        return records

    def told(self) -> list[tuple[str, Any]]:
        """Kind and, where it is JSON, what the payload says, of every record."""
        return [
            (record.kind.name, json.loads(record.payload) if record.kind.name in ("UP", "DOWN") else record.payload)
            for record in self.records()
        ]

    def heard(self) -> bytes:
        return b"".join(record.payload for record in self.records() if record.kind.name == "BYTES")


def event(name: str, **headers: str) -> bytes:
    return encode_event(name, list(headers.items()))
