"""What the daemon does when a page has an exchange's records folded again: beside everything else what would change,
and while the exchange's lane rests the change itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.live.hub import Hub
from cti_adapters.live.outbox import Effect
from cti_adapters.replaying import FoldedAgain, folded_again, write_corrections
from cti_adapters.storage.correcting import labels_of
from cti_adapters.storage.outbox import OutboxRow
from cti_adapters.storage.replay import changes, shown
from cti_adapters.storage.work import Database, UnitOfWork
from cti_server.calls.corrected import BY_FOLDING
from cti_server.exchanges.refolding import Refolding
from cti_server.settings import ExchangeSettings, Settings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import YobirinError
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import EVERYTHING

log = logging.getLogger(__name__)

WANTED_SECONDS: Final = 600.0
"""What was asked for longer ago is not begun any more: who asked has gone, or asked again."""
LISTED: Final = 50
TELLING: Final = frozenset(
    {
        "direction",
        "started_at",
        "answered_at",
        "ended_at",
        "answered",
        "disposition",
        "ring_seconds",
        "talk_seconds",
        "hold_seconds",
        "queue",
        "fax",
    }
)
"""What of a changed call is shown with its values: nothing that says who called, or whose call it is."""


class _Stopping(YobirinError):
    """The server is ending."""


class Refolds:
    """Folds again what pages ask for, one exchange at a time."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        supervision: Supervision,
        database: Database,
        clock: Clock,
        reactor: Any,
        hub: Hub,
    ) -> None:
        self._settings = settings
        self._supervision = supervision
        self._database = database
        self._clock = clock
        self._reactor = reactor
        self._hub = hub
        self._one = DeferredLock()
        self._stopping = False

    def stop(self) -> None:
        """Ends what is under way, between two records; what is written by then stays, the rest is for the next time."""
        self._stopping = True

    def asked(self, work: UnitOfWork, row: OutboxRow) -> Effect | None:
        """The row of one that a page asks for."""
        number = int(row.body["refolding"])
        asked = work.refoldings.get(number)
        if asked is None or asked.done:
            return None
        if self._clock.now() - asked.at > WANTED_SECONDS:
            work.refoldings.end(number, {"reason": "broken-off"})
            return None
        return lambda: self._one.run(self._begin, number, asked)

    def _begin(self, number: int, asked: Refolding) -> Deferred[Any]:
        exchange = next((one for one in self._settings().exchanges if one.id == asked.exchange), None)
        if exchange is None:
            return self._in_thread(self._end, number, {"reason": "not-running"})
        if asked.write:
            found = self._supervision.rested(exchange.id, lambda: self._fold(exchange, asked))
        else:
            found = self._in_thread(self._fold, exchange, asked)
        found.addErrback(self._failed, exchange.id)
        return found.addCallback(lambda findings: self._in_thread(self._end, number, findings))

    def _fold(self, exchange: ExchangeSettings, asked: Refolding) -> dict[str, Any]:
        """In a thread."""
        engine = self._database.engine
        with folded_again(exchange, self._settings().data_dir, engine, self._go_on) as found:
            if found.upto is None:
                return {"reason": "nothing-yet"}
            told = _told(found)
            if asked.write:
                written = write_corrections(engine, self._clock, exchange, found, by=asked.by, why=BY_FOLDING)
                told |= {"corrected": written.calls, "kept": len(written.kept), "read": written.read}
                ids = tuple(call_id for call_id, *_rest in found.again.noted(500))
                with engine.connect() as connection:
                    notice = WorkChanged(labels_of(connection, ids), ids)
                self._reactor.callFromThread(self._hub.publish, notice)
            return told

    def _go_on(self, _done: int, _whole: int) -> None:
        if self._stopping:
            raise _Stopping("the server is ending")

    def _failed(self, failure: Failure, exchange: str) -> dict[str, Any]:
        failure.trap(YobirinError, OSError)
        if failure.check(_Stopping):
            return {"reason": "broken-off"}
        log.error("exchange %s could not be folded again: %s", exchange, failure.value)
        return {"reason": "failed", "error": str(failure.value)}

    def _end(self, number: int, findings: dict[str, Any]) -> None:
        with self._database.open(EVERYTHING, write=True) as work:
            work.refoldings.end(number, findings)

    def _in_thread(self, what: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), what, *args)


def _told(found: FoldedAgain) -> dict[str, Any]:
    """Counts, and the first differences: times and what changed, no number and no name."""
    result = found.result
    rows = []
    for _call_id, what, before, after in found.again.noted(LISTED):
        fields = changes(before, after) if before is not None and after is not None else {}
        began = shown(after or before or {}).started_at
        values = {name: list(both) if name in TELLING else [] for name, both in fields.items()}
        rows.append({"what": what, "at": began, "fields": values})
    counts = {what: result.differences.get(what, 0) for what in ("added", "changed", "taken-away")}
    rest = {name: getattr(result, name) for name in ("same", "under_way", "beyond", "unknown", "readable")}
    return {"counts": counts, "rows": rows, "damaged": found.damaged} | rest
