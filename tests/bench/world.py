"""Databases of any size, filled inside the database itself so that ten million calls take minutes, not hours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cti_adapters.storage.work import Database
from cti_server.shared.scope import Scope, Span
from cti_server.shared.viewer import Viewer

DAY = 86400.0
NOW = 1_795_400_000.0
REPS = 1000
BRANCHES = 10


def database(folder: Path, customers: int, calls: int, reps: int = REPS, open_among: int = 10_000) -> Database:
    """A migrated database with so many customers and calls: 2,500 calls a day as far back as there are calls, so that a
    larger table is a longer history of the same firm. Of the newest ``open_among`` calls 3 % are open."""
    path = folder / f"bench-{customers}-{calls}.sqlite3"
    base = Database(f"sqlite:///{path}")
    base.upgrade()
    base.close()
    raw = sqlite3.connect(path)
    raw.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000;")
    raw.executemany(
        "INSERT INTO branches(code, name) VALUES (?, ?)", [(f"{n:03}", f"Branch {n}") for n in range(BRANCHES)]
    )
    raw.execute(
        "INSERT OR IGNORE INTO roles(name, span, classes, rights) VALUES ('rep', 'own', '[1,2,3]', '[\"handle\"]')"
    )
    raw.executemany(
        "INSERT INTO users(id, login, name, branch, role) VALUES (?, ?, ?, ?, 'rep')",
        [(str(n), f"rep{n}", f"Rep {n}", f"{n % BRANCHES:03}") for n in range(reps)],
    )
    raw.execute(
        f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {customers})
        INSERT INTO customers(code, name, kana, branch, rep, confidentiality, name_key, kana_key, created_at)
        SELECT printf('%08d', i), 'Customer ' || i, 'Kana ' || i, printf('%03d', i % {reps} % {BRANCHES}),
               CAST(i % {reps} AS TEXT), 1 + i % 3, 'customer ' || i, 'kana ' || i, 0 FROM n"""
    )
    raw.execute(
        f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {customers})
        INSERT INTO customer_numbers(customer_code, e164, shown, kind, tail)
        SELECT printf('%08d', i), printf('+8190%08d', i), printf('090%08d', i), 'mobile', printf('%08d', i) FROM n"""
    )
    _fill_calls(raw, customers, calls, open_among)
    raw.commit()
    raw.close()
    return Database(f"sqlite:///{path}")


def _fill_calls(raw: sqlite3.Connection, customers: int, calls: int, open_among: int) -> None:
    step = DAY / 2500
    raw.execute(
        f"""WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {calls})
        INSERT INTO calls(id, exchange, branch, direction, state, started_at, caller_number, party_e164, answered,
            rang_extensions, attempted_extensions, ringing_extensions, transferred_to, linkedids, marks, ended_at,
            ring_seconds, wait_seconds, talk_seconds, hold_seconds, disposition, match, customer_code, open, handled)
        SELECT printf('x-%09d', i), 'x' || i % 10, printf('%03d', i % 10), 'in', 'ended', {NOW} - i * {step},
            printf('090%08d', i * 7919 % {customers}), printf('+8190%08d', i * 7919 % {customers}), i % 2,
            '["2001"]', '[]', '[]', '[]', '[]', '[]', {NOW} - i * {step} + 60, 5, 5, 50, 0,
            CASE i % 2 WHEN 1 THEN 'answered' ELSE 'missed' END, 'exact', printf('%08d', i * 7919 % {customers}),
            i % 33 = 0 AND i < {open_among}, i % 33 <> 0 OR i >= {open_among} FROM n"""
    )
    raw.execute(
        """INSERT INTO sights(call_id, kind, tier, customer_code, branch, rep, confidentiality, match, started_at,
            direction, open, handled)
        SELECT calls.id, 'customer', confidentiality, code, customers.branch, rep, confidentiality, 'exact', started_at,
            'in', open, handled FROM calls JOIN customers ON customers.code = calls.customer_code"""
    )
    raw.execute(
        """INSERT INTO items(id, key, branch, state, kind, calls, latest_call, latest_at)
        SELECT ROW_NUMBER() OVER (), 'call:' || id, branch, 'open', 'missed', 1, id, started_at FROM calls WHERE open"""
    )
    raw.execute("CREATE INDEX bench_latest ON items(latest_call)")
    raw.execute("UPDATE calls SET item_id = (SELECT id FROM items WHERE latest_call = calls.id) WHERE open")
    raw.execute("UPDATE sights SET item_id = (SELECT id FROM items WHERE latest_call = sights.call_id) WHERE open")
    raw.execute("DROP INDEX bench_latest")


def viewer(span: Span, rep: str = "7") -> Viewer:
    """A viewer of a span; rep 7 of branch 007 unless told otherwise."""
    scope = Scope(rep, f"{int(rep) % BRANCHES:03}", span, frozenset({1, 2, 3}), unregistered=True, may_handle=True)
    return Viewer(
        rep,
        f"rep{rep}",
        f"Rep {rep}",
        scope.branch,
        "Branch",
        "rep",
        scope,
        frozenset({"handle", "unregistered", "export"}),
    )
