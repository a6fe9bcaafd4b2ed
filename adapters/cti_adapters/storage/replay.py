"""A journal folded again, against the call log: what would be added, changed or taken away (spec O1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Connection, Engine, bindparam, delete, func, select

from cti_adapters.storage.call_rows import OURS, as_log
from cti_adapters.storage.call_writer import is_final
from cti_adapters.storage.refolded import Refolded
from cti_adapters.storage.schema import calls, lanes, unreadable
from cti_server.calls.log import FORGOTTEN, UNSUPPORTED, CallLog
from cti_server.calls.showing import blanked
from cti_server.shared.positions import Position

What = Literal["added", "changed", "taken-away"]
DAY: Final = 86400.0
_EXCHANGES_OWN: Final = tuple(column for column in calls.c if column.name not in OURS)


@dataclass(frozen=True, slots=True)
class Period:
    """Calls that began in it are compared (epoch seconds, UTC; null: no limit).

    ``known_from`` is when the journal begins: of calls before then it can't tell anything. ``whole`` is false where
    parts of it are missing: a call that it does not know may have stood there.
    """

    since: float | None = None
    until: float | None = None
    known_from: float = 0.0
    whole: bool = True
    first_record: int = 0
    """Journal offset of the oldest record."""

    def covers(self, started_at: float, *, told: bool) -> bool:
        """Whether a call that began then is compared. ``told``: the journal tells of it. Of one that does so from its
        very first record that is true whenever the call began: an exchange that writes records hands over old ones
        too."""
        whole = told and self.first_record == 0
        earliest = (self.since or 0.0) if whole else max(self.known_from, self.since or 0.0)
        return started_at >= earliest and (self.until is None or started_at < self.until)


@dataclass(slots=True)
class Comparison:
    """How many calls there are of each kind."""

    same: int = 0
    under_way: int = 0
    """Not final yet, in the log or by the journal: left alone."""
    beyond: int = 0
    """Outside the period, or from before the journal begins: not compared."""
    unknown: int = 0
    """In the log only, where parts of the journal are missing: not taken away."""
    differences: dict[str, int] = field(default_factory=dict)
    readable: int = 0
    """Kept as unreadable, and read now."""


def folded_up_to(connection: Connection, exchange: str) -> Position | None:
    """How far the database knows an exchange's journal; null where it knows nothing of it."""
    row = connection.execute(
        select(lanes.c.folded_record, lanes.c.folded_skip).where(lanes.c.exchange == exchange)
    ).first()
    return None if row is None else Position(*row)


def compare(connection: Connection, exchange: str, again: Refolded, period: Period) -> Comparison:
    """Walks through both in the order of ids, notes what differs in ``again`` and counts the rest. The connection's
    transaction has to be the one in which ``folded_up_to`` was asked, so that both tell of the same moment."""
    result = Comparison()
    again.note(_differences(connection, exchange, again, period, result))
    result.differences = again.counted()
    result.readable = sum(1 for _ in _readable(connection, exchange, again, period))
    return result


def resolve(engine: Engine, exchange: str, again: Refolded, period: Period) -> int:
    """Forgets the unreadable pieces that can be read now, once their calls are in the log; the journal has their
    bytes. ``engine`` begins its transactions with the write lock. Returns how many."""
    with engine.begin() as connection:
        read = [
            {"b_record": row.record, "b_number": row.number} for row in _readable(connection, exchange, again, period)
        ]
        if read:
            mine = (unreadable.c.exchange == exchange, unreadable.c.record == bindparam("b_record"))
            connection.execute(delete(unreadable).where(*mine, unreadable.c.number == bindparam("b_number")), read)
    return len(read)


def unread_reasons(connection: Connection, exchange: str) -> list[tuple[str, int]]:
    """Why pieces are kept as unreadable, and how many for that reason; the most first."""
    count = func.count().label("pieces")
    query = select(unreadable.c.reason, count).where(unreadable.c.exchange == exchange)
    rows = connection.execute(query.group_by(unreadable.c.reason).order_by(count.desc(), unreadable.c.reason))
    return [(row.reason, row.pieces) for row in rows]


def _readable(connection: Connection, exchange: str, again: Refolded, period: Period) -> Iterator[Any]:
    """Pieces kept as unreadable that the journal still has, and that were read this time; not those from the time of
    calls that are under way by the journal: these are left alone, so that their pieces are still needed."""
    kept = select(unreadable.c.record, unreadable.c.number).where(
        unreadable.c.exchange == exchange,
        unreadable.c.record >= period.first_record,
        unreadable.c.record < again.needed_from.record,
    )
    for row in connection.execute(kept.where(unreadable.c.reason != "journal-damaged")):
        if not again.is_unread(*row):
            yield row


_Entry = tuple[str, bool, dict[str, Any]]


def _differences(
    connection: Connection, exchange: str, again: Refolded, period: Period, result: Comparison
) -> Iterator[tuple[float, str, What, dict[str, Any] | None, dict[str, Any] | None]]:
    for before, after in _side_by_side(_stored(connection, exchange), again.entries()):
        one = before or after
        assert one is not None
        call_id, started_at = one[0], one[2]["started_at"]
        told = after is not None
        if not (period.covers(started_at, told=told) or (after and period.covers(after[2]["started_at"], told=True))):
            result.beyond += 1
        elif before is not None and FORGOTTEN in before[2]["marks"]:
            result.same += 1  # who it was with was erased, and does not come back
        elif not all(side is None or side[1] for side in (before, after)):
            result.under_way += 1
        elif before is None:
            yield started_at, call_id, "added", None, one[2]
        elif after is None:
            if UNSUPPORTED in before[2]["marks"]:
                result.same += 1  # said already
            elif period.whole:
                yield started_at, call_id, "taken-away", one[2], None
            else:
                result.unknown += 1
        elif before[2] != after[2]:
            yield started_at, call_id, "changed", before[2], after[2]
        else:
            result.same += 1


def _stored(connection: Connection, exchange: str) -> Iterator[_Entry]:
    query = select(*_EXCHANGES_OWN).where(calls.c.exchange == exchange).order_by(calls.c.id)
    for row in connection.execute(query.execution_options(yield_per=1000)):
        yield row.id, is_final(row), dict(row._mapping)


def _side_by_side(left: Iterator[_Entry], right: Iterator[_Entry]) -> Iterator[tuple[_Entry | None, _Entry | None]]:
    """Pairs of the same id of two streams in its order; null where one has none."""
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            yield a, None
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            yield None, b
            b = next(right, None)
        else:
            yield a, b
            a, b = next(left, None), next(right, None)


def shown(columns: dict[str, Any]) -> CallLog:
    """An entry for people: numbers and names masked."""
    return blanked(as_log(columns))


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Old and new of each field that differs, masked as for people. ``party_tail`` follows from the number."""
    old, new = shown(before), shown(after)
    names = (name for name in after if name != "party_tail" and before[name] != after[name])
    return {name: (getattr(old, name), getattr(new, name)) for name in names}
