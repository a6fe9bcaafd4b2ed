"""How the exchanges are, as it is written down for the pages: their states, with what is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cti_adapters.exchanges.feed import FeedStatus
from cti_adapters.storage.firm import ExchangeEntry
from cti_server.exchanges.saved import Problem
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock


class ExchangeStates:
    """Makes the entries. What was known before (the last event, the last call) stays known."""

    def __init__(self, before: Iterable[ExchangeEntry], clock: Clock, live: Callable[[], Mapping[str, float]]) -> None:
        """``live`` gives the figures of the live streams."""
        self._before = {entry.id: entry for entry in before}
        self._clock = clock
        self._live = live
        self._counted: dict[str, tuple[float, int, float]] = {}  # exchange -> when, events by then, rate until then

    def entries(
        self,
        statuses: Iterable[FeedStatus],
        known: Mapping[str, ExchangeSettings],
        problems: Iterable[Problem],
    ) -> list[ExchangeEntry]:
        """The entries of the feeds whose settings are ``known``, and of those whose settings can't be used."""
        live = {f"live_{name}": float(value) for name, value in self._live().items()}
        # While changed settings are taken over, a feed may still run that isn't in them any more.
        made = [self._entry(one, known[one.state.exchange], live) for one in statuses if one.state.exchange in known]
        self._before |= {entry.id: entry for entry in made}  # a feed that is made anew begins to count anew
        return made + [self._unusable(one) for one in problems]

    def _entry(self, status: FeedStatus, settings: ExchangeSettings, live: dict[str, float]) -> ExchangeEntry:
        state = status.state
        reason = state.reason if state.reason.code or not state.warnings else state.warnings[0]
        before = self._before.get(state.exchange)
        last_call = status.lane.last_call or (before.counters.get("last_call") if before else None)
        counters = status.counters | live | {"events_per_second": self._rate(state.exchange, status.lane.events)}
        if last_call:
            counters["last_call"] = last_call
        return ExchangeEntry(
            id=state.exchange,
            name=settings.name,
            kind=settings.kind,
            branch=state.branch,
            state=state.state.value,
            reason=reason.code,
            reason_values=reason.detail,
            since=state.since,
            connected_since=state.connected_since,
            last_event=status.lane.last_event or state.last_heard or (before.last_event if before else None),
            counters=counters,
        )

    def _rate(self, exchange: str, events: int) -> float:
        """Events per second since the states were made last."""
        now = self._clock.now()
        then, counted, rate = self._counted.get(exchange, (now - 1.0, events, 0.0))
        if now - then >= 1.0:  # a feed's start and its changes of state come in quick succession
            rate = max(0, events - counted) / (now - then)
            self._counted[exchange] = (now, events, rate)
        return round(rate, 1)

    def _unusable(self, problem: Problem) -> ExchangeEntry:
        return ExchangeEntry(
            id=problem.id,
            name=problem.name,
            kind=problem.kind,
            branch=problem.branch,
            state="failed",
            reason="bad-settings",
            reason_values={"error": problem.sentence},
            since=self._clock.now(),
            connected_since=None,
            last_event=None,
            counters={},
        )
