"""The makes as commands and feeds use them: `cti smdr`, and what an exchange's settings name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cti_adapters.exchanges.recording import recording_of
from cti_adapters.profiles import FOLDER
from cti_server.calls.events import RecordRead, Unreadable
from cti_server.cli import main
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import SettingsError

RECORD = "2026/04/01 09:30:57,00:00:13,7,0355550101,I,29,29,,0,100,0,E4750,Suzuki,T9002,LINE 1.2,0,0\r\n"


def test_records_are_printed_though_a_line_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "records.txt"
    file.write_text(RECORD + "no record\r\n" + RECORD, newline="")
    assert main(["smdr", str(file), "--profile", "avaya-ipoffice"]) == 1
    told = capsys.readouterr()
    assert [json.loads(line)["line"] for line in told.out.splitlines()] == [1, 3]
    assert told.err == f"cti: {file}, line 2: it has 1 fields, 17 at least are needed\n"


def test_the_right_profile_is_offered_and_a_misspelt_one_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "records.txt"
    file.write_text(RECORD, newline="")
    assert main(["smdr", str(file), "--profile", "mitel"]) == 1
    assert "looks like Avaya IP Office; try --profile avaya-ipoffice" in capsys.readouterr().err
    assert main(["smdr", str(file), "--profile", "avaya-ipofice"]) == 1
    assert "there is no profile “avaya-ipofice”; did you mean “avaya-ipoffice”?" in capsys.readouterr().err


def test_a_profile_may_be_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, mine = tmp_path / "records.txt", tmp_path / "mine.toml"
    records.write_text(RECORD, newline="")
    mine.write_text(FOLDER.joinpath("avaya-ipoffice.toml").read_text("utf-8"), "utf-8")
    assert main(["smdr", str(records), "--profile", str(mine)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["external_number"] == "0355550101"


def test_an_exchange_s_settings_name_its_make() -> None:
    settings = {"id": "hq", "name": "HQ", "kind": "smdr", "branch": "121", "feed": "connect", "host": "127.0.0.1"}
    settings |= {"port": 2300}
    made = recording_of(ExchangeSettings(**settings, profile="panasonic-a"))
    assert [step.expect for step in made.dialogue] == [b"-", b"Enter Password:"]
    assert made.dialogue[1].send == b"{password}\r\n"
    made = recording_of(ExchangeSettings(**settings, profile="avaya-ipoffice"))
    event, other = made.decoder.feed(RECORD.encode() + b"no record\r\n", 7.0)
    assert isinstance(event, RecordRead) and event.at == 7.0 and event.record.extension == "4750"
    assert isinstance(other, Unreadable)
    with pytest.raises(SettingsError, match="there is no profile “avaya”"):
        recording_of(ExchangeSettings(**settings, profile="avaya"))
