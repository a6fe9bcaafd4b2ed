"""An exchange's journal folded again and held against the call log, for the terminal and for the pages (spec O1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine

from cti_adapters.exchanges.refolding import refold
from cti_adapters.journal.reader import JournalReader
from cti_adapters.storage.correcting import correct
from cti_adapters.storage.refolded import Refolded
from cti_adapters.storage.replay import DAY, Comparison, Period, compare, folded_up_to, resolve
from cti_adapters.storage.work import writing
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.positions import Position

Progress = Callable[[int, int], None]
"""Is told bytes folded and bytes in all; what it raises ends the folding."""


class FoldedAgain(NamedTuple):
    """What came of it. ``upto``: how far the database knows the journal; null where it knows nothing of it.
    ``damaged``: whether parts of the journal are missing."""

    again: Refolded
    result: Comparison
    period: Period
    upto: Position | None
    damaged: bool


class Corrected(NamedTuple):
    """How many calls were corrected; those that are kept though the journal does not know them; how many pieces that
    could not be read before are calls now."""

    calls: int
    kept: list[str]
    read: int


@contextmanager
def folded_again(
    exchange: ExchangeSettings,
    data_dir: Path,
    engine: Engine,
    progress: Progress,
    *,
    since: float | None = None,
    until: float | None = None,
) -> Iterator[FoldedAgain]:
    """Folds again as far as the database is, and compares the calls that began in the time (epoch seconds, UTC; null:
    no limit). Nothing is written. Raises YobirinError where there is no journal, SettingsError where the exchange can't
    be read."""
    with ExitStack() as stack:
        # One transaction: the position in the journal and the calls are of the same moment, whatever is written.
        connection = stack.enter_context(engine.connect())
        upto = folded_up_to(connection, exchange.id)
        journal = stack.enter_context(closing(JournalReader(data_dir / "journal" / exchange.id, upto)))
        again = stack.enter_context(closing(Refolded(data_dir)))
        refold(exchange, journal, again, progress)
        first = journal.first
        # A call that began before the oldest record is there in half, or not at all.
        margin = DAY if first is not None and first.offset > 0 else -DAY
        known_from = 0.0 if first is None else first.at + margin
        whole = first is not None and not journal.damaged
        period = Period(since, until, known_from, whole, first.offset if first else 0)
        result = compare(connection, exchange.id, again, period)
        connection.rollback()
        yield FoldedAgain(again, result, period, upto, journal.damaged)


def write_corrections(
    engine: Engine, clock: Clock, exchange: ExchangeSettings, found: FoldedAgain, *, by: str, why: str
) -> Corrected:
    """Writes what differs, lot by lot, each change a recorded correction; nobody else may write calls of the exchange
    meanwhile. Killed in between, the next time has the rest to do; done twice, the second time finds nothing."""
    done, read, kept = 0, 0, list[str]()
    for lot in correct(writing(engine), clock, exchange.id, found.again.noted(), by=by, why=why):
        done += lot.done
        kept += lot.kept
    if found.period.since is None and found.period.until is None:
        read = resolve(writing(engine), exchange.id, found.again, found.period)
    return Corrected(done - len(kept), kept, read)
