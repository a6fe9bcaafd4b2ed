"""Calls that the exchange's own record gave back, beside those that are there: which there are, which gaps still wait
for it, and what came of it (spec O1, decision 009)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, and_, case, false, func, or_, select, update

from cti_adapters.storage.call_rows import as_log
from cti_adapters.storage.schema import calls, exchanges, gaps
from cti_server.calls.call_recovery import Entries, Gain, GapFetch
from cti_server.calls.log import CallLog
from cti_server.calls.recorded_calls import RecordedCall
from cti_server.shared.notices import ExchangeChanged, Notice

AROUND: Final = 60.0
"""Seconds by which the clocks of exchange and server may differ for a call to belong to a gap."""
BUFFER: Final = "buffer"
"""Where calls of a gap come from that the exchange kept itself until it was heard again (SMDR)."""
LONGEST_CALL: Final = 24 * 3600.0


class PendingGap(NamedTuple):
    """A gap that is over and of which not everything that can be had is there yet."""

    started_at: float
    ended_at: float
    fetched_at: float | None
    problem: str
    still_up: int
    """Calls that were going on when it ended, and still are: their rows are not written yet."""


def pending_gaps(engine: Engine, exchange: str, since: float, has_record: bool) -> list[PendingGap]:
    """The gaps that ended after ``since`` (epoch seconds, UTC), the oldest first. ``has_record``: also those that were
    given up because there was no record to fetch from."""
    unfinished = or_(gaps.c.finished_at.is_(None), gaps.c.source == "" if has_record else false())
    query = (
        select(gaps)
        .where(gaps.c.exchange == exchange, gaps.c.ended_at.is_not(None), gaps.c.ended_at >= since, unfinished)
        .order_by(gaps.c.started_at)
    )
    with engine.connect() as connection:
        return [
            PendingGap(row.started_at, row.ended_at, row.fetched_at, row.problem, _still_up(connection, row))
            for row in connection.execute(query).all()
        ]


def _still_up(connection: Connection, gap: Any) -> int:
    branch = select(exchanges.c.branch).where(exchanges.c.id == gap.exchange).scalar_subquery()
    query = (
        select(func.count())
        .select_from(calls)
        .where(
            calls.c.branch == branch,
            calls.c.started_at.between(gap.started_at - LONGEST_CALL, gap.ended_at),
            calls.c.exchange == gap.exchange,
            calls.c.state != "ended",
        )
    )
    return int(connection.execute(query).scalar_one())


class Recovery(NamedTuple):
    """What a fetch comes to. ``changed`` are new calls, completed ones, and what turned out to be a part of one."""

    changed: list[CallLog]
    completed: frozenset[str]
    """Ids of entries that are over and change all the same."""
    gains: Counter[Gain]


def recovery(connection: Connection, exchange: str, fetch: GapFetch) -> Recovery:
    """Joins what was fetched with the calls that are there."""
    gap = connection.execute(
        select(gaps.c.started_at, gaps.c.ended_at).where(gaps.c.exchange == exchange, gaps.c.started_at == fetch.gap)
    ).first()
    return joined(_near(connection, exchange, fetch.calls), None if gap is None else gap.ended_at, fetch)


def around(recorded: list[RecordedCall]) -> tuple[float, float]:
    """Between which times (epoch seconds, UTC) the entries began that recorded calls may be about."""
    begun = [call.log.started_at for call in recorded]
    return min(begun) - AROUND, max(begun) + AROUND


def joined(near: list[CallLog], ended_at: float | None, fetch: GapFetch) -> Recovery:
    """Joins what was fetched with the entries from `around` that time. ``ended_at``: when the gap was over; null where
    it lasts or is not known."""
    entries = Entries(near)
    changed: dict[str, CallLog] = {}
    completed: set[str] = set()
    gains: Counter[Gain] = Counter()
    for call in fetch.calls:
        gain, logs = entries.recover(call)
        if gain == "recovered" and not _belongs(call, fetch.gap, ended_at):
            continue
        gains[gain] += 1
        for log in logs:
            if gain == "completed" and log.merged_into is None:
                completed.add(log.id)
            changed[log.id] = log
            entries.put(log)
    return Recovery(list(changed.values()), frozenset(completed), gains)


def _near(connection: Connection, exchange: str, recorded: list[RecordedCall]) -> list[CallLog]:
    """The entries of the exchange from the time of the recorded calls."""
    if not recorded:
        return []
    query = select(calls).where(
        calls.c.branch == recorded[0].log.branch,
        calls.c.started_at.between(*around(recorded)),
        calls.c.exchange == exchange,
    )
    return [as_log(dict(row)) for row in connection.execute(query).mappings()]


def _belongs(call: RecordedCall, began_at: float, ended_at: float | None) -> bool:
    """Whether a call that nobody heard of was going on in the gap. (A call that was heard is found by its ids.)"""
    if ended_at is None:
        return False
    slack = AROUND if call.legs else 0.0
    over = call.log.ended_at if call.log.ended_at is not None else call.log.started_at
    return over >= began_at - slack and call.log.started_at <= ended_at + slack


def note_buffered(connection: Connection, exchange: str, added: Iterable[CallLog]) -> None:
    """Counts with the gaps the calls that were over before the exchange could tell of them."""
    over = [log.ended_at or log.started_at for log in added if log.over_when_told]
    if not over:
        return
    hidden = select(gaps.c.started_at, gaps.c.ended_at).where(
        gaps.c.exchange == exchange, gaps.c.started_at <= max(over), gaps.c.ended_at >= min(over)
    )
    for gap in connection.execute(hidden.where(gaps.c.source == BUFFER)).all():
        count = sum(gap.started_at <= at <= gap.ended_at for at in over)
        if count:
            of_it = and_(gaps.c.exchange == exchange, gaps.c.started_at == gap.started_at)
            connection.execute(update(gaps).where(of_it).values(recovered=gaps.c.recovered + count))


def note_fetch(connection: Connection, exchange: str, fetch: GapFetch, gains: Counter[Gain]) -> list[Notice]:
    """Writes with the gap what came of it; returns what to tell."""
    again = {"fetched_at": fetch.at} if not fetch.problem else {}
    connection.execute(
        update(gaps)
        .where(gaps.c.exchange == exchange, gaps.c.started_at == fetch.gap)
        .values(
            source=fetch.source,
            recovered=gaps.c.recovered + gains["recovered"],
            completed=gaps.c.completed + gains["completed"],
            unread=case((gaps.c.unread > fetch.unread, gaps.c.unread), else_=fetch.unread),
            problem=fetch.problem,
            problem_values=dict(fetch.problem_values),
            finished_at=fetch.at if fetch.finished else None,
            **again,
        )
    )
    row = connection.execute(select(exchanges.c.branch, exchanges.c.state).where(exchanges.c.id == exchange)).first()
    return [] if row is None else [ExchangeChanged(exchange, row.branch, row.state)]
