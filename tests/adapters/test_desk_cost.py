"""What a list costs does not grow with the tables: each statement runs over an index that it was meant for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert

from cti_adapters.storage import desk_items, gate
from cti_adapters.storage.schema import calls, customer_numbers, customers, items, sights
from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery
from cti_server.shared import phone
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW

WHO = {"own": viewer("801"), "branch": viewer("700", "branch manager"), "all": viewer("900", "compliance reviewer")}
LISTS: dict[str, Callable[[Desk], object]] = {
    "open": lambda desk: desk.worklist("open"),
    "team": lambda desk: desk.worklist("team"),
    "done": lambda desk: desk.worklist("done", 0.0, NOW),
    "counts": lambda desk: desk.counts(None, None),
    "calls": lambda desk: desk.calls(CallQuery()),
    "calls of a branch": lambda desk: desk.calls(CallQuery(branch="121")),
    "calls of a rep": lambda desk: desk.calls(CallQuery(rep="801")),
    "calls of a number": lambda desk: desk.calls(CallQuery(digits="0123")),
    "one customer's": lambda desk: desk.calls(CallQuery(customer="00000100")),
    "customers": lambda desk: desk.customers(),
    "kana": lambda desk: desk.search("カナ 12"),
    "name": lambda desk: desk.search("名 12"),
    "number": lambda desk: desk.search("0123"),
    "code": lambda desk: desk.search("0000010"),
}
SMALL = re.compile(
    r"branches|users|roles|exchanges|gaps|anon_\d+|sqlite_autoindex|templates|extensions|taken|ix_calls_live"
)


@pytest.fixture(scope="module")
def offices(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Office]:
    """The same firm with few calls and with many."""
    return {size: filled(tmp_path_factory.mktemp(f"cost{size}"), size) for size in (4_000, 40_000)}


def filled(folder: Path, size: int) -> Office:
    office = Office(folder)
    who = [(("121", "122")[n % 2], str(801 + n % 4), 1 + n % 3) for n in range(size // 10)]
    with office.database.engine.execution_options(write=True).begin() as connection:
        connection.execute(insert(customers), [_customer(n, *one) for n, one in enumerate(who)])
        numbers = ((n, f"+813{n:08}") for n in range(len(who)))
        connection.execute(
            insert(customer_numbers),
            [{"customer_code": f"{n:08}", "e164": one, "tail": phone.tail(one)} for n, one in numbers],
        )
        rows = [_call(n, n * 7 % len(who), *who[n * 7 % len(who)], age=size - n) for n in range(size)]
        for table, of in zip((calls, sights, items), zip(*rows, strict=True), strict=True):
            connection.execute(insert(table), list(of))
    return office


def _customer(n: int, branch: str, rep: str, level: int) -> dict[str, Any]:
    name, kana = f"名{n}", f"カナ{n}"
    return {"code": f"{n:08}", "name": name, "kana": kana, "name_key": name, "kana_key": kana, "created_at": 0.0,
            "branch": branch, "rep": rep, "confidentiality": level}  # fmt: skip


def _call(n: int, who: int, branch: str, rep: str, level: int, age: int) -> tuple[dict[str, Any], ...]:
    """A call with its sight and item: one of twenty unregistered, one of ten of the newest open."""
    at, is_open, nobody = NOW - age, age <= 4_000 and n % 10 == 0, n % 20 == 7
    number = f"+816{n:08}" if nobody else f"+813{who:08}"
    lists: dict[str, Any] = {name: [] for name in (
        "rang_extensions", "attempted_extensions", "ringing_extensions", "transferred_to", "linkedids", "marks"
    )}  # fmt: skip
    call = lists | {"id": f"hq-{n:08}", "exchange": "hq", "branch": branch, "direction": "in", "state": "ended",
                    "started_at": at, "party_e164": number, "party_tail": phone.tail(number), "disposition": "missed",
                    "item_id": n + 1, "open": is_open, "handled": not is_open}  # fmt: skip
    kind = "unregistered" if nobody else "customer"
    sight = {"call_id": call["id"], "item_id": n + 1, "kind": kind, "tier": 9 if nobody else level, "branch": branch,
             "rep": None if nobody else rep, "confidentiality": None if nobody else level, "direction": "in",
             "customer_code": None if nobody else f"{who:08}", "match": "none" if nobody else "exact",
             "started_at": at, "open": is_open, "handled": not is_open}  # fmt: skip
    assert sight["tier"] == gate.tier(kind, sight["confidentiality"])
    item = {"key": f"k{n}", "branch": branch, "state": "open" if is_open else "done", "kind": "missed",
            "latest_call": call["id"], "latest_at": at}  # fmt: skip
    return call, sight, item


def steps(office: Office, who: Viewer, use: Callable[[Desk], object]) -> int:
    """How many steps SQLite's machine takes for it: a measure that no other program disturbs."""
    done = 0

    def count() -> int:
        nonlocal done
        done += 1
        return 0

    with office.desk(who) as desk:
        desk.worklist()  # what is read once per unit of work, and the statements' plans
        connection: Any = gate.system(desk.work.session).connection.dbapi_connection  # type: ignore[attr-defined]
        connection.set_progress_handler(count, 50)
        try:
            use(desk)
        finally:
            connection.set_progress_handler(None, 50)
    return done * 50


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("span", WHO)
def test_ten_times_the_calls_cost_the_same(
    offices: dict[int, Office], monkeypatch: pytest.MonkeyPatch, span: str, name: str
) -> None:
    monkeypatch.setattr(desk_items, "COUNTED_MOST", 20)  # so that the counts of both are full
    few, many = (steps(office, WHO[span], LISTS[name]) for office in offices.values())
    if (span, name) == ("own", "name"):  # runs over the rep's customers, who are ten times as many here
        few *= 10
    assert many <= 1.3 * few + 2_000, f"{few} steps grew to {many}"


@pytest.fixture
def asked(offices: dict[int, Office]) -> Iterator[list[str]]:
    """All statements that SQLite gets, whichever way, with their values in them."""
    engine = offices[40_000].database.engine
    found: list[str] = []

    def follow(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.set_trace_callback(found.append)

    event.listen(engine, "checkout", follow)
    yield found
    event.remove(engine, "checkout", follow)


def plan(office: Office, statement: str) -> list[str]:
    """The steps of a query's plan."""
    with office.database.engine.connect() as connection:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]


@pytest.mark.parametrize("span", WHO)
def test_no_list_reads_a_whole_table(offices: dict[int, Office], asked: list[str], span: str) -> None:
    for name, use in LISTS.items():
        asked.clear()
        with offices[40_000].desk(WHO[span]) as desk:
            use(desk)
        queries = [one for one in asked if one.startswith("SELECT")]
        steps_of_all = [step for one in queries for step in plan(offices[40_000], one)]
        whole = [step for step in steps_of_all if step.startswith("SCAN") and not SMALL.search(step)]
        assert steps_of_all and not whole, name
