"""From frames to records, by a profile. Nothing here raises on what an exchange sends."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from cti_adapters.wire.smdr.converters import CONVERTERS, Value
from cti_adapters.wire.smdr.framing import HEAD, LINES, Frame, Framer
from cti_adapters.wire.smdr.profile import OUTPUTS, STATUS, Check, Field, Layout, Profile
from cti_server.calls.events import Unreadable
from cti_server.calls.records import CallRecord

_UNLIKE: Final = "it does not look like"


class Noise(NamedTuple):
    """A line that is known to tell of no call."""

    raw: bytes
    record: CallRecord | None = None
    """What it tells all the same, such as that a call arrives."""


Reading = CallRecord | Noise | Unreadable


class Explained(NamedTuple):
    """A field, for people."""

    name: str
    place: str
    text: str
    value: Value
    problem: str


class Unfit(ValueError):
    """A frame is no record of a layout; the text is the end of a sentence."""


class Reader:
    """Reads the feed of one exchange. ``header`` of CSV by column names is kept from line to line."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._framer = Framer(blocks=profile.blocks, most=profile.longest)
        self._header: dict[str, int] = {}
        self._waiting: Frame | None = None
        self._since = 0
        """Bytes since the waiting line began."""

    @property
    def pending(self) -> int:
        """How many of the newest bytes belong to what is not complete yet."""
        return self._framer.pending if self._waiting is None else self._since

    def feed(self, data: bytes) -> list[tuple[Frame, Reading]]:
        """What these bytes complete, each with its frame."""
        if self.profile.join is None:
            return self._read_all(self._framer.feed(data))
        # One line at a time, so that it is known where the waiting one began.
        readings: list[tuple[Frame, Reading]] = []
        for piece in LINES.findall(data):
            waited, held = self._waiting, self._framer.pending
            readings += self._read_all(self._framer.feed(piece))
            self._since = (self._since if self._waiting is waited else held) + len(piece)
        return readings

    def finish(self) -> list[tuple[Frame, Reading]]:
        """What the end of a file, or a long silence, completes."""
        readings = self._read_all(self._framer.finish())
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            readings.append((waiting, self.read(waiting.raw)))
        return readings

    def reset(self) -> Unreadable | None:
        """A new connection; returns what the last one left unfinished."""
        waiting, self._waiting = self._waiting, None
        left = self._framer.reset()
        if left is None and waiting is not None:
            return Unreadable(waiting.raw[:HEAD], "the connection ended in the middle of a record", len(waiting.raw))
        return left

    def read(self, raw: bytes) -> Reading:
        """One frame."""
        text = raw.decode(self.profile.encoding, "surrogateescape")
        if any(noise.search(text) for noise in self.profile.noise):
            return Noise(raw)
        problems: list[str] = []
        for layout in self.profile.layouts:
            try:
                texts = self._cut(layout, text)
            except Unfit as problem:
                problems.append(str(problem))
                continue
            values, bad = convert(layout, texts)
            if bad:
                problems.insert(0, bad[0][1])
                continue
            return decide(self.profile, raw, texts, values)
        telling = [problem for problem in problems if not problem.startswith(_UNLIKE)]
        reason = telling[0] if telling else f"it looks like no record of {self.profile.title}"
        return Unreadable(raw[:HEAD], reason, len(raw))

    def explain(self, raw: bytes) -> list[Explained]:
        """What stands where in a frame, by the layout that fits best; empty where none does."""
        text = raw.decode(self.profile.encoding, "surrogateescape")
        best: list[Explained] = []
        for layout in self.profile.layouts:
            try:
                texts = self._cut(layout, text)
            except Unfit:
                continue
            values, bad = convert(layout, texts)
            problems = dict(bad)
            told = [
                Explained(one.name, str(one.place), texts[one.name], values[one.name], problems.get(one.name, ""))
                for one in layout.fields
            ]
            if not bad:
                return told
            best = best or told
        return best

    def _read_all(self, frames: list[Frame | Unreadable]) -> list[tuple[Frame, Reading]]:
        readings: list[tuple[Frame, Reading]] = []
        for frame in frames:
            if isinstance(frame, Unreadable):
                readings.append((Frame(self._framer.line, frame.raw), frame))
                continue
            whole = frame if self.profile.join is None else self._joined(frame, readings)
            if whole is not None:
                readings.append((whole, self.read(whole.raw)))
        return readings

    def _joined(self, frame: Frame, readings: list[tuple[Frame, Reading]]) -> Frame | None:
        join, joined = self.profile.join, self.profile.joined
        text = frame.raw.decode(self.profile.encoding, "surrogateescape")
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            if joined is None or joined.search(text):
                return Frame(waiting.line, waiting.raw.rstrip() + b" " + frame.raw.lstrip())
            readings.append((waiting, self.read(waiting.raw)))
        if join is not None and join.search(text):
            self._waiting = frame
            return None
        return frame

    def _cut(self, layout: Layout, text: str) -> dict[str, str]:
        """The text of each field. Raises Unfit."""
        if layout.lengths is not None and not layout.lengths[0] <= len(text) <= layout.lengths[1]:
            raise Unfit(f"it has {len(text)} characters")
        if layout.when is not None and layout.when.search(text) is None:
            raise Unfit(f"{_UNLIKE} {layout.name}")
        find = _FINDERS[layout.kind](layout, text)
        texts: dict[str, str] = {}
        for one in layout.fields:
            place = one.place
            found = " ".join(filter(None, map(texts.__getitem__, place.parts))) if place.parts else find(one)
            if one.must is not None and one.must.fullmatch(found) is None:
                raise Unfit(f"{one.name} ({place}) is not as it has to be")
            if found and one.nothing is not None and one.nothing.fullmatch(found):
                found = ""
            if found and one.take is not None:
                taken = one.take.search(found)
                found = (taken.group(1) or "").strip() if taken is not None else ""
            texts[one.name] = found
        return texts


def _csv(layout: Layout, text: str) -> Any:
    if layout.quoted and '"' in text:
        try:
            row = next(csv.reader([text], delimiter=layout.delimiter), [])
        except csv.Error as problem:
            raise Unfit("its quotes make no sense") from problem
    else:
        row = text.split(layout.delimiter)
    if len(row) < layout.at_least:
        raise Unfit(f"it has {len(row)} fields, {layout.at_least} at least are needed")
    count = len(row)

    def find(one: Field) -> str:
        at = one.place.at
        return row[at].strip() if at is not None and at < count else ""

    return find


def _fixed(layout: Layout, text: str) -> Any:
    def find(one: Field) -> str:
        columns = one.place.columns
        return text[columns[0] - 1 : columns[1]].strip() if columns is not None else ""

    return find


def _pattern(layout: Layout, text: str) -> Any:
    found = layout.pattern.fullmatch(text.strip()) if layout.pattern is not None else None
    if found is None:
        raise Unfit(f"{_UNLIKE} {layout.name}")
    groups = found.groupdict()
    return lambda one: (groups.get(one.place.key) or "").strip()


def _pairs(layout: Layout, text: str) -> Any:
    pairs: dict[str, str] = {}
    for line in text.split("\n"):
        key, _, value = line.partition(":")
        pairs.setdefault(key.strip().lower(), value.strip())
    return lambda one: pairs.get(one.place.key.lower(), "")


_FINDERS: Final = {"csv": _csv, "fixed": _fixed, "pattern": _pattern, "pairs": _pairs}
LAYOUT_KINDS: Final = frozenset(_FINDERS)


def convert(layout: Layout, texts: Mapping[str, str]) -> tuple[dict[str, Value], list[tuple[str, str]]]:
    """The value of each field, and the names of those that make no sense with a sentence."""
    values: dict[str, Value] = {}
    bad: list[tuple[str, str]] = []
    for one in layout.fields:
        text = texts[one.name]
        values[one.name] = None
        if not text:
            continue
        try:
            values[one.name] = CONVERTERS[one.kind](text, one.formats)
        except ValueError as problem:
            bad.append((one.name, f"{one.name} ({one.place}) {problem}"))
    return values, bad


def decide(profile: Profile, raw: bytes, texts: Mapping[str, str], values: Mapping[str, Value]) -> Reading:
    """What the rules make of a frame's fields."""
    made: dict[str, Any] = {}
    for rule in profile.rules:
        if not all(_holds(check, texts, values) for check in rule.checks):
            continue
        for setting in rule.settings:
            if setting.output in made:
                continue
            if setting.name:
                value = values.get(setting.name)
                if setting.less:
                    value = _between(value, values.get(setting.less))
                if value is None:
                    continue
                made[setting.output] = value
            else:
                made[setting.output] = setting.constant
    status = made.pop(STATUS, None)
    known = {name: made.pop(name) for name in OUTPUTS if name in made}
    if status == "bare":
        return Noise(raw, CallRecord(continuation=False))
    key = known.get("call_key")
    known["call_key"] = None if key is None else str(key)
    further = {name: value for name, value in made.items() if isinstance(value, str | int)}
    record = CallRecord(**known, further=MappingProxyType(further))
    return Noise(raw, record) if status else record


def _between(later: Value, earlier: Value) -> int | None:
    if not isinstance(later, datetime) or not isinstance(earlier, datetime) or later < earlier:
        return None
    return int((later - earlier).total_seconds())


def _holds(check: Check, texts: Mapping[str, str], values: Mapping[str, Value]) -> bool:
    if check.pattern is not None:
        return (check.pattern.fullmatch(texts.get(check.name, "")) is not None) == check.wanted
    value = values.get(check.name)
    if not isinstance(value, int):
        return False
    return value > check.number if check.sign == ">" else value == check.number
