"""Asterisk's call detail records: the orders of columns, zones, quoting; what is no record is said and left out."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.wire.asterisk_cdr import CUSTOM, MASTER, CdrFile, parse, parse_rows

TOKYO = "Asia/Tokyo"
ROW: dict[str, str] = {
    "clid": '"YAMADA TARO" <08011112222>',
    "src": "08011112222",
    "dst": "0312345601",
    "dcontext": "from-trunk",
    "channel": "PJSIP/trunk-00000008",
    "dstchannel": "PJSIP/2002-0000000a",
    "lastapp": "Queue",
    "lastdata": "sales,t,,,60",
    "start": "2026-11-23 10:30:44",
    "answer": "2026-11-23 10:30:45",
    "end": "2026-11-23 10:30:50",
    "duration": "6",
    "billsec": "5",
    "disposition": "ANSWERED",
    "amaflags": "DOCUMENTATION",
    "accountcode": "",
    "uniqueid": "1795397444.2",
    "userfield": "",
    "peeraccount": "",
    "linkedid": "1795397444.1",
    "sequence": "7",
    "start_epoch": "1795397444.621341",
    "answer_epoch": "1795397445.677278",
    "end_epoch": "1795397450.202756",
}
START = 1795397444.0
NEW_COLUMNS = (*MASTER, "uniqueid", "userfield", "peeraccount", "linkedid", "sequence")


def text(columns: tuple[str, ...], *rows: Mapping[str, str], header: bool = False) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    if header:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([row[name] for name in columns])
    return out.getvalue()


def read(content: str, zone: str = TOKYO, columns: tuple[str, ...] | None = None) -> CdrFile:
    return parse(io.StringIO(content, newline=""), zone, columns)


def changed(**values: str) -> dict[str, str]:
    return ROW | values


def test_every_usual_order_of_columns_is_known_without_a_header() -> None:
    for base in (MASTER, CUSTOM):
        for tail in ((), ("uniqueid",), ("uniqueid", "userfield"), ("uniqueid", "userfield", "linkedid", "sequence")):
            file = read(text((*base, *tail), ROW))
            (row,) = file.rows
            assert (row.number, row.dialled, row.place, row.patience) == ("08011112222", "0312345601", "sales", 60.0)
            assert (row.name, row.caller.peer, row.reached and row.reached.peer) == ("YAMADA TARO", "trunk", "2002")
            assert (row.started_at, row.answered_at, row.ended_at) == (START, START + 1, START + 6)
            assert row.leg == ("1795397444.2" if "uniqueid" in tail else "")
            assert row.group == ("1795397444.1" if "linkedid" in tail else "")
    assert read(text(NEW_COLUMNS, ROW)).rows[0].group == "1795397444.1"


def test_a_header_line_or_the_settings_say_what_the_columns_are() -> None:
    columns = ("end", "start", "disposition", "channel", "uniqueid", "dst", "src")
    (named,) = read(text(columns, ROW, header=True)).rows
    (told,) = read(text(columns, ROW), columns=columns).rows
    assert named == told
    assert (named.number, named.ended_at) == ("08011112222", START + 6)


def test_epoch_columns_are_exact_and_need_no_zone() -> None:
    columns = (*CUSTOM, "uniqueid", "userfield", "linkedid", "sequence", "start_epoch", "answer_epoch", "end_epoch")
    (row,) = read(text(columns, changed(answer_epoch="0.000000")), "America/New_York").rows
    assert (row.started_at, row.answered_at, row.ended_at, row.exact) == (
        1795397444.621341,
        None,
        1795397450.202756,
        True,
    )


def test_the_unique_id_shows_that_the_times_are_utc_or_of_another_zone() -> None:
    utc = changed(start="2026-11-23 01:30:44", answer="", end="2026-11-23 01:30:50")
    nepal = changed(start="2026-11-23 07:15:44", answer="", end="2026-11-23 07:15:50")
    for row in (utc, nepal):
        (got,) = read(text(NEW_COLUMNS, row)).rows
        assert (got.started_at, got.ended_at) == (START, START + 6)


def test_a_later_row_of_a_leg_is_placed_by_the_first() -> None:
    later = changed(start="2026-11-23 06:30:44", answer="2026-11-23 06:30:44", end="2026-11-23 06:40:44")
    first = changed(start="2026-11-23 01:30:44", answer="2026-11-23 01:30:45", end="2026-11-23 06:30:44")
    got = read(text(NEW_COLUMNS, first, later)).rows  # UTC, though the settings say Tokyo
    assert [row.started_at for row in got] == [START, START + 5 * 3600]
    (alone,) = read(text(NEW_COLUMNS, changed(start="2026-11-23 15:30:44", end="2026-11-23 15:40:44"))).rows
    assert alone.started_at == START + 5 * 3600  # Tokyo, as the settings say


def test_the_hour_that_comes_twice_is_told_apart_by_the_unique_id() -> None:
    starts = []
    for hour in (5, 6):  # New York went from UTC-4 to UTC-5 at 2026-11-01 06:00 UTC
        born = datetime(2026, 11, 1, hour, 30, tzinfo=UTC).timestamp()
        row = changed(start="2026-11-01 01:30:00", answer="", end="2026-11-01 01:31:00", uniqueid=f"{born:.0f}.9")
        starts += [one.started_at - born for one in read(text(NEW_COLUMNS, row), "America/New_York").rows]
    assert starts == [0, 0]


def test_names_are_unescaped_once_and_withheld_numbers_stay_as_they_are() -> None:
    for clid, name in (
        ('"O\\\\\\"Brien & Söhne" <0312340515>', 'O\\"Brien & Söhne'),
        ('"" <0312340515>', ""),
        ("<0312340515>", ""),
        ("Plain Name <0312340515>", "Plain Name"),
    ):
        assert read(text(MASTER, changed(clid=clid))).rows[0].name == name
    assert read(text(MASTER, changed(src="anonymous"))).rows[0].number == "anonymous"


def test_what_is_no_record_is_said_with_its_line_and_the_rest_is_read() -> None:
    good = text(NEW_COLUMNS, ROW)
    file = read(good + '"only","three","fields"\n' + text(NEW_COLUMNS, changed(start="yesterday")) + good)
    assert [bad.line for bad in file.unreadable] == [2, 3]
    assert "3 fields where there are 21 columns" in file.unreadable[0].reason
    assert "'yesterday' is no time" in file.unreadable[1].reason
    assert len(file.rows) == 2
    assert "header line" in read("a,b,c\n").unreadable[0].reason
    assert "disposition" in read(text(NEW_COLUMNS, ROW, changed(disposition="MAYBE"))).unreadable[0].reason
    assert "ends before" in read(text(NEW_COLUMNS, ROW, changed(end="2026-11-23 10:30:40"))).unreadable[0].reason


def test_a_table_without_columns_for_answer_and_end_as_freepbx_keeps_it() -> None:
    names = (
        "uniqueid",
        "linkedid",
        "channel",
        "dstchannel",
        "src",
        "dst",
        "disposition",
        "lastapp",
        "lastdata",
        "clid",
    )
    values: dict[str, Any] = {name: ROW[name] for name in names}
    values |= {"calldate": datetime(2026, 11, 23, 10, 30, 44), "duration": 6, "billsec": 5}
    (row,) = parse_rows([(1, values)], TOKYO).rows
    assert (row.started_at, row.answered_at, row.ended_at) == (START, START + 1, START + 6)
    (missed,) = parse_rows([(1, values | {"billsec": 0, "disposition": "NO ANSWER"})], TOKYO).rows
    assert missed.answered_at is None
    assert "no column channel" in parse_rows([(7, {"src": "1"})], TOKYO).unreadable[0].reason


@given(st.lists(st.text(max_size=60) | st.sampled_from([text(NEW_COLUMNS, ROW), text(CUSTOM, ROW)]), max_size=6))
@settings(max_examples=150, deadline=None)
def test_nothing_makes_it_raise(lines: list[str]) -> None:
    read("\n".join(lines))


@given(st.dictionaries(st.sampled_from(NEW_COLUMNS), st.text(max_size=30), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_no_field_makes_it_raise(values: dict[str, str]) -> None:
    file = parse_rows([(1, ROW), (2, ROW | values)], TOKYO)
    assert len(file.rows) + len(file.unreadable) == 2
