"""Records folded again by the daemon, for a page: first what would change, then the change, once (spec O1, O3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges.feed import Surroundings
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.exchanges.writer import Writer
from cti_adapters.journal.files import Kind
from cti_adapters.live.outbox import Effect
from cti_adapters.profiles import source_of
from cti_adapters.storage import mapping
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.outbox import OutboxRow
from cti_adapters.storage.schema import audit, calls, corrections, unreadable
from cti_adapters.storage.work import Database, writing
from cti_server.cli import main
from cti_server.exchanges.refolding import Refolding
from cti_server.refold_handlers import Refolds
from cti_server.settings import ExchangeSettings, JournalSettings, Settings
from cti_server.shared.clock import SystemClock
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import EVERYTHING
from tests.adapters.reactors import run, until

MENDED = source_of("avaya-ipoffice").partition("[[test]]")[0]
WRONG = MENDED.replace('as = "integer"', 'as = "duration"').replace("$ring", "$hold")


def line(number: int, caller: str = "0355550101") -> str:
    return (
        f"2026/04/01 09:30:{number:02},00:00:13,7,{caller},I,299999,299999,,0,10000141{number:02},0,E4750,Suzuki,"
        "T9002,LINE 1.2,0,0,,,,,,,,,,,,,\n"
    )


class Hub:
    def __init__(self) -> None:
        self.told: list[Any] = []

    def publish(self, notice: Any) -> None:
        self.told.append(notice)


class Firm:
    """The parts of a server that fold again, around one exchange whose records are in a file."""

    def __init__(self, reactor: Any, folder: Path, text: str) -> None:
        self.reactor, self.folder, self.hub, self.clock = reactor, folder, Hub(), SystemClock()
        self.file = folder / "smdr.log"
        self.file.touch()
        self.bare = ExchangeSettings(
            id="hq", name="HQ", kind="smdr", branch="121", profile="mine", feed="file", path=self.file
        )
        self.settings = Settings.model_validate({"server": {"data_dir": str(folder)}})
        self.database = Database(self.settings.database_url)
        self.database.upgrade()
        with self.database.open(EVERYTHING, write=True) as work:
            work.session.add(mapping.Branch(code="121", name="HQ", timezone="Asia/Tokyo"))
        self.writer = Writer(lambda _: None)
        self.writer.start()
        store = CallWriter(writing(self.database.engine), self.clock)
        around = Surroundings(folder, JournalSettings(), store, self.writer, reactor, self.clock)
        self.exchange = self.bare.with_own_profile(text)
        self.supervision = Supervision([self.exchange], around, lambda _: None)
        self.supervision.start()
        self.refolds = Refolds(
            lambda: self.settings.model_copy(update={"exchanges": (self.exchange,)}),
            self.supervision,
            self.database,
            self.clock,
            reactor,
            self.hub,  # type: ignore[arg-type]
        )

    async def read_as(self, text: str) -> None:
        self.exchange = self.bare.with_own_profile(text)
        await self.supervision.apply([self.exchange])

    async def fold(self, write: bool) -> dict[str, Any]:
        with self.database.open(EVERYTHING, write=True) as work:
            number = work.refoldings.ask(Refolding("hq", "900", self.clock.now(), write))
            effect = self.refolds.asked(work, OutboxRow(1, "refold", {"refolding": number}, self.clock.now()))
        assert effect is not None
        effect()
        await until(self.reactor, lambda: self.found(number).done)
        return self.found(number).findings

    def found(self, number: int) -> Refolding:
        with self.database.open(EVERYTHING) as work:
            found = work.refoldings.get(number)
        assert found is not None
        return found

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.database.engine.connect() as connection:
            return [dict(row) for row in connection.execute(table.select()).mappings()]

    def rings(self) -> list[int | None]:
        return [row["ring_seconds"] for row in sorted(self.rows(calls), key=lambda row: row["started_at"])]

    async def quiet(self) -> None:
        """Time goes by: what may be continued is over."""
        (feed,) = self.supervision._feeds.values()
        assert feed._journal is not None
        feed._journal.append(Kind.TICK, b"", self.clock.now() + 100)
        self.writer.wake()
        await until(self.reactor, lambda: all(not row["marks"] for row in self.rows(calls)))
        await until(self.reactor, lambda: feed.status().backlog == 0)

    async def stop(self) -> None:
        await self.supervision.stop()
        self.writer.stop()
        self.database.close()


def test_what_could_not_be_read_becomes_calls_once_the_profile_is_mended(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        firm = Firm(reactor, tmp_path, WRONG)
        firm.file.write_text(line(1) + line(2))
        await until(reactor, lambda: len(firm.rows(unreadable)) == 2)
        assert firm.rows(calls) == []
        await firm.read_as(MENDED)
        with firm.file.open("a") as more:
            more.write(line(3))
        await until(reactor, lambda: len(firm.rows(calls)) == 1)
        early = await firm.fold(write=True)
        assert (early["under_way"], early["corrected"], early["read"]) == (3, 0, 0), "they may be continued yet"
        assert len(firm.rows(unreadable)) == 2
        await firm.quiet()

        preview = await firm.fold(write=False)
        assert preview["counts"] == {"added": 2, "changed": 0, "taken-away": 0}
        assert (preview["readable"], preview["same"]) == (2, 1)
        assert "55550101" not in repr(preview)
        assert len(firm.rows(calls)) == 1 and firm.rows(corrections) == [], "nothing is written yet"

        done = await firm.fold(write=True)
        assert (done["corrected"], done["read"], done["kept"]) == (2, 2, 0)
        assert firm.rings() == [7, 7, 7] and firm.rows(unreadable) == []
        found = firm.rows(corrections)
        assert [(row["what"], row["by"], row["why"]) for row in found] == [("added", "900", "folded again")] * 2
        assert any(isinstance(one, WorkChanged) and len(one.call_ids) == 2 and one.labels for one in firm.hub.told)

        again = await firm.fold(write=True)
        assert (again["corrected"], again["read"]) == (0, 0)
        assert len(firm.rows(corrections)) == 2 and len(firm.rows(calls)) == 3
        with firm.file.open("a") as more:
            more.write(line(4))
        await until(reactor, lambda: len(firm.rows(calls)) == 4)
        acts = [row["act"] for row in firm.rows(audit) if row["subject_kind"] == "exchange"]
        assert acts == ["folded again", "looked what folding again would change", "folded again", "folded again"]
        await firm.stop()

    run(scenario)


def test_a_call_that_comes_out_otherwise_is_changed_and_shown_without_its_number(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        firm = Firm(reactor, tmp_path, MENDED.replace('ring_seconds = "$ring"\n', ""))
        firm.file.write_text(line(1) + line(2))
        await until(reactor, lambda: len(firm.rows(calls)) == 2)
        await firm.quiet()
        await firm.read_as(MENDED)
        preview = await firm.fold(write=False)
        assert preview["counts"]["changed"] == 2
        assert preview["rows"][0]["fields"]["ring_seconds"] == [None, 7]
        await firm.fold(write=True)
        assert firm.rings() == [7, 7]
        await firm.stop()

    run(scenario)


def test_an_exchange_that_is_gone_or_a_server_that_ends_is_said(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        firm = Firm(reactor, tmp_path, MENDED)
        firm.file.write_text(line(1))
        await until(reactor, lambda: len(firm.rows(calls)) == 1)
        firm.refolds.stop()
        assert (await firm.fold(write=True))["reason"] == "broken-off"
        with firm.database.open(EVERYTHING, write=True) as work:
            number = work.refoldings.ask(Refolding("hq", "900", firm.clock.now(), True))
            work.refoldings.give_up()
        assert firm.found(number).findings == {"reason": "broken-off"}
        with firm.database.open(EVERYTHING, write=True) as work:
            number = work.refoldings.ask(Refolding("nobody", "900", firm.clock.now(), True))
            effect: Effect | None = firm.refolds.asked(
                work, OutboxRow(1, "refold", {"refolding": number}, firm.clock.now())
            )
        assert effect is not None
        effect()
        await until(reactor, lambda: firm.found(number).done)
        assert firm.found(number).findings == {"reason": "not-running"}
        await firm.stop()

    run(scenario)


def test_the_terminal_does_the_same_for_those_that_have_something_unread(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(reactor: Any) -> None:
        firm = Firm(reactor, tmp_path, WRONG)
        firm.file.write_text(line(1) + line(2))
        await until(reactor, lambda: len(firm.rows(unreadable)) == 2)
        await firm.quiet()
        await firm.stop()

    run(scenario)
    mended = tmp_path / "mended.toml"
    mended.write_text(MENDED, "utf-8")
    config = tmp_path / "cti.toml"
    config.write_text(
        f'[server]\ndata_dir = "{tmp_path}"\n[[branches]]\ncode = "121"\nname = "HQ"\n[[exchanges]]\nid = "hq"\n'
        f'name = "HQ"\nkind = "smdr"\nbranch = "121"\nfeed = "file"\npath = "{tmp_path}/smdr.log"\n'
        f'profile = "{mended}"\n',
        "utf-8",
    )
    assert main(["exchange", "check", "--config", str(config)]) == 0
    assert "looks like" not in capsys.readouterr().out, "it is read as it is"
    assert main(["replay", "--unread", "--config", str(config)]) == 0
    shown = capsys.readouterr()
    assert "not read of hq: 2 × " in shown.err and "can be read now: 2" in shown.out
    assert main(["replay", "--unread", "--yes", "--config", str(config)]) == 0
    assert "corrected calls of hq: 2" in capsys.readouterr().err
    assert main(["replay", "--unread", "--config", str(config)]) == 0
    shown = capsys.readouterr()
    assert "everything that came from hq could be read" in shown.err and shown.out == ""
