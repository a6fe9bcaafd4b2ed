"""`cti audit`: what is said where somebody was at the trail, and which file of seals is taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic import command

from cti_adapters.storage import audit_reading
from cti_adapters.storage.upgrading import configuration
from cti_adapters.storage.work import Database
from cti_server.cli import main
from tests.adapters.test_audit_chain import bare, filled


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "cti.toml"
    file.write_text(f'[server]\ndata_dir = "{tmp_path}"\n', "utf-8")
    filled(tmp_path, 12).close()
    return file


def run(config: Path, *words: str) -> int:
    return main(["audit", *words, "--config", str(config)])


def test_a_changed_entry_is_named_with_its_place(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "verify") == 0
    assert "12 entries" in capsys.readouterr().out
    connection = bare(Database(f"sqlite:///{config.parent / 'yobirin.sqlite3'}"))
    connection.execute("UPDATE audit SET act = 'x' WHERE position = 5")
    connection.execute("DELETE FROM audit WHERE position = 9")
    assert run(config, "verify", "--json") == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["what"], one["chain"], one["first"]) for one in said] == [("changed", 1, 5), ("removed", 1, 9)]
    assert "chain 1, entry 5" in said[0]["sentence"]


def test_seals_are_made_listed_carried_away_and_compared(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = config.parent / "away.json"
    assert run(config, "seal") == 0 and run(config, "seal") == 0
    assert run(config, "seals", "export", str(away)) == 0
    assert run(config, "verify", "--from-seal", str(away)) == 0
    capsys.readouterr()
    assert run(config, "seals") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1", "2"]
    connection = bare(Database(f"sqlite:///{config.parent / 'yobirin.sqlite3'}"))
    connection.execute("DELETE FROM seals WHERE number = 2")
    assert run(config, "verify", "--from-seal", str(away)) == 1
    assert "seal 2, kept outside" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no json", "is no file of seals"),
        ('{"format": "another", "seals": []}', "is no file of seals"),
        ('{"format": "yobirin audit seals 1", "seals": [{"number": 1}]}', "is no file of seals"),
    ],
)
def test_another_file_is_refused(config: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str) -> None:
    file = config.parent / "other.json"
    file.write_text(text, "utf-8")
    assert run(config, "verify", "--from-seal", str(file)) == 1
    assert sentence in capsys.readouterr().err


def test_a_seal_that_was_changed_is_refused(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    away = config.parent / "away.json"
    run(config, "seal")
    run(config, "seals", "export", str(away))
    away.write_text(away.read_text("utf-8").replace("12", "11"), "utf-8")
    assert run(config, "verify", "--from-seal", str(away)) == 1
    assert "seal 1 was changed since it was made" in capsys.readouterr().err


def test_a_trail_from_before_the_chain_is_bound_by_the_upgrade(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    settings = configuration()
    with database.engine.execution_options(write=True).connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0014")
        for number in range(30):
            connection.exec_driver_sql(
                "INSERT INTO audit (at, user, act, subject_kind, subject_id, detail) "
                "VALUES (?, 'u', 'a', 'call', ?, ?)",
                (number, f"k{number}", json.dumps({"b": 1, "a": ["é"]})),
            )
        connection.commit()
    database.upgrade()
    found = audit_reading.verify(database)
    assert found.good and found.entries == 30
    database.close()
