"""The demo's mail server: takes every mail, by SMTP like a real one, and keeps it in a Maildir that a page shows.

It listens on loopback only, delivers nothing, and keeps no more than `KEPT` mails.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from twisted.internet import defer
from twisted.mail import smtp
from zope.interface import implementer

from cti_server.shared.clock import Clock

KEPT = 200
MOST_BYTES = 1024 * 1024
"""Of one mail; of a larger one the beginning is kept."""


class Mailbox(smtp.SMTPFactory):
    """The server. ``listen`` gives the port that it took."""

    noisy = False

    def __init__(self, reactor: Any, folder: Path, clock: Clock) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._reactor = reactor
        self._folder = folder
        self._clock = clock
        self._listening: Any = None
        for part in ("tmp", "new", "cur"):
            (folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)

    def listen(self, port: int = 0) -> int:
        """Takes mails on loopback."""
        self._listening = self._reactor.listenTCP(port, self, interface="127.0.0.1")
        return int(self._listening.getHost().port)

    def stop(self) -> Any:
        """Takes no more; fires when it is shut."""
        return self._listening.stopListening() if self._listening is not None else defer.succeed(None)

    def buildProtocol(self, addr: Any) -> Any:
        """One connection."""
        connection = smtp.ESMTP()
        connection.factory = self
        connection.delivery = _Delivery(self)
        connection.timeout = 60
        return connection

    def keep(self, lines: list[bytes]) -> None:
        """Puts a mail into the box, whole or not at all (maildir(5)), and lets the oldest go."""
        at = self._clock.now()
        name = f"{at:.6f}.{secrets.token_hex(6)}.yobirin"
        written = self._folder / "tmp" / name
        written.write_bytes(b"\n".join(lines) + b"\n")
        os.utime(written, (at, at))
        written.rename(self._folder / "new" / name)
        kept = sorted((self._folder / "new").iterdir(), key=lambda path: float(path.name.rsplit(".", 2)[0]))
        for old in kept[:-KEPT]:
            old.unlink()


@implementer(smtp.IMessageDelivery)
class _Delivery:
    """Takes every mail from and to everybody."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def receivedHeader(self, helo: Any, origin: Any, recipients: Any) -> bytes:
        return b"Received: by the demo's mailbox"

    def validateFrom(self, helo: Any, origin: Any) -> Any:
        return origin

    def validateTo(self, user: Any) -> Any:
        return lambda: _Message(self._mailbox)


@implementer(smtp.IMessage)
class _Message:
    """One mail coming in."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._lines: list[bytes] = []
        self._size = 0

    def lineReceived(self, line: bytes) -> None:
        self._size += len(line) + 1
        if self._size <= MOST_BYTES:
            self._lines.append(line)

    def eomReceived(self) -> Any:
        self._mailbox.keep(self._lines)
        return defer.succeed(None)

    def connectionLost(self) -> None:
        self._lines.clear()
