from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from cti_adapters.storage import upgrading
from cti_adapters.storage.schema import metadata
from cti_adapters.storage.work import Database
from cti_server.cli import main
from cti_server.shared.errors import Unavailable


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'data' / 'new.sqlite3'}")


def test_an_empty_database_gets_what_the_program_needs(database: Database) -> None:
    before, now = database.upgrade()
    assert before is None and now
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        mine = {table.name: {index.name for index in table.indexes} for table in metadata.sorted_tables}
        look = inspect(connection)
        assert set(look.get_table_names()) == {*mine, "alembic_version"}
        for name, indexes in mine.items():
            assert {index["name"] for index in look.get_indexes(name)} >= indexes
    database.check()


def test_partial_indexes_are_partial(database: Database) -> None:
    database.upgrade()
    with database.engine.connect() as connection:
        found = {
            name: text.partition(" WHERE ")[2]
            for name, text in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
            if text and " WHERE " in text
        }
    assert found["ix_sights_rep_open"] == "open IS 1"
    assert found["uq_items_open_key"] == "state != 'done'"


def test_upgrading_again_changes_nothing(database: Database) -> None:
    _before, now = database.upgrade()
    assert database.upgrade() == (now, now)


def test_a_database_of_a_newer_program_is_left_alone(database: Database) -> None:
    database.upgrade()
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from the future'")
    with pytest.raises(Unavailable, match="newer one made it"):
        database.upgrade()
    with pytest.raises(Unavailable, match="from the future"):
        database.check()


def test_an_old_database_is_not_used_unawares(database: Database) -> None:
    with pytest.raises(Unavailable, match="run: cti db upgrade"):
        database.check()
    database.prepare()
    database.check()


def test_sqlite_is_set_up_to_lose_nothing(database: Database) -> None:
    with database.engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_the_migrations_lie_in_the_package() -> None:
    """What the wheel takes is the whole package folder; the scripts have to be in it."""
    assert (upgrading.MIGRATIONS / "env.py").is_file()
    assert list((upgrading.MIGRATIONS / "versions").glob("0001_*.py"))
    assert upgrading.MIGRATIONS.is_relative_to(Path(upgrading.__file__).parent)
    assert not zipfile.is_zipfile(upgrading.MIGRATIONS)


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "cti.toml"
    config.write_text(f'[server]\ndata_dir = "{tmp_path / "data"}"\n', "utf-8")
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert "from version none to" in capsys.readouterr().out
    assert main(["db", "upgrade", "--config", str(config)]) == 0
    assert "already" in capsys.readouterr().out


def test_a_database_that_cant_be_opened_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("this is no folder", "utf-8")
    config = tmp_path / "cti.toml"
    config.write_text(f'[server]\ndata_dir = "{tmp_path / "file" / "data"}"\n', "utf-8")
    assert main(["db", "upgrade", "--config", str(config)]) == 1
    err = capsys.readouterr().err
    assert "database" in err and "Traceback" not in err
