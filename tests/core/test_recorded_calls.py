"""Calls from an exchange's own record alone, held against the truth of every recording; and that its rows may come in
any order, twice, or as the plainest of records."""

from __future__ import annotations

import csv
import io
import random
from typing import Any

import pytest

from cti_adapters.wire.asterisk_cdr import MASTER, parse
from cti_server.calls.cdr import CdrRow
from cti_server.calls.folding import ExchangePlan
from cti_server.calls.recorded_calls import RecordedCall, recorded_calls
from cti_server.calls.truth import as_truth
from tests.golden.recordings import Recording, equal, recordings

PLAN = ExchangePlan(id="golden", branch="121")
ALL = [one for one in recordings() if not one.name.startswith(("D5", "D6", "E7"))]
"""Of a request that the caller's own telephone didn't answer there is no row, nor of a call that a kill ended."""
UNTOLD = {"hangup_by", "voicemail_left", "notes", "linkedids", "ended_between"}
"""What no record tells, and ids of groups that a leg was in for a moment."""
EXTENSION_S_NAME = {"caller_name"}
TRANSFERRED = {"dialed_number"}
REQUESTED = {"caller_name", "rang_extensions", "answered_at", "wait_seconds", "talk_seconds"}
ALONE_IN_QUEUE = {"answered_at", "ring_seconds", "wait_seconds", "talk_seconds"}
CANT_TELL: dict[str, set[str]] = {
    "A10": EXTENSION_S_NAME,
    "A7": TRANSFERRED,
    "B4": {"rang_extensions", "attempted_extensions"},  # rang, then refused
    "B7": {"attempted_extensions"},
    "B8": {"attempted_extensions"},
    "C3": {"dialed_number", "answered_at", "ended_at", "wait_seconds", "talk_seconds"},
    "D": REQUESTED,
    "D9": EXTENSION_S_NAME | {"disposition"},
    "D12": EXTENSION_S_NAME | {"dialed_number"},  # dialled with +81, sent on without
    "F1": TRANSFERRED | ALONE_IN_QUEUE,
    "G1": TRANSFERRED,
    "G3": TRANSFERRED,
    "G4": TRANSFERRED,
    "H2": {"attempted_extensions"},
    "H7": ALONE_IN_QUEUE,
}
EXACT, PLAIN = (0.1, 0.5), (1.1, 2.1)


def cant_tell(name: str) -> set[str]:
    scenario = name.partition("-")[0]
    return UNTOLD | CANT_TELL.get(scenario, CANT_TELL.get(scenario[0], set()))


def rows_of(recording: Recording, *, plain: bool = False) -> list[CdrRow]:
    content = (recording.folder / "cdr.csv").read_text("utf-8", "surrogateescape")
    if plain:
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        for row in csv.DictReader(io.StringIO(content)):
            writer.writerow([row[name] for name in (*MASTER, "uniqueid", "userfield")])
        content = out.getvalue()
    file = parse(io.StringIO(content, newline=""), "Asia/Tokyo")
    assert not file.unreadable
    return file.rows


def wrong(
    calls: list[RecordedCall], recording: Recording, tolerance: tuple[float, float], untold: set[str]
) -> list[Any]:
    told = [as_truth(call.log) for call in calls]
    truth = [call for call in recording.truth if call["linkedids"] != ["1795397484.14"]]  # cut off by a kill
    assert len(told) == len(truth)
    found = []
    for right in truth:
        call = next(one for one in told if one["linkedids"][0] in right["linkedids"])
        found += [
            (field, call.get(field), wanted)
            for field, wanted in right.items()
            if field not in untold and not equal(field, call.get(field), wanted, tolerance)
        ]
    return found


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_the_record_alone_makes_the_calls_that_a_person_would_count(recording: Recording) -> None:
    calls = recorded_calls(rows_of(recording), PLAN)
    assert not wrong(calls, recording, EXACT, cant_tell(recording.name))


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_a_plain_master_csv_makes_them_within_a_second(recording: Recording) -> None:
    calls = recorded_calls(rows_of(recording, plain=True), PLAN)
    within = ALONE_IN_QUEUE if recording.name.startswith(("F3", "F4", "F7")) else set()  # answered in its first second
    assert not wrong(calls, recording, PLAIN, cant_tell(recording.name) | within)


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_neither_order_nor_repetition_of_rows_matters(recording: Recording) -> None:
    rows = rows_of(recording)
    once = recorded_calls(rows, PLAN)
    mixed = rows * 2
    random.Random(recording.name).shuffle(mixed)
    assert recorded_calls(mixed, PLAN) == once


def test_all_recordings_in_one_record_are_the_same_calls() -> None:
    """Channel names come again after each restart of the exchange; that joins nothing."""
    separate = [call.log for recording in ALL for call in recorded_calls(rows_of(recording), PLAN)]
    together = [call.log for call in recorded_calls([row for one in ALL for row in rows_of(one)], PLAN)]
    assert {log.id: log for log in together} == {log.id: log for log in separate}


def test_what_is_only_the_use_of_a_feature_is_no_call() -> None:
    own = next(row for row in rows_of(next(one for one in ALL if one.name.startswith("C1"))) if row.dialled == "701")
    assert recorded_calls([own._replace(group="")], PLAN) == []
    assert recorded_calls([own._replace(group="", dialled="*98", doing="other")], PLAN) == []
    (vain,) = recorded_calls([own._replace(group="", dialled="2009", doing="other", answered_at=None)], PLAN)
    assert (vain.log.direction, vain.log.answered) == ("internal", False)
