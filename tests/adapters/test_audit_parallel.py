"""Where several write at once (PostgreSQL) the trail stays whole, and nobody waits for anybody: on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from cti_adapters.storage import audit_reading
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.audit_seals import seal
from cti_adapters.storage.columns import metadata
from cti_adapters.storage.schema import audit
from cti_adapters.storage.schema_audit import audit_chains, seals
from cti_adapters.storage.work import Database
from tests.adapters.postgres import cluster
from tests.adapters.storage_rig import NOW
from tests.adapters.test_audit_chain import entry
from tests.provision import missing_postgresql, no_skip

TABLES = [audit, audit_chains, seals]
WRITERS, TRANSACTIONS = 8, 40


@pytest.fixture(scope="module")
def server() -> Iterator[Database]:
    reason = missing_postgresql()
    if reason and no_skip():
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    with cluster() as url:
        made = Database(url)
        yield made
        made.close()


@pytest.fixture
def database(server: Database) -> Iterator[Database]:
    metadata.create_all(server.engine, TABLES)
    yield server
    metadata.drop_all(server.engine, TABLES)


def chains(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(audit_chains)).scalar_one()


def impatient(engine: Engine, entries: list[dict[str, Any]]) -> None:
    """Writes entries, and fails where that means to wait for somebody: nobody goes on before it is done."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
        append(connection, entries)


def test_who_writes_while_another_is_at_it_does_not_wait(database: Database) -> None:
    with database.engine.begin() as held:
        append(held, [entry(1)])
        impatient(database.engine, [entry(2), entry(3)])
        with database.engine.begin() as second:
            append(second, [entry(4)])
            impatient(database.engine, [entry(5)])
    found = audit_reading.verify(database)
    assert found.good and found.entries == 5
    assert chains(database.engine) == 3, "as many as wrote at once, and no more"
    impatient(database.engine, [entry(6)])
    assert chains(database.engine) == 3, "one that nobody holds is taken again"


def test_writers_in_parallel_some_of_whom_fail_make_chains_that_are_whole(database: Database) -> None:
    def write(writer: int) -> int:
        dice, kept = Random(writer), 0
        for number in range(TRANSACTIONS):
            lot = [entry(writer * 1000 + number) for _ in range(dice.randint(1, 4))]
            with database.engine.connect() as connection:
                begun = connection.begin()
                append(connection, [dict(one) for one in lot])
                if dice.random() < 0.2:
                    begun.rollback()
                else:
                    begun.commit()
                    kept += len(lot)
        return kept

    with ThreadPoolExecutor(WRITERS) as pool:
        kept = sum(pool.map(write, range(WRITERS)))
    found = audit_reading.verify(database)
    assert found.good and found.entries == kept
    assert 1 <= chains(database.engine) <= WRITERS


def test_a_seal_holds_the_ends_of_all_chains_and_a_change_is_found(database: Database) -> None:
    with database.engine.begin() as held:
        append(held, [entry(1), entry(2)])
        impatient(database.engine, [entry(3), entry(4)])
    outside = [seal(database.engine, NOW, "801")]
    assert audit_reading.verify(database, outside).good
    with database.engine.begin() as connection:
        connection.execute(audit.update().where(audit.c.chain == 2, audit.c.position == 2).values(act="another"))
    (finding,) = audit_reading.verify(database, outside).findings
    assert (finding.what, finding.chain, finding.first) == ("changed", 2, 2)
