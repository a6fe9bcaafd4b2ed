"""Asking the servers of services for their customers' use, by the timetable or when somebody asks (spec P2)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from cti_adapters.secret_folder import SecretFolder
from cti_adapters.storage.outbox import watch
from cti_adapters.storage.taking_turns import rested
from cti_adapters.storage.work import Database
from cti_adapters.usage_server import Fetch
from cti_server.phases.desk_using import LOT, NAMED, Using
from cti_server.phases.usage import Outcome, Source, Told
from cti_server.phases.usage_message import read
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, Unavailable
from cti_server.shared.scope import EVERYTHING
from cti_server.shared.viewer import Viewer

log = logging.getLogger(__name__)

MOST_PAGES: Final = 20
"""Answers of one asking: what is left comes the next time."""
EARLY: Final = 60.0
"""The hour comes a little early or late by the timetable."""


class UsagePull:
    """One asking at a time of each service."""

    def __init__(
        self,
        database: Database,
        secrets: SecretFolder,
        clock: Clock,
        fetch: Fetch,
        wake: Callable[[list[int]], None],
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock
        self._fetch = fetch
        self._wake = wake  # told, after each commit, of what there is to tell the screens

    def due(self) -> None:
        """Asks every server whose hour has come. What is wrong with one is kept for its page; the others go on."""
        now = self._clock.now()
        with self._database.open(EVERYTHING) as work:
            sources = work.usage.sources()
        for source in sources:
            if source.address and (
                source.asked_at is None or now - source.asked_at >= source.every_hours * 3600 - EARLY
            ):
                self.ask(source)

    def ask(self, source: Source) -> Outcome:
        """Asks one server for what is new; says what came of it, which is kept too."""
        now = self._clock.now()
        total = Outcome(now)
        latest, more = source.latest, ""
        try:
            for _page in range(MOST_PAGES):
                body = self._fetch(source.address, self._token(source), source.latest, more)
                message = read(body, [one.key for one in source.indexes], now)
                total = _sum(total, self._take(source.service, message.told, message.refused))
                latest = max([latest or 0.0, *(one.reading.at for one in message.told)]) or None
                if not message.more or message.more == more:
                    break
                more = message.more
        except (Invalid, Unavailable) as bad:
            log.warning("the use of service %s is not known: %s", source.service, bad)
            total = replace(total, problem=str(bad))
            latest = source.latest  # what came is asked for again: it changes nothing
        with self._database.open(EVERYTHING, write=True) as work:
            work.usage.outcome(source.service, total, asked=True, latest=latest)
        return total

    def _take(self, service: int, told: list[Told], refused: list[tuple[int, str]]) -> Outcome:
        total = Outcome(self._clock.now(), refused=len(refused), why=Counter(why for _place, why in refused))
        total = replace(total, first=tuple(place for place, _why in refused[:NAMED]))
        for at in range(0, len(told), LOT):
            with rested(), self._database.open(EVERYTHING, write=True) as work:
                watch(work, self._wake)
                total = _sum(total, Using(work, _ITSELF, self._clock).take_readings(service, told[at : at + LOT]))
        return total

    def _token(self, source: Source) -> str:
        if not source.secret:
            return ""
        try:
            return Path(self._secrets.path(source.secret)).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as bad:
            raise Unavailable("The token can't be read; enter it again") from bad


_ITSELF: Final = Viewer("", "", "", "", "", "", EVERYTHING, frozenset())


def _sum(one: Outcome, other: Outcome) -> Outcome:
    return Outcome(
        at=one.at,
        problem=one.problem or other.problem,
        kept=one.kept + other.kept,
        same=one.same + other.same,
        refused=one.refused + other.refused,
        why=dict(Counter(one.why) + Counter(other.why)),
        first=tuple([*one.first, *other.first][:NAMED]),
    )
