"""Serves the pages over a fake desk on a loopback port, with the headers of the public port and a live stream that the
test speaks into: for the browser."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, request
from werkzeug.serving import WSGIRequestHandler, make_server

from cti_web.site import SECURITY_HEADERS
from cti_web.viewer import public
from tests.web.fake_desk import NOW


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        pass


def read_whole(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Reads and closes each answer before the server writes it: werkzeug's server leaves an answer open whose reader
    went away while it was written (a boosted link that was followed at once), and with it the file that it reads.
    The live stream, which never ends, is passed on as it comes."""

    def answered(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer = app(environ, start_response)
        if environ["PATH_INFO"] == "/live":
            return answer
        try:
            return [b"".join(answer)]
        finally:
            getattr(answer, "close", lambda: None)()

    return answered


class FakeLive:
    """The live stream: ``tell`` reaches every browser that listens."""

    def __init__(self) -> None:
        self.streams: list[queue.Queue[bytes | None]] = []
        self.exchanges = {"hq": "up", "yokohama": "up", "osaka": "up"}
        self.last: dict[str, dict[str, Any]] = {}

    def tell(self, name: str, detail: dict[str, Any]) -> None:
        if name == "call":
            self.last[detail["id"]] = detail
        for stream in list(self.streams):
            stream.put(event(name, detail))

    def stream(self) -> Response:
        if request.method == "HEAD":
            return Response(status=200)
        mine: queue.Queue[bytes | None] = queue.Queue()
        mine.put(event("hello", {"boot": "b", "at": NOW, "fresh": True, "exchanges": self.exchanges}))
        for detail in self.last.values():
            mine.put(event("call", detail))
        mine.put(event("ready", {}))
        self.streams.append(mine)
        return Response(iter(mine.get, None), mimetype="text/event-stream")

    def end(self) -> None:
        for stream in self.streams:
            stream.put(None)
        self.streams.clear()
        self.last.clear()


def event(name: str, detail: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(detail)}\n\n".encode()


@contextmanager
def served(app: Flask, live: FakeLive | None = None) -> Iterator[str]:
    speaking = live or FakeLive()

    @app.route("/live", methods=["GET", "HEAD"])
    @public
    def stream() -> Response:
        return speaking.stream()

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name.decode(), value.decode())
        return response

    server = make_server("127.0.0.1", 0, read_whole(app), threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        speaking.end()
        server.shutdown()
        server.server_close()
        thread.join(5)
