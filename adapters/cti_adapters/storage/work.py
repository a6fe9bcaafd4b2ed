"""The database and its units of work: one transaction for one scope.

SQLite runs in WAL mode with every commit synced to disk. A unit of work reads without holding anybody up; at its first
change it takes the write lock (``BEGIN IMMEDIATE``), so that the lane of the exchanges never waits for a page that only
reads. What changed between a unit's reading and its writing is found by the rows' versions: :class:`Conflict`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from cti_adapters.storage.desk_repositories import DeskRepositories
from cti_adapters.storage.gate import GatedSession
from cti_server.review.policy import ReviewPolicy
from cti_server.shared.errors import Conflict, Unavailable, YobirinError
from cti_server.shared.scope import EVERYTHING, Scope

BUSY_SECONDS: Final = 10.0
FAR_BEHIND_PAGES: Final = 16_384
"""64 MiB of write-ahead log: from there on a lane's commit waits until the log is worked off."""
_LOCKED = ("database is locked", "database table is locked", "database schema is locked")


class Database:
    """The database that a URL names, with its connections."""

    def __init__(self, url: str | URL, *, policy: ReviewPolicy = ReviewPolicy()) -> None:  # noqa: B008 - never changed
        self.url: Final = make_url(url)
        self.policy: Final = policy
        self.engine: Final = _engine(self.url)

    def open(self, scope: Scope, *, write: bool = False) -> UnitOfWork:
        """A unit of work for a scope: commits when its block ends, rolls back when it raises.

        ``write=True`` takes the write lock at once: for what reads a value and changes it by what it read.
        """
        return UnitOfWork(self.engine, scope, write=write, policy=self.policy)

    def upgrade(self) -> tuple[str | None, str]:
        """Brings the tables to the version that this program needs (Alembic); an empty database gets them all, and the
        roles of a new installation. Gives the version before and now."""
        from cti_adapters.storage.accounts import put_default_roles
        from cti_adapters.storage.upgrading import upgrade

        versions = upgrade(self.engine)
        with self.open(EVERYTHING, write=True) as work:
            put_default_roles(work)
        return versions

    def prepare(self) -> None:
        """For a command: makes an empty database ready; raises :class:`Unavailable` where one of another version has to
        be upgraded first."""
        from cti_adapters.storage.upgrading import is_empty

        if is_empty(self.engine):
            self.upgrade()
        self.check()

    def check(self) -> None:
        """Raises :class:`Unavailable` with a sentence where the database can't be read, or is of another version."""
        from cti_adapters.storage.upgrading import check

        check(self.engine)

    def bulk(self) -> Engine:
        """An engine for long imports, to be disposed of by the caller. Its commits are not synced to disk one by one
        (SQLite: ``synchronous=NORMAL``): after a power cut the last lots may be missing, which importing again mends.
        """
        engine = _engine(self.url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_bulk)
        return engine.execution_options(write=True)

    def for_lanes(self) -> Engine:
        """An engine for the lanes of the exchanges, to be disposed of by the caller. Its commits leave it to
        :meth:`checkpoint` to move what was written into the database file (SQLite): done in a commit, as SQLite would
        by itself, that holds a ringing telephone's pop-up up every fortieth time. Only far behind it does it itself."""
        engine = _engine(self.url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_lanes)
        return engine.execution_options(write=True)

    def checkpoint(self) -> None:
        """Moves what was committed from SQLite's write-ahead log into the database file, as far as no reader is in the
        way; holds no writer up. To be done every second or so."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")  # not within a transaction
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def empty_log(self) -> None:
        """Moves everything from SQLite's write-ahead log into the database file and empties it, so that nothing of what
        was erased is left in it; as far as no reader is in the way (then the next checkpoint does)."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")  # not within a transaction
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Closes all connections."""
        self.engine.dispose()


class UnitOfWork(DeskRepositories):
    """One transaction, seen through one scope. The repositories hang on it; they share its session."""

    def __init__(self, engine: Engine, scope: Scope, *, write: bool, policy: ReviewPolicy) -> None:
        self.scope: Final = scope
        self.policy = policy
        self._engine = engine
        self._write_at_once = write
        self._writing = False
        self._after: list[Callable[[], None]] = []
        self.session = GatedSession(engine, scope)
        self.session.before_writing = self._begin_writing

    def __enter__(self) -> UnitOfWork:
        if self._write_at_once:
            with _Sentences():
                self._begin_writing()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with _Sentences():
                if error is None:
                    self.session.commit()
                else:
                    self.session.rollback()
                    if not isinstance(error, YobirinError):
                        raise error
        finally:
            self.session.close()
        if error is None:
            for callback in self._after:
                callback()

    def commit(self) -> None:
        """Commits what was done so far, for long work in several steps; the unit goes on in a new transaction."""
        with _Sentences():
            self.session.commit()
        self._writing = False

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls ``callback`` once the unit is committed; never where it is rolled back."""
        self._after.append(callback)

    def _begin_writing(self) -> None:
        """Takes the write lock. A reading transaction is ended first: SQLite can't turn an old snapshot into a writing
        one."""
        if self._writing:
            return
        self._writing = True
        if self._engine.dialect.name == "sqlite":
            connection = Session.connection(self.session)
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("BEGIN IMMEDIATE")


class _Sentences:
    """Turns the database's errors into those that have a sentence for people."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StaleDataError):
            raise Conflict(
                "Somebody else changed this in the meantime; look at it again and repeat your change"
            ) from error
        if isinstance(error, OperationalError):
            raise Unavailable(_why(error)) from error


def _why(error: OperationalError) -> str:
    said = str(error.orig)
    if said in _LOCKED:
        return "The database is busy just now; nothing is lost, try again in a moment"
    if "disk is full" in said or "disk I/O" in said:
        return "The database can't write: the disk is full or faulty. Make room, then try again"
    return f"The database is away or can't be used just now ({said.splitlines()[0]}); nothing is lost, try again"


def _engine(url: URL) -> Engine:
    """An engine with the settings that the product needs of its database."""
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if url.database and url.database != ":memory:":
        folder = Path(url.database).parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as bad:
            raise Unavailable(f"The folder {folder} for the database can't be made ({bad.strerror})") from bad
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS, "cached_statements": 512})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transaction handling begins none before a SELECT and commits behind our back: it is turned off,
    # and "begin" says BEGIN (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html, transactions with pysqlite).
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-32768"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_bulk(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")


def _prepare_lanes(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute(f"PRAGMA wal_autocheckpoint={FAR_BEHIND_PAGES}")


def _begin_sqlite(connection: Connection) -> None:
    mode = "IMMEDIATE" if connection.get_execution_options().get("write") else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {mode}")


def writing(engine: Engine) -> Engine:
    """The same engine for the server's own Core work: its transactions take the write lock when they begin."""
    return engine.execution_options(write=True)
