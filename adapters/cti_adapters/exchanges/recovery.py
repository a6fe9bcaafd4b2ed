"""After a gap: fetches what it hid from the exchange's own record, and again until nothing more can be expected (spec
O1, decision 009). What is fetched goes through the journal like everything else; the lane makes calls of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, Final, Protocol

from twisted.internet.defer import inlineCallbacks

from cti_adapters.exchanges.record_fetch import payloads, problem_payload
from cti_adapters.exchanges.record_sources import CsvRecord, Fields, RecordProblem, RecordSource, TableRecord
from cti_adapters.exchanges.status import Reason
from cti_adapters.exchanges.steady_time import Timer
from cti_adapters.storage.gap_recovery import PendingGap
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import SettingsError

log = logging.getLogger(__name__)

MARGIN: Final = 120.0
"""Seconds before and after a gap in which its calls may have begun and ended by the exchange's clock."""
SOON: Final = 2.0
"""Seconds until the lane knows of a gap, usually."""
LATE: Final = 330.0
"""Seconds after which an exchange has written what it collects (``batch`` in cdr.conf: 300 s)."""
AGAIN: Final = 60.0
"""Seconds from one look to the next, as long as rows may come late."""
LONGEST_WAIT: Final = 600.0
"""Seconds from one try to the next where the record can't be had."""
GIVEN_UP: Final = 30 * 86400.0
"""Seconds after which nobody asks for a gap any more."""


class Keeps(Protocol):
    """Who takes what was fetched into the journal: the link."""

    def keep_fetched(self, payload: bytes) -> bool:
        """Keeps it; whether that was possible (only while the exchange is heard)."""


class GapStore(Protocol):
    """Where the gaps are."""

    def pending_gaps(self, exchange: str, since: float, has_record: bool) -> list[PendingGap]:
        """Those that are over and wait for the record."""


def source_of(settings: ExchangeSettings) -> RecordSource | None:
    """The exchange's own record; None where none is set. Raises RecordProblem where its address can't be had."""
    cdr = settings.cdr
    if cdr is None:
        return None
    zone = cdr.timezone or settings.timezone
    if cdr.file is not None:
        return CsvRecord(cdr.file, zone, cdr.columns)
    try:
        return TableRecord(cdr.secret(), cdr.table, zone)
    except SettingsError as bad:
        raise RecordProblem("record-bad-secret", error=str(bad)) from bad


class Recovery:
    """Looks for gaps of one exchange that still miss something, one look at a time, on the reactor's thread; reads the
    record in a thread. `wake` when the exchange is heard again."""

    def __init__(
        self,
        settings: ExchangeSettings,
        store: GapStore,
        keeper: Keeps,
        *,
        reactor: Any,
        clock: Clock,
        in_thread: Callable[..., Any],
    ) -> None:
        self._settings = settings
        self._store = store
        self._keeper = keeper
        self._reactor = reactor
        self._clock = clock
        self._in_thread = in_thread
        self._timer: Timer | None = None
        self._looking = False
        self._woken = False
        self._stopped = False
        self._wait = AGAIN
        self._once_more = False
        self._kept: dict[float, set[bytes]] = {}  # by gap: the rows that the journal has
        self._said: dict[float, str] = {}  # by gap: the problem that the journal has

    def wake(self) -> None:
        """The exchange is heard again: there may be a gap, whose rows may take a moment to be written. (Nor need the
        lane have come so far already, so there is a second look.)"""
        self._wait = AGAIN
        self._once_more = True
        if self._looking:
            self._woken = True
        else:
            self._look_in(self._settings.cdr.wait_seconds if self._settings.cdr else SOON)

    def stop(self) -> None:
        """No more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if self._stopped else self._reactor.callLater(seconds, self._look)

    @inlineCallbacks
    def _look(self) -> Any:
        self._timer, self._looking, self._woken = None, True, False
        try:
            pending = yield self._in_thread(self._pending)
            failed = unfinished = False
            for gap in pending:
                done, problem = yield self._recover(gap)
                unfinished = unfinished or not done
                failed = failed or problem
        except Exception as bad:  # noqa: BLE001 - a database that is stuck: the next look may do better
            log.warning("exchange %s: looking for gaps failed: %s", self._settings.id, type(bad).__name__)
            failed = unfinished = True
        self._looking = False
        if self._woken:
            self.wake()
        elif unfinished or self._once_more:
            self._once_more = False
            self._look_in(self._wait)
            self._wait = min(LONGEST_WAIT, self._wait * 2) if failed else AGAIN

    def _pending(self) -> list[PendingGap]:
        since = self._clock.now() - GIVEN_UP
        return self._store.pending_gaps(self._settings.id, since, self._settings.cdr is not None)

    @inlineCallbacks
    def _recover(self, gap: PendingGap) -> Any:
        """One look at the record for one gap: (whether it is finished, whether something was wrong)."""
        if self._stopped:
            return False, False
        if self._settings.cdr is None:
            return self._keep([problem_payload(gap.started_at, "", "record-none", {}, finished=True)]), False
        kind = "csv" if self._settings.cdr.file is not None else "table"
        try:
            rows = yield self._in_thread(self._fetch, gap)
        except RecordProblem as problem:
            return self._tell(gap, kind, problem), True
        late = self._clock.now() - gap.ended_at >= LATE
        finished = late and not gap.still_up
        known = self._kept.get(gap.started_at, set())
        fresh = [row for row in rows if _print(row) not in known]
        if fresh or finished or gap.fetched_at is None or gap.problem:
            whole = _with_their_calls(fresh, rows)
            if not self._keep(payloads(gap.started_at, kind, whole, finished=finished)):
                return False, False
            self._kept[gap.started_at] = known | {_print(row) for row in rows}
        if finished:
            self._kept.pop(gap.started_at, None)
        self._said.pop(gap.started_at, None)
        return finished, False

    def _fetch(self, gap: PendingGap) -> list[Fields]:
        source = source_of(self._settings)
        assert source is not None
        return source.fetch(gap.started_at - MARGIN, gap.ended_at + MARGIN)

    def _tell(self, gap: PendingGap, kind: str, problem: RecordProblem) -> bool:
        """Says why nothing can be fetched, once. It is tried again; True never."""
        sentence = Reason(problem.code, problem.detail).sentence
        if self._said.get(gap.started_at) != sentence:
            log.warning("exchange %s: nothing can be fetched for a gap: %s", self._settings.id, sentence)
            if self._keep([problem_payload(gap.started_at, kind, problem.code, problem.detail, finished=False)]):
                self._said[gap.started_at] = sentence
        return False

    def _keep(self, what: Any) -> bool:
        return all(self._keeper.keep_fetched(payload) for payload in what)


def _print(row: Fields) -> bytes:
    return blake2b(repr(sorted(row.items())).encode("utf-8", "surrogateescape"), digest_size=16).digest()


def _with_their_calls(fresh: list[Fields], rows: list[Fields]) -> Iterator[Fields]:
    """The fresh rows and all others of the same calls: a call is made of all of its rows."""
    ids = {row.get(name) for row in fresh for name in ("linkedid", "uniqueid")} - {"", None}
    for row in rows:
        if row in fresh or row.get("linkedid") in ids or row.get("uniqueid") in ids:
            yield row
