"""Asking a service's own server for its customers' use, over HTTP (spec P2; docs/usage.md).

The address was typed on a page, so the server is led nowhere by it that its administrator did not mean: over https to
public addresses, or to a host that the settings name (``[usage] private_hosts``). The address that was looked at is the
one that is connected to, no proxy of the environment comes between, and nothing is followed elsewhere.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import urllib.request
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from datetime import UTC, datetime
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit

from cti_server.phases.usage_message import LARGEST
from cti_server.shared.errors import Invalid, Unavailable

PATIENCE: Final = 10.0
"""Seconds for one answer, all in all."""
AT_ONCE: Final = 2

Fetch = Callable[[str, str, "float | None", str], bytes]
"""(address, token, since, more) -> the answer."""

AWAY: Final = "The service's server can't be reached; it is asked again at the next hour"
SLOW: Final = "The service's server did not answer in time; it is asked again at the next hour"
TOKEN: Final = "The service's server refuses the token; enter another one"
REFUSED: Final = "The service's server answered with an error; ask who runs it"
ELSEWHERE: Final = "The service's server leads on to another address; enter that one, if it is right"
PRIVATE: Final = (
    "This address lies in a private network; have the host named under [usage] private_hosts in the settings"
)
PLAIN: Final = "Use https: the answer and the token would be readable on their way"
TLS: Final = "The service's server is not who it says it is (TLS); ask who runs it"
TOO_LARGE: Final = "The message is too large; send at most 5,000 readings at a time"


class UsageServer:
    """Asks over the network, in threads of its own: a limit for each read does not bound a slow drip."""

    def __init__(self, private_hosts: Collection[str] = (), context: ssl.SSLContext | None = None) -> None:
        self._private = frozenset(host.lower() for host in private_hosts)
        self._context = context or ssl.create_default_context()
        self._threads = ThreadPoolExecutor(AT_ONCE, "usage")

    def __call__(self, address: str, token: str, since: float | None, more: str) -> bytes:
        """One answer. Unavailable where there is none; Invalid where the address must not be asked."""
        asked = self._threads.submit(self._asked, address, token, since, more)
        try:
            return asked.result(PATIENCE)
        except TooLate as late:
            raise Unavailable(SLOW) from late
        finally:
            asked.cancel()

    def _asked(self, address: str, token: str, since: float | None, more: str) -> bytes:
        parts = urlsplit(address)
        named = (parts.hostname or "").lower() in self._private
        if parts.scheme != "https" and not named:
            raise Invalid(PLAIN, "address", "usage-plain")
        request = urllib.request.Request(_asking(address, since, more))
        request.add_header("Accept", "application/json")
        if token:
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        try:
            with self._opener(named).open(request, timeout=PATIENCE) as answer:
                body: bytes = answer.read(LARGEST + 1)
        except HTTPError as refused:
            refused.close()
            raise _refusal(refused.code) from refused
        except URLError as bad:
            raise _unreachable(bad.reason) from bad
        except (OSError, http.client.HTTPException, ValueError) as bad:
            raise _unreachable(bad) from bad
        if len(body) > LARGEST:
            raise Invalid(TOO_LARGE, "readings", "usage-large")
        return body

    def _opener(self, named: bool) -> urllib.request.OpenerDirector:
        guarded = _Guarded(named, self._context)
        return urllib.request.build_opener(urllib.request.ProxyHandler({}), guarded, _NoRedirect())


def _asking(address: str, since: float | None, more: str) -> str:
    values = {}
    if since is not None:
        values["since"] = datetime.fromtimestamp(since, UTC).isoformat()
    if more:
        values["after"] = more
    return f"{address}{'&' if '?' in address else '?'}{urlencode(values)}" if values else address


def _refusal(status: int) -> Unavailable:
    if status in (401, 403):
        return Unavailable(TOKEN)
    return Unavailable(ELSEWHERE) if 300 <= status < 400 else Unavailable(REFUSED)


def _unreachable(why: object) -> Unavailable | Invalid:
    if isinstance(why, _Private):
        return Invalid(PRIVATE, "address", "usage-private")
    if isinstance(why, ssl.SSLError):
        return Unavailable(TLS)
    return Unavailable(SLOW) if isinstance(why, TimeoutError) else Unavailable(AWAY)


class _Private(OSError):
    """The host lies in a network that is none of the public's."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would lead past the look at the address."""

    def redirect_request(self, *_: Any) -> None:
        """Never."""
        return


class _Guarded(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Connects to addresses that were looked at."""

    def __init__(self, named: bool, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._named = named
        self._tls = context

    def http_open(self, request: urllib.request.Request) -> Any:
        """Over plain HTTP."""
        return self.do_open(self._made(http.client.HTTPConnection), request)

    def https_open(self, request: urllib.request.Request) -> Any:
        """Over TLS."""
        return self.do_open(self._made(http.client.HTTPSConnection), request, context=self._tls)

    def _made(self, kind: Any) -> Any:
        def make(host: str, **more: Any) -> Any:
            made = kind(host, **more)
            made._create_connection = self._connect
            return made

        return make

    def _connect(self, place: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
        found = socket.getaddrinfo(place[0], place[1], type=socket.SOCK_STREAM)
        places = [one[4] for one in found if self._named or _public(str(one[4][0]))]
        if not places:
            raise _Private("no public address")
        return socket.create_connection((str(places[0][0]), int(places[0][1])), timeout, source)


def _public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global
