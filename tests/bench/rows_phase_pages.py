"""The phases pages, as past deals and members grow: a rep's, a manager's, and who takes a customer next."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cti_adapters.storage.work import Database
from cti_server.phases.desk import PhaseDesk
from cti_server.shared.scope import Span
from cti_server.shared.viewer import Viewer
from tests.bench import world
from tests.bench.measure import Row, percentile
from tests.bench.rows_review import Clock

SIZES = {"small": ((1_000, 30), (5_000, 60)), "full": ((10_000, 90), (1_000_000, 999))}
OPEN_EACH = 20
"""Open deals of each member."""


def grown(folder: str, deals: int, members: int) -> Database:
    """A firm with so many deals, of which each member has a few open; every third member works one of three phases."""
    database = world.database(Path(folder), max(deals // 5, members * OPEN_EACH), 1, reps=members)
    path = str(database.url.database)
    database.close()
    raw = sqlite3.connect(path)
    raw.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;")
    raw.execute(
        "INSERT INTO services(id, name, currency, months, by_success_days, rule) VALUES (1,'S','JPY','24',0,'balanced')"
    )
    names = ("First", "Second", "Third")
    raw.executemany(
        "INSERT INTO phases(id, service_id, place, name, action, contract) VALUES (?, 1, ?, ?, 'call', ?)",
        [(place + 1, place, name, place == 1) for place, name in enumerate(names)],
    )
    raw.executemany(
        "INSERT INTO phase_members(user, phases, capacity) VALUES (?, ?, 30)",
        [(str(n), f"[{n % 3 + 1}]") for n in range(members)],
    )
    _fill(raw, deals, members)
    _sum(raw)
    raw.commit()
    raw.close()
    return Database(f"sqlite:///{path}")


def _fill(raw: sqlite3.Connection, deals: int, members: int) -> None:
    third, open_deals = members // 3, members * OPEN_EACH
    raw.execute(
        f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {deals})
        INSERT INTO deals(id, service_id, customer_code, tier, branch, rep, confidentiality, title, size, source,
            phase_id, member, state, through, opened_at, entered_at, due_at, first_contact, worth)
        SELECT i + 1, 1, code, confidentiality, branch, rep, confidentiality, 'T', 'small', 'source ' || i % 4,
            1 + i % 3, CAST(i / 3 % {third} * 3 + i % 3 AS TEXT),
            CASE WHEN i < {open_deals} THEN 'open' WHEN i % 3 = 2 THEN 'won' ELSE 'lost' END,
            i >= {open_deals} AND i % 3 = 2, {world.NOW} - i, {world.NOW} - i, {world.NOW} - i % 9999, '2026-01-01',
            CASE WHEN i < {open_deals} THEN NULL WHEN i % 3 = 2 THEN 100000 + i % 977 * 1000 ELSE 0 END
        FROM n JOIN customers ON customers.code = printf('%08d', i % (SELECT COUNT(*) FROM customers))"""
    )
    raw.execute("UPDATE customers SET rep = (SELECT member FROM deals WHERE customer_code = code AND state = 'open') "
                "WHERE code IN (SELECT customer_code FROM deals WHERE state = 'open')")  # fmt: skip
    raw.execute("UPDATE deals SET rep = (SELECT rep FROM customers WHERE code = customer_code)")
    for place in range(3):
        raw.execute(
            f"""INSERT INTO deal_steps(deal_id, place, phase_id, member, at)
            SELECT id, {place}, {place + 1}, CASE WHEN phase_id = {place + 1} THEN member
                ELSE CAST((id * {5 + place}) % {third} * 3 + {place} AS TEXT) END, opened_at
            FROM deals WHERE phase_id > {place}"""
        )


def _sum(raw: sqlite3.Connection) -> None:
    """The sums over the table of paths."""
    amounts = """COUNT(*), SUM(state <> 'open' OR s.place < d.phase_id - 1), SUM(s.place < d.phase_id - 1 OR through),
        SUM(worth IS NOT NULL), SUM(COALESCE(worth, 0)), 0, 0"""
    whole = "FROM deals d JOIN deal_steps s ON s.deal_id = d.id"
    into = "INSERT INTO phase_tallies"
    tail = "branch, tier"
    raw.execute(f"{into} SELECT s.phase_id, 'all', '', 0, s.member, {tail}, {amounts} {whole} GROUP BY 1, 5, 6, 7")
    raw.execute(
        f"{into} SELECT s.phase_id, 'source', source, 0, s.member, {tail}, {amounts} {whole} GROUP BY 1, 3, 5, 6, 7"
    )
    raw.execute(
        f"""{into} SELECT s.phase_id, 'earlier', e.member, e.phase_id, s.member, {tail}, {amounts} {whole}
        JOIN deal_steps e ON e.deal_id = d.id AND e.place < s.place GROUP BY 1, 3, 4, 5, 6, 7"""
    )


def pages(size: str) -> list[Row]:
    """The pages' use cases, without the browser: seconds each."""
    found: dict[str, list[tuple[int, float]]] = {}
    for deals, members in SIZES["full" if size == "huge" else size]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            database = grown(folder, deals, members)
            rep = world.viewer(Span.OWN)
            reps = [replace(rep, id=str(n), scope=replace(rep.scope, user=str(n))) for n in range(30)]
            manager = replace(world.viewer(Span.BRANCH), id="m")
            asked: dict[str, Callable[[int], float]] = {
                "a rep's deals": lambda n, d=database, r=reps: _timed(d, r[n % 30], lambda desk: desk.mine()),
                "who takes a customer next": lambda n, d=database, r=reps: _next(d, r[n % 30]),
                "a manager's overview": lambda n, d=database, m=manager: _timed(d, m, lambda desk: desk.overview()),
            }  # type: ignore[dict-item]
            for name, ask in asked.items():
                taken = [ask(n) for n in range(10 if size == "small" else 40)]
                found.setdefault(name, []).append((deals, percentile(taken, 0.5)))
            database.close()
    return [_row(name, points) for name, points in found.items()]


def _timed(database: Database, who: Viewer, ask: Callable[[PhaseDesk], object]) -> float:
    with database.open(who.scope) as work:
        begun = time.perf_counter()
        ask(PhaseDesk(work, who, Clock()))
        return time.perf_counter() - begun


def _next(database: Database, who: Viewer) -> float:
    with database.open(who.scope) as work:
        desk = PhaseDesk(work, who, Clock())
        deal = desk.mine().rows[0].id
        begun = time.perf_counter()
        desk.next(deal)
        return time.perf_counter() - begun


def _row(name: str, points: list[tuple[int, float]]) -> Row:
    (few, little), (many, much) = points
    shown = f"{few:,}: {little * 1e3:.1f} ms, {many:,}: {much * 1e3:.1f} ms"
    # Who takes a customer is asked of eleven times the members.
    return Row(f"{name} at {many:,} deals against {few:,}", much / little, "×", 5.0, False, shown)
