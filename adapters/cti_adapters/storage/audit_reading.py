"""Reads the trail to prove it: chains, seals, and the rows of a range of positions, as they are stored.

Each window is a transaction of its own, so that a verification of hours holds up neither writers nor the write-ahead
log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, LargeBinary, Text, bindparam, cast, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from cti_adapters.storage.core import Asked
from cti_adapters.storage.schema import audit
from cti_adapters.storage.schema_audit import audit_chains, seals
from cti_adapters.storage.work import Database
from cti_server.audit import judging
from cti_server.audit.chain import Entry, Head, start
from cti_server.audit.judging import Finding
from cti_server.audit.seals import Seal, lengths
from cti_server.audit.verifying import Walk, Walked
from cti_server.shared.errors import Unavailable

WINDOW: Final = 5_000
RANGE: Final = 100_000
"""Entries that one process takes at a time."""
FEW: Final = 200_000
"""So many are walked in this process: starting others takes longer."""
STRAYS_MOST: Final = 1_000

Progress = Callable[[int, int], None]
"""(entries looked at, entries in all)."""


class Verified(NamedTuple):
    """What came of a verification."""

    entries: int
    chains: int
    seals: int
    findings: list[Finding]
    broken_seals: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings and not self.broken_seals


def heads(engine: Engine) -> list[Head]:
    """Where the chains end."""
    with engine.connect() as connection:
        rows = connection.execute(select(audit_chains).order_by(audit_chains.c.chain)).all()
    return [Head(row.chain, row.length, row.digest if row.length else start(row.chain)) for row in rows]


def stored_seals(engine: Engine) -> list[Seal]:
    """All seals, the oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(seals).order_by(seals.c.number)).all()
    return [Seal(row.number, row.at, row.heads, row.previous, row.digest) for row in rows]


def began(engine: Engine) -> float | None:
    """When the trail began (epoch seconds, UTC); null where it is empty."""
    with engine.connect() as connection:
        return connection.execute(select(func.min(audit.c.at)).where(audit.c.position == 1)).scalar()


def verify(
    database: Database, outside: Sequence[Seal] = (), newest: int | None = None, progress: Progress | None = None
) -> Verified:
    """Verifies the trail. ``outside``: seals from elsewhere; ``newest``: only so many entries at the end of each
    chain."""
    engine = database.engine
    kept = stored_seals(engine)
    ends = heads(engine)  # after the seals: a chain only grows
    known = [*kept, *outside]
    ranges = [
        (head.chain, first, min(first + RANGE - 1, head.length), _wanted(head, known))
        for head in ends
        for first in range(1 if newest is None else max(1, head.length - newest + 1), head.length + 1, RANGE)
    ]
    walks = list(_walked(database, ranges, progress))
    findings = judging.judged(walks, ends, known)
    findings += _outside_chains(engine, ends)
    broken = judging.broken_seals(kept, judging.seals_told(walks))
    mine = {seal.number: seal for seal in kept}
    for seal in outside:
        if seal.number not in mine or mine[seal.number].digest != seal.digest:
            broken.append(f"seal {seal.number}, kept outside, is not among those that are kept here")
    return Verified(sum(walk.entries for walk in walks), len(ends), len(known), findings, broken)


def _wanted(head: Head, known: Sequence[Seal]) -> frozenset[int]:
    ends = {lengths(seal).get(head.chain, 0) for seal in known}
    return frozenset(ends | {head.length})


_Range = tuple[int, int, int, frozenset[int]]


def _walked(database: Database, ranges: Sequence[_Range], progress: Progress | None) -> Iterator[Walked]:
    total = sum(last - first + 1 for _chain, first, last, _wanted in ranges)
    processes = min(os.cpu_count() or 1, len(ranges))
    done = 0
    if total <= FEW or processes < 2:
        for one in ranges:
            walked = walk(database.engine, *one)
            done += one[2] - one[1] + 1
            if progress is not None:
                progress(done, total)
            yield walked
        return
    url = database.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_walk_elsewhere, url, one): one for one in ranges}
        for future in as_completed(waiting):
            one = waiting[future]
            done += one[2] - one[1] + 1
            if progress is not None:
                progress(done, total)
            yield future.result()


def _walk_elsewhere(url: str, one: _Range) -> Walked:
    database = Database(url)
    try:
        return walk(database.engine, *one)
    except SQLAlchemyError as bad:
        raise Unavailable(f"The trail can't be read ({type(bad).__name__}); try again") from bad
    finally:
        database.close()


def walk(engine: Engine, chain: int, first: int, last: int, wanted: frozenset[int]) -> Walked:
    """Walks through the positions of a chain."""
    before, before_id = (start(chain), None) if first == 1 else _before(engine, chain, first - 1)
    walking = Walk(chain, first, last, before, before_id, wanted)
    for low in range(first, last + 1, WINDOW):
        with engine.connect() as connection:
            rows = _ROWS.rows(connection, chain_=chain, low=low, high=min(low + WINDOW - 1, last))
            walking.go(map(Entry._make, rows))
    return walking.end()


def _before(engine: Engine, chain: int, position: int) -> tuple[bytes | None, Any]:
    with engine.connect() as connection:
        row = next(_ROWS.rows(connection, chain_=chain, low=position, high=position), None)
    return (None, None) if row is None else (row.digest if isinstance(row.digest, bytes) else b"", row.id)


def _outside_chains(engine: Engine, ends: Sequence[Head]) -> list[Finding]:
    """Rows at places that no chain has."""
    found: list[Finding] = []
    with engine.connect() as connection:
        for chain in connection.execute(select(audit.c.chain).distinct()).scalars().all():
            length = next((head.length for head in ends if head.chain == chain), 0)
            grown = connection.execute(select(audit_chains.c.length).where(audit_chains.c.chain == chain)).scalar() or 0
            beyond = or_(audit.c.position > max(length, grown), audit.c.position < 1)
            query = select(audit.c.position, audit.c.id).where(audit.c.chain == chain, beyond).limit(STRAYS_MOST)
            for position, number in connection.execute(query).all():
                found.append(Finding("inserted", chain, position, position, number))
    return found


_C: Final = audit.c
_ROWS: Final = Asked(
    select(
        *(_C.id, _C.chain, _C.position, _C.at, _C.user, _C.act, _C.subject_kind, _C.subject_id, _C.customer_code),
        cast(_C.detail, Text).label("detail"),
        *(cast(column, LargeBinary).label(column.name) for column in (_C.salt, _C.personal, _C.digest)),
    )
    .where(_C.chain == bindparam("chain_", 1), _C.position.between(bindparam("low", 1), bindparam("high", 1)))
    .order_by(_C.position, _C.id),
    ("chain_", "low", "high"),
)
