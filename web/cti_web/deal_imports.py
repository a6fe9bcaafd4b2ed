"""Imports of deals that go on while their page shows how far they are. They live in this process's memory: each lot of
a file is a transaction, and importing a file again changes nothing, so that one which was broken off is begun anew."""

from __future__ import annotations

import io
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock, Thread
from typing import Final

from cti_adapters.storage.deal_import import import_deals
from cti_adapters.storage.work import Database
from cti_server.phases.deal_file import rows
from cti_server.phases.desk_importing import Brought
from cti_server.shared.clock import Clock
from cti_server.shared.errors import YobirinError
from cti_server.shared.viewer import Viewer

log = logging.getLogger(__name__)

KEPT: Final = 8
"""Files in memory; the oldest that is over makes room."""


class Busy(Exception):
    """As many imports are under way as there is room for; some minutes later there is."""


@dataclass(slots=True)
class DealImport:
    """A file that is being looked at (``only_look``) or imported, and how far it is. ``problem``: why it was broken
    off; ``text`` is gone once it was imported."""

    service: int
    only_look: bool
    text: str
    rows: int
    """Without the header."""
    done: Brought = field(default_factory=Brought)
    over: bool = False
    problem: Exception | None = None


class DealImports:
    """The imports that pages began: one at a time is worked on."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        wake: Callable[[list[int]], None],
        beside: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """``beside`` has something done while pages go on: a thread, unless given."""
        self._database = database
        self._clock = clock
        self._wake = wake
        self._beside = beside or (lambda what: Thread(target=what, name="deal import", daemon=True).start())
        self._one = Lock()
        self._guard = Lock()
        self._kept: dict[tuple[str, str], DealImport] = {}

    def begin(self, viewer: Viewer, service: int, text: str, *, only_look: bool) -> str:
        """Begins one for a viewer (not a request's proxy); gives the key that they, and nobody else, find it by. Raises
        Invalid where the text is no file of deals, Busy where there is no room."""
        one = DealImport(service, only_look, text, sum(1 for _row in rows(io.StringIO(text))))
        key = secrets.token_urlsafe(12)
        with self._guard:
            over = next((known for known, other in self._kept.items() if other.over), None)
            if len(self._kept) >= KEPT:
                if over is None:
                    raise Busy
                del self._kept[over]
            self._kept[viewer.id, key] = one
        self._beside(lambda: self._bring(one, viewer))
        return key

    def get(self, viewer: Viewer, key: str) -> DealImport | None:
        """One that this viewer began."""
        return self._kept.get((viewer.id, key))

    def _bring(self, one: DealImport, viewer: Viewer) -> None:
        def so_far(done: Brought) -> None:
            one.done = replace(done, refused=list(done.refused))

        try:
            with self._one:
                import_deals(
                    self._database,
                    io.StringIO(one.text),
                    one.service,
                    viewer,
                    self._clock,
                    wake=self._wake,
                    only_look=one.only_look,
                    progress=so_far,
                )
        except YobirinError as problem:
            one.problem = problem
        except Exception as problem:
            log.exception("an import of deals was broken off")
            one.problem = problem
        if not one.only_look and one.problem is None:
            one.text = ""
        one.over = True
