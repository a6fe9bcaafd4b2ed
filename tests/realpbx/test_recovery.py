"""Calls of a real Asterisk that took place while nobody listened come back from its own record, exactly once."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.storage import schema
from tests.golden.recordings import differences
from tests.realpbx.asterisk import SECRET, Asterisk
from tests.realpbx.cuttable import Wire
from tests.realpbx.product import Product, exchange
from tests.realpbx.scene import Scene
from tests.realpbx.stage import Stage
from tests.realpbx.test_faults import ordinary, sleep, talking
from tests.web.running import until

TOLERANCE = (0.5, 1.0)
COLUMNS = [
    *("clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end"),
    *("duration", "billsec", "disposition", "amaflags", "accountcode", "uniqueid", "userfield", "linkedid", "sequence"),
    *("start_epoch", "answer_epoch", "end_epoch"),
]
"""What tests/realpbx/etc/cdr_custom.conf has the Asterisk write."""
UNSAID = {"linkedids", "hangup_by", "pbx_answered_at"}
"""A record doesn't tell who hung up."""


@pytest.fixture
def wire(asterisk: Asterisk) -> Iterator[Wire]:
    made = Wire(asterisk.ports.ami)
    yield made
    made.cut()


@contextmanager
def listening(folder: Path, wire: Wire, **cdr: Any) -> Iterator[Product]:
    """A server that hears the Asterisk through a wire and knows where its record is."""
    made = Product(folder, [exchange("hq", wire.port, cdr={"wait_seconds": 0.5, **cdr})], SECRET)
    try:
        made.start()
        made.until_link("hq", "up")
        yield made
        assert made.stop() == 0
        assert "Traceback" not in made.log() and "Unhandled" not in made.log(), made.log()
    finally:
        made.close()


async def missed(s: Scene, number: str) -> None:
    """The caller gives up while it rings."""
    caller = await s.stage.inbound("0312345600", number)
    phone = await s.stage.ring("2001")
    await sleep(0.6)
    caller.cancel()
    await phone.ended.wait()
    s.call("in", caller, "0312345600", number=number, rang=[phone], hangup="caller")


def told(made: Product, numbers: set[str]) -> list[dict[str, Any]]:
    """The calls of these callers, once all are over with their ends."""

    def over() -> list[dict[str, Any]]:
        found = [call for call in made.calls() if call["caller_number"] in numbers and call["ended_at"] is not None]
        return found if {call["caller_number"] for call in found} == numbers else []

    until(over, "all calls of the gap", 60)
    return sorted((call for call in made.calls() if call["caller_number"] in numbers), key=lambda c: c["started_at"])


def test_calls_of_a_cut_come_back_from_the_record_once(
    asterisk: Asterisk, stage: Stage, wire: Wire, tmp_path: Path
) -> None:
    with listening(tmp_path / "p", wire, file=str(asterisk.cdr_file), columns=COLUMNS) as made:
        scene = Scene(stage, asterisk)
        lasting, its_phone = stage.do(talking(stage, "0312340801"))
        until(lambda: any(call["state"] == "talking" for call in made.calls()), "the call that is cut", 20)
        wire.cut()
        made.until_link("hq", "down")
        stage.do(lasting.bye())
        stage.do(its_phone.ended.wait())
        scene.call("in", lasting, "0312345600", number="0312340801", rang=[its_phone], by=its_phone, hangup="caller")
        stage.do(ordinary(scene, "0312340802"))
        stage.do(missed(scene, "0312340803"))
        # Whether a telephone that nobody took rang at all, a record doesn't tell.
        scene.truth[-1]["rang_extensions"] = []
        wire.mend()
        calls = told(made, {"0312340801", "0312340802", "0312340803"})
        assert not differences(calls, scene.truth, UNSAID, TOLERANCE)
        (gap,) = made.rows(schema.gaps)
        assert (gap["source"], gap["problem"], gap["recovered"], gap["completed"]) == ("csv", "", 2, 1)


def test_a_table_gives_back_the_same(asterisk: Asterisk, stage: Stage, wire: Wire, tmp_path: Path) -> None:
    """The table is filled by the test from the Asterisk's own file, as its cdr_odbc would: no driver for a database is
    among the packages that the Asterisk is made of here."""
    table = tmp_path / "cdr.sqlite3"
    secret = tmp_path / "cdr.url"
    secret.write_text(f"sqlite:///{table}", "utf-8")
    with listening(tmp_path / "p", wire, secret_file=str(secret)) as made:
        scene = Scene(stage, asterisk)
        wire.cut()
        made.until_link("hq", "down")
        stage.do(ordinary(scene, "0312340804"))
        until(lambda: "0312340804" in asterisk.cdr_file.read_text("utf-8"), "the Asterisk's record", 10)
        with asterisk.cdr_file.open(encoding="utf-8", newline="") as file, closing(sqlite3.connect(table)) as database:
            # Calls of a minute before the gap, which this server has not heard of, would be taken for calls of it.
            rows = [row for row in csv.reader(file) if "0312340804" in row]
            columns = ", ".join(f'"{name}" TEXT' for name in COLUMNS)
            database.execute(f"CREATE TABLE cdr ({columns})")
            database.executemany(f"INSERT INTO cdr VALUES ({', '.join('?' * len(COLUMNS))})", rows)
            database.commit()
        wire.mend()
        assert not differences(told(made, {"0312340804"}), scene.truth, UNSAID, TOLERANCE)
        (gap,) = made.rows(schema.gaps)
        assert (gap["source"], gap["problem"], gap["recovered"]) == ("table", "", 1)
