"""Looks at past calls again: after rules changed for them, or after an upgrade. Lot by lot, so that the lanes of the
exchanges get their turn; a run that was ended goes on where it was, since the place is written with each lot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, func, insert, select, update

from cti_adapters.storage.schema import calls
from cti_adapters.storage.schema_compliance import recounts
from cti_adapters.storage.standing_rows import restand
from cti_adapters.storage.taking_turns import rested

LOT: Final = 100


class Progress(NamedTuple):
    """How far a run is. ``all``: calls to look at, as known when it began."""

    done: int
    changed: int
    all: int


def pending(engine: Engine) -> list[Any]:
    """The recounts that wait or were begun, the first one first."""
    query = select(recounts).where(recounts.c.finished_at.is_(None)).order_by(recounts.c.id)
    with engine.connect() as connection:
        return list(connection.execute(query))


def ask(engine: Engine, since: float | None, now: float) -> None:
    """Asks for one by hand. ``since``: calls that began from then on (epoch seconds, UTC); null: all."""
    with engine.begin() as connection:
        connection.execute(insert(recounts), {"since": since, "why": "asked", "asked_at": now})


def recount(engine: Engine, job: Any, now: float) -> Iterator[Progress]:
    """Does one, and tells after each lot. ``engine`` begins its transactions with the write lock."""
    wanted = select(calls.c.id).order_by(calls.c.id)
    if job.since is not None:
        wanted = wanted.where(calls.c.started_at >= job.since)
    with engine.connect() as connection:
        total = connection.execute(select(func.count()).select_from(wanted.subquery())).scalar_one()
    done, changed, place = job.done, job.changed, job.cursor_id
    while True:
        with rested(), engine.begin() as connection:
            ids = list(connection.execute(wanted.where(calls.c.id > place).limit(LOT)).scalars())
            changed += restand(connection, ids)
            done += len(ids)
            place = ids[-1] if ids else place
            over = len(ids) < LOT
            kept: dict[str, Any] = {"cursor_id": place, "done": done, "changed": changed}
            kept |= {"finished_at": now} if over else {}
            connection.execute(update(recounts).where(recounts.c.id == job.id).values(kept))
        yield Progress(done, changed, total)
        if over:
            return
