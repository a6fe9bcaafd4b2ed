"""``cti trace``: recorded AMI byte streams in, one JSON object per call out (spec O5)."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import KEEP, NOISE, decode
from cti_server.calls.call_plan import EXTENSIONS
from cti_server.calls.events import LinkLost, LinkUp, Swept, Unreadable
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.shared.errors import YobirinError
from cti_server.shared.positions import Position

_BLOCK = 1 << 18
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
        self._folder = Folder(plan)
        self._logs: dict[str, CallLog] = {}
        self._now = 0.0
        """The latest time that the exchange told; 0: none yet."""

    def read(self, path: Path) -> None:
        """One connection. What came before it was lost when it ended."""
        try:
            with path.open("rb") as file:
                blocks = iter(lambda: file.read(_BLOCK), b"")
                self._connection(path, blocks)
        except OSError as problem:
            self.problems.append(f"{path}: can't be read ({problem.strerror}); give the recording of a connection")

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
        for log in [*self._folder.changed(), *self._folder.open_calls()]:
            self._logs[log.id] = log
        logs = [log for log in self._logs.values() if log.merged_into is None]
        return sorted(logs, key=lambda log: (log.started_at, log.id))


def first_time(data: bytes, otherwise: float) -> float:
    """The first time that the exchange tells in these bytes: some events carry none."""
    stamp = _STAMP.search(data)
    return float(stamp[1]) if stamp else otherwise


def as_truth(log: CallLog) -> dict[str, Any]:
    """A call with the fields and units that ``corpus/ami/README.md`` defines: ISO times in UTC, seconds with one
    digit."""
    return {
        "direction": log.direction,
        "caller_number": log.caller_number,
        "caller_name": log.caller_name,
        "dialed_number": log.dialed_number,
        "presented_number": log.presented_number,
        "answered": log.answered,
        "answered_by_extension": log.answered_by_extension,
        "answered_by_number": log.answered_by_number,
        "rang_extensions": log.rang_extensions,
        "attempted_extensions": log.attempted_extensions,
        "started_at": iso(log.started_at),
        "answered_at": iso(log.answered_at),
        "pbx_answered_at": iso(log.pbx_answered_at),
        "ended_at": iso(log.ended_at),
        "ended_between": [iso(at) for at in log.ended_between] if log.ended_between else None,
        "ring_seconds": round(log.ring_seconds, 1),
        "wait_seconds": round(log.wait_seconds, 1) if log.answered or log.ended_at else None,
        "talk_seconds": round(log.talk_seconds, 1) if log.ended_at or not log.answered else None,
        "hold_seconds": round(log.hold_seconds, 1),
        "queue": log.queue,
        "transferred_to": log.transferred_to,
        "final_extension": log.final_extension,
        "hangup_by": log.hangup_by,
        "disposition": log.disposition,
        "voicemail_left": log.voicemail_left,
        "linkedids": log.linkedids,
        "fax": log.fax,
        "recording": log.recording,
        "state": log.state,
        "marks": log.marks,
    }


def iso(at: float | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
