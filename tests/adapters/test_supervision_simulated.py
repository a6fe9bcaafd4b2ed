"""The feeds against the simulated exchange, on real sockets: faults of the way, a crash in mid-call, click to dial."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges.dialling import DialState
from cti_adapters.exchanges.feed import Surroundings
from cti_adapters.exchanges.lane import Store
from cti_adapters.exchanges.status import Link
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.exchanges.writer import Writer
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.work import Database
from cti_server.settings import ExchangeSettings, JournalSettings
from cti_server.shared.clock import SystemClock
from cti_server.shared.notices import CallChanged, Notice
from cti_simulators.ami_server import Account, Sessions
from cti_simulators.pbx import Exchange
from cti_simulators.scenarios import SMALL_OFFICE, Scenario
from tests.adapters.lane_rig import Memory
from tests.adapters.reactors import run, sleep, until

SPEED = 40.0
ANSWERED = Scenario(caller="0312345678", name="山田 太郎", to="0312345600", rings=("2001",), talk=10.0)
MISSED = Scenario(caller="09012345678", to="0312345600", rings=("2001", "2002"), outcome="given-up")
QUEUED = Scenario(kind="queue", caller="0661112222", to="0312345601", queue="sales", by="2002")


class Office:
    """A simulated exchange and a server that listens to it."""

    def __init__(self, reactor: Any, folder: Path, store: Store, **more: Any) -> None:
        self.reactor = reactor
        self.store = store
        self.told: list[Notice] = []
        self.pbx = Exchange(reactor, SMALL_OFFICE, time.time(), speed=SPEED, accounts=[Account("yobirin", "secret")])
        self.port = reactor.listenTCP(0, Sessions(self.pbx), interface="127.0.0.1")
        (folder / "secret").write_text("secret")
        chosen = {"id": "hq", "name": "HQ", "kind": "simulated", "branch": "121", "secret_file": folder / "secret"}
        settings = ExchangeSettings(**chosen, port=self.port.getHost().port, trunks=("PJSIP/trunk",), **more)
        self.writer = Writer(lambda notices: reactor.callFromThread(self._notices, notices))
        self.writer.start()
        around = Surroundings(folder, JournalSettings(), store, self.writer, reactor, SystemClock())
        self.supervision = Supervision([settings], around, lambda _: None)
        self.supervision.start()

    def _notices(self, notices: list[Notice]) -> None:
        self.told += notices
        for notice in notices:
            self.supervision.noticed(notice)

    async def up(self) -> None:
        await until(self.reactor, lambda: self.supervision.states()[0].state is Link.UP)

    async def stop(self) -> None:
        await self.supervision.stop()
        self.writer.stop()
        self.port.stopListening()
        await sleep(self.reactor, 0.02)


def done(store: Memory, calls: int) -> bool:
    return len(store.calls) == calls and all(call.state == "ended" for call in store.calls.values())


def facts(store: Memory) -> list[Any]:
    return sorted(
        (call.caller_number or "", call.caller_name, call.disposition, call.answered_by_extension, call.rang_extensions)
        for call in store.calls.values()
    )


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {"piece_bytes": 100},
        {"split_characters": True},
        {"together_seconds": 0.2},
        {"garbage": 0.2},
        {"duplicate": 0.3},
    ],
    ids=str,
)
def test_calls_come_right_whatever_the_way_does(tmp_path: Path, faults: dict[str, Any]) -> None:
    async def scenario(reactor: Any) -> None:
        store = Memory()
        office = Office(reactor, tmp_path, store)
        for name, value in faults.items():
            setattr(office.pbx.faults, name, value)
        await office.up()
        for play in (ANSWERED, MISSED, QUEUED):
            office.pbx.play(play)
        await until(reactor, lambda: done(store, 3), 15)
        assert facts(store) == [
            ("0312345678", "山田 太郎", "answered", "2001", ["2001"]),
            ("0661112222", None, "answered", "2002", ["2001", "2002"]),
            ("09012345678", None, "missed", None, ["2001", "2002"]),
        ]
        assert bool(store.unreadable) == bool(faults.get("garbage"))
        await office.stop()

    run(scenario, seconds=30)


def test_the_exchange_loses_its_power_in_mid_call(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        store = Memory()
        office = Office(reactor, tmp_path, store)
        await office.up()
        office.pbx.play(ANSWERED)
        await until(reactor, lambda: any(call.state == "talking" for call in store.calls.values()))
        office.pbx.crash()
        await until(reactor, lambda: office.supervision.states()[0].state is Link.DOWN)
        await until(reactor, lambda: store.gaps)
        (call,) = store.calls.values()
        assert (call.state, call.marks) == ("talking", ["cut-by-gap"])
        office.pbx.boot()
        await office.up()
        await until(reactor, lambda: done(store, 1))
        (call,) = store.calls.values()
        assert call.marks == ["cut-by-gap", "end-not-seen"]
        assert (call.ended_at, call.disposition) == (None, "answered")
        (gap,) = store.gaps.values()
        assert gap.ended_at and gap.ended_at >= gap.started_at
        await office.stop()

    run(scenario)


def test_a_call_goes_on_through_a_cut(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        store = Memory()
        office = Office(reactor, tmp_path, store, ping_seconds=0.1, silence_seconds=0.4)
        await office.up()
        office.pbx.play(Scenario(caller="0312345678", to="0312345600", rings=("2001",), talk=200.0))
        await until(reactor, lambda: any(call.state == "talking" for call in store.calls.values()))
        office.pbx.faults.half_open = True
        await until(reactor, lambda: office.supervision.states()[0].reason.code == "silent")
        office.pbx.faults.half_open = False
        await office.up()
        await until(reactor, lambda: done(store, 1), 15)
        (call,) = store.calls.values()
        assert (call.disposition, call.marks) == ("answered", ["cut-by-gap"])
        assert call.ended_at is not None
        await office.stop()

    run(scenario, seconds=30)


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        ({"outcome": "answered"}, ["ringing", "answered"]),
        ({"outcome": "timeout"}, ["ringing", "noanswer"]),
        ({"outcome": "busy"}, ["ringing", "busy"]),
        ({"phone": "rings"}, ["failed extension-noanswer"]),
        ({"phone": "busy"}, ["failed extension-unavailable"]),
    ],
    ids=str,
)
def test_click_to_dial(tmp_path: Path, behaviour: dict[str, Any], told: list[str]) -> None:
    database = Database(f"sqlite:///{tmp_path / 'calls.sqlite3'}")
    database.upgrade()

    async def scenario(reactor: Any) -> None:
        office = Office(reactor, tmp_path, CallWriter(database.engine, SystemClock()))
        office.pbx.answers = lambda extension, number: behaviour
        await office.up()
        heard: list[DialState] = []
        office.supervision.dialler("hq").dial("2001", "+81661110301", heard.append)
        await until(reactor, lambda: heard and heard[-1].state != "ringing", 15)
        outcome = [f"{state.state} {state.reason}".strip() for state in heard]
        assert outcome in (told, told[-1:]), "what came within one batch is told once"
        calls = {notice.call_id for notice in office.told if isinstance(notice, CallChanged)}
        assert {state.call_id for state in heard} <= calls | {None}
        await office.stop()

    run(scenario, seconds=30)
    database.close()
