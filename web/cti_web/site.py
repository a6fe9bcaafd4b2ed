"""The public port: the live stream, static files and the health check from the daemon itself; pages are passed on to
the dashboard process. Every answer carries the same security headers; the access log no number and no query."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.web import http, resource, server
from twisted.web.http import Request

from cti_web import away
from cti_web.proxy import MOST_BYTES, Dashboard
from cti_web.push import LiveResource
from cti_web.static_files import StaticFiles

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)

SECURITY_HEADERS = {
    b"Content-Security-Policy": CONTENT_SECURITY_POLICY.encode(),
    b"X-Content-Type-Options": b"nosniff",
    b"X-Frame-Options": b"DENY",
    b"Referrer-Policy": b"same-origin",
    b"Cross-Origin-Opener-Policy": b"same-origin",
    b"Cross-Origin-Resource-Policy": b"same-origin",
    b"Permissions-Policy": b"camera=(), geolocation=(), microphone=()",
}

LEAVE_AFTER = 4 * MOST_BYTES
"""Bytes of a body that is too large anyway which are read (and dropped) before the connection is cut."""

Check = Callable[[], str | None]
"""Null if a part is up, else a sentence that says what is not."""


class Health(resource.Resource):
    """`/healthz`: 200 once every part is up, 503 with the reasons before that and whenever one is down."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._checks: dict[str, Check] = {}

    def add(self, part: str, check: Check) -> None:
        """Adds a part."""
        self._checks[part] = check

    def parts(self) -> dict[str, str]:
        """Every part with ``ok`` or what is wrong with it."""
        return {part: check() or "ok" for part, check in self._checks.items()}

    @property
    def up(self) -> bool:
        """Whether all parts are up."""
        return all(said == "ok" for said in self.parts().values())

    def render_GET(self, request: Request) -> bytes:
        """The parts as JSON."""
        parts = self.parts()
        up = all(said == "ok" for said in parts.values())
        request.setResponseCode(http.OK if up else http.SERVICE_UNAVAILABLE)
        request.setHeader(b"Content-Type", b"application/json")
        request.setHeader(b"Cache-Control", b"no-store")
        return json.dumps({"ok": up, "parts": parts}, ensure_ascii=False).encode() + b"\n"


class Root(resource.Resource):
    """Who answers what."""

    def __init__(self, live: LiveResource, static: StaticFiles, health: Health, pages: Dashboard) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._own: dict[bytes, resource.Resource] = {b"live": live, b"static": static, b"healthz": health}
        self._pages = pages

    def getChild(self, path: bytes, request: Any) -> resource.Resource:
        """The daemon's own answers, else the dashboard's."""
        return self._own.get(path, self._pages)


_Request: Any = server.Request
_Site: Any = server.Site


class PublicRequest(_Request):  # type: ignore[misc]
    """A request on the public port: bounded, and answered with the security headers."""

    too_large = False
    _body_bytes = 0

    def gotLength(self, length: int | None) -> None:
        """Decides before the body is read whether it is taken."""
        if length is not None and length > MOST_BYTES:
            self.too_large = True
            self.content = BytesIO()
        else:
            super().gotLength(length)

    def handleContentChunk(self, data: bytes) -> None:
        """Takes a part of the body; drops it when there is too much."""
        self._body_bytes += len(data)
        if self._body_bytes > MOST_BYTES:
            self.too_large = True
            if self._body_bytes > LEAVE_AFTER:
                channel: Any = self.channel
                channel.transport.abortConnection()
        else:
            super().handleContentChunk(data)

    def process(self) -> None:
        """Answers."""
        site: Any = self.channel.site
        for name, value in SECURITY_HEADERS.items():
            self.setHeader(name, value)
        if site.https:
            self.setHeader(b"Strict-Transport-Security", b"max-age=31536000")
        if self.too_large:
            body = b"At most 32 MB can be sent at once.\n"
            self.setResponseCode(http.REQUEST_ENTITY_TOO_LARGE)
            self.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            self.setHeader(b"Content-Length", b"%d" % len(body))
            self.write(body)
            self.finish()
            return
        super().process()

    def render(self, resrc: resource.Resource) -> None:
        """Has the resource answer."""
        self.setHeader(b"Server", b"Yobirin")
        super().render(resrc)


class PublicSite(_Site):  # type: ignore[misc]
    """The product's public port."""

    _log = Logger()
    displayTracebacks = False

    def __init__(
        self,
        reactor: Any,
        live: LiveResource,
        health: Health,
        dashboard: Callable[[], Path | None],
        *,
        https: bool = False,
    ) -> None:
        self.https = https
        self.dashboard = Dashboard(reactor, dashboard, away.page, https=https)
        static = StaticFiles(Path(__file__).parent / "static")
        root = Root(live, static, health, self.dashboard)
        super().__init__(root, requestFactory=PublicRequest, reactor=reactor, timeout=75, parsePOSTFormSubmission=False)

    def log(self, request: Request) -> None:
        """One line per request: no query, no number, no name."""
        self._log.debug("{line}", line=access_line(request))


def access_line(request: Any) -> str:
    """``127.0.0.1 GET /customers/# 200 5120``: paths may hold a customer's code or a number, so digits are blanked;
    of a questionnaire's link nothing is told but that there was one."""
    asked = b"/q/#" if request.path.startswith(b"/q/") else request.path
    path = re.sub(rb"%[0-9A-Fa-f]{2}|[^\x21-\x7e]|\d+", b"#", asked).decode("ascii")
    client: IAddress | None = request.getClientAddress()
    host = getattr(client, "host", "-")
    method = re.sub(rb"[^A-Z]", b"", request.method).decode("ascii")
    return f"{host} {method} {path} {request.code} {request.sentLength}"
