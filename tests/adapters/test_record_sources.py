"""The exchange's own record as a file and as a table: what is read of it, how far back, and what is said when it can't
be."""

from __future__ import annotations

import csv
import io
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cti_adapters.exchanges import record_sources
from cti_adapters.exchanges.record_sources import CsvRecord, Fields, RecordProblem, TableRecord
from cti_adapters.exchanges.status import SENTENCES, Reason
from cti_adapters.wire.asterisk_cdr import MASTER

TOKYO = "Asia/Tokyo"
COLUMNS = (*MASTER, "uniqueid", "userfield")
BEGINNING = 1795397400


def row(start: int, seconds: int = 20, *, offset: int = 9, number: int = 1, **values: str) -> dict[str, str]:
    """A call that began so many seconds after BEGINNING."""

    def local(at: int) -> str:
        return datetime.fromtimestamp(BEGINNING + at + offset * 3600, UTC).strftime("%Y-%m-%d %H:%M:%S")

    return (
        dict.fromkeys(COLUMNS, "")
        | {
            "src": "0312340401",
            "dst": "0312345600",
            "dcontext": "from-trunk",
            "clid": '"" <0312340401>',
            "channel": f"PJSIP/trunk-{start:08x}",
            "dstchannel": f"PJSIP/2001-{start + 1:08x}",
            "lastapp": "Dial",
            "lastdata": "PJSIP/2001,30,tk",
            "start": local(start),
            "answer": local(start + 2),
            "end": local(start + seconds),
            "duration": str(seconds),
            "billsec": str(seconds - 2),
            "disposition": "ANSWERED",
            "uniqueid": f"{BEGINNING + start}.{number}",
        }
        | values
    )


def written(*rows: Fields, header: bool = False) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows([one[name] for name in COLUMNS] for one in rows)
    return out.getvalue()


def ids(rows: list[Fields]) -> list[int]:
    """When the calls began, after BEGINNING."""
    return sorted(int(one["uniqueid"].partition(".")[0]) - BEGINNING for one in rows)


def between(source: CsvRecord | TableRecord, since: int, until: int) -> list[int]:
    return ids(source.fetch(BEGINNING + since, BEGINNING + until))


@pytest.mark.parametrize("header", [False, True])
def test_a_file_gives_the_calls_of_the_time(tmp_path: Path, header: bool) -> None:
    path = tmp_path / "Master.csv"
    path.write_text(written(*(row(at) for at in range(0, 6000, 60)), header=header))
    assert between(CsvRecord(path, TOKYO), 1200, 1330) == [1200, 1260, 1320]
    assert between(CsvRecord(path, TOKYO), 1210, 1250) == [1200]  # went on then
    assert between(CsvRecord(path, TOKYO), 1230, 1250) == []


def test_all_rows_of_a_call_come_along_however_early_they_ended(tmp_path: Path) -> None:
    first = row(0, 10)
    sent_on = row(10, 5000, uniqueid=first["uniqueid"])
    path = tmp_path / "Master.csv"
    path.write_text(written(first, sent_on))
    assert between(CsvRecord(path, TOKYO), 4000, 4100) == [0, 0]


def test_a_large_file_is_read_from_its_end_only_as_far_as_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_sources, "BLOCK", 4000)
    path = tmp_path / "Master.csv"
    path.write_text(
        "what stood here long ago is no record of calls\n" * 500 + written(*(row(at) for at in range(0, 90000, 60)))
    )
    assert between(CsvRecord(path, TOKYO, COLUMNS), 80000, 80100) == [79980, 80040, 80100]


def test_a_file_that_was_rotated_meanwhile_is_read_on_in_the_older_one(tmp_path: Path) -> None:
    (tmp_path / "Master.csv").write_text(written(row(120)))
    (tmp_path / "Master.csv.1").write_text(written(row(0), row(60)))
    assert between(CsvRecord(tmp_path / "Master.csv", TOKYO), 50, 200) == [60, 120]


def test_half_a_line_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "Master.csv"
    whole = written(row(0), row(60))
    path.write_text(whole[:-30])
    assert between(CsvRecord(path, TOKYO), 0, 100) == [0]
    path.write_text(whole)
    assert between(CsvRecord(path, TOKYO), 0, 100) == [0, 60]
    path.write_text("")
    assert between(CsvRecord(path, TOKYO), 0, 100) == []


def problem(source: CsvRecord | TableRecord) -> str:
    with pytest.raises(RecordProblem) as told:
        source.fetch(BEGINNING, BEGINNING + 100)
    assert told.value.code in SENTENCES
    return Reason(told.value.code, told.value.detail).sentence


def test_a_file_that_is_not_there_or_no_record_is_a_sentence(tmp_path: Path) -> None:
    assert "Master.csv is not there" in problem(CsvRecord(tmp_path / "Master.csv", TOKYO))
    assert "can't be read" in problem(CsvRecord(tmp_path, TOKYO))
    (tmp_path / "odd.csv").write_text("a,b,c\nd,e,f\n")
    assert "header line" in problem(CsvRecord(tmp_path / "odd.csv", TOKYO))


def table(path: Path, rows: list[dict[str, str]], *, columns: tuple[str, ...] = COLUMNS, typed: bool = False) -> str:
    """A table as ``cdr_sqlite3_custom`` makes it: columns without a type; ``typed``: times as such."""
    with sqlite3.connect(path) as connection:
        types = [f'"{name}"{" DATETIME" if typed and name in ("start", "answer", "end") else ""}' for name in columns]
        connection.execute(f"CREATE TABLE cdr (AcctId INTEGER PRIMARY KEY, {', '.join(types)})")
        marks = ", ".join("?" for _ in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        connection.executemany(
            f"INSERT INTO cdr ({names}) VALUES ({marks})",
            [[one[name] or None for name in columns] for one in rows],
        )
    return f"sqlite:///{path}"


@pytest.mark.parametrize("typed", [False, True])
@pytest.mark.parametrize("offset", [0, 9])
def test_a_table_gives_the_same_calls_in_its_zone_or_utc(tmp_path: Path, typed: bool, offset: int) -> None:
    url = table(tmp_path / "cdr.db", [row(at, offset=offset) for at in range(0, 6000, 60)], typed=typed)
    assert between(TableRecord(url, "cdr", TOKYO), 1200, 1330) == [1200, 1260, 1320]


def test_a_table_gives_all_rows_of_a_call(tmp_path: Path) -> None:
    first = row(0, 10)
    url = table(tmp_path / "cdr.db", [first, row(10, 90000, uniqueid=first["uniqueid"]), row(20)])
    assert between(TableRecord(url, "cdr", TOKYO), 85000, 86000) == [0, 0]


def test_a_table_without_an_end_as_freepbx_keeps_it(tmp_path: Path) -> None:
    names = ("calldate", *(name for name in COLUMNS if name not in ("start", "answer", "end")))
    rows = [row(at) for at in range(0, 600, 60)]
    url = table(tmp_path / "cdr.db", [one | {"calldate": one["start"]} for one in rows], columns=names)
    assert between(TableRecord(url, "cdr", TOKYO), 120, 190) == [120, 180]


def test_what_is_wrong_with_a_table_is_a_sentence_without_its_password(tmp_path: Path) -> None:
    assert "none.db is not there" in problem(TableRecord(f"sqlite:///{tmp_path}/none.db", "cdr", TOKYO))
    assert not (tmp_path / "none.db").exists()
    url = table(tmp_path / "cdr.db", [row(0)])
    assert "no table calls" in problem(TableRecord(url, "calls", TOKYO))
    narrow = table(tmp_path / "narrow.db", [row(0)], columns=("src", "dst"))
    assert "no column channel" in problem(TableRecord(narrow, "cdr", TOKYO))
    assert "driver" in problem(TableRecord("mssql+pyodbc://cti:hush@127.0.0.1/cdr", "cdr", TOKYO))
    (tmp_path / "no.db").write_text("no database at all, and long enough to be taken for one " * 20)
    assert "can't be read" in problem(TableRecord(f"sqlite:///{tmp_path}/no.db", "cdr", TOKYO))
    assert "hush" not in problem(TableRecord("no address with hush in it", "cdr", TOKYO))


def test_a_table_is_only_read(tmp_path: Path) -> None:
    url = table(tmp_path / "cdr.db", [row(0)])
    engine = TableRecord(url, "cdr", TOKYO)._engine()
    with engine.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.exec_driver_sql("DELETE FROM cdr")
    engine.dispose()
