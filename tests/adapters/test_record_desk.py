"""From the bytes of each kind of feed to what a rep's desk shows, and to whom it shows nothing."""

from __future__ import annotations

import os
import pty
import socket
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from cti_adapters.exchanges import file_drop
from cti_adapters.exchanges.status import Link
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.mapping import Call
from cti_server.calls.ports import CallQuery
from cti_server.calls.views import CallPage
from cti_server.shared.clock import SystemClock
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.reactors import run, until
from tests.adapters.record_rig import OneFeed, line, makes
from tests.adapters.storage_rig import customer

MINE, SECRET, NOBODY = 1, 2, 3
"""The records' numbers: of a customer of 801, of a class-1 customer of 803 in another branch, of nobody."""


@pytest.fixture(autouse=True)
def _makes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(file_drop, "SETTLED_SECONDS", 0.0)
    with makes():
        yield


Sender = tuple[dict[str, Any], Callable[[bytes], object]]


def connecting(reactor: Any, folder: Path) -> Sender:
    talkers: list[Any] = []

    class Exchange(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(b"".join(talkers))

    factory = Factory.forProtocol(Exchange)
    factory.noisy = False
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    return {"feed": "connect", "port": port.getHost().port}, talkers.append


def listening(reactor: Any, folder: Path) -> Sender:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    def send(data: bytes, tries: int = 200) -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as link:
                link.sendall(data)
        except ConnectionRefusedError:  # it doesn't listen yet
            reactor.callLater(0.01, send, data, tries - 1)

    return {"feed": "listen", "port": port, "allowed_peers": ["127.0.0.1"]}, send


def serial(reactor: Any, folder: Path) -> Sender:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    return {"feed": "serial", "device": os.ttyname(theirs)}, lambda data: os.write(ours, data)


def growing(reactor: Any, folder: Path) -> Sender:
    path = folder / "smdr.log"
    return {"feed": "file", "path": path}, path.write_bytes


def dropped(reactor: Any, folder: Path) -> Sender:
    path = folder / "drop"
    path.mkdir()
    return {"feed": "folder", "path": path, "pattern": "*.log"}, (path / "day.log").write_bytes


def listed(office: Office, **who: Any) -> tuple[list[str], list[str]]:
    """(customers of the worklist, customers or numbers of the call log) that somebody sees."""
    with office.desk(viewer(**who)) as desk:
        work = [item.latest.who[0].code if item.latest.who else "?" for item in desk.worklist().items]
        page: CallPage = desk.calls(CallQuery())
        return work, [row.who[0].code if row.who else row.number for row in page.rows]


def known(office: Office) -> int:
    with office.database.open(EVERYTHING) as work:
        return work.session.query(Call).count()


@pytest.mark.parametrize("way", [connecting, listening, serial, growing, dropped])
def test_a_record_reaches_those_it_concerns_and_nobody_else(tmp_path: Path, way: Callable[..., Sender]) -> None:
    office = Office(tmp_path)
    office.put(
        customer("mine", "+81300000001"),
        customer("secret", "+81300000002", rep="803", branch="122", confidentiality=1),
    )

    async def scenario(reactor: Any) -> None:
        settings, send = way(reactor, tmp_path)
        store = CallWriter(office.database.engine, SystemClock())
        told = b"".join(line(number) for number in (MINE, SECRET, NOBODY))
        if way is not serial:
            send(told)
        one = OneFeed(reactor, tmp_path, store, **settings)
        if way is serial:  # what is said into a line that nobody has open is lost
            await until(reactor, lambda: one.state is Link.UP)
            send(told)
        await until(reactor, lambda: known(office) == 3)
        await one.stop()

    run(scenario)
    assert listed(office, user="801") == (["mine"], ["mine"])
    assert listed(office, user="802") == ([], [])
    assert "secret" not in str(listed(office, user="700", role="branch manager"))
    with office.desk(viewer("801")) as desk:
        (mine,) = desk.calls(CallQuery()).rows
        assert (mine.disposition, mine.ring_seconds, mine.talk_seconds) == ("answered", 5, 30)
