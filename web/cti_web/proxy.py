"""Passing page requests on to the dashboard process, over its unix socket, and its answers back.

Bodies stream in both directions and each side is read only as fast as the other takes it. Who the browser is stands in
headers that only we set. An answer that breaks off in the middle breaks off for the browser too: half an export must
not look whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import defer, endpoints, interfaces, protocol, task
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import http, resource
from twisted.web.client import URI, Agent, FileBodyProducer, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss, Request
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgentEndpointFactory, IResponse
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)
"""Headers that are between two neighbours only (RFC 9110, section 7.6.1)."""

OURS = frozenset((b"forwarded", b"x-real-ip", b"expect", b"content-length"))
"""Headers that no browser may set for the dashboard; ``x-forwarded-*`` besides."""

MOST_BYTES = 32 * 1024 * 1024
"""Of what a browser may send at once."""

MOST_AT_ONCE = 256
"""Requests that may be under way to the dashboard; more are turned away at once."""


class Dashboard(resource.Resource):
    """Everything that the daemon doesn't answer itself. ``away`` makes the page that is shown while the dashboard can't
    be reached."""

    isLeaf = True
    _log = Logger()

    def __init__(
        self, reactor: Any, socket: Callable[[], Path | None], away: Callable[[Request], bytes], *, https: bool = False
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._socket = socket
        self._away = away
        self._https = https
        self._cooperator = task.Cooperator(scheduler=lambda step: reactor.callLater(0, step))
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._agent = Agent.usingEndpointFactory(reactor, _Unix(reactor, socket), pool)
        self.under_way = 0
        self.turned_away = 0

    def render(self, request: Request) -> bytes | int:
        """Passes the request on."""
        if self._socket() is None or self.under_way >= MOST_AT_ONCE:
            self.turned_away += 1
            return self._away(request)
        self.under_way += 1
        passing = _Passing(request, self._away, self._log)
        passing.done.addBoth(self._over)
        headers = _to_dashboard(request, self._https)
        body = None
        if request.method not in (b"GET", b"HEAD"):
            body = FileBodyProducer(request.content, self._cooperator)
        try:
            passing.send(self._agent.request(request.method, b"http://dashboard" + request.uri, headers, body))
        except ValueError:  # an address or method that is no HTTP
            passing.done.callback(None)
            request.setResponseCode(http.BAD_REQUEST)
            return b"This address can't be read.\n"
        return NOT_DONE_YET

    def _over(self, result: Any) -> None:
        self.under_way -= 1


@implementer(IAgentEndpointFactory)
class _Unix:
    """Leads every request to the one socket."""

    def __init__(self, reactor: Any, socket: Callable[[], Path | None]) -> None:
        self._reactor = reactor
        self._socket = socket

    def endpointForURI(self, uri: URI) -> interfaces.IStreamClientEndpoint:
        unix: Any = endpoints.UNIXClientEndpoint
        endpoint: interfaces.IStreamClientEndpoint = unix(self._reactor, str(self._socket()), timeout=5)
        return endpoint


class _Passing(protocol.Protocol):
    """One request on its way; as a protocol it takes the answer's body. ``done`` fires when it is over, either way."""

    def __init__(self, request: Request, away: Callable[[Request], bytes], log: Logger) -> None:
        self._request = request
        self._away = away
        self._log = log
        self._gone = False
        self._asked: defer.Deferred[Any] = defer.Deferred()
        self.done: defer.Deferred[None] = defer.Deferred()
        request.notifyFinish().addErrback(self._browser_left)

    def send(self, asked: defer.Deferred[IResponse]) -> None:
        """Waits for the answer."""
        self._asked = asked
        asked.addCallbacks(self._answered, self._nothing_came)
        asked.addErrback(lambda failure: self._log.failure("a request could not be passed on", failure))

    def _browser_left(self, reason: Failure) -> None:
        self._gone = True
        transport: Any = self.transport
        if transport is not None:
            transport.stopProducing()
        else:
            self._asked.cancel()

    def _answered(self, response: Any) -> None:
        if not self._gone:
            _answer_head(self._request, response)
        response.deliverBody(self)

    def _nothing_came(self, failure: Failure) -> None:
        """The dashboard is down, or went down over this request."""
        if not self._gone:
            self._request.write(self._away(self._request))
            self._request.finish()
        self.done.callback(None)

    def connectionMade(self) -> None:
        """The answer's body begins."""
        transport: Any = self.transport
        if self._gone:
            transport.stopProducing()
        else:
            self._request.registerProducer(transport, True)

    def dataReceived(self, data: bytes) -> None:
        """A part of the answer's body."""
        if not self._gone:
            self._request.write(data)

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """The answer is whole, or broke off."""
        if not self._gone:
            self._request.unregisterProducer()
            if reason.check(ResponseDone, PotentialDataLoss):
                self._request.finish()
            else:
                channel: Any = self._request.channel
                channel.transport.abortConnection()
        self.done.callback(None)


def _answer_head(request: Request, response: Any) -> None:
    """Status and headers as the dashboard gave them, without those between neighbours and those that we set."""
    request.setResponseCode(response.code, response.phrase)
    request.defaultContentType = None  # type: ignore[attr-defined]
    for name, values in response.headers.getAllRawHeaders():
        if name.lower() not in HOP_BY_HOP and not request.responseHeaders.hasHeader(name):
            request.responseHeaders.setRawHeaders(name, values)
    if response.length is not UNKNOWN_LENGTH and request.method != b"HEAD":
        request.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % response.length])


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    named = headers.getRawHeaders(b"connection") or []
    return frozenset(name.strip().lower() for line in named for name in line.split(b","))


def _to_dashboard(request: Request, https: bool) -> Headers:
    """What the dashboard is told: the browser's headers without those between neighbours and those that are ours."""
    dropped = HOP_BY_HOP | OURS | _named_by_connection(request.requestHeaders)
    headers = Headers()
    for name, values in request.requestHeaders.getAllRawHeaders():
        lower = name.lower()
        if lower not in dropped and not lower.startswith(b"x-forwarded"):
            headers.setRawHeaders(name, values)
    client = getattr(request.getClientAddress(), "host", "") or ""
    headers.setRawHeaders(b"X-Forwarded-For", [client.encode()])
    headers.setRawHeaders(b"X-Forwarded-Proto", [b"https" if https or request.isSecure() else b"http"])
    return headers
