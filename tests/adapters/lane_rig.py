"""What the tests of the lane share: a journal that is fed by hand and a store in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from cti_adapters.exchanges.decoding import AmiDecoder
from cti_adapters.exchanges.lane import Decoder, Fold, Lane
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage.call_writer import is_final
from cti_adapters.storage.gap_recovery import PendingGap
from cti_server.calls.call_recovery import Entries, GapFetch
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog, Settled
from cti_server.shared.feed import GapChange, UnreadableBytes
from cti_server.shared.notices import ExchangeChanged, Notice
from cti_server.shared.positions import Position

GOLDEN = Path(__file__).parent.parent / "golden"
PLAN = ExchangePlan(id="hq", branch="121")


def traces() -> list[Path]:
    return sorted(path.parent for path in GOLDEN.glob("*/ami.raw"))


class Memory:
    """A store in memory, with the promises of the real one: all of a batch or nothing, and twice is once."""

    def __init__(self) -> None:
        self.calls: dict[str, CallLog] = {}
        self.unreadable: dict[tuple[int, int], UnreadableBytes] = {}
        self.gaps: dict[float, GapChange] = {}
        self.stored: tuple[Position, Position] | None = None
        self.fetches: list[GapFetch] = []
        self.commits = 0
        self.failing: Exception | None = None
        self.fails_after_commit = False

    def positions(self, exchange: str) -> tuple[Position, Position] | None:
        if self.failing:
            raise self.failing
        return self.stored

    def commit(
        self,
        exchange: str,
        changed: list[CallLog],
        unreadable: list[UnreadableBytes],
        gaps: list[GapChange],
        folded: Position,
        rebuild: Position,
        fetch: GapFetch | None = None,
        settled: Sequence[Settled] = (),
    ) -> list[Notice]:
        if self.failing and not self.fails_after_commit:
            raise self.failing
        for one in settled:
            self.calls[one.id].marks = one.marks
        for log in changed:
            before = self.calls.get(log.id)
            if before is None or not is_final(before):
                self.calls[log.id] = replace(log)
        self.unreadable |= {(one.record, one.number): one for one in unreadable}
        self.gaps |= {gap.started_at: gap for gap in gaps}
        if fetch is not None:
            self._take(fetch)
        self.stored = (folded, rebuild)
        self.commits += 1
        if self.failing:
            raise self.failing
        return [ExchangeChanged(exchange, "121", str(len(changed)))]

    def _take(self, fetch: GapFetch) -> None:
        self.fetches.append(fetch)
        entries = Entries(self.calls.values())
        for call in fetch.calls:
            for log in entries.recover(call).logs:
                self.calls[log.id] = log
                entries.put(log)

    def pending_gaps(self, exchange: str, since: float, has_record: bool) -> list[PendingGap]:
        return []


OPENED: list[Rig] = []


class Rig:
    """A journal with a lane that can be killed and started again. See ``closing_all``."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.options = options
        self.store = Memory()
        self.journal = Journal(folder / "journal", segment_bytes=options.pop("segment_bytes", 2**26))
        self.now = 0.0
        self.lane = self._lane()
        OPENED.append(self)

    def _lane(self) -> Lane:
        return Lane("hq", self.journal, self.store, self.decoder(), self.fold(), **self.options)

    def decoder(self) -> Decoder:
        return AmiDecoder()

    def fold(self) -> Fold:
        return Folder(PLAN)

    def restart(self) -> None:
        self.journal.close()
        self.journal = Journal(self.folder / "journal")
        self.lane = self._lane()

    def say(self, *pieces: bytes, at: float = 1.0) -> None:
        for piece in pieces:
            self.journal.append(Kind.BYTES, piece, at)

    def up(self, at: float, **told: Any) -> None:
        self.journal.append(Kind.UP, json.dumps({"banner": "", **told}).encode(), at)

    def down(self, at: float, heard: float, reason: str = "closed") -> None:
        self.journal.append(Kind.DOWN, json.dumps({"heard": heard, "reason": reason}).encode(), at)

    def work(self) -> list[Notice]:
        """Until there is nothing left to do."""
        told: list[Notice] = []
        while (notices := self.lane.step(self.now)) is not None:
            told += notices
        return told


@contextmanager
def closing_all() -> Iterator[None]:
    """Closes the journals of the rigs that were made within."""
    before = len(OPENED)
    try:
        yield
    finally:
        while len(OPENED) > before:
            OPENED.pop().journal.close()


def cut(data: bytes, random: Random, longest: int = 3000) -> Iterable[bytes]:
    """The data in pieces as reads may bring them."""
    at = 0
    while at < len(data):
        size = random.choice((1, 7, 100, longest, longest))
        yield data[at : at + size]
        at += size
