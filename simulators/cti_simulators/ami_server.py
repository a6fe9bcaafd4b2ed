"""The manager interface of a simulated Asterisk: sign-in, actions and their answers, events by class.

Texts and forms of answers are those of Asterisk 22's ``main/manager.c`` as seen by a client.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from cti_adapters.wire.ami import Framer, Message, encode_banner, encode_event, encode_response, md5_key
from cti_simulators.faults import Line

if TYPE_CHECKING:
    from cti_simulators.pbx import Exchange

ALL = frozenset(
    {
        "system",
        "call",
        "log",
        "verbose",
        "agent",
        "user",
        "config",
        "command",
        "dtmf",
        "reporting",
        "cdr",
        "dialplan",
        "originate",
        "agi",
        "cc",
        "aoc",
        "test",
        "security",
        "message",
    }
)
VERSION = "11.0.0"
MOST_SAID = 1 << 19
"""Bytes of one action: a scenario file of any permitted length fits, whatever it is written in, in Base64."""
Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Account:
    """A manager user and the classes it may read and write."""

    name: str
    secret: str
    read: frozenset[str] = ALL
    write: frozenset[str] = ALL


@implementer(IPushProducer)
class Session(Protocol):
    """One client's connection."""

    transport: Any

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.account: Account | None = None
        self.mask: frozenset[str] = frozenset()
        self._framer = Framer(banner=False, max_event=MOST_SAID)
        self._challenge = ""
        self._line: Line | None = None

    def connectionMade(self) -> None:
        """Greets, as Asterisk does."""
        exchange = self.exchange
        self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self._line = Line(self.transport.write, exchange.faults, exchange.ticker, exchange.chance)
        exchange.sessions.add(self)
        self._line.send(encode_banner(VERSION))

    def connectionLost(self, reason: object = None) -> None:
        """Forgets the client."""
        if self._line is not None:
            self._line.close()
        self.exchange.sessions.discard(self)
        self.exchange.reads(self, True)

    def dataReceived(self, data: bytes) -> None:
        """Takes what the client sends."""
        if self.exchange.faults.half_open:
            return
        for frame in self._framer.feed(data):
            if isinstance(frame, bytes):
                self._act(Message(frame))
            else:
                self.error(None, "Missing action in request")

    def pauseProducing(self) -> None:
        """The client doesn't read fast enough."""
        self.exchange.reads(self, False)

    def resumeProducing(self) -> None:
        """The client has read."""
        self.exchange.reads(self, True)

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.exchange.reads(self, True)

    def close(self) -> None:
        """Ends the connection once all that was said has been sent."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    # -- sending

    def wants(self, kind: str) -> bool:
        """Whether this client is told events of the class."""
        return kind in self.mask

    def event(self, frame: bytes) -> None:
        """Sends an encoded event."""
        if self._line is not None:
            self._line.event(frame)

    def answer(self, message: Message | None, fields: Fields, response: str = "Success") -> None:
        """Answers an action."""
        action_id = message.get("ActionID") if message is not None else ""
        told = [("ActionID", action_id)] if action_id else []
        if self._line is not None:
            self._line.send(encode_response(response, [*told, *fields]))

    def error(self, message: Message | None, text: str) -> None:
        """Refuses an action."""
        self.answer(message, [("Message", text)], "Error")

    def listing(self, message: Message, name: str, rows: list[Fields], announce: str, count: str = "ListItems") -> None:
        """Answers with a list of events between a start and an end."""
        action_id = message.get("ActionID")
        told = [("ActionID", action_id)] if action_id else []
        self.answer(message, [("EventList", "start"), ("Message", announce)])
        ended = "CoreShowChannelsComplete" if name == "CoreShowChannel" else f"{name}Complete"
        if self._line is not None:
            for row in rows:
                self._line.send(encode_event(name, [*told, *row]))
            self._line.send(encode_event(ended, [*told, ("EventList", "Complete"), (count, str(len(rows)))]))

    # -- acting

    def _act(self, message: Message) -> None:
        name = message.get("Action")
        if not name:
            self.error(message, "Missing action in request")
            return
        handler, account = ACTIONS.get(name.lower()), self.account
        if account is None and not (handler and handler.open):
            self.error(message, "Permission denied")
        elif handler is None:
            self.error(
                message, f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands."
            )
        elif account is not None and handler.write and not handler.write & account.write:
            self.error(message, "Permission denied")
        else:
            handler.act(self, message)

    def challenge(self, message: Message) -> None:
        """``Challenge``: what the secret is to be hashed with."""
        if message.get("AuthType").upper() != "MD5":
            self.error(message, "Must specify AuthType")
            return
        self._challenge = str(self.exchange.chance.randrange(100_000_000, 999_999_999))
        self.answer(message, [("Challenge", self._challenge)])

    def login(self, message: Message) -> None:
        """``Login``, with a hashed or a plain secret."""
        exchange = self.exchange
        if exchange.stopping:
            self.error(message, "Asterisk is shutting down")
            self.close()
            return
        account = exchange.accounts.get(message.get("Username"))
        if account is None or not self._knows(account, message):
            self.error(message, "Authentication failed")
            self.close()
            return
        self.account = account
        self.mask = _mask(message.get("Events") or "on", account)
        self.answer(message, [("Message", "Authentication accepted")])
        if self.wants("system"):
            up = str(int(exchange.stage.now - exchange.booted))
            self.event(
                encode_event(
                    "FullyBooted",
                    [("Privilege", "system,all"), ("Uptime", up), ("LastReload", up), ("Status", "Fully Booted")],
                )
            )
        exchange.signed_in(self)

    def _knows(self, account: Account, message: Message) -> bool:
        if message.get("AuthType").upper() == "MD5":
            return bool(self._challenge) and message.get("Key") == md5_key(self._challenge, account.secret)
        return message.get("Secret") == account.secret

    def logoff(self, message: Message) -> None:
        """``Logoff``."""
        self.answer(message, [("Message", "Thanks for all the fish.")], "Goodbye")
        self.close()

    def ping(self, message: Message) -> None:
        """``Ping``."""
        self.answer(message, [("Ping", "Pong"), ("Timestamp", f"{self.exchange.switch.timestamp():.6f}")])

    def events(self, message: Message) -> None:
        """``Events``: on, off, or classes."""
        wanted = message.get("EventMask")
        if not wanted:
            self.error(message, "Invalid event mask")
            return
        self.mask = _mask(wanted, cast(Account, self.account))
        self.answer(message, [("Events", "On" if self.mask else "Off")])
        self.exchange.signed_in(self)

    def show_channels(self, message: Message) -> None:
        """``CoreShowChannels``: what is up at this moment."""
        self.listing(message, "CoreShowChannel", self.exchange.channel_rows(), "Channels will follow")

    def status(self, message: Message) -> None:
        """``Status``: the same of one channel or all, in its own form."""
        only = message.get("Channel")
        rows = [row for row in self.exchange.channel_rows() if not only or row[0][1] == only]
        if only and not rows:
            self.error(message, "No such channel")
            return
        self.listing(message, "Status", rows, "Channel status will follow", "Items")

    def settings(self, message: Message) -> None:
        """``CoreSettings``."""
        self.answer(
            message,
            [
                ("AMIversion", VERSION),
                ("AsteriskVersion", "22.10.1~simulated"),
                ("SystemName", ""),
                ("CoreMaxCalls", "0"),
                ("CoreMaxLoadAvg", "0.000000"),
                ("CoreRunUser", ""),
                ("CoreRunGroup", ""),
                ("CoreMaxFilehandles", "0"),
                ("CoreRealTimeEnabled", "No"),
                ("CoreCDRenabled", "Yes"),
                ("CoreHTTPenabled", "No"),
                ("SoundsSearchCustomDir", "No"),
            ],
        )

    def commands(self, message: Message) -> None:
        """``ListCommands``."""
        self.answer(
            message,
            [
                (handler.name, f"{handler.purpose}  (Priv: {','.join(sorted(handler.write)) or '<none>'})")
                for handler in ACTIONS.values()
            ],
        )

    def originate(self, message: Message) -> None:
        """``Originate``: the exchange rings a phone, then dials from it."""
        problem = self.exchange.originate(message)
        if problem:
            self.error(message, problem)
        else:
            self.answer(message, [("Message", "Originate successfully queued")])

    def simulate(self, message: Message) -> None:
        """``Simulate``, which only a simulated exchange knows: a scenario is played on it, paused, stopped."""
        problem = self.exchange.player.asked(message)
        if problem:
            self.error(message, problem)
        else:
            self.answer(message, [("Message", "As you wish")])


@dataclass(frozen=True, slots=True)
class Action:
    """One action that a client may ask for. ``write``: any one of these classes is needed; ``open``: before sign-in."""

    name: str
    purpose: str
    act: Callable[[Session, Message], None]
    write: frozenset[str] = frozenset()
    open: bool = False


ACTIONS: Mapping[str, Action] = {
    action.name.lower(): action
    for action in (
        Action("Challenge", "Generate Challenge for MD5 Auth.", Session.challenge, open=True),
        Action(
            "CoreSettings",
            "Show PBX core settings (version etc).",
            Session.settings,
            frozenset({"system", "reporting"}),
        ),
        Action(
            "CoreShowChannels",
            "List currently active channels.",
            Session.show_channels,
            frozenset({"system", "reporting"}),
        ),
        Action("Events", "Control Event Flow.", Session.events),
        Action("ListCommands", "List available manager commands.", Session.commands),
        Action("Login", "Login Manager.", Session.login, open=True),
        Action("Logoff", "Logoff Manager.", Session.logoff, open=True),
        Action("Originate", "Originate a call.", Session.originate, frozenset({"originate"})),
        Action("Ping", "Keepalive command.", Session.ping),
        Action("Simulate", "Play a scenario.", Session.simulate, frozenset({"originate"})),
        Action("Status", "List channel status.", Session.status, frozenset({"system", "call", "reporting"})),
    )
}


class Sessions(Factory):
    """Makes a session for each connection."""

    noisy = False

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def buildProtocol(self, addr: object) -> Session | None:
        """A session for one client; none while the exchange has no power."""
        return None if self.exchange.down else Session(self.exchange)


def _mask(wanted: str, account: Account) -> frozenset[str]:
    """The classes that ``Events:`` asks for, as far as the account may read them."""
    words = {word.strip().lower() for word in wanted.split(",")}
    if words & {"on", "all", "yes", "true"}:
        return account.read
    return account.read & words
