"""``cti doctor``: says what is not well, and what to do."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from cti_adapters.journal.files import Journal, Kind
from cti_adapters.storage.work import Database
from cti_server import health
from cti_server.cli import main

SETTINGS = """
[server]
data_dir = "{data}"
port = {port}

[[branches]]
code = "121"
name = "Head office"

[[exchanges]]
id = "hq"
name = "HQ"
kind = "ami"
branch = "121"
username = "cti"
secret_file = "{secret}"
paused = true
"""
SECRET = "correct horse battery staple"


class Server:
    """A data folder in which all is well, and its settings."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = folder / "data"
        self.secret = folder / "secret"
        self.config = folder / "cti.toml"
        self.secret.write_text(SECRET, "utf-8")
        self.secret.chmod(0o600)
        self.data.mkdir(mode=0o700)
        database = Database(f"sqlite:///{self.data / 'yobirin.sqlite3'}")
        database.upgrade()
        database.close()
        journal = Journal(self.data / "journal" / "hq")
        for number in range(50):
            journal.append(Kind.BYTES, b"Event: %d\r\n\r\n" % number, 1.0)
        journal.close()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.config.write_text(SETTINGS.format(data=self.data, port=self.port, secret=self.secret), "utf-8")
        self._capsys = capsys

    def examined(self, *words: str) -> tuple[int, dict[str, list[tuple[str, str]]]]:
        """Exit status; thing -> (grade, sentence)."""
        self._capsys.readouterr()
        status = main(["doctor", "--json", "--offline", *words, "--config", str(self.config)])
        out = self._capsys.readouterr().out
        assert SECRET not in out
        found: dict[str, list[tuple[str, str]]] = {}
        for line in out.splitlines():
            one = json.loads(line)
            found.setdefault(one["what"], []).append((one["grade"], one["sentence"]))
        return status, found


@pytest.fixture
def server(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(health, "LITTLE_ROOM", 0)  # the tests' disk is not what is examined
    monkeypatch.setattr(health, "NO_ROOM", 0)
    return Server(tmp_path, capsys)


def test_all_is_well(server: Server) -> None:
    status, found = server.examined()
    grades = {what: {grade for grade, _ in lines} for what, lines in found.items()}
    assert status == 0
    assert grades.pop("port") == {"warn"}, "no server runs"
    assert set.union(*grades.values()) == {"ok"}
    assert {"settings", "secret of exchange hq", "database", "clock", "journal of hq"} <= set(grades)
    assert found["journal of hq"] == [("ok", "50 records, all readable")]


def test_settings_that_make_no_sense_are_all_that_is_said(server: Server) -> None:
    server.config.write_text("[server]\nport = 0\n", "utf-8")
    status, found = server.examined()
    assert status == 1 and set(found) == {"settings"}
    assert "line 2" in found["settings"][0][1]


def test_a_secret_that_is_gone_or_open_to_all(server: Server) -> None:
    server.secret.chmod(0o644)
    assert server.examined()[1]["secret of exchange hq"][0][0] == "warn"
    server.secret.unlink()
    status, found = server.examined()
    assert status == 1 and found["secret of exchange hq"][0][0] == "fail"


def test_a_folder_open_to_others(server: Server) -> None:
    server.data.chmod(0o755)
    status, found = server.examined()
    assert status == 0 and found["data folder"][0][0] == "warn" and "chmod 700" in found["data folder"][0][1]


def test_a_full_disk(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "NO_ROOM", 2**80)
    status, found = server.examined()
    assert status == 1 and "make room" in found["disk"][0][1]


def test_a_damaged_database(server: Server) -> None:
    path = server.data / "yobirin.sqlite3"
    whole = bytearray(path.read_bytes())
    whole[4096 * 3 : 4096 * 12] = b"\xff" * (4096 * 9)
    path.write_bytes(whole)
    status, found = server.examined()
    assert status == 1 and any(grade == "fail" for grade, _ in found["database"])


def test_a_clock_that_is_behind(server: Server) -> None:
    database = Database(f"sqlite:///{server.data / 'yobirin.sqlite3'}")
    with database.engine.begin() as connection:
        row = "INSERT INTO audit (at, act, subject_kind, subject_id, chain, position, digest) "
        row += "VALUES (99999999999, 'x', 'call', 'y', 1, 9, x'00')"
        connection.exec_driver_sql(row)
    database.close()
    status, found = server.examined()
    assert status == 1 and "NTP" in found["clock"][0][1]


def test_a_journal_with_a_damaged_part_and_a_torn_end(server: Server) -> None:
    (segment,) = (server.data / "journal" / "hq").glob("*.log")
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-3])
    assert server.examined()[1]["journal of hq"][0][0] == "warn"
    segment.write_bytes(whole[:200] + b"\0" * 50 + whole[250:])
    status, found = server.examined()
    assert status == 1 and found["journal of hq"][0][0] == "fail"


def test_a_port_that_somebody_answers_at(server: Server) -> None:
    with socket.create_server(("127.0.0.1", server.port)):
        assert server.examined()[1]["port"][0][0] == "ok"


def test_a_mail_server_that_is_none() -> None:
    from cti_server.settings import MailSettings

    assert health.mail(MailSettings()).grade == "warn"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = free.getsockname()[1]
    assert health.mail(MailSettings(host="127.0.0.1", port=gone)).grade == "fail"
