"""All feeds of a server: one per exchange, each on its own, started and stopped as the settings say (spec C1, O1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList, fail

from cti_adapters.exchanges.ami_client import AmiLink
from cti_adapters.exchanges.dialling import Dialler
from cti_adapters.exchanges.feed import Feed, FeedStatus, Surroundings
from cti_adapters.exchanges.status import ExchangeState, Link
from cti_adapters.exchanges.steady_time import Timer
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import Unavailable
from cti_server.shared.notices import CallChanged, Notice

HOUSEKEEPING_SECONDS = 600.0
_Result = TypeVar("_Result")


class Supervision:
    """Holds the feeds. On the reactor's thread; ``on_state`` is called there whenever the state of one changes."""

    def __init__(
        self,
        exchanges: Sequence[ExchangeSettings],
        around: Surroundings,
        on_state: Callable[[ExchangeState], None],
    ) -> None:
        self._around = around
        self._on_state = on_state
        self._feeds = {settings.id: Feed(settings, around, on_state) for settings in exchanges}
        self._housekeeping: Timer | None = None

    def start(self) -> None:
        """Starts every feed; returns at once."""
        for feed in self._feeds.values():
            feed.start()
        self._housekeeping = self._around.reactor.callLater(HOUSEKEEPING_SECONDS, self._keep_house)

    def stop(self) -> Deferred[None]:
        """Ends every feed; fires when the journals are closed. The writer goes on; its owner stops it."""
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            self._housekeeping = None
        return _all(feed.stop() for feed in self._feeds.values())

    def apply(self, exchanges: Sequence[ExchangeSettings]) -> Deferred[None]:
        """Takes changed settings over: only feeds whose own settings changed are touched."""
        wanted = {settings.id: settings for settings in exchanges}
        read_anew = [
            feed.read_anew(wanted[id])
            for id, feed in self._feeds.items()
            if id in wanted and feed.reads_anew(wanted[id])
        ]
        gone = [feed for feed in self._feeds.values() if feed.settings != wanted.get(feed.settings.id)]
        for feed in gone:
            del self._feeds[feed.settings.id]
        fresh = [
            Feed(settings, self._around, self._on_state) for id, settings in wanted.items() if id not in self._feeds
        ]
        self._feeds |= {feed.settings.id: feed for feed in fresh}

        def begin(_: object) -> None:
            for feed in fresh:
                feed.start()

        ended = [feed.stop(_why(wanted.get(feed.settings.id))) for feed in gone]
        return _all([*ended, *read_anew]).addCallback(begin)

    def states(self) -> list[ExchangeState]:
        """The state of every exchange, in the order of the settings."""
        return [feed.state for feed in self._feeds.values()]

    def statuses(self) -> list[FeedStatus]:
        """All that is known of every feed."""
        return [feed.status() for feed in self._feeds.values()]

    def ready(self) -> bool:
        """Whether every feed has had its chance: its journal is open and it has tried to connect."""
        return all(feed.tried for feed in self._feeds.values())

    def dialler(self, exchange: str) -> Dialler:
        """What dials through an exchange. Raises Unavailable where there is no such exchange or it is not up."""
        feed = self._feeds.get(exchange)
        if feed is None or feed.dialler is None or feed.state.state is not Link.UP:
            raise Unavailable("The exchange is not connected just now; dial by hand, or try again in a moment")
        return feed.dialler

    def ami_link(self, exchange: str, kind: str) -> AmiLink | None:
        """The link to an exchange of a kind, while it is up."""
        feed = self._feeds.get(exchange)
        if feed is None or feed.settings.kind != kind or feed.state.state is not Link.UP:
            return None
        return feed.link if isinstance(feed.link, AmiLink) else None

    def running(self, settings: ExchangeSettings) -> ExchangeState | None:
        """How the link is that runs with these very settings; null where none does."""
        feed = self._feeds.get(settings.id)
        return feed.state if feed is not None and feed.settings == settings else None

    def rested(self, exchange: str, work: Callable[[], _Result]) -> Deferred[_Result]:
        """Does ``work`` in a thread while nobody writes calls of an exchange (``Feed.rested``). Fails with Unavailable
        where it does not run."""
        feed = self._feeds.get(exchange)
        if feed is None:
            return fail(Unavailable("Nothing of this exchange is read just now; try again in a moment"))
        return feed.rested(work)

    def retry_now(self, exchange: str) -> None:
        """Tries to connect at once."""
        feed = self._feeds.get(exchange)
        if feed is not None and feed.link is not None:
            feed.link.retry_now()

    def noticed(self, notice: Notice) -> None:
        """A notice that was committed: who is dialling wants to know."""
        if isinstance(notice, CallChanged):
            feed = self._feeds.get(notice.call_id.partition("-")[0])
            if feed is not None and feed.dialler is not None:
                feed.dialler.call_changed(notice)

    def _keep_house(self) -> None:
        self._housekeeping = self._around.reactor.callLater(HOUSEKEEPING_SECONDS, self._keep_house)
        for feed in self._feeds.values():
            feed.keep_house()


def _why(wanted: ExchangeSettings | None) -> str:
    """Why a feed is stopped: what became of its settings."""
    if wanted is None:
        return "removed"
    return "paused-by-person" if wanted.paused else "settings-changed"


def _all(waited: Iterable[Deferred[None]]) -> Deferred[None]:
    done: Deferred[Any] = DeferredList(list(waited), fireOnOneErrback=True, consumeErrors=True)
    return done.addCallback(lambda _: None)
