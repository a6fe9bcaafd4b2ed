"""AMI: the codec alone, and bytes to committed calls, beside bare Python and panoramisk on the same stream."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cti_adapters.exchanges.decoding import AmiDecoder
from cti_adapters.exchanges.lane import Lane
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.work import Database
from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import KEEP, NOISE
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.folding import Folder
from cti_server.shared.clock import SystemClock
from tests.bench import peers
from tests.bench.measure import Row, paired, resident_bytes
from tests.bench.stream import chunks, stream

MEGABYTES = {"small": 1.0, "full": 60.0, "huge": 100.0}
TIMES = {"small": 1, "full": 3, "huge": 3}


def codec(size: str) -> list[Row]:
    """From the socket to a message an event, one look-up each: all events; and with the noise skipped, as lanes do."""
    data = stream(MEGABYTES[size])

    def read(framer: Framer) -> int:
        count = 0
        for part in peers.received(data):
            for frame in framer.feed(part):
                if isinstance(frame, bytes):
                    count += len(Message(frame).event)
        return count

    def limit() -> int:
        return peers.bare_split(peers.received(data))

    rows = []
    for name, make, target in (
        ("AMI codec, all events", Framer, 0.2),
        ("AMI codec, noise skipped", lambda: Framer(skip=NOISE, keep=KEEP), 0.45),
    ):
        ratio, mine, bare = paired(lambda make=make: read(make()), limit, TIMES[size])  # type: ignore[misc]
        rows.append(
            Row(
                name,
                ratio,
                "× recv + bytes.split",
                target,
                True,
                f"recv + bytes.split ({bare:.2f} s; ours {mine:.2f} s)",
                "one Python object and one look-up an event",
            )
        )
    ratio, mine, other = paired(
        lambda: read(Framer(skip=NOISE, keep=KEEP)), lambda: peers.panoramisk(peers.received(data)), 1
    )
    rows.append(
        Row(
            "AMI codec, noise skipped, beside panoramisk",
            ratio,
            "× panoramisk",
            2,
            True,
            f"panoramisk ({other:.2f} s; ours {mine:.2f} s)",
        )
    )
    return rows


def lane(folder: Path) -> tuple[Journal, Callable[[], None]]:
    """A lane on a journal and a database of its own, and what folds all that waits."""
    database = Database(f"sqlite:///{folder / 'bench.sqlite3'}")
    database.upgrade()
    journal = Journal(folder / "journal")
    plan = ExchangePlan(id="hq", branch="121")
    one = Lane("hq", journal, CallWriter(database.engine, SystemClock()), AmiDecoder(), Folder(plan))

    def drain() -> None:
        while one.step(time.monotonic()) is not None or one.backlog:
            if one.retry_at:
                raise RuntimeError(one.status.problem.sentence)

    drain()
    return journal, drain


def pipeline(size: str) -> list[Row]:
    """Everything included: journal, framing, folding, matching, writing, notices; all event classes."""
    data = stream(MEGABYTES[size])
    parts = chunks(data)

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            journal, drain = lane(Path(folder))
            for number, part in enumerate(parts):
                journal.append(Kind.BYTES, part, time.time())
                if number % 16 == 15:
                    drain()
            drain()

    ratio, mine, other = paired(ours, lambda: peers.panoramisk(parts), TIMES[size])
    events = peers.bare_split(parts)
    return [
        Row(
            "AMI bytes to committed calls, everything included",
            ratio,
            "× panoramisk",
            2,
            True,
            f"panoramisk's bare parsing ({other:.2f} s; ours {mine:.2f} s, {events / mine:,.0f} events/s)",
            "folding and writing rows in Python, about half each",
        )
    ]


def memory(size: str) -> list[Row]:
    """Resident memory while events flow: the last point against the first, points in between printed."""
    goal = {"small": 8_000, "full": 1_000_000, "huge": 3_000_000}[size]
    parts = chunks(stream(1.0 if size == "small" else 20.0))
    per_round = peers.bare_split(parts)
    points: list[tuple[int, int]] = []
    with tempfile.TemporaryDirectory() as folder:
        journal, drain = lane(Path(folder))
        seen = shift = 0
        while seen < goal:
            for part in parts:
                # Every round is another year, so that it is other calls.
                journal.append(
                    Kind.BYTES,
                    part.replace(b"\nUniqueid: 1", b"\nUniqueid: %d" % (shift + 1)).replace(
                        b"\nLinkedid: 1", b"\nLinkedid: %d" % (shift + 1)
                    ),
                    time.time(),
                )
                drain()
            seen += per_round
            shift += 1
            points.append((seen, resident_bytes()))
    first = points[max(0, len(points) // 5 - 1)]
    curve = ", ".join(f"{count / 1e6:.2f}M: {held / 1e6:.0f} MB" for count, held in points)
    return [
        Row("memory after all events against after a fifth of them", points[-1][1] / first[1], "×", 1.1, False, curve)
    ]
