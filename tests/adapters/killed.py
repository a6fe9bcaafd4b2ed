"""The server's way from socket to database, to be killed: journal, lane, writer thread and the real call writer.

Runs in a process of its own. It tells the feeder how many bytes its journal has and gets the rest; when the feeder
ends, it works off what is left and ends. ``kill`` names a place at which the process kills itself, and how often it
passes there before.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from sqlalchemy import event
from twisted.internet.protocol import ClientFactory, Protocol

from cti_adapters.exchanges.decoding import AmiDecoder
from cti_adapters.exchanges.lane import Lane
from cti_adapters.exchanges.writer import Writer
from cti_adapters.journal import files
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.work import Database
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.record_folding import RecordFolder
from cti_server.shared.phone import Plan, reader
from tests.adapters.record_rig import LineDecoder

PLACES = ("after-append", "torn-append", "before-commit", "in-commit", "after-commit", "in-restore")
PLAN = ExchangePlan(id="hq", branch="121")
LATER = 9e9


class Steady:
    """A clock that stands still, so that two runs write the same."""

    def now(self) -> float:
        return 1795400000.0


class Killer:
    """Kills this process at a place, the so-manieth time."""

    def __init__(self, kill: tuple[str, int] | None) -> None:
        self._place, self._left = kill or ("", 0)

    def at(self, place: str) -> bool:
        """Whether now; for places that have something to do first."""
        if place != self._place:
            return False
        self._left -= 1
        return self._left < 0

    def pass_by(self, place: str) -> None:
        if self.at(place):
            os.kill(os.getpid(), signal.SIGKILL)


class KilledJournal(Journal):
    """A journal that is killed while it appends."""

    killer: Killer

    def append(self, kind: Kind, payload: bytes, at: float) -> int:
        if self.killer.at("torn-append"):
            whole = files.encode(kind, payload, at)
            os.write(self._fd, whole[: len(whole) * 2 // 3])
            os.kill(os.getpid(), signal.SIGKILL)
        offset = super().append(kind, payload, at)
        self.killer.pass_by("after-append")
        return offset


class KilledStore:
    """The call writer, killed before, within or after its transaction."""

    def __init__(self, database: Database, killer: Killer) -> None:
        self._writer = CallWriter(database.engine, Steady())
        self._killer = killer
        self.positions = self._writer.positions

    def commit(self, *batch: Any) -> Any:
        self._killer.pass_by("before-commit")
        told = self._writer.commit(*batch)
        self._killer.pass_by("after-commit")
        return told


class _Killed:
    """A fold that is killed while it brings back the open calls."""

    killer: Killer

    def feed(self, what: Any, position: Any) -> None:
        self.killer.pass_by("in-restore")
        super().feed(what, position)  # type: ignore[misc]


class KilledFold(_Killed, Folder):
    """Of events."""


class KilledRecordFold(_Killed, RecordFolder):
    """Of records."""


def parts(kind: str) -> tuple[Any, Any]:
    """Decoder and fold of the traffic: ``events`` of an Asterisk, or ``records`` of calls."""
    party = reader(Plan(area_code="03"))
    return (
        (LineDecoder(), KilledRecordFold(PLAN, party)) if kind == "records" else (AmiDecoder(), KilledFold(PLAN, party))
    )


class Listener(Protocol):
    def __init__(self, owner: Server) -> None:
        self._owner = owner

    def connectionMade(self) -> None:
        self.transport.write(self._owner.has.to_bytes(8, "big"))

    def dataReceived(self, data: bytes) -> None:
        self._owner.journal.append(Kind.BYTES, data, 1.0)
        self._owner.writer.wake()

    def connectionLost(self, reason: Any = None) -> None:
        self._owner.finish()


class Server(ClientFactory):
    noisy = False

    def __init__(self, reactor: Any, folder: Path, kill: tuple[str, int] | None, kind: str) -> None:
        killer = KilledJournal.killer = _Killed.killer = Killer(kill)
        self.reactor = reactor
        self.journal = KilledJournal(folder / "journal", segment_bytes=200_000)
        self.has = heard(self.journal)
        database = Database(f"sqlite:///{folder / 'calls.sqlite3'}")
        event.listen(database.engine, "commit", lambda _: killer.pass_by("in-commit"))
        self.lane = Lane("hq", self.journal, KilledStore(database, killer), *parts(kind), batch_bytes=30_000)
        self.writer = Writer(lambda _: None)
        self.writer.add(self.lane)
        self.writer.start()

    def buildProtocol(self, _: object) -> Protocol:
        return Listener(self)

    def finish(self) -> None:
        if self.lane.backlog:
            self.writer.wake()
            self.reactor.callLater(0.01, self.finish)
            return
        self.writer.stop()
        self.journal.close()
        self.reactor.stop()


def heard(journal: Journal) -> int:
    """How many bytes of the exchange the journal has."""
    return len(content(journal))


def content(journal: Journal) -> bytes:
    data, offset = [], 0
    while found := journal.read(offset, 2**20):
        data += [record.payload for record in found if record.kind is Kind.BYTES]
        offset = found[-1].next
    return b"".join(data)


def serve(folder: str, port: int, kill: tuple[str, int] | None, kind: str = "events") -> None:
    """The process."""
    from twisted.internet import reactor

    running: Any = reactor
    running.connectTCP("127.0.0.1", port, Server(running, Path(folder), kill, kind))
    running.run(installSignalHandlers=False)
