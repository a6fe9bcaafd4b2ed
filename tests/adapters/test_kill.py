"""Killed at any moment, under load, again and again: in the end the call log is that of a server that never stopped."""

from __future__ import annotations

import multiprocessing
import re
import socket
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from cti_adapters.exchanges.lane import Lane
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage import schema
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.work import Database
from cti_server.shared.phone import tail
from tests.adapters.killed import LATER, PLACES, Killer, Steady, _Killed, content, parts, serve
from tests.adapters.lane_rig import traces

KILLS = {"events": 36, "records": 18}
BASE = 1795333800.0
STAMP = re.compile(rb"(?<=\nTimestamp: )[\d.]+")
CUSTOMERS = {"100101": "+81312345678", "100102": "+81661112222", "100103": "+81488765432", "100104": "+81312340012"}
COMPARED = {
    "calls": "SELECT * FROM calls ORDER BY id",
    "sights": "SELECT call_id, kind, customer_code, branch, rep, confidentiality, match, rank, direction, started_at, "
    "open, handled FROM sights ORDER BY call_id, rank",
    "items": "SELECT key, branch, state, kind, calls, latest_call, latest_at, customer_code FROM items ORDER BY key, "
    "latest_at",
    "taken": "SELECT * FROM taken ORDER BY user, call_id",
    "unreadable": "SELECT * FROM unreadable ORDER BY record",
}
LEFT_OUT = {"item_id", "version"}
"""Numbers that the database gives, and how often a row was written."""


def traffic(seed: int) -> bytes:
    """Recorded calls of a real Asterisk, all at the same time, event by event."""
    random = Random(seed)
    streams: list[list[bytes]] = []
    for trace in traces():
        data = (trace / "ami.raw").read_bytes()
        first = min(float(stamp) for stamp in STAMP.findall(data))
        begin = BASE + random.uniform(0, 60)
        shifted = STAMP.sub(lambda found, by=begin - first: b"%.6f" % (float(found[0]) + by), data)  # type: ignore[misc]
        streams.append([event + b"\r\n\r\n" for event in shifted.split(b"\r\n\r\n")[2:] if event])
    mixed = []
    while streams:
        stream = random.choice(streams[:12])
        mixed += stream[:5]
        del stream[:5]
        streams = [one for one in streams if one]
    return b"".join(mixed)


def database(folder: Path) -> Database:
    made = Database(f"sqlite:///{folder / 'calls.sqlite3'}")
    made.upgrade()
    people = [
        {"code": code, "name": code, "branch": "121", "confidentiality": 2, "created_at": 0.0} for code in CUSTOMERS
    ]
    numbers = [{"customer_code": code, "e164": number, "tail": tail(number)} for code, number in CUSTOMERS.items()]
    with made.engine.begin() as connection:
        connection.execute(insert(schema.customers), people)
        connection.execute(insert(schema.customer_numbers), numbers)
    return made


def call_log(made: Database) -> dict[str, list[dict[str, Any]]]:
    with made.engine.connect() as connection:
        return {
            name: [
                {key: value for key, value in row._mapping.items() if key not in LEFT_OUT}
                for row in connection.execute(text(query))
            ]
            for name, query in COMPARED.items()
        }


def folded(folder: Path, journal: Journal, made: Database, kind: str) -> None:
    """Works a journal off without interruption."""
    _Killed.killer = Killer(None)
    lane = Lane("hq", journal, CallWriter(made.engine, Steady()), *parts(kind), batch_bytes=30_000)
    while lane.step(0.0) is not None:
        pass
    assert not lane.status.commits_failed


def uninterrupted(folder: Path, data: bytes, kind: str) -> dict[str, list[dict[str, Any]]]:
    folder.mkdir()
    made = database(folder)
    journal = Journal(folder / "journal")
    for at in range(0, len(data), 5000):
        journal.append(Kind.BYTES, data[at : at + 5000], 1.0)
    journal.append(Kind.TICK, b"", LATER)
    folded(folder, journal, made, kind)
    journal.close()
    log = call_log(made)
    made.close()
    return log


class Feeder:
    """Sends the traffic to one life of the server after the other."""

    def __init__(self, folder: Path, data: bytes, random: Random, kind: str) -> None:
        self._kind = kind
        self._folder = folder
        self._data = data
        self._random = random
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.adapters.killed"])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)

    def life(self, *, bytes_at_most: int, kill: tuple[str, int] | None = None, seconds: float | None = None) -> bool:
        """One life of the server; whether it was killed."""
        port = self._listener.getsockname()[1]
        server = self._context.Process(target=serve, args=(str(self._folder), port, kill, self._kind))
        server.start()
        link = self._connection(server)
        if link is None:
            server.join()
            return True
        with link:
            deadline = time.monotonic() + (seconds if seconds is not None else 60)
            self._send(link, deadline, bytes_at_most)
            if seconds is not None:
                time.sleep(max(0.0, deadline - time.monotonic()))
                server.kill()
        server.join(60)
        assert server.exitcode in (0, -9), "it ended by itself"
        return server.exitcode == -9

    def _connection(self, server: Any) -> socket.socket | None:
        """The server's connection; null when it was killed before that."""
        while True:
            try:
                return self._listener.accept()[0]
            except TimeoutError:
                if not server.is_alive():
                    return None

    def _send(self, link: socket.socket, deadline: float, bytes_at_most: int) -> None:
        try:
            sent = int.from_bytes(link.recv(8, socket.MSG_WAITALL), "big")
            last = min(len(self._data), sent + bytes_at_most)
            while sent < last and time.monotonic() < deadline:
                piece = self._data[sent : min(last, sent + self._random.choice((3, 500, 3000, 20000)))]
                link.sendall(piece)
                sent += len(piece)
                time.sleep(self._random.choice((0, 0.0005, 0.002)))
        except ConnectionError:
            return

    def close(self) -> None:
        self._listener.close()


def records(seed: int) -> bytes:
    """Records of calls: some several ones a call, mixed up with others, and some that look alike."""
    random = Random(seed)
    streams = []
    for number in range(600):
        start = b"2026/11/20 %02d:%02d:%02d" % (8 + number // 120, number // 2 % 60, random.choice((0, 0, 31)))
        who = random.choice((*CUSTOMERS.values(), f"0355{number:06}"))
        direction = "O" if who.startswith("03") and number % 2 else "I"
        head = start + f",5,{random.choice((0, 0, 40, 75))},{who.replace('+81', '0')},{direction}".encode()
        segments = random.choice((0, 0, 1, 3))
        tails = [b",200%d,%d,%d\r\n" % (part, number, part + 1 < segments) for part in range(segments)]
        streams.append([head + tail for tail in tails] or [head + b",2001\r\n"] * random.choice((1, 1, 2)))
    mixed = []
    while streams:
        stream = random.choice(streams[:12])
        mixed.append(stream.pop(0))
        streams = [one for one in streams if one]
    return b"".join(mixed)


@pytest.mark.parametrize("kind", ["events", "records"])
def test_nothing_is_lost_and_nothing_is_there_twice(tmp_path: Path, kind: str) -> None:
    random, kills = Random(1), KILLS[kind]
    data = records(1) if kind == "records" else traffic(1)
    expected = uninterrupted(tmp_path / "reference", data, kind)
    assert len(expected["calls"]) > 40
    assert len(expected["items"]) > 3
    folder = tmp_path / "killed"
    folder.mkdir()
    made = database(folder)
    feeder = Feeder(folder, data, random, kind)
    share = len(data) // (kills + 4)
    killed = 0
    for number in range(kills):
        if number % 3 == 2:
            # Of records there are few batches in a life: a place is passed once or twice.
            kill = (PLACES[number // 3 % len(PLACES)], random.randrange(4 if kind == "events" else 1))
            killed += feeder.life(bytes_at_most=share, kill=kill)
        else:
            killed += feeder.life(bytes_at_most=share, seconds=random.uniform(0.0, 0.08))
    assert killed > kills * 0.8
    assert not feeder.life(bytes_at_most=len(data))
    feeder.close()

    journal = Journal(folder / "journal")
    assert content(journal) == data
    journal.append(Kind.TICK, b"", LATER)
    folded(folder, journal, made, kind)
    journal.close()
    assert call_log(made) == expected
    made.close()
    with made.engine.connect() as connection:
        assert connection.execute(select(schema.lanes)).one()
    made.close()
