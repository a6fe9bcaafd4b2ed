"""A journal folded again, against the call log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import delete, update

from cti_adapters.exchanges.kinds import reading_of
from cti_adapters.exchanges.lane import Lane
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage import correcting
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.schema import calls, unreadable
from cti_adapters.storage.work import Database
from cti_server.cli import main
from cti_server.settings import load
from tests.adapters.lane_rig import cut, traces
from tests.adapters.storage_rig import FixedClock

AT = 1_000_000.0
"""When all was heard: before the recordings' own times, so that no call is from before the journal."""

CONFIG = """
[[branches]]
code = "121"
name = "Head office"

[[exchanges]]
id = "hq"
name = "HQ"
kind = "ami"
branch = "121"
host = "127.0.0.1"
username = "u"
secret_env = "HQ_SECRET"
{more}
"""


class Firm:
    """A server's data folder: a journal that was folded once, and the call log that came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "cti.toml"
        self.configure("")
        self.stopped = False
        self.database = Database(load(self.config).database_url)
        self.database.upgrade()
        self.journal = Journal(folder / "journal" / "hq", segment_bytes=20_000)

    def configure(self, more: str) -> None:
        data = f'[server]\ndata_dir = "{self.folder}"\n'
        self.config.write_text(data + CONFIG.format(more=more), "utf-8")

    def hear(self, *recordings: Path) -> None:
        for recording in recordings:
            self.journal.append(Kind.UP, b'{"banner": ""}', AT)
            for piece in cut((recording / "ami.raw").read_bytes(), Random(1)):
                self.journal.append(Kind.BYTES, piece, AT)
                self.fold()
            self.journal.append(Kind.DOWN, json.dumps({"heard": AT, "reason": "closed"}).encode(), AT)
        self.journal.append(Kind.TICK, b"", 1.9e9)
        self.fold()

    def fold(self) -> None:
        if not hasattr(self, "lane"):
            reading = reading_of(load(self.config).exchanges[0], b"")
            writer = CallWriter(self.database.engine, FixedClock())
            self.lane = Lane("hq", self.journal, writer, reading.decoder, reading.fold)
        while self.lane.step(0.0) is not None:
            pass

    def ids(self) -> list[str]:
        with self.database.engine.connect() as connection:
            return [row.id for row in connection.execute(calls.select().order_by(calls.c.started_at, calls.c.id))]

    def change(self, statement: Any) -> None:
        with self.database.engine.begin() as connection:
            connection.execute(statement)

    def stop(self) -> None:
        if not self.stopped:
            self.journal.close()
        self.stopped = True

    def close(self) -> None:
        self.stop()
        self.database.close()


@pytest.fixture
def firm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Firm]:
    monkeypatch.setenv("HQ_SECRET", "s")
    firm = Firm(tmp_path)
    yield firm
    firm.close()


def replay(firm: Firm, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["replay", "--json", *words, "--config", str(firm.config)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_same_program_makes_the_same_calls(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(*traces()[::4])
    (summary,) = replay(firm, capsys)
    assert summary["same"] == len(firm.ids()) > 10
    assert (summary["added"], summary["changed"], summary["taken-away"]) == (0, 0, 0)


def test_what_differs_is_shown_field_by_field_and_left_as_it_is(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(traces()[0], traces()[1])
    lost, wrong, *_ = firm.ids()
    firm.change(delete(calls).where(calls.c.id == lost))
    firm.change(update(calls).where(calls.c.id == wrong).values(hangup_by="pbx", caller_number="09012345678"))
    with firm.database.engine.begin() as connection:
        row = dict(connection.execute(calls.select().where(calls.c.id == wrong)).one()._mapping)
        connection.execute(calls.insert().values(row | {"id": "hq-nobody"}))
    before = firm.ids()
    *found, summary = replay(firm, capsys)
    by_id = {one["id"]: one for one in found}
    assert {call_id: one["what"] for call_id, one in by_id.items()} == {
        lost: "added",
        wrong: "changed",
        "hq-nobody": "taken-away",
    }
    assert set(by_id[wrong]["fields"]) == {"hangup_by", "caller_number"}
    assert by_id[wrong]["fields"]["hangup_by"][0] == "pbx"
    assert "09012345678" not in json.dumps(found)
    assert (summary["added"], summary["changed"], summary["taken-away"]) == (1, 1, 1)
    assert firm.ids() == before


def test_changed_settings_show_what_they_would_make(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(*traces()[:6])
    firm.configure('region = "US"')
    *found, summary = replay(firm, capsys)
    assert summary["changed"] == len(found) > 0
    assert all("party_e164" in one["fields"] for one in found)


def test_what_the_server_has_not_folded_yet_is_none_of_it(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(traces()[0])
    known = len(firm.ids())
    for piece in ((traces()[1] / "ami.raw").read_bytes(),):
        firm.journal.append(Kind.UP, b'{"banner": ""}', AT)
        firm.journal.append(Kind.BYTES, piece, AT)
    (summary,) = replay(firm, capsys)
    assert summary["same"] == known


def test_a_lost_database_shows_all_as_new(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(*traces()[:3])
    known = firm.ids()
    firm.database.close()
    for path in firm.folder.glob("yobirin.sqlite3*"):
        path.unlink()
    *found, summary = replay(firm, capsys)
    assert sorted(one["id"] for one in found) == sorted(known)
    assert summary["added"] == len(known)


def test_a_journal_that_lost_a_part_takes_nothing_away(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(*traces()[:6])
    segments = sorted((firm.folder / "journal" / "hq").glob("*.log"))
    assert len(segments) > 3
    segments[1].unlink()
    capsys.readouterr()
    assert main(["replay", "--config", str(firm.config)]) == 0
    told = capsys.readouterr()
    assert "taken away: 0" in told.out
    assert "missing or damaged" in told.err


def test_an_exchange_that_is_not_there_is_named(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nowhere", "--config", str(firm.config)]) == 1
    assert "no exchange “nowhere” (there: hq)" in capsys.readouterr().err


def written(firm: Firm, *words: str) -> int:
    """Writes with the server stopped."""
    firm.stop()
    return main(["replay", "--yes", *words, "--config", str(firm.config)])


def table(firm: Firm, name: str, order: str = "id") -> list[Any]:
    with firm.database.engine.connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY {order}"))


def spoiled(firm: Firm) -> tuple[str, str, list[Any]]:
    """One call lost, one wrong, one made up; what the log was before."""
    firm.hear(*traces()[:4])
    right = table(firm, "calls")
    inbound = [row.id for row in right if row.direction == "in"]
    lost, wrong = inbound[0], inbound[1]
    with firm.database.engine.begin() as connection:
        for name, key in (("calls", "id"), ("sights", "call_id"), ("taken", "call_id")):
            connection.exec_driver_sql(f"DELETE FROM {name} WHERE {key} = '{lost}'")
        row = dict(connection.execute(calls.select().where(calls.c.id == wrong)).one()._mapping)
        connection.execute(calls.insert().values(row | {"id": "hq-nobody"}))
        connection.execute(update(calls).where(calls.c.id == wrong).values(hangup_by="pbx", talk_seconds=99.0))
    return lost, wrong, right


def told(rows: list[Any]) -> list[Any]:
    """The exchange's part of the rows, and whom the calls are matched to."""
    ours = {"version", "item_id"}
    return [{name: value for name, value in row._mapping.items() if name not in ours} for row in rows]


def test_written_it_is_as_the_journal_says_and_every_change_is_recorded(
    firm: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    lost, wrong, right = spoiled(firm)
    assert written(firm, "--why", "mended") == 0
    assert told(table(firm, "calls")) == told(right)
    found = {row.call_id: row for row in table(firm, "corrections")}
    assert {call_id: row.what for call_id, row in found.items()} == {
        lost: "added",
        wrong: "changed",
        "hq-nobody": "taken-away",
    }
    fields = json.loads(found[wrong].fields)
    assert set(fields) == {"hangup_by", "talk_seconds"} and fields["talk_seconds"][0] == 99.0
    assert json.loads(found["hq-nobody"].fields)["direction"] == ["in", None], "nothing of it is lost"
    assert {row.why for row in found.values()} == {"mended"}
    assert {row.subject_id for row in table(firm, "audit") if row.act == "corrected"} == set(found)
    assert {row.call_id for row in table(firm, "sights")} == {row.id for row in right}
    (summary,) = replay(firm, capsys)
    assert summary["same"] == len(right)


def test_a_running_server_keeps_its_calls(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    spoiled(firm)
    before = table(firm, "calls")
    assert main(["replay", "--yes", "--config", str(firm.config)]) == 1
    assert "stop it" in capsys.readouterr().err
    assert table(firm, "calls") == before


def test_what_people_did_stays(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    _lost, wrong, _right = spoiled(firm)
    mine = {"handled": True, "handled_by": "801", "handled_at": 5.0, "open": False, "customer_code": "picked"}
    firm.change(update(calls).where(calls.c.id.in_([wrong, "hq-nobody"])).values(**mine))
    firm.change(update(calls).where(calls.c.id == wrong).values(party_e164="+819099999999"))
    assert written(firm) == 0
    assert "hq-nobody is not in the journal" in capsys.readouterr().err
    by_id = {row.id: row for row in table(firm, "calls")}
    for call_id in (wrong, "hq-nobody"):
        assert {name: getattr(by_id[call_id], name) for name in mine} == mine
    assert by_id[wrong].party_e164 != "+819099999999"
    assert "not-in-journal" in json.loads(by_id["hq-nobody"].marks)
    assert {row.call_id: row.what for row in table(firm, "corrections")}["hq-nobody"] == "kept"
    (summary,) = replay(firm, capsys)
    assert summary["taken-away"] == 0, "said once"


def test_what_is_to_be_done_follows(firm: Firm) -> None:
    """A call that never was leaves nothing to do; one that was lost is to be done again."""
    lost, _wrong, right = spoiled(firm)
    assert next(row.open for row in right if row.id == lost)
    assert written(firm) == 0
    waiting = {row.item_id for row in table(firm, "calls") if row.open}
    items = {row.id: row for row in table(firm, "items")}
    assert {items[one].state for one in waiting} == {"open"}
    for item in waiting:
        assert items[item].calls == sum(row.item_id == item and row.open for row in table(firm, "calls"))


def test_killed_between_two_lots_the_next_run_does_the_rest(
    firm: Firm, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _lost, _wrong, right = spoiled(firm)
    monkeypatch.setattr(correcting, "LOT", 1)
    whole = correcting._Lot._record
    done: list[int] = []

    def dies_at_the_second(lot: Any, *arguments: Any) -> None:
        whole(lot, *arguments)
        done.append(1)
        if len(done) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(correcting._Lot, "_record", dies_at_the_second)
    assert written(firm) == 130
    assert len(table(firm, "corrections")) == 1
    assert main(["replay", "--yes", "--config", str(firm.config)]) == 0
    assert told(table(firm, "calls")) == told(right)
    assert len(table(firm, "corrections")) == 3


def test_a_lost_database_is_made_again(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(*traces()[:3])
    right = told(table(firm, "calls"))
    firm.database.close()
    for path in firm.folder.glob("yobirin.sqlite3*"):
        path.unlink()
    assert written(firm) == 0
    assert told(table(firm, "calls")) == right


def test_pieces_that_can_be_read_now_are_no_longer_unread(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    firm.hear(traces()[0])
    row = {"exchange": "hq", "at": 1.0, "reason": "no-colon", "raw": b"x", "size": 1}
    firm.change(unreadable.insert().values(row | {"record": firm.journal.start + 1, "number": 0}))
    (summary,) = replay(firm, capsys)
    assert summary["readable"] == 1
    assert len(table(firm, "unreadable", "record")) == 1, "only shown"
    assert written(firm) == 0
    assert table(firm, "unreadable", "record") == []
