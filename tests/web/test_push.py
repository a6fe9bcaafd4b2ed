"""`/live` on real sockets: who may open it, what arrives, and what happens to a screen that does not read."""

from __future__ import annotations

import hashlib
import json
import resource as machine
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.web.resource import Resource
from twisted.web.server import Site

from cti_adapters.live.hub import Hub
from cti_server.identity.desk import LiveSession
from cti_server.identity.token_ports import ApiToken
from cti_server.identity.tokens import OutOfScope, TokenRefused
from cti_server.shared.errors import Unavailable
from cti_server.shared.notices import CallChanged, Candidate, SessionEnded, WorkChanged
from cti_server.shared.scope import Label, Scope, Span
from cti_web.push import LiveResource
from tests.web.running import Running, running_reactor, until

LABEL = Label("customer", "121", "801", 2)


@dataclass(frozen=True)
class Viewer:
    scope: Scope


class Clock:
    def now(self) -> float:
        return 1_800_000_000.0


def session_id(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass
class FakeSessions:
    known: dict[str, Scope] = field(default_factory=dict)
    broken: bool = False

    def sign_in(self, token: str, scope: Scope) -> None:
        self.known[session_id(token)] = scope

    def by_token(self, token: str) -> LiveSession | None:
        return self.by_id(session_id(token))

    @property
    def tokens(self) -> FakeSessions:
        return self

    def use(self, text: str, scope: str, address: str) -> LiveSession:
        assert (scope, address) == ("live", "127.0.0.1")
        if text == "yob_calls":
            token = ApiToken(1, "key", "801", "for calls", ("calls",), 0.0, 1.0, None)
            raise OutOfScope(token, "live")
        if text == "yob_often":
            raise Unavailable("There were too many attempts")
        found = self.by_id(session_id(text))
        if found is None:
            raise TokenRefused("This API token is not known here", "token", "token-unknown")
        return found

    def by_id(self, session: str) -> LiveSession | None:
        if self.broken:
            raise RuntimeError("database is away")
        scope = self.known.get(session)
        return LiveSession(session, Viewer(scope)) if scope else None


class Server:
    """The resource on a port of its own."""

    def __init__(self, running: Running, **options: Any) -> None:
        self.running = running
        self._tls = options.pop("tls", None)
        self.sessions = FakeSessions()
        self.sessions.sign_in("rep", scope("801"))
        self.hub = Hub(Clock(), show=lambda number, masked: number, streams_per_user=options.pop("per_user", 8))
        self.live = LiveResource(self.hub, self.sessions, running.reactor, **options)
        running.call(self._listen)

    def _listen(self) -> None:
        root = Resource()
        root.putChild(b"live", self.live)
        reactor = self.running.reactor
        site = Site(root, reactor=reactor)
        if self._tls is None:
            self._port = reactor.listenTCP(0, site, interface="127.0.0.1")
        else:
            # As listenSSL does it, but on this reactor's clock instead of the one global reactor's.
            factory = TLSMemoryBIOFactory(self._tls, False, site, clock=reactor)
            self._port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.port: int = self._port.getHost().port
        self.live.start()

    def stop(self) -> None:
        self.running.call(self.live.stop)
        self.running.call(self._port.stopListening)
        until(lambda: not self.hub.stats()["streams"], "the streams to be closed")

    def publish(self, notice: Any) -> None:
        self.running.call(self.hub.publish, notice)

    @contextmanager
    def get(self, token: str | None = "rep", method: str = "GET", **headers: str) -> Iterator[HTTPResponse]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            cookie = {} if token is None else {"Cookie": f"theme=dark; yobirin={token}"}
            connection.request(method, "/live", headers=cookie | {k.replace("_", "-"): v for k, v in headers.items()})
            with connection.getresponse() as response:
                yield response


def scope(user: str, **rest: Any) -> Scope:
    return Scope(user, "121", rest.pop("span", Span.OWN), frozenset({1, 2, 3}), may_handle=True)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_reactor() as found:
        yield found


@pytest.fixture
def server(running: Running) -> Iterator[Server]:
    found = Server(running)
    yield found
    found.stop()


def next_event(stream: HTTPResponse) -> tuple[str, Any]:
    fields: dict[str, str] = {}
    while True:
        line = stream.readline().decode()
        assert line, "the stream ended"
        if line == "\n":
            if fields.get("event", "ready") not in ("ready", "beat"):
                return fields["event"], json.loads(fields["data"])
            fields = {}
        else:
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value


def call(**rest: Any) -> CallChanged:
    return CallChanged("hq-1", {"state": "ringing"}, (Candidate(LABEL, {"code": "100101"} | rest),), "+81355550142")


def test_a_stream_opens_for_a_session_and_carries_what_is_published(server: Server) -> None:
    with server.get() as stream:
        assert stream.status == 200
        assert stream.getheader("content-type") == "text/event-stream; charset=utf-8"
        assert stream.getheader("cache-control") == "no-store"
        assert stream.getheader("x-accel-buffering") == "no"
        assert stream.getheader("content-encoding") is None
        assert next_event(stream)[0] == "hello"
        server.publish(call())
        name, data = next_event(stream)
        assert (name, data["cards"], data["number"]) == ("call", [{"code": "100101"}], "+81355550142")


def test_a_stream_opens_for_an_api_token(server: Server) -> None:
    server.sessions.sign_in("yob_live", scope("801"))
    with server.get(None, Authorization="Bearer yob_live") as stream:
        assert stream.status == 200
        assert next_event(stream)[0] == "hello"
        server.publish(call())
        assert next_event(stream)[0] == "call"
        server.publish(SessionEnded(session_id("yob_live")))
        assert b"bye" in stream.read()


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("yob_wrong", 401, "not known"),
        ("yob_calls", 403, "lacks the scope"),
        ("yob_often", 429, "too many"),
        ("", 401, ""),
    ],
)
def test_a_token_that_opens_no_stream_is_told_why(server: Server, token: str, status: int, said: str) -> None:
    with server.get("rep", Authorization=f"Bearer {token}") as answer:
        assert answer.status == status
        assert answer.getheader("content-type") == "application/problem+json"
        assert said in json.loads(answer.read())["detail"]


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        (None, {}, 401),
        ("nobody", {}, 401),
        ("rep", {"Origin": "https://evil.example"}, 403),
        ("rep", {"Origin": "null"}, 403),
        ("rep", {"Sec_Fetch_Site": "cross-site"}, 403),
        ("rep", {"Sec_Fetch_Site": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_stream_stays_shut_for(
    server: Server, token: str | None, headers: dict[str, str], status: int, method: str
) -> None:
    with server.get(token, method, **headers) as answer:
        assert answer.status == status
    assert server.hub.stats()["streams"] == 0


def test_head_says_whether_a_stream_would_open(server: Server) -> None:
    with server.get(method="HEAD", Origin=f"http://127.0.0.1:{server.port}", Sec_Fetch_Site="same-origin") as answer:
        assert answer.status == 200
    assert server.hub.stats()["streams"] == 0


def test_a_database_that_is_away_means_try_again_not_sign_in(server: Server) -> None:
    server.sessions.broken = True
    with server.get() as answer:
        assert (answer.status, answer.getheader("retry-after")) == (503, "2")


def test_a_browser_that_comes_back_says_where_it_was(server: Server) -> None:
    with server.get() as stream:
        next_event(stream)
        server.publish(call())
        lines = [b""]
        while not lines[-1].startswith(b"event: call"):
            lines.append(stream.readline())
        place = lines[-2].decode().removeprefix("id: ").strip()
    until(lambda: server.hub.stats()["streams"] == 0, "the stream to be noticed as closed")
    server.publish(WorkChanged((LABEL,), (), (3,)))
    with server.get(Last_Event_ID=place) as stream:
        assert next_event(stream)[1]["fresh"] is False
        assert next_event(stream) == ("work", {})


def test_a_session_that_is_ended_closes_its_streams_for_good(server: Server) -> None:
    with server.get() as stream:
        next_event(stream)
        server.publish(SessionEnded(session_id("rep")))
        assert next_event(stream) == ("bye", {"reason": "ended"})
        assert stream.read() == b""


def test_sessions_and_scopes_are_looked_at_again(running: Running) -> None:
    server = Server(running, recheck=0.5)
    try:
        server.sessions.sign_in("manager", scope("700", span=Span.BRANCH))
        with server.get() as expired, server.get("manager") as narrowed:
            next_event(expired)
            next_event(narrowed)
            server.sessions.known[session_id("manager")] = replace(scope("700", span=Span.OWN))
            del server.sessions.known[session_id("rep")]
            assert next_event(expired) == ("bye", {"reason": "ended"})
            assert next_event(narrowed)[0] == "resync"
    finally:
        server.stop()


def test_a_screen_shows_at_once_what_its_viewer_may_see_by_now(server: Server) -> None:
    server.sessions.sign_in("manager", scope("700", span=Span.BRANCH))
    with server.get("manager") as stream:
        until(lambda: server.hub.stats()["streams"] == 1, "the stream")
        server.publish(call())
        while next_event(stream)[0] != "call":
            pass
        server.sessions.known[session_id("manager")] = scope("700", span=Span.OWN)
        server.running.call(server.live.look_again, ["700"])
        assert [next_event(stream)[0] for _ in range(2)] == ["gone", "resync"]
        server.publish(call())
        server.sessions.known[session_id("manager")] = scope("700", span=Span.BRANCH)
        server.running.call(server.live.look_again, ["700", "nobody"])
        assert [next_event(stream)[0] for _ in range(2)] == ["resync", "call"]


def test_heartbeats_come_by_themselves(running: Running) -> None:
    server = Server(running, heartbeat=0.2)
    try:
        with server.get() as stream:
            next_event(stream)
            lines = [stream.readline() for _ in range(20)]
            assert lines.count(b"event: beat\n") >= 3
    finally:
        server.stop()


def test_a_screen_that_does_not_read_is_cut_off_and_the_others_do_not_notice(server: Server) -> None:
    server.sessions.sign_in("other", scope("700", span=Span.BRANCH))
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", server.port))
    deaf.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\nCookie: yobirin=rep\r\n\r\n")
    until(lambda: server.hub.stats()["streams"] == 1, "the deaf stream")
    with server.get("other") as stream:
        next_event(stream)
        waiting = 0
        for _ in range(200):
            server.publish(call(name="x" * 4000))
            assert next_event(stream)[0] == "call"
            waiting = max(waiting, server.hub.stats()["bytes_waiting"])
    assert server.hub.stats()["cut_slow"] == 1
    assert 64 * 1024 < waiting <= 256 * 1024
    deaf.close()


def test_the_oldest_stream_of_a_user_gives_way(running: Running) -> None:
    server = Server(running, per_user=2)
    try:
        with server.get() as first, server.get() as second, server.get() as third:
            for stream in (first, second, third):
                assert next_event(stream)[0] == "hello"
            assert next_event(first) == ("bye", {"reason": "limit"})
            server.publish(call())
            assert next_event(second)[0] == next_event(third)[0] == "call"
    finally:
        server.stop()


def test_what_the_browser_says_on_an_open_stream_is_not_kept(server: Server) -> None:
    chatty = socket.create_connection(("127.0.0.1", server.port))
    chatty.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\nCookie: yobirin=rep\r\n\r\n")
    until(lambda: server.hub.stats()["streams"] == 1, "the stream")
    before = machine.getrusage(machine.RUSAGE_SELF).ru_maxrss
    for _ in range(400):
        chatty.sendall(b"x" * 100_000)
    assert machine.getrusage(machine.RUSAGE_SELF).ru_maxrss - before < 20_000
    chatty.close()
    until(lambda: server.hub.stats()["streams"] == 0, "the stream to be noticed as closed")


# --- over TLS


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> DefaultOpenSSLContextFactory:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begin = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begin)
    certificate = made.not_valid_after(begin + timedelta(days=30)).sign(key, hashes.SHA256())
    folder = tmp_path_factory.mktemp("tls")
    bare = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *bare))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return DefaultOpenSSLContextFactory(str(folder / "key.pem"), str(folder / "cert.pem"))


def secure(port: int) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    bare = socket.socket()
    bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bare.settimeout(20)
    bare.connect(("127.0.0.1", port))
    stream = context.wrap_socket(bare)
    stream.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\nCookie: yobirin=rep\r\n\r\n")
    return stream


def test_over_tls_every_byte_is_encrypted_and_a_deaf_screen_is_cut_off(running: Running, tls: Any) -> None:
    server = Server(running, tls=tls)
    try:
        with secure(server.port) as stream, stream.makefile("rb") as lines:
            until(lambda: server.hub.stats()["streams"] == 1, "the stream")
            server.publish(call())
            while lines.readline() != b"event: call\n":
                pass
            assert json.loads(lines.readline().removeprefix(b"data: "))["cards"] == [{"code": "100101"}]
            for _ in range(400):
                server.publish(call(name="x" * 4000))
            assert server.hub.stats()["cut_slow"] == 1
    finally:
        server.stop()
