"""A database for tests: made once by the migrations, copied for each test."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from cti_adapters.storage import mapping
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.shared import phone
from cti_server.shared.scope import EVERYTHING

NOW = 1_800_000_000.0
PLAN = phone.Plan(area_code="03")


class FixedClock:
    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def now(self) -> float:
        return self.at


class CheapHasher:
    """Argon2's place in tests that are not about it."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, kept: str, password: str) -> bool:
        self.verified.append(kept)
        return kept == f"hash of {password}"

    def outdated(self, kept: str) -> bool:
        return False


@cache
def _template() -> Path:
    path = Path(mkdtemp(prefix="yobirin-test-")) / "template.sqlite3"
    database = Database(f"sqlite:///{path}")
    database.upgrade()
    with database.open(EVERYTHING) as work:
        for code, name in (("121", "本店営業部"), ("122", "横浜支店")):
            work.session.add(mapping.Branch(code=code, name=name, timezone="Asia/Tokyo"))
        work.session.flush()
        for user, branch, role in (
            ("801", "121", "rep"),
            ("802", "121", "rep"),
            ("803", "122", "rep"),
            ("700", "121", "branch manager"),
        ):
            work.session.add(mapping.User(id=user, login=user, name=f"name {user}", branch=branch, role=role))
        work.session.flush()
        for extension, user in (("2001", "801"), ("2002", "802"), ("2003", "803")):
            work.session.add(mapping.Extension(exchange="hq", extension=extension, user=user))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    database.close()
    return path


def make_database(folder: Path) -> Database:
    """A database with two branches, four users and three extensions."""
    path = folder / "yobirin.sqlite3"
    shutil.copy(_template(), path)
    return Database(f"sqlite:///{path}")


def customer(code: str, *numbers: str, rep: str | None = "801", branch: str = "121", confidentiality: int = 3) -> Any:
    """A row of the directory."""
    name = f"name {code}"
    return mapping.Customer(
        code=code,
        name=name,
        kana="",
        branch=branch,
        rep=rep,
        confidentiality=confidentiality,
        created_at=NOW,
        name_key=mapping.search_key(name),
        kana_key=mapping.search_key(name),
        numbers=[mapping.CustomerNumber(e164=one, shown=one, tail=phone.tail(one)) for one in numbers],
    )


def put(database: Database, *rows: Any) -> None:
    """Adds rows past the gate."""
    with database.open(EVERYTHING) as work:
        work.session.add_all(rows)


def inbound(
    number: int, caller: str | None, *, at: float = NOW - 600, taker: str | None = None, **more: Any
) -> CallLog:
    """An inbound call that has ended: missed, or answered by ``taker``."""
    log = CallLog(
        id=f"hq-{at:.0f}.{number}",
        exchange="hq",
        branch="121",
        direction="in",
        state="ended",
        started_at=at,
        caller_number=caller,
        dialed_number="0312340000",
        party_e164=phone.e164(caller, PLAN),
        rang_extensions=["2001"],
        ringing_at=at + 1,
        ended_at=at + 30,
        disposition="missed",
        hangup_by="caller",
        linkedids=[f"{at:.0f}.{number}"],
    )
    if taker is not None:
        log.disposition, log.answered, log.answered_at = "answered", True, at + 5
        log.answered_by_extension = log.final_extension = taker
        log.talk_seconds = 25.0
    for name, value in more.items():
        setattr(log, name, value)
    return log


def outbound(number: int, dialled: str, *, at: float = NOW - 300, extension: str = "2001", **more: Any) -> CallLog:
    """An outbound call that was answered and has ended."""
    log = CallLog(
        id=f"hq-{at:.0f}.{number}",
        exchange="hq",
        branch="121",
        direction="out",
        state="ended",
        started_at=at,
        caller_number=extension,
        dialed_number=dialled,
        party_e164=phone.e164(dialled, PLAN),
        answered=True,
        answered_at=at + 5,
        ended_at=at + 60,
        talk_seconds=55.0,
        final_extension=extension,
        disposition="answered",
        hangup_by="callee",
        linkedids=[f"{at:.0f}.{number}"],
    )
    for name, value in more.items():
        setattr(log, name, value)
    return log
