"""What was done to a trail that doesn't hold: changed, removed, inserted, re-ordered or truncated, and where."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

from cti_server.audit.chain import ERASED, Head, entry_digest
from cti_server.audit.seals import Seal, holds
from cti_server.audit.verifying import Run, Suspect, Walked

What = Literal["changed", "removed", "inserted", "re-ordered", "truncated", "rewritten"]
PAIRS_MOST: Final = 400
"""Misfitting rows among which it is looked whether some changed places."""


class Finding(NamedTuple):
    """What happened at the positions ``first`` to ``last`` of a chain. ``entry``: the number of the row, where there is
    one; ``with_position``: where its place was taken to, ``seal``: the seal that says so."""

    what: What
    chain: int
    first: int
    last: int
    entry: int | None = None
    with_position: int | None = None
    seal: int | None = None

    @property
    def sentence(self) -> str:
        """The finding for people."""
        where = f"chain {self.chain}, entry {self.first}" + (f" to {self.last}" if self.last != self.first else "")
        row = "" if self.entry is None else f" (row {self.entry})"
        return f"{where}{row}: {_SAYS[self.what].format(other=self.with_position, seal=self.seal)}"


_SAYS: Final[dict[What, str]] = {
    "changed": "changed; it does not say what was written",
    "removed": "removed; it was written once and is gone",
    "inserted": "inserted; it was never written by this program at that place",
    "re-ordered": "re-ordered; it stood elsewhere",
    "truncated": "truncated; the end of the chain is gone",
    "rewritten": "rewritten up to here; seal {seal} says that it was another",
}


def judged(walks: Sequence[Walked], heads: Sequence[Head], seals: Sequence[Seal]) -> list[Finding]:
    """What was found in all ranges. ``seals``: all that are known, from wherever."""
    found: list[Finding] = []
    for head in heads:
        own = sorted((one for one in walks if one.chain == head.chain), key=lambda one: one.first)
        found += _of_chain(head, own)
    found += _of_seals(walks, heads, seals)
    found += _unsaid(walks)
    return sorted(set(found), key=lambda one: (one.chain, one.first, one.what))


def _of_chain(head: Head, walks: Sequence[Walked]) -> Iterable[Finding]:
    chain = head.chain
    found: list[Finding] = []
    for first, last in _joined(pair for walk in walks for pair in walk.missing):
        found.append(Finding("truncated" if last >= head.length else "removed", chain, first, last))
    runs = _runs(walks)
    found += _of_runs(chain, runs)
    strays = [row for walk in walks for row in walk.strays]
    found += [Finding("inserted", chain, row.position, row.position, row.entry) for row in strays]
    end = next((walk.ends[head.length] for walk in walks if head.length in walk.ends), None)
    if end is not None and end != head.digest:
        found.append(Finding("changed", chain, head.length, head.length))
    told = {at for one in found for at in (one.first - 1, one.first, one.last, one.last + 1)}
    found += [
        Finding("re-ordered", chain, row.position, row.position, row.entry)
        for walk in walks
        for row in walk.backwards
        if row.position not in told
    ]
    return found


def _joined(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(pairs):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _runs(walks: Sequence[Walked]) -> list[Run]:
    """The runs of all ranges: one that goes on in the next range is one, and by how much the rows are out of place is
    told where it began only."""
    found: list[Run] = []
    shift = 0
    for walk in walks:
        moved = 0
        for number, run in enumerate(walk.runs):
            moved += run.shift
            if number == 0 and not run.count and moved == shift:
                continue  # as the range before
            if number == 0 and found and found[-1].last + 1 == run.first and found[-1].count and not found[-1].shift:
                found[-1].rows += run.rows
                found[-1].count += run.count
                found[-1].shift = run.shift
                continue
            if number == 0 and run.shift:
                run.shift = moved - shift
            found.append(run)
        shift = moved
    return found


def _of_runs(chain: int, runs: Sequence[Run]) -> Iterable[Finding]:
    here = [row for run in runs for row in run.rows]
    pool = here if len(here) <= PAIRS_MOST else []
    for run in runs:
        if run.shift > 0:
            yield Finding("inserted", chain, run.first, run.first + run.shift - 1, _entry(run.rows[:1]))
            continue
        if run.shift < 0:
            yield Finding("removed", chain, run.first, run.first - run.shift - 1)
            continue
        yield from _of_run(chain, run, pool)


def _of_run(chain: int, run: Run, pool: Sequence[Suspect]) -> Iterable[Finding]:
    """Builds the run up again from what is there: which row belongs where."""
    good = run.good
    for row in run.rows:
        if good is None:
            break
        own = None if row.content is None else entry_digest(good, row.position, row.content)
        if own == row.digest:
            good = row.digest  # only what it follows on was another
            continue
        other = _belonging(good, row, pool)
        if other is not None:
            yield Finding("re-ordered", chain, row.position, row.position, row.entry, other.position)
            assert other.content is not None
            good = entry_digest(good, row.position, other.content)
            continue
        yield Finding("changed", chain, row.position, row.position, row.entry)
        # Was it its content, and its digest is as it was, or the other way round? The next row says.
        good = _going_on(run, row, own)
    if run.count > len(run.rows):
        yield Finding("changed", chain, run.first + len(run.rows), run.last)


def _belonging(good: bytes, row: Suspect, pool: Sequence[Suspect]) -> Suspect | None:
    for other in pool:
        if other is row or other.content is None:
            continue
        if entry_digest(good, row.position, other.content) in (row.digest, other.digest):
            return other
    return None


def _going_on(run: Run, row: Suspect, own: bytes | None) -> bytes | None:
    following = next((one for one in run.rows if one.position == row.position + 1), None)
    stored = row.digest if isinstance(row.digest, bytes) else None
    if following is None or following.content is None or own is None:
        return stored
    return own if entry_digest(own, following.position, following.content) == following.digest else stored


def _entry(rows: Sequence[Suspect]) -> int | None:
    return next((row.entry for row in rows if isinstance(row.entry, int)), None)


def _of_seals(walks: Sequence[Walked], heads: Sequence[Head], seals: Sequence[Seal]) -> Iterable[Finding]:
    ends = {(walk.chain, at): digest for walk in walks for at, digest in walk.ends.items()}
    lengths = {head.chain: head.length for head in heads}
    walked = [(walk.chain, walk.first, walk.last) for walk in walks]
    for seal in seals:
        for chain, length, digest, _root in seal.heads:
            if not length:
                continue
            if lengths.get(chain, 0) < length:
                yield Finding("truncated", chain, lengths.get(chain, 0) + 1, length, seal=seal.number)
                continue
            end = ends.get((chain, length))
            looked_at = any(one == chain and first <= length <= last for one, first, last in walked)
            if looked_at and end is not None and end.hex() != digest:
                yield Finding("rewritten", chain, length, length, seal=seal.number)


def broken_seals(seals: Sequence[Seal], told: dict[int, str]) -> list[str]:
    """What is wrong with the seals that are kept here; ``told``: the digests that the trail has of them."""
    found = [f"seal {seal.number} was changed since it was made" for seal in seals if not holds(seal)]
    kept = {seal.number: seal for seal in seals}
    for number, seal in kept.items():
        before = kept.get(number - 1)
        if number > 1 and before is None:
            found.append(f"seal {number - 1} was removed")
        elif before is not None and before.digest != seal.previous:
            found.append(f"seal {number} does not follow on seal {number - 1}: one of them was made anew")
    for number, digest in told.items():
        if number not in kept:
            found.append(f"seal {number} was removed")
        elif kept[number].digest != digest:
            found.append(f"seal {number} is another than the trail says")
    return sorted(set(found))


def seals_told(walks: Iterable[Walked]) -> dict[int, str]:
    """The seals of which the trail tells, number -> digest."""
    details = [json.loads(detail) for walk in walks for _at, act, detail in walk.notes if act == "sealed"]
    return {int(one["seal"]): str(one["digest"]) for one in details}


def _unsaid(walks: Sequence[Walked]) -> Iterable[Finding]:
    """Entries whose content is gone, though no entry tells of an erasure. An entry tells of what was there before it,
    and of its own chain never of what came after."""
    said: dict[int, list[tuple[int, int]]] = {}
    for walk in walks:
        for at, act, detail in walk.notes:
            if act == ERASED:
                for chain, first, last in json.loads(detail)["entries"]:
                    end = at - 1 if chain == walk.chain else last
                    said.setdefault(chain, []).append((first, min(last, end)))
    lawful = {chain: _joined(pairs) for chain, pairs in said.items()}
    for walk in walks:
        for first, last in walk.erased:
            if not any(low <= first and last <= high for low, high in lawful.get(walk.chain, [])):
                yield Finding("changed", walk.chain, first, last)
