"""One connection to Asterisk's manager interface: sign-in, keeping it alive, actions and their answers.

Events are not looked at here: the bytes go to the journal as they come (``AmiOwner.received``) and are framed by the
lane. Only while an action waits for its answer are they framed here too.

Source of the sign-in: Asterisk's ``main/manager.c`` (actions Challenge and Login) and ``corpus`` recordings of
Asterisk 22: banner, ``Challenge`` with ``AuthType: MD5``, ``Login`` with ``Key``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count, repeat
from secrets import token_hex
from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionClosed
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from cti_adapters.exchanges.status import Reason
from cti_adapters.exchanges.steady_time import Timer, Timers
from cti_adapters.wire.ami import Framer, Message, encode, md5_key
from cti_adapters.wire.ami_events import NOISE, WANTED
from cti_server.calls.events import Unreadable
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Unavailable

SIGN_IN_SECONDS = 15.0
ANSWER_SECONDS = 15.0
LONGEST_GREETING = 64 * 1024
MOST_WAITING = 1000
BANNER = b"Asterisk Call Manager/"
SHUTTING_DOWN = "Asterisk is shutting down"


class ActionRefused(Unavailable):
    """The exchange answered ``Response: Error``; ``said`` is its own message."""

    def __init__(self, action: str, said: str) -> None:
        super().__init__(f"the exchange refuses {action}: {said}")
        self.said = said


class ActionUnanswered(Unavailable):
    """No answer came in time, or the link was lost before it came; whether it was carried out is not known."""


class AmiOwner(Protocol):
    """What a session tells its owner."""

    def signed_in(self, greeting: bytes, at: float) -> None:
        """The exchange let us in; ``greeting`` is all that it sent so far."""

    def received(self, data: bytes, at: float) -> None:
        """Bytes came, at epoch seconds ``at``."""

    def lost(self, reason: Reason, greeting: bytes) -> None:
        """The connection is gone; ``greeting`` is what was sent if it was never signed in."""


@dataclass(slots=True)
class _Waiting:
    action: str
    until: bytes
    answer: Deferred[Message]
    timeout: Timer


@dataclass(frozen=True, slots=True)
class Account:
    """Whom to sign in as, where, and how often to look after the link."""

    host: str
    port: int
    username: str
    secret: str
    ping_seconds: float
    silence_seconds: float


class AmiSession(TwistedProtocol):
    """The protocol. Time-outs go by the reactor's clock, times of arrival by ``clock``."""

    transport: Any

    def __init__(self, account: Account, owner: AmiOwner, reactor: Timers, clock: Clock) -> None:
        self._account = account
        self._owner = owner
        self._reactor = reactor
        self._clock = clock
        self._framer = Framer(skip=NOISE | WANTED - {"OriginateResponse"})
        self._greeting = bytearray()
        self._answer: Callable[[Message], None] | None = None
        self._signed_in = False
        self._reason: Reason | None = None
        self._ids = map("yobirin-{}-{}".format, repeat(token_hex(6)), count(1))
        self._waiting: dict[str, _Waiting] = {}
        self._ping: Timer | None = None
        self._watch: Timer | None = None
        self._paused = False
        self.heard = 0.0
        """When the newest byte came, by the reactor's clock."""
        self.timeouts = 0

    def connectionMade(self) -> None:
        """Waits for the banner."""
        self.heard = self._reactor.seconds()
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self._watch = self._reactor.callLater(SIGN_IN_SECONDS, self._drop, Reason("login-timeout", self._where()))

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the exchange."""
        self.heard = self._reactor.seconds()
        if self._signed_in:
            self._owner.received(data, self._clock.now())
            if self._waiting:
                self._look_for_answers(data)
        elif self._reason is None:
            self._greet(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tells the owner, once, why."""
        for timer in (self._ping, self._watch):
            if timer is not None and timer.active():
                timer.cancel()
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.timeout.cancel()
            one.answer.errback(ActionUnanswered(f"the link was lost before {one.action} was answered"))
        greeting = b"" if self._signed_in else bytes(self._greeting)
        self._owner.lost(self._reason or self._why_lost(reason), greeting)

    def send(
        self, action: str, headers: Iterable[tuple[str, str]] = (), *, timeout: float = ANSWER_SECONDS, until: str = ""
    ) -> Deferred[Message]:
        """Sends an action; fires with its response, or, with ``until``, with the event of that name that ends it.

        Fails with ActionRefused, ActionUnanswered (after ``timeout`` seconds or when the link is lost), and raises
        ValueError for a header that holds CR, LF or NUL.
        """
        action_id = next(self._ids)
        data = encode(action, [("ActionID", action_id), *headers])
        if self._reason is not None or not self._signed_in or len(self._waiting) >= MOST_WAITING:
            return fail(ActionUnanswered(f"the link to the exchange is not up, so {action} was not sent"))
        return self._ask(action, action_id, data, timeout, until)

    def close(self, reason: Reason) -> None:
        """Ends the connection at once, for ``reason``."""
        self._drop(reason)

    def pause(self) -> None:
        """Stops reading."""
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Reads on. The exchange could not be heard meanwhile, so its silence counts from now."""
        if self._paused:
            self._paused = False
            self.heard = self._reactor.seconds()
            self.transport.resumeProducing()

    def _greet(self, data: bytes) -> None:
        """What comes before the sign-in is done."""
        self._greeting += data
        long = len(self._greeting) > LONGEST_GREETING
        if not BANNER.startswith(self._greeting[: len(BANNER)]) or (long and self._answer is None):
            self._drop(Reason("not-ami", self._where()))
            return
        if self._answer is None:
            if b"\n" not in self._greeting:
                return
            self._answer = self._challenged
            self._write("Challenge", [("AuthType", "MD5")])
        for frame in self._framer.feed(data):
            message = None if isinstance(frame, Unreadable) else Message(frame)
            if message is not None and message.response and self._reason is None and not self._signed_in:
                self._answer(message)
        # Only now: behind the answer to the sign-in, in the same read, any number of events may stand already.
        if long and not self._signed_in and self._reason is None:
            self._drop(Reason("not-ami", self._where()))

    def _challenged(self, message: Message) -> None:
        if message.response != "Success":
            self._refused(message)
            return
        self._answer = self._welcomed
        key = md5_key(message.get("Challenge"), self._account.secret)
        headers = [("AuthType", "MD5"), ("Username", self._account.username), ("Key", key), ("Events", "on")]
        self._write("Login", headers)

    def _welcomed(self, message: Message) -> None:
        if message.response != "Success":
            self._refused(message)
            return
        self._signed_in = True
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._reactor.callLater(self._account.silence_seconds, self._listen)
        self._ping = self._reactor.callLater(self._account.ping_seconds, self._send_ping)
        greeting = bytes(self._greeting)
        self._greeting.clear()
        self._framer.reset()
        self._owner.signed_in(greeting, self._clock.now())

    def _refused(self, message: Message) -> None:
        said = message.get("Message")
        if said == SHUTTING_DOWN:
            self._drop(Reason("shutting-down"))
        else:
            self._drop(Reason("refused", {"user": self._account.username, "said": said}))

    def _write(self, action: str, headers: Iterable[tuple[str, str]]) -> None:
        self.transport.write(encode(action, headers))

    def _send_ping(self) -> None:
        if not self._paused:
            self._write("Ping", [])
        self._ping = self._reactor.callLater(self._account.ping_seconds, self._send_ping)

    def _listen(self) -> None:
        """Notices a peer that hangs: not a byte, not even the answer to a ping."""
        quiet = self._reactor.seconds() - self.heard
        left = self._account.silence_seconds - quiet
        if self._paused:
            left = self._account.silence_seconds
        if left <= 0:
            self._drop(Reason("silent", {"seconds": f"{self._account.silence_seconds:g}"}))
        else:
            self._watch = self._reactor.callLater(left, self._listen)

    def _ask(self, action: str, action_id: str, data: bytes, timeout: float, until: str) -> Deferred[Message]:
        def gave_up() -> None:
            self._settle(action_id)
            self.timeouts += 1
            answer.errback(ActionUnanswered(f"the exchange did not answer {action} within {timeout:g} s"))

        def forget(_: Deferred[Message]) -> None:
            self._settle(action_id)

        answer: Deferred[Message] = Deferred(forget)
        timer = self._reactor.callLater(timeout, gave_up)
        self._waiting[action_id] = _Waiting(action, until.encode(), answer, timer)
        self.transport.write(data)
        return answer

    def _settle(self, action_id: str) -> _Waiting | None:
        one = self._waiting.pop(action_id, None)
        if one is not None and one.timeout.active():
            one.timeout.cancel()
        if not self._waiting:
            self._framer.reset()
        return one

    def _look_for_answers(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            if isinstance(frame, Unreadable) or b"yobirin-" not in frame:
                continue
            message = Message(frame)
            one = self._waiting.get(message.get("ActionID"))
            if one is None:
                continue
            refused = message.response == "Error"
            if refused or (not one.until and message.response) or (one.until and message.name == one.until.decode()):
                self._settle(message.get("ActionID"))
                one.answer.callback(message) if not refused else one.answer.errback(
                    ActionRefused(one.action, message.get("Message"))
                )
            if not self._waiting:
                return

    def _drop(self, reason: Reason) -> None:
        """Ends the connection without waiting for a peer that may not be there any more."""
        if self._reason is None:
            self._reason = reason
            self.transport.abortConnection()

    def _where(self) -> dict[str, str]:
        return {"host": self._account.host, "port": str(self._account.port)}

    def _why_lost(self, failure: Failure) -> Reason:
        if self._signed_in or failure.check(ConnectionClosed, OSError):
            return Reason("closed")
        return Reason("tls-failed", {**self._where(), "error": str(failure.value) or type(failure.value).__name__})
