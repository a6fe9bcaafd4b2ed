"""A small Asterisk on a real socket: lets everybody in and answers what it is asked."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol

from cti_adapters.wire.ami import Framer, Message, encode_banner, encode_response


class Asterisk(Protocol):
    """Answers what it is asked, as long as it is ``alive``."""

    def __init__(self, factory: AsteriskFactory) -> None:
        self._owner = factory
        self._framer = Framer(banner=False)

    def connectionMade(self) -> None:
        self._owner.connections.append(self)
        self.transport.write(encode_banner())

    def dataReceived(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            message = Message(frame) if isinstance(frame, bytes) else Message(b"")
            if self._owner.alive:
                self._answer(message, [("ActionID", message.get("ActionID"))])

    def _answer(self, message: Message, head: list[tuple[str, str]]) -> None:
        answers = {
            "Challenge": [("Challenge", "840415273")],
            "Login": [("Message", "Authentication accepted")],
            "Ping": [("Ping", "Pong")],
        }
        self.transport.write(encode_response("Success", head + answers.get(message.get("Action"), [])))


class AsteriskFactory(Factory):
    noisy = False

    def __init__(self) -> None:
        self.alive = True
        self.connections: list[Asterisk] = []

    def buildProtocol(self, _: object) -> Asterisk:
        return Asterisk(self)
