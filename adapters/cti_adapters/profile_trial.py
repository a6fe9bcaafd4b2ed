"""What a profile makes of lines that somebody pasted: each line with its marked places, fields and record (spec O3).

The lines are customers' data: nothing here keeps or logs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from cti_adapters.wire.smdr.converters import Value
from cti_adapters.wire.smdr.cutting import Columns
from cti_adapters.wire.smdr.framing import LINES, Frame
from cti_adapters.wire.smdr.profile import OUTPUTS, Layout, Place, Profile
from cti_adapters.wire.smdr.reading import Explained, Noise, Reader, Reading
from cti_server.calls.events import Unreadable

MOST_LINES: Final = 100
"""So many records are shown in full; the rest is counted."""
_ENDS: Final = re.compile("[\0\x02\x03\x0c]")


class Piece(NamedTuple):
    """A stretch of a line; ``fields`` are the names of those that stand there, empty between them."""

    text: str
    fields: str


class Tried(NamedTuple):
    """A record, a line of noise, or one that can't be read. ``outcome`` is what the record says, by name."""

    line: int
    kind: str
    """``record``, ``noise`` or ``unreadable``."""
    reason: str
    pieces: list[Piece]
    fields: list[Explained]
    outcome: list[tuple[str, Value]]


class Trial(NamedTuple):
    """All of them, the first :data:`MOST_LINES` in full."""

    records: int
    noise: int
    unreadable: int
    shown: list[Tried]

    @property
    def left_off(self) -> int:
        """How many are only counted."""
        return self.records + self.noise + self.unreadable - len(self.shown)


def as_lines(data: bytes) -> str:
    """The text of a file, for a page's text field: what ends a line to a profile becomes a line end. Japanese is read
    as UTF-8, else as code page 932."""
    for encoding in ("utf-8", "cp932"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return _ENDS.sub("\n", text)
    return _ENDS.sub("\n", data.decode("utf-8", "replace"))


def tried(profile: Profile, text: str) -> Trial:
    """What the profile makes of the lines."""
    reader = Reader(profile)
    data = text.encode(profile.encoding, "replace")
    counts = {"record": 0, "noise": 0, "unreadable": 0}
    shown: list[Tried] = []
    for frame, reading in _readings(reader, data):
        kind = _kind(reading)
        counts[kind] += 1
        if len(shown) < MOST_LINES:
            shown.append(_tried(reader, frame.line, frame.raw, kind, reading))
    return Trial(counts["record"], counts["noise"], counts["unreadable"], shown)


def _readings(reader: Reader, data: bytes) -> Iterator[tuple[Frame, Reading]]:
    """Line by line, so that each is explained by what the lines before it said."""
    for line in LINES.findall(data):
        yield from reader.feed(line)
    yield from reader.finish()


def _kind(reading: Reading) -> str:
    if isinstance(reading, Unreadable):
        return "unreadable"
    return "noise" if isinstance(reading, Noise) else "record"


def _tried(reader: Reader, line: int, raw: bytes, kind: str, reading: Reading) -> Tried:
    text = raw.decode(reader.profile.encoding, "replace")
    fields = [] if kind == "noise" else reader.explain(raw)
    reason = reading.reason if isinstance(reading, Unreadable) else ""
    outcome: list[tuple[str, Value]] = []
    if not isinstance(reading, Unreadable | Noise):
        outcome = [(name, getattr(reading, name)) for name in OUTPUTS if getattr(reading, name) is not None]
        outcome += sorted(reading.further.items())
    return Tried(line, kind, reason, _pieces(text, _spans(reader, fields, text)), fields, outcome)


def _spans(reader: Reader, fields: list[Explained], text: str) -> list[tuple[int, int, str]]:
    """Where in the line each field stands that has a place of its own, in the order of the line."""
    told = [(one.name, one.place) for one in fields]
    for layout in reader.profile.layouts:
        if [(one.name, str(one.place)) for one in layout.fields] == told:
            find = _Places(layout, text, reader.columns)
            found = [(*span, one.name) for one in layout.fields if (span := find.span(one.place)) is not None]
            return sorted(one for one in found if one[0] < one[1])
    return []


class _Places:
    """Finds where in a line the places of a layout are."""

    def __init__(self, layout: Layout, text: str, columns: Columns) -> None:
        self._text = text
        self._columns = columns if layout.header is not None else {}
        self._cells: list[tuple[int, int]] = []
        self._match = None
        if layout.kind == "csv":
            mark = re.escape(layout.delimiter)
            quoted = r'"(?:[^"]|"")*"|' if layout.quoted else ""
            self._cells = [one.span(1) for one in re.finditer(rf"(?:^|{mark})({quoted}[^{mark}]*)", text)]
        elif layout.kind == "pattern" and layout.pattern is not None:
            self._match = layout.pattern.fullmatch(text.strip())
        self._kind = layout.kind

    def span(self, place: Place) -> tuple[int, int] | None:
        """First character and the one after the last; null where it can't be told."""
        if place.columns is not None:
            return place.columns[0] - 1, min(place.columns[1], len(self._text))
        at = self._columns.get(place.key.lower()) if self._columns else place.at
        if at is not None:
            return self._cells[at] if at < len(self._cells) else None
        if self._match is not None and place.key in self._match.groupdict() and self._match[place.key] is not None:
            before = len(self._text) - len(self._text.lstrip())
            start, end = self._match.span(place.key)
            return start + before, end + before
        if self._kind == "pairs" and place.key:
            found = re.search(rf"(?im)^\s*{re.escape(place.key)}\s*:[ \t]*(.*)$", self._text)
            return found.span(1) if found else None
        if self._kind == "json" and place.key:
            return _json_span(place.key, self._text)
        return None


def _json_span(path: str, text: str) -> tuple[int, int] | None:
    """Where the value of a JSON path stands: the last that says something, as a ``*`` in a path means it."""
    *outer, last = [re.escape(key).replace(r"\*", '[^"]*') for key in path.split(".")]
    inside = "".join(rf'"{key}"\s*:\s*\{{[^{{}}]*?' for key in outer)
    value = rf'(?i){inside}"{last}"\s*:\s*"?((?<=")(?:[^"\\]|\\.)*|[^",}}]*)'
    spans = [one.span(1) for one in re.finditer(value, text)]
    said = [one for one in spans if one[0] < one[1]] if "*" in path else spans[:1]
    return said[-1] if said else None


def _pieces(text: str, spans: list[tuple[int, int, str]]) -> list[Piece]:
    """The line cut at the bounds of its fields; fields that stand in the same place share a piece."""
    bounds = sorted({0, len(text), *(edge for start, end, _ in spans for edge in (start, end))})
    pieces = []
    for start, end in pairwise(bounds):
        names = ", ".join(name for first, last, name in spans if first <= start and end <= last)
        pieces.append(Piece(text[start:end], names))
    return pieces
