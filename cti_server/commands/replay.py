"""``cti replay``: folds journals again and shows what would be added to the call log, changed in it and taken away
(spec O1, O5)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cti_server.commands.calls import moment
from cti_server.settings import ExchangeSettings, Settings, load
from cti_server.shared.errors import YobirinError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cti_adapters.storage.refolded import Refolded
    from cti_adapters.storage.replay import Comparison

LISTED: Final = 20
_SIGNS: Final = {"added": "+", "changed": "~", "taken-away": "-"}


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "replay",
        help="fold journals again and show what would change in the call log",
        description="Folds the journals of exchanges again with this program and these settings, and shows what would "
        "be added to the call log, changed in it (old -> new) and taken away. Numbers and names are masked. Nothing is "
        "changed, and the server may run meanwhile. Calls from before a journal begins, and those under way, are left "
        "alone.",
    )
    parser.add_argument("id", nargs="*", help="the exchanges (default: all of them)")
    parser.add_argument("--from", dest="since", metavar="TIME", help="only calls that began from then on")
    parser.add_argument("--to", dest="until", metavar="TIME", help="only calls that began before then")
    parser.add_argument("--all", action="store_true", help=f"list every difference (else the first {LISTED})")
    parser.add_argument("--json", action="store_true", help="one JSON object per difference, then one per exchange")
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Shows. 0: done, whatever differs."""
    from cti_adapters.storage.settings_now import with_saved
    from cti_adapters.storage.work import Database

    settings = with_saved(load(args.config))
    chosen = _chosen(settings, args.id)
    database = Database(settings.database_url)
    try:
        database.prepare()
        for exchange in chosen:
            # One transaction: the position in the journal and the calls are of the same moment, whatever is written.
            with database.engine.connect() as connection:
                _preview(args, settings, exchange, connection)
    finally:
        database.close()
    return 0


def _chosen(settings: Settings, ids: list[str]) -> list[ExchangeSettings]:
    known = {one.id: one for one in settings.exchanges}
    for one in ids:
        if one not in known:
            raise YobirinError(f"there is no exchange “{one}” (there: {', '.join(known) or 'none'})")
    return [known[one] for one in dict.fromkeys(ids or known)]


def _preview(args: argparse.Namespace, settings: Settings, exchange: ExchangeSettings, connection: Connection) -> None:
    from cti_adapters.exchanges.refolding import refold
    from cti_adapters.journal.reader import JournalReader
    from cti_adapters.storage.refolded import Refolded
    from cti_adapters.storage.replay import DAY, Period, compare, folded_up_to

    zone = ZoneInfo(exchange.timezone)
    since, until = (None if text is None else moment(text, zone) for text in (args.since, args.until))
    folder = settings.data_dir / "journal" / exchange.id
    upto = folded_up_to(connection, exchange.id)
    with closing(JournalReader(folder, upto)) as journal, closing(Refolded(settings.data_dir)) as again:
        refold(exchange, journal, again, _Progress(exchange.id).tell)
        first = journal.first
        # A call that began before the oldest record is there in half, or not at all.
        margin = DAY if first is not None and first.offset > 0 else -DAY
        known_from = 0.0 if first is None else first.at + margin
        period = Period(since, until, known_from, whole=first is not None and not journal.damaged)
        result = compare(connection, exchange.id, again, period)
        most = None if args.all else LISTED
        for line in _as_json(exchange, again, result) if args.json else _as_text(exchange, again, result, most):
            print(line)
        if journal.damaged:
            print(
                f"cti: exchange {exchange.id}: parts of the journal are missing or damaged; calls that only the log "
                "knows are not counted as taken away",
                file=sys.stderr,
            )


class _Progress:
    """How far the folding is, on a terminal only."""

    def __init__(self, exchange: str) -> None:
        self._exchange = exchange

    def tell(self, done: int, whole: int) -> None:
        """Bytes folded, and bytes there are."""
        if sys.stderr.isatty():
            share = 100 * done // whole if whole else 100
            print(f"\r{self._exchange}: {share} % folded again", end="\n" if done >= whole else "", file=sys.stderr)


def _as_text(exchange: ExchangeSettings, again: Refolded, result: Comparison, most: int | None) -> Iterator[str]:
    from cti_adapters.storage.replay import changes, shown

    counts = [result.differences.get(what, 0) for what in _SIGNS]
    yield (
        f"{exchange.id}: {counts[0]} calls would be added, {counts[1]} changed, {counts[2]} taken away; "
        f"{result.same} stay as they are"
    )
    more = {
        "are under way and left alone": result.under_way,
        "are outside the time, or from before the journal begins": result.beyond,
        "are not in what is left of the journal, and stay": result.unknown,
        "pieces that could not be read can be read now": result.readable,
    }
    yield from (f"  {count} {words}" for words, count in more.items() if count)
    zone = ZoneInfo(exchange.timezone)
    for call_id, what, before, after in again.noted(most):
        log = shown(after or before or {})
        began = datetime.fromtimestamp(log.started_at, zone).isoformat(" ", "seconds")
        yield f"  {_SIGNS[what]} {call_id}  {began}  {log.direction or 'direction not known'}"
        if before is not None and after is not None:
            yield from (f"      {name}: {old} -> {new}" for name, (old, new) in changes(before, after).items())
    if most is not None and sum(counts) > most:
        yield f"  … and {sum(counts) - most} more; --all lists them"


def _as_json(exchange: ExchangeSettings, again: Refolded, result: Comparison) -> Iterator[str]:
    from cti_adapters.storage.replay import changes, shown

    for call_id, what, before, after in again.noted():
        fields = changes(before, after) if before is not None and after is not None else {}
        began = shown(after or before or {}).started_at
        told = {"exchange": exchange.id, "id": call_id, "what": what, "started_at": began, "fields": fields}
        yield json.dumps(told, ensure_ascii=False)
    counts = {what: result.differences.get(what, 0) for what in _SIGNS}
    rest = {name: getattr(result, name) for name in ("same", "under_way", "beyond", "unknown", "readable")}
    yield json.dumps({"exchange": exchange.id} | counts | rest)
