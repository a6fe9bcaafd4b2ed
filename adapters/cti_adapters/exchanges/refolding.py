"""Folds a journal again, from its beginning, into whatever store it is given (spec O1)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from cti_adapters.exchanges.kinds import reading_of
from cti_adapters.exchanges.lane import Lane, Source, Store
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import YobirinError

TELL_EVERY = 2000
"""So many records of the journal go by between two reports of how far it is."""


class Recorded(Source, Protocol):
    """A journal, or one that is only read."""

    def secret(self) -> bytes:
        """What only this journal has."""


def refold(exchange: ExchangeSettings, journal: Recorded, store: Store, progress: Callable[[int, int], None]) -> None:
    """Gives the store everything that a lane gives it, from where the store says that it is.
    ``progress`` is told bytes done and bytes in all.

    Raises YobirinError where the store fails, SettingsError where the exchange can't be read with its settings.
    """
    reading = reading_of(exchange, journal.secret() if exchange.kind == "smdr" else b"")
    lane = Lane(exchange.id, journal, store, reading.decoder, reading.fold, read_fetch=reading.read_fetch)
    whole, steps = journal.end - journal.start, 0
    while lane.step(time.monotonic()) is not None:
        steps += 1
        if steps % TELL_EVERY == 0:
            progress(whole - lane.backlog, whole)
    if lane.status.problem.code:
        raise YobirinError(f"exchange {exchange.id}: {lane.status.problem.sentence}")
    progress(whole, whole)
