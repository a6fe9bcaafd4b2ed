"""The public port: what it answers itself, what it passes on and how, and what it never lets through."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from cti_adapters.live.hub import Hub
from cti_web import site as public
from cti_web.proxy import MOST_BYTES
from cti_web.push import LiveResource
from cti_web.site import Health, PublicSite, access_line
from tests.web.running import Running, running_reactor, until

STATIC = Path(public.__file__).parent / "static"


class Clock:
    def now(self) -> float:
        return 1_800_000_000.0


class NoSessions:
    def by_token(self, token: str) -> None:
        return None

    def by_id(self, session: str) -> None:
        return None


class Upstream(Resource):
    """Stands for the dashboard: remembers what it was asked, and answers in the ways that matter."""

    isLeaf = True

    def __init__(self, running: Running) -> None:
        super().__init__()
        self.running = running
        self.asked: list[Any] = []
        self.stopped = threading.Event()
        self.written = 0

    def render(self, request: Any) -> Any:
        self.asked.append((request.method, request.uri, request.requestHeaders, request.content.read()))
        name = request.path.decode().rsplit("/", 1)[-1]
        return getattr(self, f"on_{name}", self.on_other)(request)

    def on_other(self, request: Any) -> bytes:
        request.setHeader(b"Set-Cookie", b"a=b; HttpOnly")
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        request.setHeader(b"X-Frame-Options", b"ALLOWALL")
        return b"<p>page</p>"

    def on_missing(self, request: Any) -> bytes:
        request.setResponseCode(404)
        return b"nothing here"

    def on_broken(self, request: Any) -> Any:
        request.write(b"half of ")
        self.running.reactor.callLater(0.05, lambda: request.channel.transport.abortConnection())
        return NOT_DONE_YET

    def on_endless(self, request: Any) -> Any:
        upstream = self

        class Producer:
            running = True

            def pauseProducing(self) -> None:
                self.running = False

            def resumeProducing(self) -> None:
                self.running = True
                self.produce()

            def stopProducing(self) -> None:
                self.running = False

            def produce(self) -> None:
                if self.running and not upstream.stopped.is_set():
                    request.write(b"x" * 65536)
                    upstream.written += 65536
                    upstream.running.reactor.callLater(0, self.produce)

        request.notifyFinish().addErrback(lambda _: upstream.stopped.set())
        producer = Producer()
        request.registerProducer(producer, True)
        producer.produce()
        return NOT_DONE_YET


class Answer(NamedTuple):
    status: int
    headers: Any
    body: bytes


class Served:
    """The public site with an upstream behind it, each on its own socket."""

    def __init__(self, running: Running, folder: Path, **options: Any) -> None:
        self.running = running
        self.upstream = Upstream(running)
        self.socket: Path | None = folder / "dashboard.sock"
        self.health = Health()
        self.hub = Hub(Clock(), show=lambda number, masked: number)
        self._options = options
        running.call(self._listen)

    def _listen(self) -> None:
        reactor = self.running.reactor
        self._unix = reactor.listenUNIX(
            str(self.socket), Site(self.upstream, reactor=reactor, parsePOSTFormSubmission=False)
        )
        live = LiveResource(self.hub, NoSessions(), reactor)
        self.site = PublicSite(reactor, live, self.health, lambda: self.socket, **self._options)
        self._tcp = reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.port: int = self._tcp.getHost().port

    def stop(self) -> None:
        self.running.call(self._unix.stopListening)
        self.running.call(self._tcp.stopListening)

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named, encode_chunked="Transfer-Encoding" in named)
            with connection.getresponse() as response:
                return Answer(response.status, response.headers, response.read())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_reactor() as found:
        yield found


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # tmp_path may be longer than a unix socket's address
        yield Path(name)


@pytest.fixture
def served(running: Running, folder: Path) -> Iterator[Served]:
    found = Served(running, folder)
    yield found
    found.stop()


# --- what it passes on


def test_a_page_comes_from_the_dashboard_with_our_security_headers(served: Served) -> None:
    answer = served.ask("/desk?tab=open", Cookie="yobirin=t", Accept_Language="ja")
    assert (answer.status, answer.body) == (200, b"<p>page</p>")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Set-Cookie"] == "a=b; HttpOnly"
    method, uri, headers, _ = served.upstream.asked[0]
    assert (method, uri) == (b"GET", b"/desk?tab=open")
    assert headers.getRawHeaders("cookie") == ["yobirin=t"]
    assert headers.getRawHeaders("host") == [f"127.0.0.1:{served.port}"]


@pytest.mark.parametrize("path", ["/desk", "/static/css/yobirin.css", "/static/nothing", "/healthz", "/live", "/a/b/c"])
def test_every_answer_carries_the_security_headers(served: Served, path: str) -> None:
    headers = served.ask(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "img-src 'self' data:" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers.get_all("X-Frame-Options") == ["DENY"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Server"] == "Yobirin"


def test_who_the_browser_is_stands_in_headers_that_only_we_set(served: Served) -> None:
    served.ask(
        "/desk",
        X_Forwarded_For="1.2.3.4",
        X_Forwarded_Proto="https",
        X_Forwarded_Host="evil.example",
        Forwarded="for=1.2.3.4",
        X_Real_IP="1.2.3.4",
    )
    headers = served.upstream.asked[0][2]
    assert headers.getRawHeaders("x-forwarded-for") == ["127.0.0.1"]
    assert headers.getRawHeaders("x-forwarded-proto") == ["http"]
    for name in ("x-forwarded-host", "forwarded", "x-real-ip"):
        assert not headers.hasHeader(name)


def test_headers_between_neighbours_stay_between_them(served: Served) -> None:
    served.ask("/desk", Connection="close, X-Mine", X_Mine="1", TE="trailers", Upgrade="h2c", X_Other="2")
    headers = served.upstream.asked[0][2]
    for name in ("x-mine", "te", "upgrade"):
        assert not headers.hasHeader(name)
    assert headers.getRawHeaders("x-other") == ["2"]


def test_https_is_told_to_the_dashboard_and_to_the_browser(running: Running, folder: Path) -> None:
    served = Served(running, folder, https=True)
    try:
        answer = served.ask("/desk")
        assert served.upstream.asked[0][2].getRawHeaders("x-forwarded-proto") == ["https"]
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    finally:
        served.stop()


@pytest.mark.parametrize("size", [0, 1, 5000, 3_000_000])
def test_a_body_arrives_as_it_was_sent(served: Served, size: int) -> None:
    body = os.urandom(size)
    answer = served.ask("/customers/import", "POST", body, Content_Type="multipart/form-data; boundary=x")
    assert answer.status == 200
    assert served.upstream.asked[0][3] == body


def test_a_body_in_chunks_arrives_too(served: Served) -> None:
    answer = served.ask("/x", "POST", iter([b"one ", b"two"]), Transfer_Encoding="chunked")
    assert answer.status == 200
    assert served.upstream.asked[0][3] == b"one two"


def test_a_body_that_is_too_large_is_refused_without_keeping_it(served: Served) -> None:
    answer = served.ask("/x", "POST", b"x" * (MOST_BYTES + 1))
    assert answer.status == 413
    assert answer.headers["Content-Security-Policy"]
    chunks = (b"x" * 1_000_000 for _ in range(MOST_BYTES // 1_000_000 + 2))
    assert served.ask("/x", "POST", chunks, Transfer_Encoding="chunked").status == 413
    assert served.upstream.asked == []


def test_a_sender_that_does_not_stop_is_cut_off(served: Served) -> None:
    with closing(socket.create_connection(("127.0.0.1", served.port))) as sender:
        sender.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(400):
                sender.sendall(b"x" * 1_000_000)


def test_statuses_and_head_pass_through(served: Served) -> None:
    assert (served.ask("/missing").status, served.ask("/missing").body) == (404, b"nothing here")
    answer = served.ask("/desk", "HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_an_answer_that_breaks_off_does_not_look_whole(served: Served) -> None:
    with pytest.raises((IncompleteRead, ConnectionError)):
        served.ask("/broken")


def test_a_slow_browser_slows_the_dashboard_down_and_one_that_leaves_stops_it(served: Served) -> None:
    with closing(socket.socket()) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", served.port))
        slow.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        written = -1
        steady = 0
        while steady < 20:  # the dashboard has stopped writing: nobody takes it
            before, written = written, served.upstream.written
            steady = steady + 1 if before == written and written else 0
            threading.Event().wait(0.01)
        assert written < 32 * 1024 * 1024
        assert not served.upstream.stopped.is_set()
    assert served.upstream.stopped.wait(10)
    until(lambda: served.site.dashboard.under_way == 0, "the request to be over")


# --- while the dashboard is down


@pytest.mark.parametrize("how", ["not started", "died"])
def test_while_the_dashboard_is_down_a_page_says_so_and_loads_again_by_itself(served: Served, how: str) -> None:
    if how == "not started":
        served.socket = None
    else:
        served.running.call(served._unix.stopListening)
    answer = served.ask("/desk", Accept_Language="en,ja;q=0.5")
    text = answer.body.decode()
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert "The pages are being started again" in text
    assert '<html lang="en">' in text
    assert 'http-equiv="refresh"' in text
    assert '<html lang="ja">' in served.ask("/desk").body.decode()
    assert '<html lang="en">' in served.ask("/desk", Cookie="yobirin_language=en").body.decode()
    posted = served.ask("/desk", "POST", b"note=x", Accept_Language="en").body.decode()
    assert "refresh" not in posted
    assert "was not taken" in posted
    fragment = served.ask("/desk", HX_Request="true", Accept_Language="en")
    assert fragment.status == 503
    assert fragment.body.startswith(b"<p data-error>The pages are being started again. ")
    assert served.ask("/static/css/yobirin.css").status == 200
    assert served.ask("/live").status == 401


# --- static files


def test_static_files_keep_for_ever_under_their_version_only(served: Served) -> None:
    version = hashlib.sha256((STATIC / "css/yobirin.css").read_bytes()).hexdigest()[:12]
    plain, kept = served.ask("/static/css/yobirin.css"), served.ask(f"/static/css/yobirin.css?v={version}")
    assert plain.body == kept.body == (STATIC / "css/yobirin.css").read_bytes()
    assert plain.headers["Content-Type"] == "text/css; charset=utf-8"
    assert plain.headers["Cache-Control"] == "no-cache"
    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert served.ask("/static/css/yobirin.css?v=other").headers["Cache-Control"] == "no-cache"
    again = served.ask("/static/css/yobirin.css", If_None_Match=plain.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert served.ask("/static/vendor/htmx.min.js").headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert served.upstream.asked == []


@pytest.mark.parametrize("path", ["/static/", "/static", "/static/css", "/static/../app.py", "/static/%2e%2e/app.py"])
def test_nothing_but_the_files_is_served(served: Served, path: str) -> None:
    assert served.ask(path).status == 404


# --- health


def test_healthz_says_what_is_not_up_yet(served: Served) -> None:
    states: dict[str, str | None] = {"database": None, "feeds": "hq has not answered yet"}
    for part in states:
        served.health.add(part, lambda part=part: states[part])
    answer = served.ask("/healthz")
    assert answer.status == 503
    assert json.loads(answer.body) == {"ok": False, "parts": {"database": "ok", "feeds": "hq has not answered yet"}}
    states["feeds"] = None
    assert served.ask("/healthz").status == 200
    assert served.health.up


# --- the log


class Logged:
    method, code, sentLength = b"GET", 200, 12

    def __init__(self, path: bytes) -> None:
        self.path = path

    def getClientAddress(self) -> Any:
        return type("Address", (), {"host": "127.0.0.1"})


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"/customers/100101", "/customers/#"),
        (b"/go/tel/+81355550142", "/go/tel/+#"),
        (b"/x/%E5%B1%B1\xe5\nGET", "/x/#######GET"),
        (b"/calls/hq-1800000000.17", "/calls/hq-#.#"),
        (b"/q/BRhKmWmxM8MA85LddeO0abcdefghijkl", "/q/#"),
    ],
)
def test_the_access_log_holds_no_number_no_query_and_no_line_break(path: bytes, shown: str) -> None:
    line = access_line(Logged(path))
    assert line.startswith("127.0.0.1 GET ")
    assert not any(piece.isdigit() and len(piece) > 3 for piece in line.split(" ")[2].replace("/", " ").split())
    assert line.isprintable()
    if "%" not in path.decode("latin-1"):
        assert line == f"127.0.0.1 GET {shown} 200 12"
