"""From frames to records, by a profile. Nothing here raises on what an exchange sends."""

from __future__ import annotations

from typing import NamedTuple

from cti_adapters.wire.smdr.converters import Value
from cti_adapters.wire.smdr.cutting import UNLIKE, Columns, Cutter, Unfit, columns_named, wanted
from cti_adapters.wire.smdr.framing import HEAD, LINES, Frame, Framer
from cti_adapters.wire.smdr.judging import Judge, Noise, Reading, needed
from cti_adapters.wire.smdr.objects import ObjectFramer
from cti_adapters.wire.smdr.profile import Profile
from cti_server.calls.events import Unreadable

__all__ = ["Explained", "Noise", "Reader", "Reading"]


class Explained(NamedTuple):
    """A field, for people."""

    name: str
    place: str
    text: str
    value: Value
    problem: str


class Reader:
    """Reads the feed of one exchange."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._noise = [pattern.search for pattern in profile.noise]
        self._layouts: list[tuple[Cutter, Judge]] = []
        self._headed = next((one for one in profile.layouts if one.header is not None), None)
        self.columns: Columns = {}
        """Those that a header line named last."""
        self.learned = 0
        """How often a header line came: whoever begins to read behind it lacks the columns."""
        names = needed(profile)
        for layout in profile.layouts:
            fields = wanted(layout, names)
            judge = Judge(profile, fields)
            self._layouts.append((Cutter(layout, fields, judge.marks, self.columns), judge))
        self._framer: Framer | ObjectFramer
        if profile.objects:
            self._framer = ObjectFramer(most=profile.longest)
        else:
            self._framer = Framer(blocks=profile.blocks, most=profile.longest)
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
            goes_on = waited is not None and self._waiting is not None and self._waiting.line == waited.line
            self._since = (self._since if goes_on else held) + len(piece)
        return readings

    def finish(self) -> list[tuple[Frame, Reading]]:
        """What the end of a file, or a long silence, completes."""
        readings = self._read_all(self._framer.finish())
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            readings.append((waiting, self._take(waiting.raw)))
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
        for is_noise in self._noise:
            if is_noise(text):
                return Noise(raw)
        try:
            if self._columns_in(text) is not None:
                return Noise(raw)
        except Unfit as problem:
            return Unreadable(raw[:HEAD], str(problem), len(raw))
        problems: list[str] = []
        for cutter, judge in self._layouts:
            try:
                cut = cutter.cut(text)
            except Unfit as problem:
                problems.append(str(problem))
                continue
            if cut.problems:
                problems[:0] = [problem for _, problem in cut.problems]
                continue
            return judge.reading(raw, cut)
        telling = [problem for problem in problems if not problem.startswith(UNLIKE)]
        reason = telling[0] if telling else f"it looks like no record of {self.profile.title}"
        return Unreadable(raw[:HEAD], reason, len(raw))

    def _take(self, raw: bytes) -> Reading:
        """Reads the next frame of the feed: what it says of those after it is remembered."""
        if self._headed is not None:
            try:
                columns = self._columns_in(raw.decode(self.profile.encoding, "surrogateescape"))
            except Unfit:
                columns = None
            if columns is not None:
                self.columns.clear()
                self.columns.update(columns)
                self.learned += 1
        return self.read(raw)

    def _columns_in(self, text: str) -> Columns | None:
        """Those that it names where it is a header line. Raises Unfit where these can't be all."""
        layout = self._headed
        if layout is None or layout.header is None or layout.header.search(text) is None:
            return None
        return columns_named(layout, text)

    def explain(self, raw: bytes) -> list[Explained]:
        """What stands where in a frame, by the layout that fits best; empty where none does."""
        text = raw.decode(self.profile.encoding, "surrogateescape")
        best: list[Explained] = []
        for layout in self.profile.layouts:
            try:
                cut = Cutter(layout, layout.fields, {}, self.columns).cut(text)
            except Unfit:
                continue
            problems = dict(cut.problems)
            told = [
                Explained(one.name, str(one.place), cut.texts[place], cut.values[place], problems.get(place, ""))
                for place, one in enumerate(layout.fields)
            ]
            if not problems:
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
                readings.append((whole, self._take(whole.raw)))
        return readings

    def _joined(self, frame: Frame, readings: list[tuple[Frame, Reading]]) -> Frame | None:
        join, joined = self.profile.join, self.profile.joined
        text = frame.raw.decode(self.profile.encoding, "surrogateescape")
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            if joined is None or joined.search(text):
                frame = Frame(waiting.line, waiting.raw.rstrip() + b" " + frame.raw.lstrip())
                text = frame.raw.decode(self.profile.encoding, "surrogateescape")
            else:
                readings.append((waiting, self._take(waiting.raw)))
        if join is not None and len(frame.raw) <= self.profile.longest and join.search(text):
            self._waiting = frame
            return None
        return frame
