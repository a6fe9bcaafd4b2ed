"""`/live`: the stream of server-sent events, a native Twisted resource, never inside WSGI (architecture.md).

The session cookie says who it is, or a program's API token; that is looked up in a thread, since it asks the database.
Once the stream is open the HTTP machinery is taken off the connection: what the hub made for a view is written as it
is, without a copy per screen.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from twisted.internet import interfaces, task, tcp, threads
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from twisted.web import resource
from twisted.web.http import Request
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from cti_adapters.live.audience import Stream
from cti_adapters.live.hub import Hub, LiveViewer
from cti_server.identity.token_ports import TokenScope
from cti_server.identity.tokens import OutOfScope, TokenRefused
from cti_server.shared.errors import YobirinError

COOKIE = "yobirin"
"""The session cookie (docs/house.md)."""

SEND_BUFFER = 32 * 1024
"""Asked of the kernel for each stream: a screen that doesn't read is noticed before the kernel holds megabytes."""

DEAD_AFTER_MS = 60_000
"""Sent bytes that are not acknowledged for so long mean that the computer is gone (TCP_USER_TIMEOUT, RFC 5482)."""


class Session(Protocol):
    """Who has a session."""

    @property
    def id(self) -> str:
        """What ``SessionEnded.session`` names."""

    @property
    def viewer(self) -> LiveViewer:
        """For whom."""


class Sessions(Protocol):
    """Looks sessions up, in a worker thread; must not count as the user doing something."""

    def by_token(self, token: str) -> Session | None:
        """The session that a cookie's token belongs to; None if there is none or it is over."""

    def by_id(self, session: str) -> Session | None:
        """The same, by the session's id."""

    @property
    def tokens(self) -> Tokens:
        """API tokens."""


class Tokens(Protocol):
    """Looks API tokens up, in a worker thread."""

    def use(self, text: str, scope: TokenScope | None, address: str) -> Session:
        """For whom one reads. Raises TokenRefused, OutOfScope or Unavailable."""


LOOKED_AT: Final = 64
"""Streams whose sessions are looked up in one go."""


class LiveResource(resource.Resource):
    """`/live`. ``start`` and ``stop`` switch heartbeats and the re-check of sessions on and off."""

    isLeaf = True
    _log = Logger()

    def __init__(
        self,
        hub: Hub,
        sessions: Sessions,
        reactor: Any,
        *,
        heartbeat: float = 15.0,
        recheck: float = 60.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._hub = hub
        self._sessions = sessions
        self._reactor = reactor
        self._beating = task.LoopingCall(hub.beat)
        self._checking = task.LoopingCall(self._recheck)
        for call in (self._beating, self._checking):
            call.clock = reactor
        self._beat_every = heartbeat / hub.beats
        self._check_every = recheck / hub.beats
        self._check_slot = 0
        self.refused = 0

    def start(self) -> None:
        """Starts heartbeats and re-checks."""
        self._beating.start(self._beat_every, now=False)
        self._checking.start(self._check_every, now=False)

    def stop(self) -> None:
        """Stops them and closes all streams."""
        for call in (self._beating, self._checking):
            if call.running:
                call.stop()
        self._hub.close()

    def render_HEAD(self, request: Request) -> bytes | int:
        """Says with its status alone whether a stream would open; how a browser tells *signed out* from *away*."""
        return self._render(request, self._answer_head)

    def render_GET(self, request: Request) -> bytes | int:
        """Opens the stream."""
        return self._render(request, self._open)

    def _render(self, request: Request, use: Callable[[Request, Session], None]) -> bytes | int:
        request.setHeader(b"Cache-Control", b"no-store")
        if not same_origin(request):
            return self._refuse(request, 403, b"This stream can be opened from its own pages only.\n")
        kind, _space, brought = (request.getHeader("authorization") or "").partition(" ")
        token = request.getCookie(COOKIE.encode())
        if kind.lower() == "bearer":
            address = getattr(request.getClientAddress(), "host", "") or ""
            looked_up = self._in_thread(self._sessions.tokens.use, brought.strip(), "live", address)
        elif token:
            looked_up = self._in_thread(self._sessions.by_token, token.decode("latin-1"))
        else:
            return self._refuse(request, 401, b"Sign in first.\n")
        gone = [False]
        request.notifyFinish().addErrback(lambda _: gone.__setitem__(0, True))
        looked_up.addCallback(lambda session: None if gone[0] else self._admit(request, session, use))
        looked_up.addErrback(lambda failure: self._failed(request, failure, gone[0]))
        return NOT_DONE_YET

    def _admit(self, request: Request, session: Session | None, use: Callable[[Request, Session], None]) -> None:
        if session is None:
            request.write(self._refuse(request, 401, b"Sign in first.\n"))
            request.finish()
        else:
            use(request, session)

    def _refuse(self, request: Request, status: int, text: bytes) -> bytes:
        self.refused += 1
        request.setResponseCode(status)
        request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
        return b"" if request.method == b"HEAD" else text

    def _refuse_token(self, request: Request, error: Any) -> bytes:
        """What is wrong with an API token, as the JSON API says it (``bearer.problem``)."""
        status = 401 if isinstance(error, TokenRefused) else 403 if isinstance(error, OutOfScope) else 429
        self._refuse(request, status, b"")
        request.setHeader(b"Content-Type", b"application/problem+json")
        if status == 401:
            request.setHeader(b"WWW-Authenticate", b'Bearer realm="Yobirin", error="invalid_token"')
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": str(error)}
        return b"" if request.method == b"HEAD" else json.dumps(body, ensure_ascii=False).encode()

    def _failed(self, request: Request, failure: Failure, gone: bool) -> None:
        if failure.check(YobirinError):
            if not gone:
                request.write(self._refuse_token(request, failure.value))
                request.finish()
            return
        self._log.failure("a live stream could not be opened", failure)
        if not gone:
            request.setHeader(b"Retry-After", b"2")
            request.write(self._refuse(request, 503, b"Not just now; try again.\n"))
            request.finish()

    def _answer_head(self, request: Request, session: Session) -> None:
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")
        request.finish()

    def _open(self, request: Request, session: Session) -> None:
        request.setHeader(b"Content-Type", b"text/event-stream; charset=utf-8")
        request.setHeader(b"X-Accel-Buffering", b"no")
        # Browsers say where they were in a header only when they come back by themselves; our script says it here.
        asked: list[bytes] = (request.args or {}).get(b"last", [])
        last = request.getHeader("last-event-id") or (asked[0].decode("latin-1") if asked else None)
        Connection(request).open(self._hub, session, last)

    def _recheck(self) -> Deferred[Any] | None:
        """Asks the database whether sessions still stand and scopes are still the same, a few streams at a time."""
        streams = self._hub.slot(self._check_slot)
        self._check_slot = (self._check_slot + 1) % self._hub.beats
        return self._looked_at(streams) if streams else None

    def look_again(self, users: Sequence[str]) -> None:
        """Does the same at once for all streams of some users: what they may see was changed."""
        streams = self._hub.of_users(users)
        for start in range(0, len(streams), LOOKED_AT):
            self._looked_at(streams[start : start + LOOKED_AT])

    def _looked_at(self, streams: Sequence[Stream]) -> Deferred[Any]:
        asked = self._in_thread(self._states, {stream.session for stream in streams})
        asked.addCallback(self._apply_states, streams)
        asked.addErrback(lambda failure: self._log.failure("sessions could not be checked", failure))
        return asked

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        return threads.deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *arguments)

    def _states(self, sessions: set[str]) -> dict[str, Session | None]:
        return {session: self._sessions.by_id(session) for session in sessions}

    def _apply_states(self, states: dict[str, Session | None], streams: Sequence[Stream]) -> None:
        for stream in streams:
            state = states[stream.session]
            if state is None:
                self._hub.end(stream, "ended")
            elif state.viewer.scope != stream.scope:
                self._hub.rescope(stream, state.viewer)


def same_origin(request: Request) -> bool:
    """Whether the request comes from our own pages: by ``Sec-Fetch-Site`` and ``Origin``, where the browser sends
    them."""
    if (request.getHeader("sec-fetch-site") or "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.getHeader("origin")
    return origin is None or urlsplit(origin).netloc == request.getHeader("host")


@implementer(interfaces.IPushProducer)
class Connection:
    """One open stream's connection, after the HTTP machinery was taken off it."""

    __slots__ = ("_bare", "_hub", "_stream", "_transport")

    def __init__(self, request: Request) -> None:
        channel: Any = request.channel
        content: Any = request.content
        self._hub: Hub | None = None
        self._stream: Stream | None = None
        self._transport: Any = channel.transport
        self._bare = isinstance(channel.transport, tcp.Connection) and not channel.transport.TLS
        # A close-delimited response (RFC 9112, section 6.3): no chunk framing, so that all screens share one text.
        headers = b"".join(
            b"%s: %s\r\n" % (name, value)
            for name, values in request.responseHeaders.getAllRawHeaders()
            for value in values
        )
        channel.unregisterProducer()
        self._transport.unregisterProducer()
        self._transport.registerProducer(self, True)
        channel.requests.clear()
        channel.dataReceived = _ignore
        channel.connectionLost = self.lost
        content.close()
        _tune(self._transport)
        self._transport.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + headers + b"\r\n")

    def open(self, hub: Hub, session: Session, last_event_id: str | None) -> None:
        """Attaches it to the hub."""
        self._hub = hub
        stream = hub.attach(session.viewer, session.id, self.write, self.close, last_event_id)
        self._stream = stream

    def write(self, data: bytes) -> None:
        """Sends at once what the socket takes (as a rule: all of it), which costs a third of waiting for the reactor to
        find that the socket is writable. The rest waits in the transport."""
        transport = self._transport
        # TLS has to see every byte, and what already waits goes first.
        if not self._bare or transport._tempDataBuffer or transport.dataBuffer or transport.disconnecting:
            transport.write(data)
            return
        sent = transport.writeSomeData(data)
        if not isinstance(sent, int):
            transport.write(data)  # the connection broke: the reactor will say so
        elif sent < len(data):
            transport.write(data[sent:])

    def close(self, cut: bool) -> None:
        """Ends the connection; with ``cut`` at once, throwing away what is buffered."""
        self._transport.unregisterProducer()
        if cut:
            self._transport.abortConnection()
        else:
            self._transport.loseConnection()

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""
        if self._hub is not None and self._stream is not None:
            self._hub.detach(self._stream)

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        if self._stream is not None:
            self._stream.pause()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty again."""
        if self._stream is not None:
            self._stream.resume()

    def stopProducing(self) -> None:
        """The transport is going; `lost` follows."""


def _ignore(data: bytes) -> None:
    """A browser has nothing more to say on this connection."""


def _tune(transport: Any) -> None:
    """Bounds what the kernel keeps for a screen, and has it notice a computer that is gone."""
    while isinstance(transport, ProtocolWrapper):  # TLS
        transport = transport.transport
    handle = getattr(transport, "getHandle", lambda: None)()
    if isinstance(handle, socket.socket) and handle.family != socket.AF_UNIX:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_AFTER_MS)
