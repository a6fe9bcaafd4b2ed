"""How calls stand, and the counts of it, as they are written: always together, in the transaction that changes a call,
its customers, its records or its exemption. System work, past the gate.

There is one way to write them: calls are looked at again (:func:`restand`), and what differs from what is there is
changed, in the rows and in the counts. So it doesn't matter why, or how often.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Connection, Dialect, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from cti_adapters.storage.call_work import when_over
from cti_adapters.storage.core import Bulk, Within, inserting
from cti_adapters.storage.gate import tier
from cti_adapters.storage.policy_rows import InForce
from cti_adapters.storage.schema import calls, history, history_calls, sights
from cti_adapters.storage.schema_compliance import coverage, exemptions, standings
from cti_server.compliance.rules import CallKind
from cti_server.compliance.standing import Facts, Record, Row, Seen, rows_of
from cti_server.shared.scope import Kind, Label


class Cell(NamedTuple):
    """The key of a count."""

    day: int
    branch: str
    rep: str
    tier: int
    kind: str
    state: str
    due_hour: int


def restand(connection: Connection, call_ids: Iterable[str]) -> int:
    """Looks at calls again, whatever became of them; those that are gone count no more. Gives how many changed."""
    ids = list(dict.fromkeys(call_ids))
    if not ids:
        return 0
    before: dict[str, dict[tuple[Any, ...], int]] = defaultdict(dict)
    for row in _STORED.rows(connection, ids):
        before[row.call_id][tuple(row)[1:]] = row.id
    after = _rows(connection, ids)
    counts: Counter[Cell] = Counter()
    gone: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    changed = 0
    for call_id in ids:
        old, new = before.get(call_id, {}), after.get(call_id, [])
        fresh = [values for values in new if values not in old]
        stale = old.keys() - set(new)
        changed += bool(fresh or stale)
        gone += [{"b_id": old[values]} for values in stale]
        made += [dict(zip(_NAMES, values, strict=True)) for values in fresh]
        counts.subtract(_cell(dict(zip(_NAMES, values, strict=True))) for values in stale)
    counts.update(_cell(one) for one in made)
    _DELETE.run(connection, gone)
    _INSERT.run(connection, made)
    count(connection, counts)
    return changed


def _cell(row: dict[str, Any]) -> Cell:
    due = int(row["due_at"] // 3600) if row["state"] == "open" and row["due_at"] is not None else 0
    return Cell(row["day"], row["branch"], row["rep"], row["tier"], row["kind"], row["state"], due)


def count(connection: Connection, counts: Counter[Cell]) -> None:
    """Adds to the counts; those that come to nothing go."""
    changes = [{**cell._asdict(), "n": by} for cell, by in counts.items() if by]
    _COUNT.run(connection, changes)
    fewer = [{f"b_{name}": value for name, value in cell._asdict().items()} for cell, by in counts.items() if by < 0]
    _EMPTY.run(connection, fewer)


def _rows(connection: Connection, ids: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
    """What there has to be of each call, as columns of ``standings``."""
    found = {row.id: row for row in _CALLS.rows(connection, ids)}
    if not found:
        return {}
    seen: dict[str, list[Seen]] = defaultdict(list)
    for row in _SIGHTS.rows(connection, found):
        label = Label(cast(Kind, row.kind), row.branch, row.rep, row.confidentiality)
        seen[row.call_id].append(Seen(label, row.customer_code, row.match == "exact"))
    records: dict[str, list[Record]] = defaultdict(list)
    for row in _RECORDS.rows(connection, found):
        records[row.call_id].append(Record(row.result, row.note))
    exempt = {row.call_id for row in _EXEMPT.rows(connection, found)}
    holds = InForce(connection)
    made: dict[str, list[tuple[Any, ...]]] = {}
    for call_id, row in found.items():
        facts = _facts(row)
        version = holds.version(facts.began_at)
        rows = rows_of(
            facts,
            seen[call_id],
            records[call_id],
            call_id in exempt,
            version.policy,
            lambda branch, version=version: holds.calendar(version, branch),  # type: ignore[misc]
        )
        made[call_id] = [_columns(call_id, one) for one in rows]
    return made


def _facts(row: Any) -> Facts:
    over = when_over(row.ended_at, row.ended_between, row.started_at)
    kind: CallKind = "out" if row.direction == "out" else "missed" if row.answered is False else "answered"
    if row.answered is not False:
        lasted = None if row.ended_at is None else row.talk_seconds
    elif kind == "out":
        lasted = 0.0  # nobody talked, and nobody waited for us
    else:
        lasted = None if row.ended_at is None else row.ended_at - row.started_at
    return Facts(kind, lasted, row.started_at, over)


def _columns(call_id: str, row: Row) -> tuple[Any, ...]:
    label = row.label
    stands = (tier(label.kind, label.confidentiality), label.branch, label.rep or "")
    return (call_id, row.customer, *stands, row.state, row.kind, row.day, row.due_at, row.began_at, row.seconds)


_STANDS: Final = ("tier", "branch", "rep", "state", "kind", "day", "due_at", "started_at", "seconds")
_NAMES: Final = ("call_id", "customer_code", *_STANDS)
_STORED: Final = Within(select(standings.c.id, *(standings.c[name] for name in _NAMES)), standings.c.call_id)
_CALLS: Final = Within(
    select(calls.c.id, calls.c.direction, calls.c.answered, calls.c.started_at, calls.c.ended_at)
    .add_columns(calls.c.ended_between, calls.c.talk_seconds)
    .where(calls.c.state == "ended", calls.c.fax.is_(False))
    .where(or_(calls.c.direction.is_(None), calls.c.direction != "internal")),
    calls.c.id,
)
_SIGHTS: Final = Within(
    select(sights.c.call_id, sights.c.kind, sights.c.branch, sights.c.rep, sights.c.confidentiality)
    .add_columns(sights.c.customer_code, sights.c.match)
    .order_by(sights.c.call_id, sights.c.rank),
    sights.c.call_id,
)
_RECORDS: Final = Within(
    select(history_calls.c.call_id, history.c.result, history.c.note)
    .join(history, history.c.id == history_calls.c.history_id)
    .where(history.c.undone.is_(False)),
    history_calls.c.call_id,
)
_EXEMPT: Final = Within(
    select(exemptions.c.call_id).where(exemptions.c.state == "approved").distinct(), exemptions.c.call_id
)
_INSERT: Final = inserting(standings, _NAMES)
_DELETE: Final = Bulk(delete(standings).where(standings.c.id == bindparam("b_id")), standings, [])
_KEY: Final = Cell._fields


def _counting(dialect: Dialect) -> ClauseElement:
    made = postgresql.insert(coverage) if dialect.name == "postgresql" else sqlite.insert(coverage)
    return made.on_conflict_do_update(index_elements=list(_KEY), set_={"n": coverage.c.n + made.excluded.n})


_COUNT: Final = Bulk(_counting, coverage, [*_KEY, "n"])
_EMPTY: Final = Bulk(
    delete(coverage).where(*(coverage.c[name] == bindparam(f"b_{name}") for name in _KEY), coverage.c.n == 0),
    coverage,
    [],
)
