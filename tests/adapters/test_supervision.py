"""All feeds of a server, on real sockets: each on its own, whatever the others do."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges.feed import Surroundings
from cti_adapters.exchanges.kinds import plan_of
from cti_adapters.exchanges.status import ExchangeState, Link
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.exchanges.writer import Writer
from cti_adapters.journal.files import Journal
from cti_adapters.storage.gap_recovery import PendingGap
from cti_server.settings import ExchangeSettings, JournalSettings
from cti_server.shared.clock import SystemClock
from cti_server.shared.errors import Unavailable
from cti_server.shared.notices import CallChanged, Notice
from tests.adapters.asterisk import AsteriskFactory
from tests.adapters.lane_rig import GOLDEN, Memory
from tests.adapters.reactors import run, sleep, until


class Stores:
    """A store for each exchange in one."""

    def __init__(self) -> None:
        self.of: dict[str, Memory] = {}

    def positions(self, exchange: str) -> Any:
        return self.of.setdefault(exchange, Memory()).positions(exchange)

    def commit(self, exchange: str, *batch: Any) -> list[Notice]:
        return self.of[exchange].commit(exchange, *batch)

    def pending_gaps(self, *_: Any) -> list[PendingGap]:
        return []


class Server:
    def __init__(self, reactor: Any, folder: Path) -> None:
        self.reactor = reactor
        self.states: list[ExchangeState] = []
        self.told: list[Notice] = []
        self.stores = Stores()
        self.asterisks: dict[str, AsteriskFactory] = {}
        self.ports: dict[str, Any] = {}
        self.writer = Writer(self.told.extend)
        self.writer.start()
        self.around = Surroundings(folder, JournalSettings(), self.stores, self.writer, reactor, SystemClock())

    def exchange(self, id: str, **more: Any) -> ExchangeSettings:
        if id not in self.ports:
            self.asterisks[id] = AsteriskFactory()
            self.ports[id] = self.reactor.listenTCP(0, self.asterisks[id], interface="127.0.0.1")
        port = self.ports[id].getHost().port
        return ExchangeSettings(**{"id": id, "name": id, "kind": "simulated", "branch": "121", "port": port} | more)

    def supervise(self, *exchanges: ExchangeSettings) -> Supervision:
        self.supervision = Supervision(exchanges, self.around, self.states.append)
        self.supervision.start()
        return self.supervision

    def link(self, id: str) -> Link:
        return next(state.state for state in self.supervision.states() if state.exchange == id)

    def say(self, id: str, data: bytes) -> None:
        self.asterisks[id].connections[-1].transport.write(data)

    async def stop(self) -> None:
        await self.supervision.stop()
        self.writer.stop()
        for port in self.ports.values():
            port.stopListening()
        await sleep(self.reactor, 0.02)


def trace(name: str) -> bytes:
    (folder,) = GOLDEN.glob(f"{name}-*")
    return (folder / "ami.raw").read_bytes().partition(b"\r\n\r\n")[2]


def test_calls_of_several_exchanges(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        server = Server(reactor, tmp_path)
        supervision = server.supervise(server.exchange("hq"), server.exchange("osaka"))
        assert not supervision.ready()
        await until(reactor, lambda: server.link("hq") is Link.UP and server.link("osaka") is Link.UP)
        assert supervision.ready()
        server.say("hq", trace("A1"))
        server.say("osaka", trace("A2"))
        await until(reactor, lambda: len(server.stores.of["hq"].calls) == 1 and server.stores.of["osaka"].calls)
        (call,) = server.stores.of["osaka"].calls.values()
        assert (call.exchange, call.branch) == ("osaka", "121")
        (status, _) = supervision.statuses()
        assert status.lane.events > 10
        assert status.counters["bytes"] > 10000
        assert status.backlog == 0
        assert server.told
        await server.stop()
        assert [state.state for state in supervision.states()] == [Link.STOPPED, Link.STOPPED]
        stored = server.stores.of["hq"].stored
        journal = Journal(tmp_path / "journal" / "hq")
        assert stored
        assert journal.end - stored[0].record < 100, "what was heard is in the database"
        journal.close()

    run(scenario)


def test_one_that_fails_never_delays_another(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        server = Server(reactor, tmp_path)
        (tmp_path / "journal").mkdir()
        (tmp_path / "journal" / "nofolder").write_text("in the way")
        silent = server.exchange("silent")
        server.asterisks["silent"].alive = False
        stuck = server.exchange("stuck")
        server.stores.of["stuck"] = Memory()
        supervision = server.supervise(
            server.exchange("nofolder"),
            silent,
            stuck,
            server.exchange("noport", port=1),
            server.exchange("nosecret", secret_env="NOT_SET_ANYWHERE"),
            server.exchange("good"),
        )
        await until(reactor, lambda: server.link("good") is Link.UP and server.link("stuck") is Link.UP)
        server.stores.of["stuck"].failing = OSError("database is locked")
        server.say("stuck", trace("A1"))
        await until(reactor, lambda: any(status.lane.problem.code for status in supervision.statuses()))
        server.say("good", trace("A1"))
        await until(reactor, lambda: server.stores.of["good"].calls and server.link("noport") is Link.DOWN)
        assert {state.exchange: (state.state, state.reason.code) for state in supervision.states()} == {
            "nofolder": (Link.FAILED, "journal-unusable"),
            "silent": (Link.CONNECTING, "connecting"),
            "stuck": (Link.UP, ""),
            "noport": (Link.DOWN, "connection-refused"),
            "nosecret": (Link.FAILED, "bad-settings"),
            "good": (Link.UP, ""),
        }
        warned = next(state for state in supervision.states() if state.exchange == "stuck")
        assert [warning.code for warning in warned.warnings] == ["database-stuck"]
        server.stores.of["stuck"].failing = None
        await until(reactor, lambda: server.stores.of["stuck"].calls)
        # (What the scripted exchange says of the time is of another day, which is told as well.)
        await until(reactor, lambda: "database-stuck" not in {one.code for one in supervision.states()[2].warnings})
        with pytest.raises(Unavailable):
            supervision.dialler("noport")
        with pytest.raises(Unavailable):
            supervision.dialler("nowhere")
        await server.stop()

    run(scenario)


def test_changed_settings_touch_only_what_they_change(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        server = Server(reactor, tmp_path)
        kept, changed, gone = server.exchange("kept"), server.exchange("changed"), server.exchange("gone")
        supervision = server.supervise(kept, changed, gone)
        await until(reactor, lambda: all(state.state is Link.UP for state in supervision.states()))
        since = supervision.states()[0].connected_since
        await supervision.apply([kept, server.exchange("changed", area_code="03"), server.exchange("new")])
        await until(reactor, lambda: all(state.state is Link.UP for state in supervision.states()))
        assert [state.exchange for state in supervision.states()] == ["kept", "changed", "new"]
        assert supervision.states()[0].connected_since == since
        assert len(server.asterisks["kept"].connections) == 1
        assert len(server.asterisks["changed"].connections) == 2
        assert supervision.dialler("new")
        await server.stop()

    run(scenario)


def test_a_stop_before_anything_began(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        server = Server(reactor, tmp_path)
        server.supervise(server.exchange("hq"))
        await server.stop()
        Journal(tmp_path / "journal" / "hq").close()

    run(scenario)


def test_who_dials_hears_of_the_call(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        server = Server(reactor, tmp_path)
        supervision = server.supervise(server.exchange("hq"))
        await until(reactor, lambda: server.link("hq") is Link.UP)
        heard: list[str] = []
        supervision.dialler("hq").call_changed = lambda notice: heard.append(notice.call_id)  # type: ignore[method-assign]
        supervision.noticed(CallChanged("hq-1795333834.0", {}, ()))
        supervision.noticed(CallChanged("osaka-1795333834.0", {}, ()))
        assert heard == ["hq-1795333834.0"]
        await server.stop()

    run(scenario)


def test_a_trunk_in_the_settings_is_its_channels() -> None:
    chosen = {"id": "hq", "name": "HQ", "kind": "ami", "branch": "121", "trunks": ("PJSIP/trunk", "SIP/*-gw")}
    plan = plan_of(ExchangeSettings(**chosen))
    assert plan.kind("PJSIP/trunk-0000001a", "trunk", 0) == "trunk"
    assert plan.kind("SIP/tokyo-gw-0000001a", "tokyo-gw", 0) == "trunk"
    assert plan.kind("PJSIP/2001-0000001a", "2001", 0) == "extension"


# -- the writer


class Slow:
    """A lane that has so many batches to do."""

    def __init__(self, batches: int, log: list[str], name: str) -> None:
        self.batches, self.log, self.name, self.retry_at = batches, log, name, 0.0
        self.done = threading.Event()

    def step(self, now: float) -> list[Notice] | None:
        if not self.batches:
            self.done.set()
            return None
        self.batches -= 1
        self.log.append(self.name)
        return []


def test_lanes_take_turns() -> None:
    log: list[str] = []
    writer = Writer(lambda _: None)
    busy, other = Slow(50, log, "busy"), Slow(2, log, "other")
    for lane in (busy, other):
        writer.add(lane)  # type: ignore[arg-type]
    writer.start()
    assert busy.done.wait(10)
    writer.stop()
    assert log == ["busy", "other"] * 2 + ["busy"] * 48


def test_a_writer_that_sleeps_is_woken() -> None:
    lane = Slow(0, [], "x")
    writer = Writer(lambda _: None)
    writer.add(lane)  # type: ignore[arg-type]
    writer.start()
    for _ in range(200):
        assert lane.done.wait(10)
        lane.done.clear()
        lane.batches += 1
        writer.wake()
    assert lane.done.wait(10)
    assert len(lane.log) == 200
    writer.remove(lane)  # type: ignore[arg-type]
    lane.batches = 1
    writer.wake()
    writer.stop()
    assert lane.batches == 1


def test_taking_a_lane_in_never_waits_for_a_stuck_database() -> None:
    entered, let_go = threading.Event(), threading.Event()

    class Stuck(Slow):
        def step(self, now: float) -> list[Notice] | None:
            entered.set()
            let_go.wait(10)
            return super().step(now)

    stuck, other = Stuck(1, [], "stuck"), Slow(1, [], "other")
    writer = Writer(lambda _: None)
    writer.add(stuck)  # type: ignore[arg-type]
    writer.start()
    assert entered.wait(10)
    writer.add(other)  # type: ignore[arg-type]
    gone = threading.Thread(target=writer.remove, args=(stuck,))
    gone.start()
    gone.join(0.05)
    assert gone.is_alive(), "it is still being worked on"
    let_go.set()
    gone.join(10)
    assert other.done.wait(10)
    writer.stop()
