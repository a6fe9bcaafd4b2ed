"""What the exchange's own record gives back becomes calls of the one log exactly once, and stands with its gap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges.decoding import AmiDecoder
from cti_adapters.exchanges.lane import Lane
from cti_adapters.exchanges.record_fetch import ROWS_MOST, FetchReader, payloads, problem_payload
from cti_adapters.exchanges.refolding import refold
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.journal.reader import JournalReader
from cti_adapters.storage.call_rows import as_log
from cti_adapters.storage.gap_recovery import pending_gaps
from cti_adapters.storage.mapping import Audit, Call, Correction, Exchange, Gap, Item
from cti_adapters.storage.refolded import Refolded
from cti_adapters.wire.asterisk_cdr import named_rows
from cti_server.calls.call_recovery import GapFetch
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.calls.recorded_calls import MARK, RecordedCall
from cti_server.calls.truth import as_truth
from cti_server.commands.trace import first_time
from cti_server.settings import ExchangeSettings
from cti_server.shared.feed import GapChange
from cti_server.shared.notices import ExchangeChanged, WorkChanged
from tests.adapters.storage_rig import NOW, inbound, put
from tests.adapters.test_call_writer import ANNA, Rig
from tests.golden.recordings import FOLDER, Recording, differences, recordings

PLAN = ExchangePlan(id="hq", branch="121")
BLIND = NOW - 1000
CUT = [one for one in recordings() if one.name.startswith("E") and not one.name.startswith("E7")]
"""Of E7, which was killed while it rang, there is no row."""


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    put(rig.database, Exchange(id="hq", name="hq", kind="ami", branch="121", state="up", reason="", reason_values={}))
    return rig


def rows_of(recording: Recording) -> list[dict[str, str]]:
    lines = (recording.folder / "cdr.csv").read_text("utf-8").splitlines(keepends=True)
    return [row for _, row in named_rows(lines)[0]]


class Wire:
    """A journal with a recording whose gap was fetched afterwards, and the way from it into the database."""

    def __init__(self, rig: Rig, folder: Path, recording: Recording) -> None:
        self.rig = rig
        self.folder = folder
        self.recording = recording
        self.journal = Journal(folder / "journal")
        self.heard = self.again = 0.0
        pieces = [stream.read_bytes() for stream in recording.streams]
        for number, data in enumerate(pieces):
            at = first_time(data, self.heard)
            if number:
                self.add(Kind.DOWN, {"heard": self.heard, "reason": "closed"}, self.heard)
                self.again = at
            told = {"banner": ""} | ({"blind_since": self.heard, "reason": "closed"} if number else {})
            self.add(Kind.UP, told, at)
            self.journal.append(Kind.BYTES, data, at)
            self.heard = at if number == len(pieces) - 1 else self.last(data, at)
        self.journal.append(Kind.TICK, b"", self.again + 30)

    def last(self, data: bytes, otherwise: float) -> float:
        stamps = [line for line in data.splitlines() if line.startswith(b"Timestamp: ")]
        return float(stamps[-1].split()[1]) if stamps else otherwise

    def add(self, kind: Kind, told: dict[str, Any], at: float) -> None:
        self.journal.append(kind, json.dumps(told).encode(), at)

    def fetch(self, rows: list[dict[str, str]]) -> None:
        """What was fetched for the gap."""
        for payload in payloads(gap(self.rig).started_at, "csv", rows, finished=True):
            self.journal.append(Kind.RECORD, payload, self.again + 40)

    def work(self) -> None:
        lane = Lane(
            "hq",
            self.journal,
            self.rig.writer,
            AmiDecoder(),
            Folder(PLAN),
            read_fetch=FetchReader(PLAN, "Asia/Tokyo", lambda _: None).read,
        )
        while lane.step(0.0) is not None:
            pass
        assert not lane.status.commits_failed

    def folded_again(self) -> list[dict[str, Any]]:
        """The calls as `cti replay` makes them from the journal."""
        with closing(Refolded(self.folder)) as again, closing(JournalReader(self.folder / "journal", None)) as journal:
            settings = ExchangeSettings(id="hq", name="hq", kind="ami", branch="121")
            refold(settings, journal, again, lambda done, whole: None)
            logs = sorted((as_log(entry) for _, _, entry in again.entries()), key=lambda log: log.started_at)
        return [as_truth(log) for log in logs]

    def told(self) -> list[dict[str, Any]]:
        logs = sorted((as_log(row) for row in self.rig.all(Call)), key=lambda log: log.started_at)
        return [as_truth(log) for log in logs]


class Opened:
    """Journals to be closed again."""

    def __init__(self) -> None:
        self._wires: list[Wire] = []

    def open(self, rig: Rig, folder: Path, recording: Recording) -> Wire:
        self._wires.append(Wire(rig, folder, recording))
        return self._wires[-1]

    def close(self) -> None:
        for wire in self._wires:
            wire.journal.close()


@pytest.fixture
def journals() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    opened.close()


@pytest.mark.parametrize("recording", CUT, ids=lambda recording: recording.name)
def test_a_cut_call_is_right_in_the_log_once_its_record_is_there(
    rig: Rig, tmp_path: Path, journals: Opened, recording: Recording
) -> None:
    wire = journals.open(rig, tmp_path, recording)
    wire.work()
    wire.fetch(rows_of(wire.recording))
    wire.work()
    unseen = {"hangup_by"} if recording.name.startswith(("E2-", "E5-", "E10-")) else set()
    assert not differences(wire.told(), recording.truth, unseen, (0.5, 1.0))
    after = wire.told()
    wire.fetch(rows_of(wire.recording)[::-1] * 2)  # again, in another order
    wire.work()
    assert wire.told() == after
    found = gap(rig)
    assert (found.source, found.problem, found.finished_at) == ("csv", "", wire.again + 40)
    assert found.recovered == recording.name.startswith("E5-")
    assert wire.folded_again() == after


def test_the_same_journal_gives_the_same_whether_it_was_read_at_once_or_record_by_record(
    rig: Rig, tmp_path: Path, journals: Opened
) -> None:
    """Also the record that comes right behind the list of legs, while a call still waits for its last word."""
    wire = journals.open(rig, tmp_path, Recording(FOLDER / "E2-ended-in-cut"))
    for payload in payloads(wire.heard, "csv", rows_of(wire.recording), finished=False):
        wire.journal.append(Kind.RECORD, payload, wire.again + 1)
    wire.journal.append(Kind.TICK, b"", wire.again + 60)
    wire.work()
    (at_once,) = wire.told()
    assert at_once["ended_at"] is not None
    other = Rig(_folder(tmp_path / "other"))
    slow = journals.open(other, tmp_path / "other", wire.recording)
    slow.work()
    slow.fetch(rows_of(wire.recording))
    slow.work()
    assert slow.told() == [at_once]


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def recorded(log: CallLog) -> RecordedCall:
    told = replace(log, marks=[MARK], hangup_by=None, over_when_told=True)
    return RecordedCall(told, frozenset(told.linkedids), True)


def fetch(*calls: CallLog, **more: Any) -> GapFetch:
    return GapFetch(BLIND, NOW, "csv", [recorded(call) for call in calls], **more)


def blind(rig: Rig, until: float = NOW - 500) -> None:
    rig.commit(gaps=[GapChange(BLIND, until, "closed")])


def gap(rig: Rig) -> Gap:
    (found,) = rig.all(Gap)
    assert isinstance(found, Gap)
    return found


def test_a_missed_call_of_the_gap_is_a_call_to_be_returned(rig: Rig) -> None:
    blind(rig)
    told = rig.commit(fetch=fetch(inbound(1, ANNA, at=NOW - 700)))
    assert rig.items() == [("c:anna", "missed", "open", 1)]
    assert (gap(rig).recovered, gap(rig).completed) == (1, 0)
    assert [type(notice) for notice in told] == [WorkChanged, ExchangeChanged]  # lists change, nothing pops up
    rig.commit(fetch=fetch(inbound(1, ANNA, at=NOW - 700)))
    assert (rig.items(), gap(rig).recovered) == ([("c:anna", "missed", "open", 1)], 1)


def test_one_that_turns_out_to_have_been_answered_stays_one_open_call(rig: Rig) -> None:
    blind(rig)
    answered = inbound(1, ANNA, at=NOW - 1020, taker="2002", ended_at=NOW - 900)
    cut = inbound(1, ANNA, at=NOW - 1020, ended_at=None, marks=["cut-by-gap", "end-not-seen"], hangup_by=None)
    rig.commit(replace(cut, ended_between=(BLIND, NOW - 500)))
    assert rig.items() == [("c:anna", "missed", "open", 1)]
    rig.commit(fetch=fetch(answered))
    row = rig.call(answered)
    assert (row.answered_by_extension, row.receiver, row.ended_at) == ("2002", "802", NOW - 900)
    assert row.marks == ["cut-by-gap", MARK]
    assert rig.items() == [("c:anna", "answered", "open", 1)]
    assert gap(rig).completed == 1
    (note,) = [entry for entry in rig.all(Audit) if entry.act == "completed"]
    assert {"answered", "ended_at"} <= set(note.detail["fields"])
    (kept,) = rig.all(Correction)
    assert (kept.call_id, kept.by, kept.why, kept.what) == (row.id, "", "from the exchange's own record", "changed")
    assert kept.fields["answered"] == [False, True] and kept.fields["ended_at"] == [None, NOW - 900]


def test_what_a_person_did_with_a_cut_call_stays(rig: Rig) -> None:
    blind(rig)
    cut = inbound(1, ANNA, at=NOW - 1020, ended_at=None, marks=["cut-by-gap", "end-not-seen"])
    rig.commit(replace(cut, ended_between=(BLIND, NOW - 500)))
    with rig.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE calls SET open = 0, handled = 1, handled_by = '802', handled_at = 5")
        connection.exec_driver_sql("UPDATE items SET state = 'done'")
    rig.commit(fetch=fetch(inbound(1, ANNA, at=NOW - 1020, ended_at=NOW - 900)))
    row = rig.call(cut)
    assert (row.ended_at, row.open, row.handled, row.handled_by) == (NOW - 900, False, True, "802")
    assert [item.state for item in rig.all(Item)] == ["done"]


def test_a_call_from_outside_the_gap_is_not_made(rig: Rig) -> None:
    blind(rig)
    rig.commit(fetch=fetch(inbound(1, ANNA, at=NOW - 3000), inbound(2, ANNA, at=NOW - 300)))
    assert (rig.all(Call), gap(rig).recovered) == ([], 0)


def test_gaps_wait_until_the_record_says_no_more(rig: Rig) -> None:
    def pending(has_record: bool = True) -> list[tuple[str, int]]:
        found = pending_gaps(rig.database.engine, "hq", NOW - 86400, has_record)
        return [(one.problem, one.still_up) for one in found]

    rig.commit(gaps=[GapChange(BLIND, None, "closed")])
    assert pending() == []
    rig.commit(inbound(1, ANNA, at=NOW - 1020, state="talking", ended_at=None, disposition=None))
    blind(rig)
    assert pending() == [("", 1)]
    rig.commit(fetch=GapFetch(BLIND, NOW, "csv", [], problem="record-missing", problem_values={"file": "x"}))
    assert (gap(rig).problem, gap(rig).problem_values, gap(rig).fetched_at) == ("record-missing", {"file": "x"}, None)
    assert pending() == [("record-missing", 1)]
    rig.commit(fetch=fetch(finished=True))
    assert pending() == []
    rig.commit(gaps=[GapChange(BLIND, NOW - 500, "closed")])  # the journal is read again
    assert (gap(rig).finished_at, pending()) == (NOW, [])
    rig.commit(fetch=GapFetch(BLIND, NOW, "", [], problem="record-none", finished=True))
    assert pending(has_record=False) == []
    assert len(pending(has_record=True)) == 1  # somebody has set one since


def test_what_was_fetched_is_kept_in_sheaves_with_the_rows_of_a_call_together() -> None:
    rows = [{"uniqueid": f"{number // 3}", "src": str(number)} for number in range(3 * ROWS_MOST)]
    sheaves = [json.loads(payload) for payload in payloads(1.0, "table", rows, finished=True)]
    assert [sheaf["finished"] for sheaf in sheaves] == [False] * (len(sheaves) - 1) + [True]
    ids = [{row["uniqueid"] for row in sheaf["rows"]} for sheaf in sheaves]
    assert sum(len(few) for few in ids) == len(set().union(*ids)) == ROWS_MOST
    assert sum(len(sheaf["rows"]) for sheaf in sheaves) == len(rows)
    reader = FetchReader(PLAN, "Asia/Tokyo", lambda _: None)
    told = reader.read(problem_payload(1.0, "csv", "record-missing", {"file": "x"}, finished=False), 5.0)
    assert (told.problem, told.problem_values, told.calls, told.unread) == ("record-missing", {"file": "x"}, [], 0)
    assert reader.read(next(payloads(1.0, "csv", [{"src": "1"}], finished=True)), 5.0).unread == 1
