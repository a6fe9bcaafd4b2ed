"""``cti trace``: recorded AMI byte streams in, one JSON object per call out (spec O5)."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cti_adapters.wire import asterisk_cdr
from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import KEEP, NOISE, decode
from cti_server.calls.call_plan import EXTENSIONS
from cti_server.calls.call_recovery import Entries
from cti_server.calls.cdr import CdrRow
from cti_server.calls.events import LegsRecorded, LinkLost, LinkUp, Swept, Unreadable
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.calls.recorded_calls import recorded_calls
from cti_server.calls.truth import as_truth
from cti_server.shared.errors import YobirinError
from cti_server.shared.positions import Position

_BLOCK = 1 << 18
BEFORE, AFTER = 2.0, 600.0
"""Seconds around the recordings in which a call that only the record knows is told of: the last recording may have
broken off."""
_STAMP = re.compile(rb"\nTimestamp: (\d+(?:\.\d+)?)\r?\n")


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "trace",
        help="fold recorded AMI byte streams and print one JSON object per call",
        description="Folds what an Asterisk sent on its manager interface and prints one JSON object per call.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="the bytes of one connection; several: in their order"
    )
    parser.add_argument(
        "--cdr",
        type=Path,
        metavar="CSV",
        help="the exchange's own record of its calls (Master.csv, or a CSV with a header line): completes what the "
        "recordings missed",
    )
    parser.add_argument("--region", default="JP", help="ISO country of the exchange (default: %(default)s)")
    parser.add_argument("--timezone", default="Asia/Tokyo", help="zone of the exchange (default: %(default)s)")
    parser.add_argument(
        "--extensions", default=EXTENSIONS, metavar="REGEX", help="what an extension looks like (default: %(default)s)"
    )
    parser.add_argument(
        "--trunks",
        action="append",
        default=[],
        metavar="PATTERN",
        help="names of trunk channels or peers, such as 'PJSIP/trunk-*'; repeat or use commas (default: no extension)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the calls. 0: everything was read; 1: something couldn't be, and a sentence on standard error says
    what."""
    try:
        re.compile(args.extensions)
    except re.error as problem:
        raise YobirinError(f"--extensions {args.extensions!r} is no regular expression: {problem}") from problem
    plan = ExchangePlan(
        id="trace",
        branch="",
        region=args.region,
        timezone=args.timezone,
        extensions=args.extensions,
        trunks=tuple(pattern for patterns in args.trunks for pattern in patterns.split(",")),
    )
    trace = Trace(plan)
    for path in args.files:
        trace.read(path)
    if args.cdr is not None:
        trace.read_record(args.cdr)
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    for log in trace.calls():
        print(json.dumps(as_truth(log), ensure_ascii=plain))
    for sentence in trace.problems:
        print(f"cti: {sentence}", file=sys.stderr)
    return 1 if trace.problems else 0


class Trace:
    """Folds the successive connections of one exchange from files."""

    def __init__(self, plan: ExchangePlan) -> None:
        self.problems: list[str] = []
        """What couldn't be read, as sentences."""
        self._plan = plan
        self._folder = Folder(plan)
        self._recorded: list[CdrRow] = []
        self._logs: dict[str, CallLog] = {}
        self._now = 0.0
        """The latest time that the exchange told; 0: none yet."""
        self._first = 0.0
        """The earliest one."""

    def read(self, path: Path) -> None:
        """One connection. What came before it was lost when it ended."""
        try:
            with path.open("rb") as file:
                blocks = iter(lambda: file.read(_BLOCK), b"")
                self._connection(path, blocks)
        except OSError as problem:
            self.problems.append(f"{path}: can't be read ({problem.strerror}); give the recording of a connection")

    def read_record(self, path: Path) -> None:
        """The exchange's own record (CDR) of the time of the recordings."""
        try:
            with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
                record = asterisk_cdr.parse(file, self._plan.timezone)
        except OSError as problem:
            self.problems.append(f"{path}: can't be read ({problem.strerror}); give the exchange's CSV record of calls")
            return
        self._recorded += record.rows
        self.problems += [f"{path}, line {bad.line}: {bad.reason}" for bad in record.unreadable]

    def _connection(self, path: Path, blocks: Iterator[bytes]) -> None:
        framer = Framer(skip=NOISE, keep=KEEP)
        before = self._now
        begun = False
        unreadable: list[tuple[int, Unreadable]] = []
        offset = 0
        for block in blocks:
            if not begun:
                begun = True
                self._now = first_time(block, before)
                self._first = self._first or self._now
                if before:
                    self._feed(LinkLost(before, before))
                    self._feed(LinkUp(self._now))
            for frame in framer.feed(block):
                problem = frame if isinstance(frame, Unreadable) else self._frame(frame)
                if problem is not None:
                    unreadable.append((offset, problem))
            offset += len(block)
        rest = framer.reset()
        if rest is not None:
            unreadable.append((offset, rest))
        if unreadable:
            where, first = unreadable[0]
            more = f" and {len(unreadable) - 1} more like it" if len(unreadable) > 1 else ""
            self.problems.append(
                f"{path}: {first.size} bytes can't be read, in the block at byte {where // _BLOCK * _BLOCK}: "
                f"{first.reason}{more}"
            )

    def _within(self, log: CallLog) -> bool:
        """Whether a call fell into the time of the recordings: a record may go back for years."""
        begun, over = log.started_at, log.ended_at or log.started_at
        return not self._now or (over >= self._first - BEFORE and begun <= self._now + AFTER)

    def _frame(self, frame: bytes) -> Unreadable | None:
        event = decode(Message(frame), self._now)
        if isinstance(event, Unreadable):
            return event
        if event is not None:
            self._now = max(self._now, event.at)
            self._feed(event)
        return None

    def _feed(self, event: Any) -> None:
        self._folder.feed(event, Position(0, 0))

    def calls(self) -> list[CallLog]:
        """All calls, in the order of their beginning."""
        if self._now:
            self._feed(Swept(self._now + 60.0))
        self._complete()
        logs = [log for log in self._logs.values() if log.merged_into is None]
        return sorted(logs, key=lambda log: (log.started_at, log.id))

    def _complete(self) -> None:
        """Takes the fold's calls, with what the record knows of them."""
        recorded = recorded_calls(self._recorded, self._plan)
        if recorded and self._now:
            self._feed(LinkLost(self._now, self._now))  # nothing was heard after the last recording
            self._feed(LegsRecorded(self._now, frozenset().union(*(call.legs for call in recorded))))
        for log in [*self._folder.changed(), *self._folder.open_calls()]:
            self._logs[log.id] = log
        entries = Entries(self._logs.values())
        for call in recorded:
            gain, logs = entries.recover(call)
            if gain != "recovered" or self._within(call.log):
                self._logs |= {log.id: log for log in logs}


def first_time(data: bytes, otherwise: float) -> float:
    """The first time that the exchange tells in these bytes: some events carry none."""
    stamp = _STAMP.search(data)
    return float(stamp[1]) if stamp else otherwise
