"""A profile that changes while its exchange is listened to: the link stays, nothing is lost, the next record counts."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from cti_adapters.exchanges.feed import Surroundings
from cti_adapters.exchanges.status import Link
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.exchanges.writer import Writer
from cti_adapters.profiles import source_of
from cti_server.settings import ExchangeSettings, JournalSettings
from cti_server.shared.clock import SystemClock
from tests.adapters.lane_rig import Memory
from tests.adapters.reactors import run, until
from tests.adapters.test_record_tcp import Exchange

MENDED = source_of("avaya-ipoffice").partition("[[test]]")[0]
WRONG = MENDED.replace('ring_seconds = "$ring"\n', "")


def line(number: int) -> bytes:
    return (
        f"2026/04/01 09:30:{number:02},00:00:13,7,0355550101,I,299999,299999,,0,10000141{number:02},0,E4750,Suzuki,"
        "T9002,LINE 1.2,0,0,,,,,,,,,,,,,\r\n"
    ).encode()


class Listened:
    """One exchange that is connected to, read by a profile of these tests."""

    def __init__(self, reactor: Any, folder: Path) -> None:
        self.exchange = Exchange(reactor)
        self.settings = ExchangeSettings(
            id="hq", name="HQ", kind="smdr", branch="121", profile="mine", feed="connect", port=self.exchange.number
        )
        self.store, self.writer = Memory(), Writer(lambda _: None)
        self.writer.start()
        around: Any = Surroundings(folder, JournalSettings(), self.store, self.writer, reactor, SystemClock())
        self.supervision = Supervision([self.settings.with_own_profile(WRONG)], around, lambda _: None)
        self.supervision.start()

    @property
    def up(self) -> bool:
        return self.supervision.states()[0].state is Link.UP and bool(self.exchange.connections)

    @property
    def rings(self) -> list[int | None]:
        return [log.ring_seconds for log in sorted(self.store.calls.values(), key=lambda log: log.started_at)]

    def say(self, said: bytes) -> None:
        self.exchange.connections[-1].write(said)

    async def stop(self) -> None:
        await self.supervision.stop()
        self.writer.stop()
        await self.exchange.port.stopListening()


def test_the_next_record_is_read_by_the_changed_profile_and_the_link_stays(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        one = Listened(reactor, tmp_path)
        await until(reactor, lambda: one.up)
        one.say(line(1) + line(2)[:40])
        await until(reactor, lambda: len(one.rings) == 1)
        await one.supervision.apply([one.settings.with_own_profile(MENDED)])
        one.say(line(2)[40:] + line(3))
        await until(reactor, lambda: len(one.rings) == 3)
        assert one.rings == [None, 7, 7]
        assert len(one.exchange.connections) == 1 and not one.store.gaps
        await one.supervision.apply([one.settings.with_own_profile(MENDED).model_copy(update={"name": "other"})])
        await until(reactor, lambda: len(one.exchange.connections) == 2)
        await one.stop()

    run(scenario)


def test_what_comes_while_the_lane_rests_waits_in_the_journal(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        one = Listened(reactor, tmp_path)
        await until(reactor, lambda: one.up)
        began, go_on = threading.Event(), threading.Event()

        def work() -> str:
            began.set()
            assert go_on.wait(10)
            return "done"

        (feed,) = one.supervision._feeds.values()
        resting = feed.rested(work)
        await until(reactor, began.is_set)
        one.say(line(1) + line(2))
        await until(reactor, lambda: feed.status().backlog > len(line(1) + line(2)))
        assert one.rings == []
        go_on.set()
        assert await resting == "done"
        await until(reactor, lambda: len(one.rings) == 2)
        await one.stop()

    run(scenario)
