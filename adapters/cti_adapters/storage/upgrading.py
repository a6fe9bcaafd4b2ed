"""Brings a database to the version that this program needs, by Alembic (spec O6)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cti_server.shared.errors import Unavailable

MIGRATIONS: Final = Path(__file__).with_name("migrations")


def configuration() -> Config:
    """Alembic's configuration; the migrations lie in the package."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Applies what is missing, in one transaction each; returns the version before and after.

    A database that a newer program made is refused with a sentence, unchanged.
    """
    config = configuration()
    scripts = ScriptDirectory.from_config(config)
    needed = scripts.get_current_head()
    assert needed is not None, "the package has no migrations"
    try:
        with engine.execution_options(write=True).connect() as connection:
            before = MigrationContext.configure(connection).get_current_revision()
            if before is not None and before not in {script.revision for script in scripts.walk_revisions()}:
                raise Unavailable(
                    f"The database is of version {before}, which this program does not know: a newer one made it. "
                    "Install that version, or restore a backup"
                )
            connection.rollback()
            if before != needed:
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                connection.commit()
    except OperationalError as bad:
        raise Unavailable(
            f"The database {engine.url.render_as_string()} can't be opened: {bad.orig}. "
            "Check that its folder exists and may be written to"
        ) from bad
    return before, needed


def is_empty(engine: Engine) -> bool:
    """Whether a database has no tables of ours yet."""
    return _version(engine) is None


def check(engine: Engine) -> None:
    """Raises :class:`Unavailable` where the database can't be read or needs an upgrade first."""
    needed = ScriptDirectory.from_config(configuration()).get_current_head()
    found = _version(engine)
    if found != needed:
        raise Unavailable(
            f"The database is of version {found or 'none'}, this program needs {needed}; run: cti db upgrade"
        )


def _version(engine: Engine) -> str | None:
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except OperationalError as bad:
        raise Unavailable(
            f"The database {engine.url.render_as_string()} can't be opened: {bad.orig}. "
            "Check that its folder exists and may be written to"
        ) from bad
