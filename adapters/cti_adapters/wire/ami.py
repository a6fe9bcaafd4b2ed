"""The Asterisk Manager Interface, bytes to messages and back, without any I/O.

One codec for the client, the simulator and the recorder of traces. A `Framer` cuts a byte stream into frames on the
empty line and never decodes before that, so a character that is split between two reads can't be lost; a `Message`
looks fields up in a frame when they are asked for. Source: the Asterisk documentation, "AMI v2 Specification", and
recorded streams of Asterisk 22."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import cast

from cti_server.calls.events import Unreadable

BANNER = b"Asterisk Call Manager"
"""How the one line begins that a server says unasked; it ends no frame and has no empty line after it."""
MAX_EVENT = 1 << 20
HEAD = 4096
"""How many bytes of something unreadable are kept."""

_EMPTY_LINE = re.compile(rb"\n(?:\r\n|\n)")
"""Cuts after a line; the `\\r` of that line stays at the end of the frame, where `Message` expects it. One pass of
this costs hardly more than `bytes.split` and takes every mixture of line endings."""
_EVENT = b"Event: "
_OLD_COMMAND = b"Response: Follows"
_OLD_COMMAND_END = b"--END COMMAND--"
_FORBIDDEN = re.compile("[\r\n\0]")


class Unsendable(ValueError):
    """A header can't be sent: it would become something else on the way. The text names the header."""


class Framer:
    """Cuts the bytes of one direction of a connection into frames.

    ``skip`` are names of events that nobody wants: they cost no more than the cut. ``keep`` are byte strings for the
    sake of which a skipped event is handed out after all. No frame is larger than ``max_event`` bytes; a larger one
    comes out as one `Unreadable` once its end is seen, without having been held."""

    def __init__(
        self, *, skip: Iterable[str] = (), keep: Iterable[bytes] = (), max_event: int = MAX_EVENT, banner: bool = True
    ) -> None:
        lines = [_EVENT + name.encode() for name in skip]
        self._skip = frozenset(lines) | frozenset(line + b"\r" for line in lines)
        self._keep = tuple(keep)
        self._max = max_event
        self._banner = banner
        self._held = bytearray()
        self._fresh = banner
        self._lost = 0
        self._lost_head = b""
        self._command: list[bytes] = []

    @property
    def pending(self) -> int:
        """Bytes fed that belong to a frame which hasn't ended yet."""
        command = sum(len(piece) + 3 for piece in self._command)
        return len(self._held) + self._lost + command

    def reset(self) -> Unreadable | None:
        """Gets ready for another connection. Returns what the last one left unfinished."""
        size = self.pending
        head = self._lost_head or bytes(b"\n\r\n".join([*self._command, bytes(self._held[:HEAD])])[:HEAD])
        self._held.clear()
        self._command.clear()
        self._lost, self._lost_head, self._fresh = 0, b"", self._banner
        if not head.strip():
            return None
        return Unreadable(head, "the connection ended in the middle of an event", size)

    def feed(self, data: bytes) -> list[bytes | Unreadable]:
        """The frames that these bytes complete: whole messages without the empty line, and the banner."""
        if self._fresh:
            return self._greeting(data)
        if self._lost:
            return self._skip_to_frame(data)
        held = self._held
        if held:
            searched = max(len(held) - 2, 0)
            held += data
            end = _after_last_empty_line(held, searched)
            block = bytes(held[:end])
            del held[:end]
        else:
            end = _after_last_empty_line(data, 0)
            block = data[:end]
            held += data[end:]
        if len(held) > self._max + 2:
            self._begin_loss()
        return self._cut(block) if block else []

    def _cut(self, block: bytes) -> list[bytes | Unreadable]:
        pieces = _EMPTY_LINE.split(block)
        pieces.pop()  # the block ends with an empty line
        if self._command or len(block) > self._max or any(word in block for word in self._keep):
            return self._sift(pieces)
        skip = self._skip
        frames = [piece for piece in pieces if piece.partition(b"\n")[0] not in skip] if skip else pieces
        if [frame for frame in frames if frame[:7] != _EVENT]:
            return self._sift(pieces)
        return cast(list[bytes | Unreadable], frames)

    def _sift(self, pieces: list[bytes]) -> list[bytes | Unreadable]:
        """The slow way, piece by piece, for what isn't plain events."""
        frames: list[bytes | Unreadable] = []
        for raw in pieces:
            piece = raw
            if self._command:
                self._command.append(piece)
                size = sum(map(len, self._command))
                if _OLD_COMMAND_END not in piece and size <= self._max:
                    continue
                piece = b"\n\r\n".join(self._command)
                self._command.clear()
            piece = piece.lstrip(b"\r\n")
            if piece.startswith(BANNER):
                line, _, piece = piece.partition(b"\n")
                frames.append(line.rstrip(b"\r"))
            if not piece.strip(b"\r\n"):
                continue
            if len(piece) > self._max:
                frames.append(self._too_large(piece[:HEAD], len(piece)))
            elif piece.startswith(_OLD_COMMAND) and _OLD_COMMAND_END not in piece:
                self._command.append(piece)
            elif not self._unwanted(piece):
                frames.append(piece)
        return frames

    def _unwanted(self, piece: bytes) -> bool:
        return piece.partition(b"\n")[0] in self._skip and not any(word in piece for word in self._keep)

    def _greeting(self, data: bytes) -> list[bytes | Unreadable]:
        """The banner is given out at once: a client has to answer it."""
        held = self._held
        held += data
        end = held.find(b"\n")
        if end < 0 and len(held) < 256 and BANNER.startswith(held[: len(BANNER)]):
            return []
        self._fresh = False
        frames: list[bytes | Unreadable] = []
        if end >= 0 and held.startswith(BANNER):
            frames.append(bytes(held[:end]).rstrip(b"\r"))
            del held[: end + 1]
        rest = bytes(held)
        held.clear()
        return frames + self.feed(rest)

    def _too_large(self, head: bytes, size: int) -> Unreadable:
        return Unreadable(head, f"an event of more than {self._max} bytes", size)

    def _begin_loss(self) -> None:
        self._lost_head = bytes(self._held[:HEAD])
        self._lost = len(self._held) - 2
        del self._held[:-2]

    def _skip_to_frame(self, data: bytes) -> list[bytes | Unreadable]:
        held = self._held
        held += data
        found = _EMPTY_LINE.search(held)
        if found is None:
            self._lost += len(held) - 2
            del held[:-2]
            return []
        frames: list[bytes | Unreadable] = [self._too_large(self._lost_head, self._lost + found.start())]
        rest = bytes(held[found.end() :])
        held.clear()
        self._lost, self._lost_head = 0, b""
        return frames + self.feed(rest)


def _after_last_empty_line(data: bytes | bytearray, start: int) -> int:
    """Where the last frame that is complete ends; 0: none is."""
    found = data.rfind(b"\n\r\n", start)
    end = found + 3 if found >= 0 else 0
    found = data.rfind(b"\n\n", max(start, end - 1))
    return found + 2 if found >= 0 else end


class Message:
    """One frame. Nothing is taken apart before it is asked for. Text is UTF-8; bytes that aren't come as surrogate
    escapes and go out again as they came in."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @property
    def event(self) -> bytes:
        """The event's name as bytes, empty where the message is none."""
        raw = self.raw
        if raw[:7] == _EVENT:
            end = raw.find(b"\n", 7)
            return raw[7:end].rstrip(b"\r") if end >= 0 else raw[7:].rstrip(b"\r")
        return self.get("Event").encode("utf-8", "surrogateescape") if b":" in raw else b""

    @property
    def name(self) -> str:
        """The event's name, empty where the message is none."""
        return self.event.decode("utf-8", "surrogateescape")

    @property
    def response(self) -> str:
        """``Success``, ``Error``, …; empty where the message is no answer."""
        return self.get("Response")

    @property
    def is_banner(self) -> bool:
        """Whether this is what a server says unasked on connecting."""
        return self.raw.startswith(BANNER)

    def get(self, key: str, default: str = "") -> str:
        """The value of the first header of this name."""
        raw = self.raw
        needle = _NEEDLES.get(key) or _needle(key)
        start = raw.find(needle)
        if start < 0:
            return self._search(needle, default)
        return _value(raw, start + len(needle))

    def _search(self, needle: bytes, default: str) -> str:
        """The rare cases: the first header of all, and other upper and lower case."""
        raw = self.raw
        if raw[: len(needle) - 1].lower() == needle[1:].lower():
            return _value(raw, len(needle) - 1)
        start = raw.lower().find(needle.lower())
        return default if start < 0 else _value(raw, start + len(needle))

    def all(self, key: str) -> list[str]:
        """The values of every header of this name, in order."""
        wanted = key.lower()
        return [value for name, value in self.items() if name.lower() == wanted]

    def items(self) -> Iterator[tuple[str, str]]:
        """Every header with its value, in order. Lines that are no headers are left out."""
        for line in self.raw.split(b"\n"):
            key, colon, value = line.rstrip(b"\r").partition(b":")
            if colon:
                yield (
                    key.decode("utf-8", "surrogateescape"),
                    value[value[:1] == b" " :].decode("utf-8", "surrogateescape"),
                )

    @property
    def output(self) -> list[str]:
        """The lines that a command printed: ``Output`` headers, or before Asterisk 14 what stands before the end
        mark."""
        if not self.raw.startswith(_OLD_COMMAND):
            return self.all("Output")
        lines = self.raw.partition(_OLD_COMMAND_END)[0].decode("utf-8", "surrogateescape").split("\n")
        body = [line.rstrip("\r") for line in lines[1:]]
        while body and body[0].startswith(("Privilege:", "ActionID:", "Message:")):
            body.pop(0)
        return body[:-1] if body and not body[-1] else body


_NEEDLES: dict[str, bytes] = {}


def _needle(key: str) -> bytes:
    """What to look for. Remembered, except for keys that come from outside in any number."""
    needle = b"\n" + key.encode("utf-8", "surrogateescape") + b":"
    if len(_NEEDLES) < 1000:
        _NEEDLES[key] = needle
    return needle


def _value(raw: bytes, start: int) -> str:
    end = raw.find(b"\n", start)
    if end < 0:
        end = len(raw)
    if raw[end - 1] == 13 and end > start:
        end -= 1
    if raw[start : start + 1] == b" ":
        start += 1
    return str(raw[start:end], "utf-8", "surrogateescape")


def encode(action: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """An action to send to the exchange. Raises `Unsendable`."""
    return _encode("Action", action, headers)


def encode_event(name: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """An event, as an exchange sends it. Raises `Unsendable`."""
    return _encode("Event", name, headers)


def encode_response(response: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """An answer, as an exchange sends it. Raises `Unsendable`."""
    return _encode("Response", response, headers)


def encode_banner(version: str = "11.0.0") -> bytes:
    """What an exchange says first. Raises `Unsendable`."""
    return BANNER + b"/" + _checked("banner", version).encode() + b"\r\n"


def _encode(kind: str, name: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"{kind}: {_checked(kind, name)}"]
    for key, value in headers:
        if not key or ":" in key or _FORBIDDEN.search(key):
            raise Unsendable(f"{key!r} can't be the name of a header")
        lines.append(f"{key}: {_checked(key, value)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def _checked(key: str, value: str) -> str:
    if _FORBIDDEN.search(value):
        raise Unsendable(f"the header {key} holds a line break or a NUL; it would be read as something else")
    return value


def md5_key(challenge: str, secret: str) -> str:
    """The answer to a login challenge (``AuthType: MD5``)."""
    return hashlib.md5(f"{challenge}{secret}".encode(), usedforsecurity=False).hexdigest()
