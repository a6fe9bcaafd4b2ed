"""Rows of the outbox: each handled once, in order, whatever wake-ups get lost and whoever dies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.live import outbox as module
from cti_adapters.live.outbox import DaemonSocket, Outbox, Ping, WakeUps
from cti_adapters.storage import mapping
from cti_adapters.storage import outbox as rows
from cti_adapters.storage.work import Database, UnitOfWork
from cti_server.shared.scope import EVERYTHING
from tests.adapters.reactors import run, sleep, until
from tests.adapters.storage_rig import NOW, FixedClock, make_database

NEVER = 1e6
"""A sweep that does not come: only a wake-up can have done it."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = make_database(tmp_path)
    yield found
    found.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # tmp_path may be longer than a unix socket's address
        yield Path(name)


def leave(database: Database, *texts: str, kind: str = "note") -> list[int]:
    left: list[int] = []
    with database.open(EVERYTHING) as work:
        rows.watch(work, left.extend)
        for text in texts:
            rows.put(work, kind, {"text": text}, NOW)
    return left


def waiting(database: Database) -> list[str]:
    with database.open(EVERYTHING) as work:
        found = work.session.query(mapping.Outbox).where(mapping.Outbox.done_at.is_(None)).order_by(mapping.Outbox.id)
        return [row.body["text"] for row in found]


class Handled:
    """A handler that remembers; fails as often as it is told to."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seen: list[str] = []
        self.effects: list[str] = []
        self.fails: dict[str, int] = {}

    def __call__(self, work: UnitOfWork, row: rows.OutboxRow) -> Any:
        text = row.body["text"]
        if self.fails.get(text, 0) > 0:
            self.fails[text] -= 1
            work.session.add(mapping.Branch(code=f"rolled back {text}", name="", timezone="Asia/Tokyo"))
            work.session.flush()
            raise RuntimeError(text)
        self.seen.append(text)
        return lambda: self.effects.append(text)

    def outbox(self, reactor: Any, sweep: float = NEVER) -> Outbox:
        return Outbox(reactor, self.database, FixedClock(), {"note": self}, sweep=sweep)


def test_what_waits_from_before_is_handled_at_the_start_in_order(database: Database) -> None:
    handled = Handled(database)
    leave(database, *(f"n{number}" for number in range(250)))

    async def scenario(reactor: Any) -> None:
        outbox = handled.outbox(reactor)
        outbox.start()
        await until(reactor, lambda: len(handled.effects) == 250)
        await outbox.stop()

    run(scenario)
    assert handled.seen == handled.effects == [f"n{number}" for number in range(250)]
    assert waiting(database) == []


def test_a_row_is_handled_once_however_often_one_is_woken(database: Database) -> None:
    handled = Handled(database)

    async def scenario(reactor: Any) -> None:
        outbox = handled.outbox(reactor)
        outbox.start()
        for number in range(20):
            leave(database, f"n{number}")
            for _ in range(3):
                outbox.wake()
            await sleep(reactor, 0.002)
        await until(reactor, lambda: len(handled.effects) >= 20)
        outbox.wake()
        await outbox.stop()

    run(scenario)
    assert handled.effects == [f"n{number}" for number in range(20)]


def test_two_daemons_never_handle_the_same_row(database: Database) -> None:
    one, two = Handled(database), Handled(database)
    leave(database, *(f"n{number}" for number in range(100)))

    async def scenario(reactor: Any) -> None:
        outboxes = [one.outbox(reactor), two.outbox(reactor)]
        for outbox in outboxes:
            outbox.start()
        await until(reactor, lambda: len(one.effects) + len(two.effects) >= 100)
        for outbox in outboxes:
            await outbox.stop()

    run(scenario)
    assert sorted(one.effects + two.effects) == sorted(f"n{number}" for number in range(100))


def test_the_sweep_finds_what_no_wake_up_told_of(database: Database) -> None:
    handled = Handled(database)

    async def scenario(reactor: Any) -> None:
        outbox = handled.outbox(reactor, sweep=0.05)
        outbox.start()
        await sleep(reactor, 0.1)
        leave(database, "lost")
        await until(reactor, lambda: handled.effects == ["lost"])
        await outbox.stop()

    run(scenario)


def test_a_row_that_fails_holds_nobody_up_and_is_tried_again(database: Database) -> None:
    handled = Handled(database)
    handled.fails["bad"] = 1
    leave(database, "bad", "good")

    async def scenario(reactor: Any) -> None:
        outbox = handled.outbox(reactor, sweep=0.05)
        outbox.start()
        await until(reactor, lambda: len(handled.effects) == 2)
        await outbox.stop()

    run(scenario)
    assert handled.effects == ["good", "bad"]
    with database.open(EVERYTHING) as work:
        assert work.session.get(mapping.Branch, "rolled back bad") is None


def test_a_row_that_always_fails_is_given_up_and_counted(database: Database) -> None:
    handled = Handled(database)
    handled.fails["bad"] = 100
    leave(database, "bad")
    leave(database, "x", kind="nobody handles this")

    async def scenario(reactor: Any) -> int:
        outbox = handled.outbox(reactor, sweep=0.05)
        outbox.start()
        await until(reactor, lambda: outbox.given_up == 2)
        await outbox.stop()
        return outbox.handled

    assert run(scenario) == 0
    assert handled.fails["bad"] == 100 - module.TRIES
    assert waiting(database) == []


def test_an_effect_that_fails_is_logged_and_the_next_one_done(database: Database) -> None:
    effects: list[str] = []

    def handler(work: UnitOfWork, row: rows.OutboxRow) -> Any:
        return (lambda: effects.append("done")) if row.body["text"] == "good" else (lambda: 1 / 0)

    leave(database, "bad", "good")

    async def scenario(reactor: Any) -> None:
        outbox = Outbox(reactor, database, FixedClock(), {"note": handler}, sweep=NEVER)
        outbox.start()
        await until(reactor, lambda: effects == ["done"])
        await outbox.stop()

    run(scenario)


def test_wake_ups_tell_ids_of_committed_rows_only(database: Database) -> None:
    told: list[list[int]] = []
    with pytest.raises(RuntimeError), database.open(EVERYTHING) as work:
        rows.watch(work, told.append)
        rows.put(work, "note", {"text": "x"}, NOW)
        work.session.flush()
        raise RuntimeError
    assert told == []
    with database.open(EVERYTHING) as work:
        rows.watch(work, told.append)
    assert told == []
    assert len(leave(database, "a", "b")) == 2


def test_handled_rows_are_forgotten_after_a_while(database: Database) -> None:
    clock = FixedClock()
    handled = Handled(database)
    leave(database, "old")

    async def scenario(reactor: Any) -> None:
        outbox = Outbox(reactor, database, clock, {"note": handled}, sweep=0.05)
        outbox.start()
        await until(reactor, lambda: handled.effects == ["old"])
        clock.at += module.KEPT_DAYS * 86_400 + 1
        leave(database, "new")
        await until(reactor, lambda: count(database) == 1)
        await outbox.stop()

    run(scenario)


def count(database: Database) -> int:
    with database.open(EVERYTHING) as work:
        return work.session.query(mapping.Outbox).count()


# --- over the socket


def test_a_wake_up_over_the_socket_has_the_row_handled_at_once(database: Database, folder: Path) -> None:
    handled = Handled(database)
    hellos: list[int] = []

    async def scenario(reactor: Any) -> None:
        outbox = handled.outbox(reactor)
        outbox.start()
        path = folder / "daemon.sock"
        ends: list[Any] = []
        factory = DaemonSocket(outbox, lambda pid, end: (hellos.append(pid), ends.append(end)))
        port = reactor.listenUNIX(str(path), factory, mode=0o600)
        wakes = WakeUps(reactor, path, os.getpid())
        wakes.wake([1])  # before there is a connection: lost, and no harm done
        wakes.start()
        await until(reactor, lambda: hellos)
        assert await ends[0].callRemote(Ping) == {}
        await sleep(reactor, 0.05)
        wakes.wake(leave(database, "told"))
        await until(reactor, lambda: handled.effects == ["told"])
        await wakes.stop()
        await port.stopListening()
        await outbox.stop()

    run(scenario)
    assert hellos == [os.getpid()]


def test_the_dashboard_comes_back_to_a_daemon_that_was_away(database: Database, folder: Path) -> None:
    handled = Handled(database)

    async def scenario(reactor: Any) -> None:
        outbox = handled.outbox(reactor)
        outbox.start()
        path = folder / "daemon.sock"
        ends: list[Any] = []
        wakes = WakeUps(reactor, path, os.getpid())
        wakes.start()
        await sleep(reactor, 0.05)
        factory = DaemonSocket(outbox, lambda pid, end: ends.append(end))
        port = reactor.listenUNIX(str(path), factory, mode=0o600)
        await until(reactor, lambda: len(ends) == 1)
        ends[0].transport.loseConnection()
        await until(reactor, lambda: len(ends) == 2)
        wakes.wake(leave(database, "after"))
        await until(reactor, lambda: handled.effects == ["after"])
        await wakes.stop()
        await port.stopListening()
        await outbox.stop()

    run(scenario)
