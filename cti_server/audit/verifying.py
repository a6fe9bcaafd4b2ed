"""Whether the trail is as it was written, and where not. Ranges of a chain are walked by themselves (each begins at the
stored digest before it), so that several processes can; :mod:`judging` then says what happened.

A `Walk` holds on to nothing but what doesn't fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from cti_server.audit.chain import ERASED, Entry, content_of, entry_digest

SHIFT_MOST: Final = 256
"""Places by which rows are tried to be out of place, each way."""
RUN_MOST: Final = 200
"""Entries of one run that are held; of those beyond it only the count is."""
NOTED: Final = ("sealed", ERASED)
"""Acts on the trail itself whose entries are held: what they tell of is compared with what is there."""


class Suspect(NamedTuple):
    """A row that does not follow on the one before it."""

    entry: Any
    position: int
    content: bytes | None
    digest: Any


@dataclass(slots=True)
class Run:
    """Rows one after the other that don't fit. ``good``: the digest before them; null where that isn't known."""

    good: bytes | None
    first: int
    rows: list[Suspect] = field(default_factory=list)
    count: int = 0
    shift: int = 0
    """By how many places rows are further back than before, from after the run on."""

    @property
    def last(self) -> int:
        """The position of the last row."""
        return self.first + max(self.count, 1) - 1


@dataclass(slots=True)
class Walked:
    """What was found in the positions ``first`` to ``last`` of a chain."""

    chain: int
    first: int
    last: int
    entries: int = 0
    runs: list[Run] = field(default_factory=list)
    missing: list[tuple[int, int]] = field(default_factory=list)
    strays: list[Suspect] = field(default_factory=list)
    """Rows at a place that another one has."""
    backwards: list[Suspect] = field(default_factory=list)
    """Rows whose number is not above that of the row before."""
    erased: list[tuple[int, int]] = field(default_factory=list)
    notes: list[tuple[int, str, str]] = field(default_factory=list)
    """(position, act, detail) of entries about the trail itself."""
    ends: dict[int, bytes] = field(default_factory=dict)
    """Digests at the positions that were asked for: those of heads and seals."""


class Walk:
    """Goes through the rows of a range."""

    def __init__(
        self, chain: int, first: int, last: int, before: bytes | None, before_id: Any, wanted: frozenset[int]
    ) -> None:
        """``before``: the stored digest of the row before the first; null where that is missing. ``wanted``: positions
        whose digests are to be told."""
        self.walked = Walked(chain, first, last)
        self._previous = before
        self._good = before
        self._next = first
        self._shift = 0
        self._run: Run | None = None
        self._last_id = before_id
        self._wanted = wanted

    def go(self, rows: Iterable[Entry]) -> None:
        """Takes the next rows, in the order of positions."""
        found = self.walked
        for position, group in groupby(rows, key=attrgetter("position")):
            same = list(group)
            found.entries += len(same)
            if position > self._next:
                self._end_run()
                found.missing.append((self._next, position - 1))
                self._previous = None
            self._next = position + 1
            entry = same[0] if len(same) == 1 else self._choose(same)
            self._take(entry)

    def end(self) -> Walked:
        """What was found in all."""
        self._end_run()
        if self._next <= self.walked.last:
            self.walked.missing.append((self._next, self.walked.last))
        return self.walked

    def _choose(self, same: list[Entry]) -> Entry:
        """Of several rows at one place the one that belongs there."""
        fitting = [row for row in same if self._fits(row, content_of(row), self._shift)]
        chosen = fitting[0] if fitting else same[0]
        self.walked.strays += [_suspect(row, content_of(row)) for row in same if row is not chosen]
        return chosen

    def _take(self, entry: Entry) -> None:
        content = content_of(entry)
        if self._previous is None:
            # What it follows on is gone: it can't be proven, only that what comes after it follows on it.
            self._good = entry.digest
        elif self._fits(entry, content, self._shift):
            self._end_run()
            self._good = entry.digest
            if entry.subject_kind == "audit" and entry.act in NOTED and not entry.erased:
                self.walked.notes.append((entry.position, entry.act, entry.detail))
        else:
            self._misfit(entry, content)
        self._previous = entry.digest if isinstance(entry.digest, bytes) else b""
        self._look(entry)

    def _fits(self, entry: Entry, content: bytes | None, shift: int) -> bool:
        place = entry.position - shift
        if content is None or self._previous is None or place < 1:
            return False
        return bool(entry_digest(self._previous, place, content) == entry.digest)

    def _misfit(self, entry: Entry, content: bytes | None) -> None:
        run = self._run
        if run is None:
            run = self._run = Run(self._good, entry.position)
        if run.count < RUN_MOST:
            shift = self._shifted(entry, content)
            if shift is not None:
                run.shift, self._shift = shift - self._shift, shift
                self._end_run()
                self._good = entry.digest
                return
            run.rows.append(_suspect(entry, content))
        run.count += 1

    def _shifted(self, entry: Entry, content: bytes | None) -> int | None:
        """By how many places the row would fit, if by any."""
        for step in range(1, SHIFT_MOST):
            for shift in (self._shift + step, self._shift - step):
                if self._fits(entry, content, shift):
                    return shift
        return None

    def _end_run(self) -> None:
        if self._run is not None:
            self.walked.runs.append(self._run)
            self._run = None

    def _look(self, entry: Entry) -> None:
        found = self.walked
        if not isinstance(entry.id, int) or (self._last_id is not None and entry.id <= self._last_id):
            found.backwards.append(_suspect(entry, None))
        self._last_id = entry.id if isinstance(entry.id, int) else self._last_id
        if entry.position in self._wanted:
            found.ends[entry.position] = entry.digest
        if entry.erased:
            if found.erased and found.erased[-1][1] == entry.position - 1:
                found.erased[-1] = (found.erased[-1][0], entry.position)
            else:
                found.erased.append((entry.position, entry.position))


def _suspect(row: Entry, content: bytes | None) -> Suspect:
    return Suspect(row.id, row.position, content, row.digest)
