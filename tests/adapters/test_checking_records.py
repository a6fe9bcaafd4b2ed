"""A test of an exchange that hands over records takes none of them."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges import checking_records
from cti_adapters.exchanges.checking import check
from cti_adapters.exchanges.findings import Findings
from cti_adapters.exchanges.status import ExchangeState, Link, Reason
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import SystemClock
from tests.web.running import Running, running_reactor
from tests.web.test_profile_pages import AVAYA


@pytest.fixture(scope="module")
def running() -> Any:
    with running_reactor() as made:
        yield made


@pytest.fixture(autouse=True)
def _one_make(monkeypatch: pytest.MonkeyPatch) -> None:
    known = checking_records.recording_of
    monkeypatch.setattr(checking_records, "recording_of", lambda one: None if one.profile == "a-make" else known(one))


def settings(**more: Any) -> ExchangeSettings:
    fixed = {"id": "old", "name": "x", "kind": "smdr", "branch": "121", "profile": "a-make"}
    return ExchangeSettings.model_validate(fixed | more)


def looked(running: Running, of: ExchangeSettings, state: ExchangeState | None = None) -> Findings:
    found: Findings = running.call(check, of, running.reactor, SystemClock(), 1.0, state)
    return found


def codes(found: Findings) -> tuple[str, list[str]]:
    assert all(note.sentence for note in found.notes)
    return found.reason.code, [note.code for note in found.notes]


def test_nothing_is_connected_to(running: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as pbx:
        pbx.settimeout(0.3)
        found = looked(running, settings(feed="connect", host="127.0.0.1", port=pbx.getsockname()[1]))
        with pytest.raises(TimeoutError):
            pbx.accept()
    assert codes(found) == ("", ["not-connected-on-purpose"]) and found.good


def test_a_file_of_another_make_is_told(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "smdr.log"
    file.write_bytes(b"\n".join([AVAYA.encode()] * 5) + b"\n")
    found = looked(running, settings(feed="file", path=str(file), profile="vodavi"))
    assert codes(found) == ("", ["can-be-read", "other-make"])
    assert found.notes[1].detail == {"title": "Avaya IP Office", "profile": "avaya-ipoffice"}
    assert codes(looked(running, settings(feed="file", path=str(file), profile="avaya-ipoffice")))[1] == ["can-be-read"]


def test_a_port_that_is_taken_and_one_that_is_free(running: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        one = settings(feed="listen", host="127.0.0.1", port=port, allowed_peers=["127.0.0.1"])
        assert codes(looked(running, one)) == ("port-taken", [])
    assert codes(looked(running, one)) == ("", ["port-free"])


def test_files_folders_and_devices(running: Running, tmp_path: Path) -> None:
    (tmp_path / "calls.log").write_text("x")
    assert codes(looked(running, settings(feed="file", path=str(tmp_path / "calls.log")))) == ("", ["can-be-read"])
    for feed, wrong in (("file", "file-missing"), ("folder", "folder-missing")):
        assert codes(looked(running, settings(feed=feed, path=str(tmp_path / "none")))) == (wrong, [])
    assert codes(looked(running, settings(feed="serial", device=str(tmp_path / "tty")))) == ("no-device", [])


def test_what_runs_already_is_asked_how_it_is(running: Running) -> None:
    one = settings(feed="connect", host="127.0.0.1", port=9)

    def state(link: Link, code: str = "", **values: str) -> ExchangeState:
        return ExchangeState("old", "121", link, Reason(code, values), 0.0, None, None)

    assert codes(looked(running, one, state(Link.UP))) == ("", ["records-come"])
    waiting = state(Link.CONNECTING, "awaiting-exchange", host="h", port="9")
    assert codes(looked(running, one, waiting)) == ("", ["awaiting-exchange"])
    assert codes(looked(running, one, state(Link.DOWN, "nothing-listens", host="h", port="9")))[0] == "nothing-listens"


def test_a_profile_that_is_not_there_is_said(running: Running) -> None:
    assert codes(looked(running, settings(feed="file", path="/tmp", profile="nobodys"))) == ("bad-settings", [])
