"""SIP messages (RFC 3261) and session descriptions, as far as scripted phones on loopback need them."""

from __future__ import annotations

import random
import re
import string
import time
from dataclasses import dataclass

ALLOW = "INVITE, ACK, CANCEL, BYE, INFO, REFER, NOTIFY, OPTIONS, UPDATE"


def token(length: int = 12) -> str:
    """A random word for tags, branches and Call-IDs."""
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=length))


@dataclass(frozen=True)
class Message:
    """A request or a response; header names are in lower case, in the order in which they came."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Message:
        """Reads one datagram."""
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("utf-8", "replace").split("\r\n")
        split = (line.partition(":") for line in lines)
        return cls(first, tuple((name.strip().lower(), value.strip()) for name, _, value in split), body.decode())

    def get(self, name: str) -> str:
        """The first header of that name, or an empty string."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """All headers of that name."""
        return [value for key, value in self.headers if key == name]

    @property
    def status(self) -> int | None:
        """The status code of a response, None for a request."""
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else None

    @property
    def method(self) -> str:
        """The method of a request, or of the request that a response answers."""
        return self.get("cseq").split()[1]

    @property
    def number(self) -> int:
        """The CSeq number."""
        return int(self.get("cseq").split()[0])

    @property
    def user(self) -> str:
        """The user part of a request's address."""
        found = re.search(r"sip:([^@>;]+)", self.first)
        return found.group(1) if found else ""

    @property
    def contact(self) -> str:
        """The address in the Contact header."""
        found = re.search(r"<([^>]+)>", self.get("contact"))
        return found.group(1) if found else ""

    @property
    def media(self) -> tuple[str, int] | None:
        """Where the other side wants its audio, or None without a session description."""
        host = re.search(r"c=IN IP4 (\S+)", self.body)
        port = re.search(r"m=audio (\d+)", self.body)
        return (host.group(1), int(port.group(1))) if host and port else None


def compose(first: str, headers: list[tuple[str, str]], body: str = "", content: str = "application/sdp") -> bytes:
    """The bytes of a message."""
    if body:
        headers = [*headers, ("Content-Type", content)]
    lines = [first, *(f"{name}: {value}" for name, value in headers), f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def session(port: int, direction: str = "sendrecv") -> str:
    """A session description (RFC 4566) that offers G.711 mu-law at `port`."""
    return (
        f"v=0\r\no=- {random.randint(1, 1 << 30)} {int(time.time())} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"
        f"t=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\na={direction}\r\n"
    )


def tag(address: str) -> str:
    """The tag of a From or To header."""
    found = re.search(r";tag=([^;>]+)", address)
    return found.group(1) if found else ""
