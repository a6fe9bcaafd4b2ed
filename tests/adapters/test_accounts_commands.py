"""``cti user`` and ``cti calls``."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from cti_adapters.passwords import Argon2
from cti_adapters.storage import accounts as module
from cti_adapters.storage.accounts import Rows
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.work import Database
from cti_server.cli import main
from cti_server.identity.factor_ports import SecondFactor
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING
from tests.adapters.storage_rig import NOW, FixedClock, inbound

SETTINGS = """
[server]
data_dir = "{folder}"
[[branches]]
code = "121"
name = "本店営業部"
[[branches]]
code = "122"
name = "横浜支店"
[[exchanges]]
id = "hq"
name = "HQ"
kind = "ami"
branch = "121"
"""


class Command:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.config = folder / "cti.toml"
        self.config.write_text(SETTINGS.format(folder=folder / "data"), "utf-8")
        self.database = Database(f"sqlite:///{folder / 'data' / 'yobirin.sqlite3'}")
        self._capsys, self._patch = capsys, patch

    def __call__(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        self._patch.setattr("sys.stdin", io.StringIO(typed))
        status = main([*words, "--config", str(self.config)])
        out, err = self._capsys.readouterr()
        return status, out, err

    def add(self, login: str, *more: str) -> tuple[int, str, str]:
        return self(
            "user",
            "add",
            login,
            "--name",
            login,
            "--branch",
            "121",
            "--role",
            "rep",
            "--password-stdin",
            *more,
            typed="correct horse\n",
        )


@pytest.fixture
def cti(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setattr(module, "Argon2", lambda: Argon2(time_cost=1, memory_kib=64, lanes=1))
    return Command(tmp_path, capsys, monkeypatch)


def test_a_user_is_added_listed_and_signs_in(cti: Command) -> None:
    status, out, _err = cti.add("Sato", "--id", "801", "--extension", "hq:2001")
    assert (status, out) == (0, "sato was added as user 801, rep of branch 121\n")
    status, out, _err = cti("user", "list", "--json")
    assert json.loads(out)["extensions"] == [["hq", "2001"]]
    room = module.accounts(cti.database, FixedClock())
    assert room.viewer_of(room.sign_in("sato", "correct horse", "a")) is not None


def test_the_password_can_be_changed_and_the_user_kept_out(cti: Command) -> None:
    cti.add("sato")
    room = module.accounts(cti.database, FixedClock())
    assert cti("user", "password", "sato", "--password-stdin", typed="battery staple\n")[0] == 0
    token = room.sign_in("sato", "battery staple", "a")
    assert cti("user", "disable", "sato")[0] == 0
    assert room.viewer_of(token) is None
    assert "disabled" in cti("user", "list")[1]
    assert cti("user", "enable", "sato")[0] == 0
    assert cti("user", "role", "sato", "branch manager")[0] == 0
    assert "branch manager" in cti("user", "list")[1] and "disabled" not in cti("user", "list")[1]


def test_roles_are_shown_changed_and_added(cti: Command) -> None:
    assert "rep\tspan own\tclasses 1,2,3\trights handle,customers" in cti("user", "roles")[1]
    assert cti("user", "roles", "rep", "--classes", "3", "--rights", "")[1] == (
        "rep\tspan own\tclasses 3\trights none\n"
    )
    status, _out, err = cti("user", "roles", "trainee", "--span", "own")
    assert status == 1 and "to add it, give --span, --classes and --rights" in err
    assert cti("user", "roles", "trainee", "--span", "branch", "--classes", "3", "--rights", "handle")[0] == 0


def test_an_extension_is_given_and_taken(cti: Command) -> None:
    cti.add("sato")
    cti.add("kato")
    assert cti("user", "extension", "sato", "hq", "2001")[0] == 0
    status, _out, err = cti("user", "extension", "kato", "hq", "2001")
    assert status == 1 and "sato" in err and "kato" in err
    assert cti("user", "extension", "kato", "hq", "2001", "--take")[0] == 1
    assert cti("user", "extension", "sato", "hq", "2001", "--take")[0] == 0
    assert cti("user", "extension", "kato", "hq", "2001")[0] == 0
    status, out, _err = cti("user", "telephone", "hq", "2090", "--shared")
    assert (status, out) == (0, "Extension 2090 of exchange hq is a shared telephone now\n")
    status, _out, err = cti("user", "telephone", "hq", "2001", "--free")
    assert status == 1 and "take it from them first" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "add", "x", "--name", "x", "--branch", "999", "--role", "rep", "--no-password"), "no branch “999”"),
        (("user", "add", "x", "--name", "x", "--branch", "121", "--role", "king", "--no-password"), "no role “king”"),
        (("user", "add", "x", "--name", "x", "--branch", "121", "--role", "rep"), "--password-stdin"),
        (("user", "add", "x", "--name", "x", "--branch", "121", "--role", "rep", "--password-stdin"), "8 to 200"),
        (("user", "extension", "nobody", "hq", "2001"), "no user “nobody”"),
        (("user", "extension", "sato", "mars", "2001"), "no exchange “mars”; the settings have hq"),
        (("user", "roles", "rep", "--rights", "fly"), "no right “fly”"),
        (("user", "roles", "rep", "--classes", "a"), "--classes takes numbers"),
        (("user", "roles", "rep", "--classes", "7"), "all classes of customers"),
        (("user", "roles", "--span", "own"), "Name the role"),
        (("calls", "--from", "yesterday"), "“yesterday” is no time"),
        (("calls", "--branch", "999"), "no branch “999”; the settings have 121, 122"),
    ],
)
def test_what_cant_be_done_gets_a_sentence(cti: Command, words: tuple[str, ...], said: str) -> None:
    cti.add("sato")
    status, _out, err = cti(*words, typed="short\n")
    assert status == 1
    assert said in err and "Traceback" not in err


def test_the_call_log_is_listed_with_the_fields_of_the_truth(cti: Command) -> None:
    assert cti("db", "upgrade")[0] == 0
    logs = [
        inbound(3, "03-1111-0001", at=NOW + 86400),
        inbound(2, "03-1111-0001", at=NOW, branch="122"),
        inbound(1, "anonymous", at=NOW - 60, taker="2001"),
    ]
    CallWriter(cti.database.engine, FixedClock()).commit("hq", logs, [], [], Position(1, 0), Position(1, 0))
    found = [json.loads(line) for line in cti("calls", "--json")[1].splitlines()]
    assert [one["id"] for one in found] == [log.id for log in reversed(logs)]
    assert found[0] | {"linkedids": []} == {
        "id": logs[2].id,
        "exchange": "hq",
        "branch": "121",
        "direction": "in",
        "caller_number": "anonymous",
        "caller_name": None,
        "dialed_number": "0312340000",
        "presented_number": None,
        "answered": True,
        "answered_by_extension": "2001",
        "answered_by_number": None,
        "rang_extensions": ["2001"],
        "attempted_extensions": [],
        "started_at": "2027-01-15T07:59:00.000Z",
        "answered_at": "2027-01-15T07:59:05.000Z",
        "pbx_answered_at": None,
        "ended_at": "2027-01-15T07:59:30.000Z",
        "ended_between": None,
        "ring_seconds": 0.0,
        "wait_seconds": 0.0,
        "talk_seconds": 25.0,
        "hold_seconds": 0.0,
        "queue": None,
        "transferred_to": [],
        "final_extension": "2001",
        "hangup_by": "caller",
        "disposition": "answered",
        "voicemail_left": None,
        "linkedids": [],
        "fax": False,
        "recording": None,
        "state": "ended",
        "marks": [],
    }

    def ids(*words: str) -> list[str]:
        return [json.loads(line)["id"].rpartition(".")[2] for line in cti("calls", "--json", *words)[1].splitlines()]

    assert ids("--branch", "122") == ["2"]
    assert ids("--from", "2027-01-15T08:00:00Z") == ["2", "3"]
    assert ids("--from", "2027-01-15T17:00", "--to", "2027-01-16") == ["2"]  # Tokyo's time
    assert ids("--to", "2027-01-15") == []
    assert len(cti("calls")[1].splitlines()) == 3


def test_a_second_factor_is_listed_and_reset(cti: Command) -> None:
    cti.add("yamada")
    assert cti("user", "second-factor", "yamada")[1] == "yamada has no second factor\n"
    status, _out, err = cti("user", "second-factor", "yamada", "--reset")
    assert status == 1 and "no second factor" in err
    with cti.database.open(EVERYTHING) as work:
        Rows(work).second_factors.put_factor(SecondFactor("yamada", "sealed", NOW, 1))
    assert cti("user", "second-factor")[1].startswith("yamada\tsince 2027-01-1")
    assert cti("user", "second-factor", "yamada", "--reset")[0] == 0
    assert cti("user", "second-factor")[1] == ""
    assert cti("user", "second-factor", "--reset")[0] == 1


def test_a_token_is_made_listed_and_revoked(cti: Command) -> None:
    cti.add("yamada")
    status, out, _err = cti("token", "add", "yamada", "--name", "evening", "--scopes", "calls, live", "--days", "7")
    assert status == 0 and re.fullmatch(r"yob_[\w-]{43}\n", out)
    assert cti("token", "list")[1].startswith("yamada\tevening\tcalls,live\tuntil ")
    assert out.strip() not in cti("token", "list", "yamada")[1]
    assert cti("token", "add", "yamada", "--name", "x", "--scopes", "report")[0] == 1
    assert cti("token", "revoke", "yamada", "evening")[0] == 0
    assert cti("token", "list")[1] == ""
    assert cti("token", "revoke", "yamada", "evening")[0] == 1
