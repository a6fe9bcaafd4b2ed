"""Columns that a line names: found in whatever order, learned again by a lane that starts behind that line."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from cti_adapters.exchanges.decoding import RecordDecoder
from cti_adapters.exchanges.lane import Lane
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.profile_trial import tried
from cti_adapters.profiles import profile_named
from cti_adapters.wire.smdr.loading import parse
from cti_adapters.wire.smdr.reading import Reader
from cti_server.calls.call_plan import ExchangePlan
from cti_server.calls.events import Unreadable
from cti_server.calls.record_folding import RecordFolder
from cti_server.calls.records import CallRecord
from cti_server.shared.errors import SettingsError
from tests.adapters.lane_rig import Memory

PROFILE = """
[profile]
name = "named"
[[layout]]
kind = "csv"
header = '^start,|,start\\b'
[layout.fields]
start = { key = "start", as = "datetime", formats = ["%Y-%m-%d %H:%M:%S"], must = '\\d.*' }
who = { key = "who" }
talk = { key = "talk", as = "integer" }
[record]
started_at_local = "$start"
duration_seconds = "$talk"
external_number = "$who"
continuation = false
"""


def numbers(data: bytes) -> list[str | None]:
    reader = Reader(parse(PROFILE, "named.toml"))
    return [
        one.external_number if isinstance(one, CallRecord) else one.reason
        for _, one in [*reader.feed(data), *reader.finish()]
        if isinstance(one, CallRecord | Unreadable)
    ]


def test_columns_are_found_by_their_names_until_others_are_named() -> None:
    data = b"start,who\n2026-04-01 09:30:05,01\nWho,x,start\n02,,2026-04-01 09:31:05\nx,start\n,2026-04-01 09:32:05\n"
    assert numbers(data) == ["01", "02", None]


def test_a_record_before_any_names_and_names_that_lack_one_are_told() -> None:
    assert numbers(b"2026-04-01 09:30:05,01\n") == ["no line with the names of its columns came before it"]
    assert numbers(b"start,who\nx,start time\n2026-04-01 09:30:05,01\n") == [
        "these names of columns lack “start”",
        "01",
    ]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('kind = "csv"', 'kind = "json"', "line 6: only the columns of a csv layout can be named by a header"),
        ('key = "who"', "at = 1", "line 9: who needs key = …"),
        ('name = "named"', 'name = "named"\nwrites = "csv"', "line 4: “csv” can't be written"),
    ],
)
def test_a_bad_header_is_told_with_its_line(old: str, new: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as problem:
        parse(PROFILE.replace(old, new), "named.toml")
    assert f"named.toml, {sentence}" in str(problem.value)


def test_each_pasted_line_is_explained_by_the_names_before_it() -> None:
    trial = tried(profile_named("cisco-cucm"), profile_named("cisco-cucm").tests[0].text)
    records = [one for one in trial.shown if one.kind == "record"]
    places = [[piece.text.strip('"') for piece in one.pieces if piece.fields == "final"] for one in records]
    assert places == [["2001"], ["0355550102"], ["2002"]]


def test_a_lane_that_starts_behind_the_names_reads_on(tmp_path: Path) -> None:
    memory, profile = Memory(), parse(PROFILE, "named.toml")
    with closing(Journal(tmp_path)) as journal:
        for data in (
            b"who,start,talk\n01,2026-04-01 09:30:05,99\n",
            b"02,2026-04-01 09:31:05,99\n03,2026-",
            b"04-01 09:32:05,99\n",
        ):
            journal.append(Kind.BYTES, data, 1775003457.0)
            fold = RecordFolder(ExchangePlan(id="x", branch="hq"))
            lane = Lane("x", journal, memory, RecordDecoder(profile), fold)
            for now in range(9):
                lane.step(float(now))
    assert len(memory.calls) == 3 and not memory.unreadable
