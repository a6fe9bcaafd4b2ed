"""What the links to all kinds of exchanges have in common: how they are tried again, how what they hear gets into the
journal, and how their state is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, succeed

from cti_adapters.exchanges.intake import Intake
from cti_adapters.exchanges.status import ExchangeState, Link, LinkCounters, Reason
from cti_adapters.exchanges.steady_time import Timer
from cti_adapters.journal.files import Journal, Kind
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock

log = logging.getLogger(__name__)

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
FIRST_REFUSED_RETRY, LONGEST_REFUSED_RETRY = 60.0, 600.0
STEADY_SECONDS = 30.0
"""A link that lasted so long is tried again at once when it breaks; a shorter one counts as a failed attempt."""
TICK_SECONDS = 10.0
"""So exactly is it known when the exchange was last heard."""
SOON_SECONDS = 1.5
"""So long after something was heard comes a TICK: a call that is over waits for its last word a little shorter."""
SLOWLY = frozenset({"refused", "bad-settings"})
"""Reasons that somebody has to mend: no use in trying often."""


class KeptLink:
    """Keeps a link up until it is stopped: tries, journals, and tries again whatever happens.

    Every change of state is given to ``on_state``. The journal gets UP when the exchange is heard, the bytes, a TICK
    every ten seconds and a moment after bytes, and DOWN when it is heard no more, with the last moment at which it was.
    A kind of link says how it tries (``_connect``), leaves off (``_abandon``, ``_close``), and stops and goes on
    reading.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        journal: Journal,
        wake: Callable[[], None],
        *,
        reactor: Any,
        clock: Clock,
        on_state: Callable[[ExchangeState], None],
        random: Random | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._reactor = reactor
        self._clock = clock
        self._on_state = on_state
        self._random = random or Random()
        self._intake = Intake(journal, wake, reactor)
        self._intake.reader = self
        self._timer: Timer | None = None
        self._tick: Timer | None = None
        self._tick_soon = False
        self._tries = 0
        self._refusals = 0
        self._up_at: float | None = None  # by the reactor's clock
        self._blind: dict[str, Any] | None = None  # what the DOWN record said, until the next UP
        self._running = False
        self._stopped: Deferred[None] | None = None
        self.counters = LinkCounters()
        now = clock.now()
        self.state = ExchangeState(settings.id, settings.branch, Link.STOPPED, Reason("stopped"), now, None, None)

    # -- what a kind of link says

    def _connect(self) -> None:
        """Tries; ``_timer`` is to be null from here on."""
        raise NotImplementedError

    def _abandon(self) -> None:
        """Gives up an attempt that is under way."""
        raise NotImplementedError

    def _close(self, reason: Reason) -> bool:
        """Ends what is up, for a reason; ``_lost`` follows. False where nothing is."""
        raise NotImplementedError

    def _pause_reading(self) -> None:
        raise NotImplementedError

    def _resume_reading(self) -> bool:
        """Goes on; False where nothing is up."""
        raise NotImplementedError

    def _connecting(self) -> Reason:
        return Reason("connecting", where(self._settings))

    # -- what others ask of it

    def start(self) -> None:
        """Begins to connect. A link that a killed server left open in the journal is closed there first."""
        self._running = True
        last = self._journal.last
        if last is not None and last.kind is Kind.DOWN:
            self._blind = json.loads(last.payload)
        elif last is not None:
            self._journal_down("server-stopped", last.at)
        self._connect()

    def stop(self, reason: str = "stopped") -> Deferred[None]:
        """Ends the link for good, for a reason of ``status.SENTENCES``; fires when it is closed and the journal
        knows."""
        self._running = False
        self._cancel_timer()
        self._abandon()
        stopped = self._stopped = Deferred()
        if not self._close(Reason(reason)):
            self._ended()
            return succeed(None)
        return stopped

    def retry_now(self) -> None:
        """Tries at once instead of waiting: an administrator changed something."""
        if self._running and self._timer is not None:
            self._cancel_timer()
            self._connect()

    # -- hearing

    def _heard_from(self, at: float, **told: Any) -> None:
        """The exchange is heard from here on."""
        self._up_at = self._reactor.seconds()
        self._refusals = 0
        self.counters.connects += 1
        self._journal_up(at, **told)
        self._keep_ticking()
        self._say(Link.UP, Reason(), connected_since=at, last_heard=at)

    def _keep(self, data: bytes, at: float) -> None:
        """Bytes of the exchange: kept before anything is made of them."""
        self.counters.bytes += len(data)
        self.state = replace(self.state, last_heard=at)
        self._intake.add(Kind.BYTES, data, at)
        if self._tick is not None and not self._tick_soon:
            self._tick_soon = True
            self._tick.reset(SOON_SECONDS)

    def _lost(self, reason: Reason, heard: float | None = None) -> None:
        """The exchange is heard no more; ``heard``: the last moment at which it was, null: until now."""
        self._stop_ticking()
        if self._intake.heard:
            self._journal_down(reason.code, heard)
        if not self._running:
            self._ended()
            return
        self._try_later(reason)

    # -- what the intake tells (Reader)

    def pause(self, reason: Reason) -> None:
        """The journal can't take more: stops reading."""
        self.counters.pauses = self._intake.pauses
        self._pause_reading()
        self._say(Link.PAUSED, reason)

    def resume(self) -> None:
        """The journal has room again."""
        if self._resume_reading():
            up = self._up_at is not None
            self._say(*((Link.UP, Reason()) if up else (Link.CONNECTING, self._connecting())))
        elif self._running and self._timer is None and not self._trying:
            self._connect()

    @property
    def _trying(self) -> bool:
        """Whether an attempt is under way."""
        return False

    # -- trying again

    def _try_later(self, reason: Reason) -> None:
        """Sets the time of the next attempt and says how things are."""
        lasted = 0.0 if self._up_at is None else self._reactor.seconds() - self._up_at
        self._up_at = None
        self.counters.failures += 1
        if self._intake.paused:
            return  # the state says so; resume() connects
        if reason.code in SLOWLY:
            state = Link.REFUSED if reason.code == "refused" else Link.FAILED
            delay = min(LONGEST_REFUSED_RETRY, FIRST_REFUSED_RETRY * 2**self._refusals)
            self._refusals = min(self._refusals + 1, 10)
        else:
            state = Link.DOWN
            self._tries = 0 if lasted >= STEADY_SECONDS else self._tries
            delay = min(LONGEST_RETRY, FIRST_RETRY * 2**self._tries)
            self._tries = min(self._tries + 1, 10)
        self._say(state, reason, connected_since=None)
        self._timer = self._reactor.callLater(delay * self._random.uniform(0.75, 1.25), self._connect)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ended(self) -> None:
        self._intake.stop()
        self._say(Link.STOPPED, Reason("stopped"), connected_since=None)
        if self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)

    # -- the journal

    def _keep_ticking(self) -> None:
        self._tick = self._reactor.callLater(TICK_SECONDS, self._ticked)

    def _stop_ticking(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
            self._tick, self._tick_soon = None, False

    def _ticked(self) -> None:
        self._tick = self._reactor.callLater(TICK_SECONDS, self._ticked)
        self._tick_soon = False
        if not self._intake.paused:
            self._intake.add(Kind.TICK, b"", self._clock.now())

    def _journal_up(self, at: float, **told: Any) -> None:
        if self._blind is not None:
            told |= {"blind_since": self._blind["heard"], "reason": self._blind["reason"]}
            self._blind = None
        self._intake.add(Kind.UP, json.dumps(told).encode(), at)

    def _journal_down(self, code: str, heard: float | None) -> None:
        """``heard``: the last moment at which the exchange was heard; null: until now."""
        now = self._clock.now()
        self._blind = {"reason": code, "heard": now if heard is None else heard}
        self._intake.add(Kind.DOWN, json.dumps(self._blind).encode(), now)

    # -- telling

    def _say(self, state: Link, reason: Reason, **changes: Any) -> None:
        if state == self.state.state and reason == self.state.reason:
            return
        if state is Link.UP:
            changes.setdefault("warnings", ())
        log.log(
            logging.INFO if state in (Link.UP, Link.CONNECTING, Link.STOPPED) else logging.WARNING,
            "exchange %s is %s%s",
            self._settings.id,
            state.value,
            f": {reason.sentence}" if reason.sentence else "",
        )
        since = self.state.since if state is self.state.state else self._clock.now()
        self._publish(replace(self.state, state=state, reason=reason, since=since, **changes))

    def _warn(self, warning: Reason) -> None:
        """Something is not as it should be, though the exchange is heard."""
        log.warning("exchange %s: %s", self._settings.id, warning.sentence)
        self._publish(replace(self.state, warnings=(warning,)))

    def _publish(self, state: ExchangeState) -> None:
        self.state = state
        self._on_state(state)


def where(settings: ExchangeSettings) -> dict[str, str]:
    """Host and port, as reasons name them."""
    return {"host": settings.host, "port": str(settings.port)}
