"""`cti trace`: recordings in, one JSON object per call out; what can't be read is said and the rest is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cti_server.cli import main
from tests.golden.recordings import FOLDER, Recording

ANSWERED = Recording(FOLDER / "A1-inbound-answered")
GAVE_UP = Recording(FOLDER / "A2-inbound-caller-gives-up")


def trace(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    status = main(["trace", *map(str, words)])
    out, err = capsys.readouterr()
    return status, [json.loads(line) for line in out.splitlines()], err


def test_prints_the_fields_of_the_truth_a_call_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, calls, err = trace(capsys, *ANSWERED.streams)
    assert (status, err) == (0, "")
    assert not ANSWERED.differences(calls)
    assert set(ANSWERED.truth[0]) - {"notes"} <= set(calls[0])


def test_several_connections_of_one_exchange_are_sorted_by_start(capsys: pytest.CaptureFixture[str]) -> None:
    status, calls, _ = trace(capsys, *ANSWERED.streams, *GAVE_UP.streams)
    assert status == 0
    assert [call["disposition"] for call in calls] == ["answered", "missed"]
    assert calls == sorted(calls, key=lambda call: call["started_at"])


def test_options_say_what_is_an_extension_and_a_trunk(capsys: pytest.CaptureFixture[str]) -> None:
    internal = Recording(FOLDER / "A9-internal").streams
    assert trace(capsys, *internal)[1][0]["direction"] == "internal"
    assert trace(capsys, *internal, "--extensions", r"2002")[1][0]["direction"] == "in"
    assert trace(capsys, *internal, "--trunks", "x-*", "--trunks", "y,PJSIP/2001-*")[1][0]["direction"] == "in"
    assert trace(capsys, *internal, "--trunks", "PJSIP/trunk-*", "--region", "GB", "--timezone", "UTC")[0] == 0


def test_an_impossible_pattern_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    status, calls, err = trace(capsys, *ANSWERED.streams, "--extensions", "(")
    assert (status, calls) == (1, [])
    assert "--extensions" in err


def test_a_missing_file_is_a_sentence_and_the_others_are_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, calls, err = trace(capsys, tmp_path / "none.raw", *ANSWERED.streams)
    assert (status, len(calls)) == (1, 1)
    assert "none.raw" in err
    assert "Traceback" not in err


def damaged(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "damaged.raw"
    path.write_bytes(data)
    return path


def test_half_an_event_at_the_end(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = ANSWERED.streams[0].read_bytes()
    status, calls, err = trace(capsys, damaged(tmp_path, data + b"Event: Newchannel\r\nChannel: PJS"))
    assert (status, len(calls), calls[0]["disposition"]) == (1, 1, "answered")
    assert "in the middle of an event" in err


def test_rubbish_between_events(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = ANSWERED.streams[0].read_bytes()
    middle = data.index(b"\r\n\r\n", len(data) // 2) + 4
    rubbish = bytes(range(256)) * 40 + b"\r\n\r\n"
    status, calls, err = trace(capsys, damaged(tmp_path, data[:middle] + rubbish + data[middle:]))
    assert (status, calls[0]["disposition"]) == (1, "answered")
    assert "can't be read" in err


def test_nothing_but_rubbish(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, calls, err = trace(capsys, damaged(tmp_path, bytes(range(256)) * 1000))
    assert (status, calls) == (1, [])
    assert err.startswith("cti: ")


def test_a_line_of_ten_megabytes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = ANSWERED.streams[0].read_bytes()
    middle = data.index(b"\r\n\r\n", len(data) // 2) + 4
    line = b"Event: VarSet\r\nValue: " + b"x" * 10_000_000 + b"\r\n\r\n"
    status, calls, err = trace(capsys, damaged(tmp_path, data[:middle] + line + data[middle:]))
    assert (status, calls[0]["disposition"]) == (1, "answered")
    assert "more than 1048576 bytes" in err


def test_an_empty_recording_holds_no_call(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert trace(capsys, damaged(tmp_path, b"")) == (0, [], "")


def test_a_call_that_the_recording_leaves_open_is_told_as_far_as_it_is_known(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = ANSWERED.streams[0].read_bytes()
    end = data.index(b"Event: HangupRequest")
    status, calls, _ = trace(capsys, damaged(tmp_path, data[:end]))
    assert (status, calls[0]["state"], calls[0]["answered"], calls[0]["ended_at"]) == (0, "talking", True, None)


def test_the_exchange_s_own_record_completes_what_was_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    hidden = Recording(FOLDER / "E5-whole-call-in-cut")
    assert len(trace(capsys, *hidden.streams)[1]) == 1
    status, calls, err = trace(capsys, *hidden.streams, "--cdr", hidden.folder / "cdr.csv")
    assert (status, err, [call["answered_by_extension"] for call in calls]) == (0, "", ["2001", "2002"])
    assert [call["marks"] for call in calls] == [["from-record"], []]


def test_a_record_of_years_gives_only_calls_of_the_time_of_the_recordings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    record = (GAVE_UP.folder / "cdr.csv").read_text("utf-8")
    old = record.replace("17953338", "17853338").splitlines()[1]
    (tmp_path / "cdr.csv").write_text(record + old + "\n")
    status, calls, _ = trace(capsys, *GAVE_UP.streams, "--cdr", tmp_path / "cdr.csv")
    assert (status, len(calls)) == (0, 1)


def test_a_record_that_can_t_be_read_is_a_sentence_and_the_recordings_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "odd.csv").write_text("no,record\n")
    for name, said in (("none.csv", "can't be read"), ("odd.csv", "line 1")):
        status, calls, err = trace(capsys, *ANSWERED.streams, "--cdr", tmp_path / name)
        assert (status, len(calls)) == (1, 1)
        assert said in err
        assert name in err
