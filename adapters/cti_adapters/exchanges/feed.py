"""The feed of one exchange: its journal, its lane and its link."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_client import AmiLink
from cti_adapters.exchanges.dialling import Dialler
from cti_adapters.exchanges.kinds import Reading, link_of, reading_of
from cti_adapters.exchanges.lane import Lane, Store
from cti_adapters.exchanges.link import KeptLink
from cti_adapters.exchanges.recovery import GapStore, Recovery
from cti_adapters.exchanges.status import ExchangeState, LaneStatus, Link, LinkCounters, Reason
from cti_adapters.exchanges.steady_time import Timer
from cti_adapters.exchanges.writer import Writer
from cti_adapters.journal.files import Journal, Kind
from cti_server.calls import clock_skew
from cti_server.settings import ExchangeSettings, JournalSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import SettingsError, Unavailable

log = logging.getLogger(__name__)

REOPEN_SECONDS = 30.0
DRAIN_SECONDS = 2.0
"""So long a feed that is stopped may take to bring what it has heard into the database."""
_MIB = 2**20
_Result = TypeVar("_Result")


class FeedStore(Store, GapStore, Protocol):
    """Where calls are written and gaps are known: ``storage.call_writer.CallWriter``."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all feeds of a server share."""

    data_dir: Path
    journal: JournalSettings
    store: FeedStore
    writer: Writer
    reactor: Any
    clock: Clock

    def in_thread(self, what: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """Runs what may take a while off the reactor."""
        return deferToThreadPool(self.reactor, self.reactor.getThreadPool(), what, *args)


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """All that is known of a feed, for the exchanges page and ``cti exchange list``."""

    state: ExchangeState
    link: LinkCounters
    lane: LaneStatus
    backlog: int
    """Bytes of the journal that are not folded yet."""
    journal: int
    """Bytes that the journal keeps, before compression."""

    @property
    def counters(self) -> dict[str, float]:
        """Everything that is counted, by name."""
        lane = {name: getattr(self.lane, name) for name in ("events", "unreadable", "batches", "commits_failed")}
        clock = (
            {} if self.lane.clock_ahead is None else {"clock_ahead": round(self.lane.clock_ahead, 1) + 0.0}
        )  # not -0.0
        return asdict(self.link) | lane | clock | {"backlog": self.backlog, "journal": self.journal}


class Feed:
    """One exchange: its journal, its lane and its link. Whatever goes wrong with it stays with it."""

    def __init__(
        self, settings: ExchangeSettings, around: Surroundings, on_state: Callable[[ExchangeState], None]
    ) -> None:
        self.settings = settings
        self.link: KeptLink | None = None
        self.dialler: Dialler | None = None
        self.tried = False
        now = around.clock.now()
        reason = Reason("paused-by-person" if settings.paused else "stopped")
        self.state = ExchangeState(settings.id, settings.branch, Link.STOPPED, reason, now, None, None)
        self._around = around
        self._on_state = on_state
        self._journal: Journal | None = None
        self._lane: Lane | None = None
        self._reading: Reading | None = None
        self._recovery: Recovery | None = None
        self._problem = Reason()
        self._again: Timer | None = None
        self._stopping = False
        self._opening: Deferred[None] = succeed(None)
        self._resting = DeferredLock()  # whoever has it may have the lane rest

    def start(self) -> None:
        """Opens the journal in a thread (its newest segment is read through), then the lane, then the link."""
        self._again = None
        folder = self._around.data_dir / "journal" / self.settings.id
        sizes = self._around.journal
        self._opening = self._around.in_thread(
            lambda: Journal(folder, segment_bytes=sizes.segment_mib * _MIB, keep_days=sizes.keep_days)
        ).addCallbacks(self._opened, self._not_opened)

    @inlineCallbacks
    def stop(self, reason: str = "stopped") -> Any:
        """Ends the link, brings what was heard into the database if that is quickly done, closes the journal.
        ``reason`` is the code that the gap gets which begins."""
        self._stopping = True
        if self._again is not None:
            self._again.cancel()
        yield self._opening
        yield self._resting.acquire()
        if self._recovery is not None:
            self._recovery.stop()
        if self.link is not None:
            yield self.link.stop(reason)
        journal, lane = self._journal, self._lane
        if journal is None or lane is None:
            return
        deadline = self._around.reactor.seconds() + DRAIN_SECONDS
        while lane.backlog and not lane.retry_at and self._around.reactor.seconds() < deadline:
            pause: Deferred[None] = Deferred()
            self._around.reactor.callLater(0.02, pause.callback, None)
            yield pause
        yield self._around.in_thread(self._around.writer.remove, lane)
        journal.close()

    def status(self) -> FeedStatus:
        """All that is known of it."""
        return FeedStatus(
            state=self.state if self.link is None else self._with_problem(self.link.state),
            link=LinkCounters() if self.link is None else self.link.counters,
            lane=LaneStatus() if self._lane is None else self._lane.status,
            backlog=0 if self._lane is None else self._lane.backlog,
            journal=0 if self._journal is None else self._journal.end - self._journal.start,
        )

    def keep_house(self) -> None:
        """Compresses and drops old segments of the journal."""
        if self._journal is None or self._lane is None:
            return
        kept_from, now = self._lane.needed_from, self._around.clock.now()
        self._around.in_thread(self._journal.rotate_old, now, kept_from).addErrback(self._house_not_kept)

    def _opened(self, journal: Journal) -> None:
        if self._stopping:
            journal.close()
            return
        if journal.cut_bytes:
            log.warning("exchange %s: cut %d torn bytes off the journal", self.settings.id, journal.cut_bytes)
        try:
            self._reading = reading = reading_of(self.settings, journal.secret())
        except (SettingsError, OSError) as bad:
            journal.close()
            self._failed(Reason("bad-settings", {"error": str(bad)}))
            return
        call = self._around.reactor.callFromThread
        self._journal = journal
        self._lane = self._lane_of(journal, reading, lambda: call(self._begin))
        self._around.writer.add(self._lane)

    def _lane_of(self, journal: Journal, reading: Reading, on_open: Callable[[], None]) -> Lane:
        call = self._around.reactor.callFromThread
        return Lane(
            self.settings.id,
            journal,
            self._around.store,
            reading.decoder,
            reading.fold,
            batch_bytes=reading.batch_bytes,
            read_fetch=reading.read_fetch,
            stamp=reading.stamp,
            clock=reading.clock,
            gap_source="buffer" if reading.recording else "",
            on_open=on_open,
            on_problem=lambda problem: call(self._lane_problem, problem),
        )

    # -- while the link goes on

    def reads_anew(self, settings: ExchangeSettings) -> bool:
        """Whether changed settings only change how what comes is read: another text of its profile, the same sign-in.
        Then nothing of the link has to be touched."""
        if self._stopping or self._journal is None or self._reading is None or self._reading.recording is None:
            return False
        if settings == self.settings or settings.with_own_profile(self.settings.own_profile) != self.settings:
            return False
        try:
            fresh = reading_of(settings, self._journal.secret())
        except (SettingsError, OSError):
            return False  # a start anew says what is wrong
        return fresh.recording is not None and fresh.recording.dialogue == self._reading.recording.dialogue

    def read_anew(self, settings: ExchangeSettings) -> Deferred[None]:
        """Takes a changed profile over, from the next record on; the link stays."""
        self.settings = settings
        return self.rested(lambda: None)

    def rested(self, work: Callable[[], _Result]) -> Deferred[_Result]:
        """Does ``work`` in a thread while the lane rests, so that nobody else writes calls of the exchange. What comes
        meanwhile waits in the journal. Fails with Unavailable where no lane runs."""
        return self._resting.run(self._rested, work)

    @inlineCallbacks
    def _rested(self, work: Callable[[], _Result]) -> Any:
        lane, journal = self._lane, self._journal
        if self._stopping or lane is None or journal is None:
            raise Unavailable("Nothing of this exchange is read just now; try again in a moment")
        reading = reading_of(self.settings, journal.secret())
        yield self._around.in_thread(self._around.writer.remove, lane)
        try:
            result = yield self._around.in_thread(work)
        finally:
            self._reading, self._problem = reading, Reason()
            self._lane = self._lane_of(journal, reading, lambda: None)
            self._lane.status = replace(lane.status, problem=Reason())
            self._around.writer.add(self._lane)
        return result

    def _begin(self) -> None:
        """The lane knows where the journal goes on: the exchange may be listened to."""
        if self._stopping or self._journal is None:
            return
        if self.settings.paused:
            self._stay_paused(self._journal)
            return
        assert self._reading is not None
        self.link = link_of(
            self.settings,
            self._reading,
            self._journal,
            self._around.writer.wake,
            reactor=self._around.reactor,
            clock=self._around.clock,
            on_state=self._link_state,
        )
        if isinstance(self.link, AmiLink):
            self.dialler = Dialler(self.settings, self.link, self._around.reactor)
            self._recovery = Recovery(
                self.settings,
                self._around.store,
                self.link,
                reactor=self._around.reactor,
                clock=self._around.clock,
                in_thread=self._around.in_thread,
            )
        self.link.start()

    def _stay_paused(self, journal: Journal) -> None:
        """Nobody is to listen: what was heard before a server was killed ends in a gap all the same."""
        self.tried = True
        last = journal.last
        if last is not None and last.kind is not Kind.DOWN:
            told = {"reason": self.state.reason.code, "heard": last.at}
            journal.append(Kind.DOWN, json.dumps(told).encode(), self._around.clock.now())
            self._around.writer.wake()
        self._publish(self.state)

    def _not_opened(self, failure: Failure) -> None:
        failure.trap(OSError)
        self._failed(Reason("journal-unusable", {"error": str(failure.value)}))

    def _failed(self, reason: Reason) -> None:
        """Nothing can be heard until somebody mends something."""
        self.tried = True
        log.error("exchange %s: %s", self.settings.id, reason.sentence)
        self._publish(replace(self.state, state=Link.FAILED, reason=reason, since=self._around.clock.now()))
        if not self._stopping:
            self._again = self._around.reactor.callLater(REOPEN_SECONDS, self.start)

    def _link_state(self, state: ExchangeState) -> None:
        if state.state is not Link.CONNECTING:
            self.tried = True
        if state.state is Link.UP and self.state.state is not Link.UP and self._recovery is not None:
            self._recovery.wake()
        self._publish(self._with_problem(state))

    def _lane_problem(self, problem: Reason) -> None:
        self._problem = problem
        state = self.state if self.link is None else self.link.state
        if problem.code:
            self.tried = True
        self._publish(self._with_problem(state))

    def _with_problem(self, state: ExchangeState) -> ExchangeState:
        clock = Reason() if self._lane is None else self._clock(self._lane.status)
        added = tuple(reason for reason in (self._problem, clock) if reason.code)
        return replace(state, warnings=(*state.warnings, *added)) if added else state

    def _clock(self, lane: LaneStatus) -> Reason:
        limit = self.settings.clock_limit_seconds + lane.clock_unsure
        return Reason(*clock_skew.said(lane.clock_ahead, limit))

    def _publish(self, state: ExchangeState) -> None:
        self.state = state
        self._on_state(state)

    def _house_not_kept(self, failure: Failure) -> None:
        failure.trap(OSError)
        log.error("exchange %s: old journal segments stay as they are: %s", self.settings.id, failure.value)
