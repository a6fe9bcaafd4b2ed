"""What the tests of record feeds share: a make of the smallest kind, and a server with the feed of one exchange."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from cti_adapters.exchanges import recording
from cti_adapters.exchanges.feed import Feed, Surroundings
from cti_adapters.exchanges.recording import Recording, Step
from cti_adapters.exchanges.status import ExchangeState, Link
from cti_adapters.exchanges.writer import Writer
from cti_server.calls.events import Event, RecordRead, Unreadable
from cti_server.calls.log import CallLog
from cti_server.calls.records import CallRecord
from cti_server.settings import ExchangeSettings, JournalSettings
from cti_server.shared.clock import SystemClock
from cti_server.shared.notices import Notice
from tests.adapters.lane_rig import Memory


def line(number: int, extension: str = "2001", day: int = 20) -> bytes:
    """The ``number``-th record of the tests: one call each, answered."""
    hour, minute, second = number // 3600 % 24, number // 60 % 60, number % 60
    return b"2026/11/%02d %02d:%02d:%02d,5,30,03%08d,I,%s\r\n" % (
        day,
        hour,
        minute,
        second,
        number,
        extension.encode(),
    )


def lines(first: int, last: int) -> bytes:
    return b"".join(line(number) for number in range(first, last))


class LineDecoder:
    """A record a line: start, ring and talk seconds, outside number, direction, extension; where several are one call,
    also its key, and 1 where more follow."""

    learned = 0

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending(self) -> int:
        return len(self._rest)

    def feed(self, data: bytes, at: float) -> list[Event | Unreadable]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [self._read(one.rstrip(b"\r"), at) for one in whole if one.strip()]

    def finish(self, at: float) -> list[Event | Unreadable]:
        rest, self._rest = self._rest, b""
        return [self._read(rest, at)] if rest.strip() else []

    def reset(self) -> Unreadable | None:
        rest, self._rest = self._rest, b""
        return Unreadable(rest, "cut-off", len(rest)) if rest else None

    @staticmethod
    def _read(raw: bytes, at: float) -> Event | Unreadable:
        fields = raw.decode("ascii", "replace").split(",")
        try:
            start = datetime.strptime(fields[0], "%Y/%m/%d %H:%M:%S")
            record = CallRecord(
                direction="in" if fields[4] == "I" else "out",
                started_at_local=start,
                ring_seconds=int(fields[1]),
                duration_seconds=int(fields[2]),
                answered=fields[2] != "0",
                external_number=fields[3],
                extension=fields[5],
                call_key=fields[6] if len(fields) > 6 else None,
                continuation=len(fields) > 7 and fields[7] == "1",
            )
        except (ValueError, IndexError):
            return Unreadable(raw, "not-a-record", len(raw))
        return RecordRead(at, record, raw)


LOGIN = (Step(b"-", b"SMDR\r\n"), Step(b"Password:", b"{password}\r\n"))


@contextmanager
def makes() -> Iterator[None]:
    """Makes the smallest make known as ``lines``, and one with a sign-in as ``signed``."""
    recording.MAKES["lines"] = lambda: Recording(LineDecoder())
    recording.MAKES["signed"] = lambda: Recording(LineDecoder(), dialogue=LOGIN)
    try:
        yield
    finally:
        del recording.MAKES["lines"], recording.MAKES["signed"]


class OneFeed:
    """The feed of one exchange; with a store in memory unless another is given."""

    def __init__(self, reactor: Any, folder: Path, store: Any = None, **settings: Any) -> None:
        chosen = {"id": "hq", "name": "HQ", "kind": "smdr", "branch": "121", "profile": "lines"} | settings
        self.reactor = reactor
        self.settings = ExchangeSettings(**chosen)
        self.states: list[ExchangeState] = []
        self.told: list[Notice] = []
        self.store = store or Memory()
        self.writer = Writer(self.told.extend)
        self.writer.start()
        around = Surroundings(folder, JournalSettings(), self.store, self.writer, reactor, SystemClock())
        self.feed = Feed(self.settings, around, self.states.append)
        self.feed.start()

    @property
    def state(self) -> Link:
        return self.feed.state.state

    @property
    def reason(self) -> str:
        return self.feed.state.reason.code

    @property
    def calls(self) -> list[CallLog]:
        return sorted(self.store.calls.values(), key=lambda log: log.started_at)

    @property
    def numbers(self) -> list[str | None]:
        return [log.caller_number for log in self.calls]

    async def stop(self) -> None:
        await self.feed.stop()
        self.writer.stop()


def wanted(first: int, last: int) -> list[str | None]:
    """The numbers of the records ``first`` to ``last``, which is left out."""
    return [f"03{number:08}" for number in range(first, last)]
