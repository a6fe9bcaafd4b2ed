"""A simulated exchange on a clock of the test's own, and a client that hears it in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from cti_adapters.wire.ami import Framer, Message, encode
from cti_simulators.ami_server import Account, Session
from cti_simulators.pbx import Exchange
from cti_simulators.scenarios import SMALL_OFFICE, Scenario, Site

START = 1_795_333_834.0


class Transport(StringTransport):
    """Takes what a real TCP transport takes besides."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        pass

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        self.producer, self.streaming = producer, streaming

    def unregisterProducer(self) -> None:
        self.producer = None


class Client:
    """One connection to the exchange: what was said to it, frame by frame."""

    def __init__(self, exchange: Exchange) -> None:
        self.session = Session(exchange)
        self.transport = Transport()
        self.framer = Framer()
        self.raw = b""
        self.session.makeConnection(self.transport)

    def heard(self) -> list[Message]:
        """The frames that came since the last time."""
        data = self.transport.value()
        self.transport.clear()
        self.raw += data
        return [Message(frame) for frame in self.framer.feed(data) if isinstance(frame, bytes)]

    def events(self) -> list[Message]:
        return [message for message in self.heard() if message.name]

    def ask(self, action: str, *headers: tuple[str, str]) -> Message:
        """Sends an action and gives its answer, the first frame that is one."""
        self.session.dataReceived(encode(action, headers))
        return next(message for message in self.heard() if message.response)

    def sign_in(self, events: str = "on") -> Client:
        self.ask("Login", ("Username", "cti"), ("Secret", "secret"), ("Events", events))
        return self


def exchange(site: Site = SMALL_OFFICE, **more: Any) -> tuple[Exchange, Clock]:
    clock = Clock()
    accounts = more.pop("accounts", [Account("cti", "secret")])
    return Exchange(clock, site, START, accounts=accounts, **more), clock


def play(scenario: Scenario, seconds: float = 60.0, site: Site = SMALL_OFFICE) -> list[Message]:
    """The events of one scenario, from its beginning to its end."""
    pbx, clock = exchange(site)
    client = Client(pbx).sign_in()
    client.heard()
    run = pbx.play(scenario)
    advance(clock, seconds)
    assert run.done and not pbx.switch.channels
    return client.events()


def advance(clock: Clock, seconds: float, step: float = 0.05) -> None:
    for _ in range(round(seconds / step)):
        clock.advance(step)
