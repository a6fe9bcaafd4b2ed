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
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.schema import calls
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

    def close(self) -> None:
        self.journal.close()
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
    assert ", 0 taken away" in told.out
    assert "missing or damaged" in told.err


def test_an_exchange_that_is_not_there_is_named(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "nowhere", "--config", str(firm.config)]) == 1
    assert "no exchange “nowhere” (there: hq)" in capsys.readouterr().err
