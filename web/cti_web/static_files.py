"""`/static`: the stylesheets, scripts and pictures that ship with the product, from memory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from twisted.web import http, resource

TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".mp3": b"audio/mpeg",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
    ".wav": b"audio/wav",
    ".webmanifest": b"application/manifest+json",
    ".woff2": b"font/woff2",
}
"""What may stand in the folder; other files are not served."""

FOR_EVER = b"public, max-age=31536000, immutable"
ASK_AGAIN = b"no-cache"


class _File(NamedTuple):
    body: bytes
    type: bytes
    version: bytes


class StaticFiles(resource.Resource):
    """Every file of a folder, read once. With its version in the address (``?v=``) a browser keeps it for ever; without
    it asks again each time, and gets 304 as long as it is the same."""

    isLeaf = True

    def __init__(self, folder: Path) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._files = {
            path.relative_to(folder).as_posix().encode(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.suffix in TYPES
        }

    def render_GET(self, request: Any) -> bytes:
        """The file; 404 where there is none."""
        found = self._files.get(b"/".join(request.postpath or []))
        if found is None:
            request.setResponseCode(http.NOT_FOUND)
            request.setHeader(b"Content-Type", b"text/plain; charset=utf-8")
            return b"There is no such file.\n"
        versioned = (request.args or {}).get(b"v") == [found.version]
        request.setHeader(b"Cache-Control", FOR_EVER if versioned else ASK_AGAIN)
        request.setHeader(b"Content-Type", found.type)
        if request.setETag(b'"' + found.version + b'"') is http.CACHED:
            return b""
        return found.body


def _read(path: Path) -> _File:
    body = path.read_bytes()
    return _File(body, TYPES[path.suffix], file_version(body).encode())


def file_version(content: bytes) -> str:
    """What stands for a static file's content in its address and ETag."""
    return hashlib.sha256(content).hexdigest()[:12]
