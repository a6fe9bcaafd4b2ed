"""Joining what was heard of a call with what the record says: nothing twice, nothing worse, whatever the order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cti_server.calls.call_recovery import recover, same_call
from cti_server.calls.folding import ExchangePlan
from cti_server.calls.log import CallLog
from cti_server.calls.recorded_calls import RecordedCall, recorded_calls
from cti_server.calls.truth import as_truth
from cti_server.commands.trace import Trace
from tests.core.test_recorded_calls import PLAN, rows_of
from tests.golden.recordings import FOLDER, Recording, differences, recordings

ALL = recordings()
LEFT_TO_HEARING = {"hangup_by"}
"""Who hung up in a gap, no record tells."""


def trace(recording: Recording, *, record: bool, streams: list[Path] | None = None) -> list[CallLog]:
    told = Trace(ExchangePlan(id="golden", branch="121"))
    for stream in recording.streams if streams is None else streams:
        told.read(stream)
    if record:
        told.read_record(recording.folder / "cdr.csv")
    assert not told.problems
    return told.calls()


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_no_recording_gets_worse_and_those_with_a_cut_get_right(recording: Recording) -> None:
    with_record = trace(recording, record=True)
    cut = recording.name.startswith("E")
    if not cut:
        assert with_record == trace(recording, record=False)
        return
    unseen = LEFT_TO_HEARING if recording.name.startswith(("E2", "E5", "E10")) else set()
    assert not differences([as_truth(log) for log in with_record], recording.truth, unseen, (0.5, 1.0))


CUT = ("A1", "A2", "A6", "A7", "A8", "A13", "B5", "B9", "G2", "G9", "H3", "H6")


@pytest.mark.parametrize("name", CUT)
def test_a_call_that_was_cut_anywhere_is_completed(name: str, tmp_path: Path) -> None:
    recording = next(one for one in ALL if one.name.startswith(f"{name}-"))
    data = recording.streams[0].read_bytes()
    ends = [at + 4 for at in range(len(data)) if data.startswith(b"\r\n\r\n", at)]
    known_from = next(number for number, end in enumerate(ends) if b"Event: DialEnd" in data[:end])
    for end in ends[known_from :: max(1, len(ends) // 12)]:
        piece = tmp_path / "cut.raw"
        piece.write_bytes(data[:end])
        told = [as_truth(log) for log in trace(recording, record=True, streams=[piece])]
        assert not differences(told, recording.truth, LEFT_TO_HEARING, (0.5, 1.0))


def only(name: str) -> RecordedCall:
    return recorded_calls(rows_of(Recording(FOLDER / name)), PLAN)[0]


def test_a_call_that_nobody_heard_of_is_made_once() -> None:
    call = only("A1-inbound-answered")
    gain, (log,) = recover(call, [])
    assert (gain, log.id, log.marks) == ("recovered", "golden-1795333834.0", ["from-record"])
    assert recover(call, [log]) == ("known", [])


def test_one_that_was_heard_whole_is_left_alone_whatever_the_record_says() -> None:
    call = only("A1-inbound-answered")
    heard = replace(call.log, marks=[], answered_by_extension="2009", ended_at=call.log.ended_at)
    assert recover(call, [heard]) == ("known", [])


def test_one_that_still_goes_on_is_left_to_the_events() -> None:
    call = only("A1-inbound-answered")
    live = replace(call.log, marks=["cut-by-gap"], state="talking", ended_at=None, disposition=None)
    assert recover(call, [live]) == ("known", [])


def test_completing_twice_is_completing_once() -> None:
    call = only("A2-inbound-caller-gives-up")
    since = call.log.started_at + 2
    cut = replace(
        call.log,
        ended_at=None,
        ended_between=(since, since + 60),
        marks=["cut-by-gap", "end-not-seen"],
        ring_seconds=2.0,
    )
    gain, (completed,) = recover(call, [cut])
    assert (gain, completed.ended_at, completed.ended_between) == ("completed", call.log.ended_at, None)
    assert completed.marks == ["cut-by-gap", "from-record"]
    assert completed.ring_seconds == pytest.approx(5.4, abs=0.1)
    assert recover(call, [completed]) == ("known", [])


def test_without_ids_a_call_is_known_by_who_called_and_when() -> None:
    rows = [row._replace(leg="", group="") for row in rows_of(Recording(FOLDER / "A1-inbound-answered"))]
    (call,) = recorded_calls(rows, PLAN)
    heard = replace(call.log, id="golden-1795333834.0", started_at=call.log.started_at + 1)
    assert same_call(call, heard)
    assert not same_call(call, replace(heard, started_at=heard.started_at + 60))
    assert not same_call(call, replace(heard, caller_number="0399999999"))
    assert not same_call(call, replace(heard, exchange="other"))
