"""The trail's chains: every entry goes through one door, and whatever is done to the table is found."""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import DatabaseError

from cti_adapters.storage import audit_reading, mapping
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.audit_seals import seal
from cti_adapters.storage.gate import Refused
from cti_adapters.storage.work import Database, writing
from cti_server.audit.chain import personal_digest
from cti_server.audit.judging import Finding
from cti_server.audit.seals import Seal
from cti_server.shared.scope import EVERYTHING
from tests.adapters.storage_rig import NOW, make_database

SOURCES = Path(__file__).parents[2]


def entry(number: int, **more: Any) -> dict[str, Any]:
    said = {"at": NOW + number, "user": f"80{number % 3}", "act": "opened", "subject_kind": "call"}
    return {**said, "subject_id": f"k{number}", "customer_code": None, "detail": {"名": [number, 0.5, "é"]}, **more}


def filled(folder: Path, count: int, lot: int = 7) -> Database:
    database = make_database(folder)
    for at in range(0, count, lot):
        with writing(database.engine).begin() as connection:
            append(connection, [entry(one) for one in range(at, min(at + lot, count))])
    return database


def bare(database: Database) -> sqlite3.Connection:
    """As somebody comes to it who goes past the program: triggers and index are no hindrance."""
    connection = sqlite3.connect(str(database.url.database), isolation_level=None)
    for name in ("TRIGGER audit_stays", "TRIGGER audit_as_it_was", "INDEX uq_audit_place"):
        connection.execute(f"DROP {name}")
    return connection


def test_nothing_is_found_where_nothing_was_done(tmp_path: Path) -> None:
    database = filled(tmp_path, 50)
    with database.open(EVERYTHING) as work:
        work.session.add_all([mapping.Audit(**entry(one, act="α")) for one in range(5)])
        work.session.flush()
        work.session.add(mapping.Audit(at=5, act="x", subject_kind="call", subject_id="k"))
    made = seal(writing(database.engine), NOW, "801")
    found = audit_reading.verify(database, [made])
    assert found.good and found.entries == 57
    assert audit_reading.verify(database, newest=3).entries == 3


def test_entries_of_a_transaction_that_fails_leave_the_chain_as_it_was(tmp_path: Path) -> None:
    database = filled(tmp_path, 3)
    with pytest.raises(ZeroDivisionError), database.open(EVERYTHING) as work:
        work.session.add(mapping.Audit(**entry(9)))
        work.session.flush()
        raise ZeroDivisionError
    with database.open(EVERYTHING) as work:
        work.session.add(mapping.Audit(**entry(10)))
    assert audit_reading.verify(database).good


def test_the_program_itself_changes_no_entry(tmp_path: Path) -> None:
    database = filled(tmp_path, 3)
    with pytest.raises(Refused), database.open(EVERYTHING) as work:
        work.session.query(mapping.Audit).first().act = "another"
    with pytest.raises(Refused), database.open(EVERYTHING) as work:
        work.session.delete(work.session.query(mapping.Audit).first())
    with pytest.raises(Refused), database.open(EVERYTHING) as work:
        work.session.execute(update(mapping.Audit).values(act="another"))
    for statement in ("UPDATE audit SET act = 'another'", "DELETE FROM audit WHERE id = 2"):
        with pytest.raises(DatabaseError, match="never"), writing(database.engine).begin() as connection:
            connection.exec_driver_sql(statement)
    assert audit_reading.verify(database).good


def test_there_is_one_door() -> None:
    around = re.compile(r"insert\(\s*audit\s*\)|audit\.insert|inserting\(\s*audit\b|INTO audit\b|insert\(\s*Audit\s*\)")
    found = [
        str(path.relative_to(SOURCES))
        for room in ("cti_server", "adapters", "web")
        for path in (SOURCES / room).rglob("*.py")
        if around.search(path.read_text("utf-8"))
    ]
    assert found == ["adapters/cti_adapters/storage/audit_chain.py"]


def test_writers_side_by_side_make_one_whole_chain(tmp_path: Path) -> None:
    database = make_database(tmp_path)

    def write(writer: int) -> None:
        for number in range(20):
            if writer % 2:
                with database.open(EVERYTHING) as work:
                    work.session.add(mapping.Audit(**entry(number)))
            else:
                with writing(database.engine).begin() as connection:
                    append(connection, [entry(number), entry(number)])

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = audit_reading.verify(database)
    assert found.good and found.entries == 3 * 20 + 3 * 40


# --- what is done to it

Tampering = Callable[[sqlite3.Connection, random.Random, int], tuple[str, int]]
"""Does it; gives what has to be found, and at which position."""


CHANGES: list[tuple[str, Any]] = [
    ("at", 1.5),
    ("user", None),
    ("act", "x"),
    ("subject_kind", b"\xff"),
    ("subject_id", ""),
    ("customer_code", "C"),
    ("detail", '{"a":1}'),
    ("detail", "no json"),
    ("salt", b"0" * 16),
    ("salt", "t"),
    ("digest", b"1" * 32),
]


def change(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    at = dice.randint(1, count)
    column, value = dice.choice(CHANGES)
    connection.execute(f"UPDATE audit SET {column} = ? WHERE position = ?", (value, at))
    return "changed", at


def erase(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    """As an erasure would, though nobody asked for one."""
    return erase_at(connection, dice.randint(1, count))


def erase_at(connection: sqlite3.Connection, at: int) -> tuple[str, int]:
    code, detail, salt = connection.execute(
        "SELECT customer_code, detail, salt FROM audit WHERE position = ?", (at,)
    ).fetchone()
    personal = personal_digest(salt, None, code, json.loads(detail))
    change = "UPDATE audit SET salt = NULL, personal = ?, customer_code = NULL, detail = '{}' WHERE position = ?"
    connection.execute(change, (personal, at))
    return "changed", at


def remove(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    at = dice.randint(1, count - 1)
    connection.execute("DELETE FROM audit WHERE position = ?", (at,))
    if dice.random() < 0.5:  # and close the gap
        connection.execute("UPDATE audit SET position = position - 1 WHERE position > ?", (at,))
        connection.execute("UPDATE audit_chains SET length = length - 1")
        return ("removed", at) if at < count - 1 else ("", at)
    return "removed", at


def insert(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    at = dice.randint(1, count)
    names = "at, user, act, subject_kind, subject_id, customer_code, detail, chain, salt, digest"
    if dice.random() < 0.5:  # with the others moved out of the way
        connection.execute("UPDATE audit SET position = position + 1 WHERE position >= ?", (at,))
        connection.execute("UPDATE audit_chains SET length = length + 1")
        source = dice.choice([one for one in range(1, count + 2) if one != at])
    else:
        source = dice.randint(1, count)
    connection.execute(
        f"INSERT INTO audit (position, {names}) SELECT ?, {names} FROM audit WHERE position = ? LIMIT 1", (at, source)
    )
    return "", at


def swap(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    one, other = sorted(dice.sample(range(1, count + 1), 2))
    if dice.random() < 0.5:  # the rows with all they have
        for was, becomes in ((one, -1), (other, one), (-1, other)):
            connection.execute("UPDATE audit SET position = ? WHERE position = ?", (becomes, was))
        return "re-ordered", one
    names = ("at", "user", "act", "subject_kind", "subject_id", "detail", "salt")
    read = f"SELECT {', '.join(names)} FROM audit WHERE position = ?"
    write = f"UPDATE audit SET {', '.join(f'{name} = ?' for name in names)} WHERE position = ?"
    first, second = (connection.execute(read, (at,)).fetchone() for at in (one, other))
    connection.execute(write, (*second, one))
    connection.execute(write, (*first, other))
    return "re-ordered", one


def swap_numbers(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    """Lists go by the rows' numbers."""
    one = dice.randint(1, count - 1)
    ids = [row[0] for row in connection.execute("SELECT id FROM audit WHERE position IN (?, ?)", (one, one + 1))]
    for was, becomes in ((ids[0], -1), (ids[1], ids[0]), (-1, ids[1])):
        connection.execute("UPDATE audit SET id = ? WHERE id = ?", (becomes, was))
    return "re-ordered", one


def truncate(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    left = dice.randint(0, count - 1)
    connection.execute("DELETE FROM audit WHERE position > ?", (left,))
    return "truncated", left + 1


def truncate_cleverly(connection: sqlite3.Connection, dice: random.Random, count: int) -> tuple[str, int]:
    """So that only a seal knows."""
    left = dice.randint(1, count - 1)
    connection.execute("DELETE FROM audit WHERE position > ?", (left,))
    end = "(SELECT digest FROM audit WHERE position = ?)"
    connection.execute(f"UPDATE audit_chains SET length = ?, digest = {end}", (left, left))
    return "truncated", left + 1


ALL: list[Tampering] = [change, erase, remove, insert, swap, swap_numbers, truncate, truncate_cleverly]


def tampered(
    path: Path, one: Tampering, dice: random.Random, count: int, seals: list[Seal]
) -> tuple[list[Finding], tuple[str, int]]:
    database = Database(f"sqlite:///{path}")
    connection = bare(database)
    expected = one(connection, dice, count)
    connection.close()
    found = audit_reading.verify(database, seals)
    database.close()
    return found.findings, expected


@pytest.mark.parametrize("one", ALL)
def test_whatever_is_done_is_found_and_where(tmp_path: Path, one: Tampering) -> None:
    count = 40
    database = filled(tmp_path, count)
    made = seal(writing(database.engine), NOW, None)
    database.checkpoint()
    database.close()
    source = tmp_path / "yobirin.sqlite3"
    for seed in range(25):
        dice = random.Random(seed)
        path = tmp_path / f"{seed}.sqlite3"
        shutil.copy(source, path)
        found, (what, at) = tampered(path, one, dice, count, [made])
        assert found, (one.__name__, seed)
        if what:
            fitting = [finding for finding in found if finding.what == what]
            assert fitting, (one.__name__, seed, found)
            assert any(finding.first <= at + 1 and at - 1 <= finding.last for finding in fitting), (seed, at, found)
        path.unlink()


def told(first: int, last: int) -> dict[str, Any]:
    """The entry that tells of an erasure."""
    return entry(0, act="erased", subject_kind="audit", subject_id="person", detail={"entries": [[1, first, last]]})


def test_an_erasure_that_is_told_is_lawful_and_one_beyond_it_is_found(tmp_path: Path) -> None:
    database = filled(tmp_path, 20)
    connection = bare(database)
    _what, at = erase(connection, random.Random(5), 20)
    assert [(one.what, one.first) for one in audit_reading.verify(database).findings] == [("changed", at)]
    with writing(database.engine).begin() as telling:
        append(telling, [told(at, at)])
    assert audit_reading.verify(database).good
    _what, other = erase(connection, random.Random(6), 20)
    assert other != at
    assert [(one.what, one.first) for one in audit_reading.verify(database).findings] == [("changed", other)]


def test_an_erasure_tells_of_nothing_that_comes_after_it(tmp_path: Path) -> None:
    database = filled(tmp_path, 10)
    with writing(database.engine).begin() as telling:
        append(telling, [told(1, 10**9)])
        append(telling, [entry(one) for one in range(10)])
    connection = bare(database)
    erase_at(connection, 4)
    assert audit_reading.verify(database).good
    erase_at(connection, 15)
    assert [(one.what, one.first) for one in audit_reading.verify(database).findings] == [("changed", 15)]


def test_a_cleverly_cut_trail_shows_only_beside_a_seal(tmp_path: Path) -> None:
    database = filled(tmp_path, 20)
    made = seal(writing(database.engine), NOW, None)
    connection = bare(database)
    connection.execute("DELETE FROM seals")
    truncate_cleverly(connection, random.Random(3), 20)
    assert not audit_reading.verify(database).findings
    assert [one.what for one in audit_reading.verify(database, [made]).findings] == ["truncated"]


def test_a_trail_that_was_written_anew_shows_beside_a_seal(tmp_path: Path) -> None:
    database = filled(tmp_path, 20)
    made = seal(writing(database.engine), NOW, None)
    connection = bare(database)
    connection.executescript("DELETE FROM audit; DELETE FROM audit_chains; DELETE FROM seals;")
    with writing(database.engine).begin() as anew:
        append(anew, [entry(one, act="harmless") for one in range(30)])
    assert not audit_reading.verify(database).findings
    found = audit_reading.verify(database, [made])
    assert [(one.what, one.first) for one in found.findings] == [("rewritten", 20)] and found.broken_seals
