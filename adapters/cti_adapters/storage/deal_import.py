"""Imports a file of deals, some hundreds at a time, each lot in a transaction of its own; importing a file again
changes nothing (docs/phases.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TextIO

from cti_adapters.storage import outbox
from cti_adapters.storage.taking_turns import rested
from cti_adapters.storage.work import Database
from cti_server.phases.deal_file import DealRow, RefusedRow, rows
from cti_server.phases.desk import PhaseDesk
from cti_server.phases.desk_importing import Brought, lots
from cti_server.shared.clock import Clock
from cti_server.shared.viewer import Viewer

REPORTED: Final = 500
"""Refused rows that are kept for the page; the command writes all of them."""


class _OnlyLooked(Exception):
    """Takes a lot back that was only tried."""


def import_deals(
    database: Database,
    stream: TextIO,
    service: int,
    viewer: Viewer,
    clock: Clock,
    *,
    wake: Callable[[list[int]], None] | None = None,
    only_look: bool = False,
    progress: Callable[[Brought], None] = lambda done: None,
    refuse: Callable[[RefusedRow], None] = lambda row: None,
) -> Brought:
    """Imports a text stream of CSV as far as the viewer's scope goes. ``only_look``: says what would come of it, and
    keeps nothing. ``progress`` is called after each lot, ``refuse`` for each row that can't be taken. Raises Invalid
    where it is no file of deals."""
    done = Brought()

    def refused(row: RefusedRow) -> None:
        done.refusals += 1
        if len(done.refused) < REPORTED:
            done.refused.append(row)
        refuse(row)

    for lot in lots(rows(stream)):
        good: list[DealRow] = []
        for row in lot:
            if isinstance(row, RefusedRow):
                done.rows += 1
                refused(row)
            else:
                good.append(row)
        try:
            with rested(), database.open(viewer.scope, write=True) as work:
                if wake is not None:
                    outbox.watch(work, wake)
                came = PhaseDesk(work, viewer, clock).bring(service, good, refused)
                if only_look:
                    raise _OnlyLooked
        except _OnlyLooked:
            pass
        done.rows += came.rows
        done.added += came.added
        done.there += came.there
        progress(done)
    if not only_look and done.added:
        with database.open(viewer.scope, write=True) as work:
            told = {"rows": done.rows, "added": done.added, "refused": done.refusals}
            work.set_up.note(viewer.id, clock.now(), "deals imported", str(service), told)
    return done
