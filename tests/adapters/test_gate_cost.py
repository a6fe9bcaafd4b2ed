"""What a list costs does not grow with the table: counted in steps of SQLite's machine, not in time."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, union_all

from cti_adapters.storage import gate
from cti_adapters.storage.mapping import Customer, Sight
from cti_adapters.storage.schema import customers, sights
from cti_adapters.storage.work import Database
from cti_server.shared.scope import Scope, Span
from tests.adapters.storage_rig import NOW, make_database

SMALL, LARGE = 10_000, 100_000
SCOPES = {
    "own": Scope("801", "121", Span.OWN, frozenset({1, 2, 3}), may_handle=True),
    "own, class 3 and unregistered": Scope("801", "121", Span.OWN, frozenset({3}), unregistered=True),
    "own, and standing in": Scope(
        "801", "121", Span.OWN, frozenset({1, 2, 3}), may_handle=True, stands_in=frozenset({("802", 2), ("802", 3)})
    ),
    "branch": Scope("700", "121", Span.BRANCH, frozenset({1, 2, 3}), unregistered=True),
    "branch, not class 1": Scope("801", "121", Span.BRANCH, frozenset({2, 3})),
    "all": Scope("900", "121", Span.ALL, frozenset({1, 2, 3}), unregistered=True),
    "all, class 3": Scope("900", "121", Span.ALL, frozenset({3})),
    "nothing": Scope("901", "121", Span.OWN, frozenset()),
}


def make(folder: Path, rows: int) -> Database:
    database = make_database(folder)
    chance = random.Random(rows)
    kinds = ["customer"] * 8 + ["unregistered", "internal"]
    made: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for number in range(rows):
        kind = chance.choice(kinds)
        confidentiality = chance.choice((1, 2, 3, 3, 3)) if kind == "customer" else None
        branch = chance.choice(("121", "122", "123"))
        rep = chance.choice(("801", "802", "803", "804")) if kind != "unregistered" else None
        made.append(
            {
                "call_id": f"hq-{number}",
                "kind": kind,
                "tier": gate.tier(kind, confidentiality),  # type: ignore[arg-type]
                "branch": branch,
                "rep": rep,
                "confidentiality": confidentiality,
                "match": "exact",
                "started_at": NOW + number,
                "direction": "in",
                "open": number % 3 == 0,
                "handled": False,
            }
        )
        if kind == "customer":
            key = f"{chance.random()}"
            person = {
                "code": str(number),
                "name": key,
                "branch": branch,
                "rep": rep,
                "confidentiality": confidentiality,
            }
            people.append(person | {"kana_key": key, "created_at": NOW})
    with database.engine.execution_options(write=True).begin() as connection:
        connection.execute(sights.insert(), made)
        connection.execute(customers.insert(), people)
    return database


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Database, Database]:
    return make(tmp_path_factory.mktemp("small"), SMALL), make(tmp_path_factory.mktemp("large"), LARGE)


def newest(scope: Scope, *more: Any) -> Any:
    """The newest 50 sights: of each index range the newest, then the newest of these."""
    parts = [
        select(Sight.call_id, Sight.started_at)
        .where(one, *more)
        .order_by(sights.c.started_at.desc(), sights.c.call_id.desc())
        .limit(50)
        .subquery()
        for one in gate.ranges(scope)
    ]
    both = union_all(*(select(part) for part in parts)).subquery()
    return select(both.c.call_id).order_by(both.c.started_at.desc(), both.c.call_id.desc()).limit(50)


def people(scope: Scope) -> Any:
    """The first 50 customers by kana."""
    parts = [
        select(Customer.code, Customer.kana_key)
        .where(one)
        .order_by(customers.c.kana_key, customers.c.code)
        .limit(50)
        .subquery()
        for one in gate.customer_ranges(scope)
    ]
    both = union_all(*(select(part) for part in parts)).subquery()
    return select(both.c.code).order_by(both.c.kana_key, both.c.code).limit(50)


def steps(database: Database, scope: Scope, query: Any) -> int:
    """How many steps SQLite takes for it, in tens."""
    with database.open(scope) as work:
        work.session.execute(query).all()
        raw = gate.system(work.session).connection.driver_connection
        assert raw is not None
        count = 0

        def tick() -> int:
            nonlocal count
            count += 1
            return 0

        raw.set_progress_handler(tick, 10)
        work.session.execute(query).all()
        raw.set_progress_handler(None, 0)
    return count


@pytest.mark.parametrize("name", [name for name in SCOPES if name != "nothing"])
@pytest.mark.parametrize("what", ["newest", "open", "before", "customers"])
def test_a_page_costs_the_same_in_a_table_ten_times_as_large(
    worlds: tuple[Database, Database], name: str, what: str
) -> None:
    scope = SCOPES[name]
    cost = []
    for database, rows in zip(worlds, (SMALL, LARGE), strict=True):
        query = {
            "newest": lambda: newest(scope),
            "open": lambda: newest(scope, sights.c.open.is_(True)),
            "before": lambda rows=rows: newest(scope, sights.c.started_at < NOW + rows // 2),
            "customers": lambda: people(scope),
        }[what]()
        cost.append(steps(database, scope, query))
    assert cost[0] > 0
    assert cost[1] <= 1.3 * cost[0]


@pytest.mark.parametrize("name", [name for name in SCOPES if name != "nothing"])
def test_each_range_is_read_from_the_end_of_an_index(worlds: tuple[Database, Database], name: str) -> None:
    scope = SCOPES[name]
    with worlds[1].open(scope) as work:
        seen: list[str] = []
        raw = gate.system(work.session).connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(seen.append)
        for one in gate.ranges(scope):
            order = (sights.c.started_at.desc(), sights.c.call_id.desc())
            work.session.execute(select(Sight.call_id).where(one).order_by(*order).limit(50)).all()
        raw.set_trace_callback(None)
    with worlds[1].engine.connect() as connection:
        plans = [
            [row[3] for row in connection.execute(text("EXPLAIN QUERY PLAN " + said.replace(":", "\\:")))]
            for said in seen
            if said.startswith("SELECT")
        ]
    assert len(plans) == len(gate.ranges(scope))
    for plan in plans:
        assert len(plan) == 1, plan
        assert plan[0].startswith("SEARCH sights USING") and "INDEX ix_sights_" in plan[0], plan
