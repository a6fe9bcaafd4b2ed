"""``cti replay``: folds journals again, shows what would be added to the call log, changed in it and taken away, and
writes it where that is wanted (spec O1, O5)."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cti_server.calls.corrected import BY_FOLDING
from cti_server.commands.calls import moment
from cti_server.settings import ExchangeSettings, Settings, load
from cti_server.shared.errors import YobirinError

if TYPE_CHECKING:
    from cti_adapters.journal.files import Journal
    from cti_adapters.replaying import FoldedAgain
    from cti_adapters.storage.refolded import Refolded
    from cti_adapters.storage.replay import Comparison
    from cti_adapters.storage.work import Database

LISTED: Final = 20
_SIGNS: Final = {"added": "+", "changed": "~", "taken-away": "-"}


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "replay",
        help="fold journals again, show what would change in the call log, and write it if you agree",
        description="Folds the journals of exchanges again with this program and these settings, and shows what would "
        "be added to the call log, changed in it (old -> new) and taken away. Numbers and names are masked. Calls "
        "from before a journal begins, and those under way, are left alone. The server may run while this only shows; "
        "to write it, stop the server: on a terminal it is asked, with --yes it is not. Each change is recorded as a "
        "correction; what people did stays, and a call that somebody worked on is never removed.",
    )
    parser.add_argument("id", nargs="*", help="the exchanges (default: all of them)")
    parser.add_argument(
        "--unread",
        action="store_true",
        help="only exchanges of which something is kept that could not be read, with why and how much of it",
    )
    parser.add_argument("--from", dest="since", metavar="TIME", help="only calls that began from then on")
    parser.add_argument("--to", dest="until", metavar="TIME", help="only calls that began before then")
    parser.add_argument("--yes", action="store_true", help="write it to the call log without asking")
    parser.add_argument("--why", metavar="TEXT", default=BY_FOLDING, help="the reason that is recorded")
    parser.add_argument("--all", action="store_true", help=f"list every difference (else the first {LISTED})")
    parser.add_argument("--json", action="store_true", help="one JSON object per difference, then one per exchange")
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Shows, and writes where that was asked for. 0: done, whatever differs; 1: it could not be written."""
    from cti_adapters.storage.settings_now import with_saved
    from cti_adapters.storage.work import Database

    settings = with_saved(load(args.config))
    chosen = _chosen(settings, args.id)
    database = Database(settings.database_url)
    try:
        database.prepare()
        for exchange in chosen:
            if not args.unread or _has_unread(exchange, database):
                _replay(args, settings, exchange, database)
    finally:
        database.close()
    return 0


def _has_unread(exchange: ExchangeSettings, database: Database) -> bool:
    """Whether something is kept that could not be read; says on standard error what, by reason."""
    from cti_adapters.storage.replay import unread_reasons

    with database.engine.connect() as connection:
        reasons = unread_reasons(connection, exchange.id)
    if not reasons:
        print(f"cti: everything that came from {exchange.id} could be read", file=sys.stderr)
    for reason, count in reasons:
        print(f"cti: not read of {exchange.id}: {count} × {reason}", file=sys.stderr)
    return bool(reasons)


def _chosen(settings: Settings, ids: list[str]) -> list[ExchangeSettings]:
    known = {one.id: one for one in settings.exchanges}
    for one in ids:
        if one not in known:
            raise YobirinError(f"there is no exchange “{one}” (there: {', '.join(known) or 'none'})")
    return [known[one] for one in dict.fromkeys(ids or known)]


def _replay(args: argparse.Namespace, settings: Settings, exchange: ExchangeSettings, database: Database) -> None:
    """One exchange: shows, then writes if that is wanted. Whoever may write holds the journal from the beginning, so
    that no server changes calls of it between the two."""
    from cti_adapters.replaying import folded_again

    zone = ZoneInfo(exchange.timezone)
    since, until = (None if text is None else moment(text, zone) for text in (args.since, args.until))
    tell = _Progress(exchange.id).tell
    with ExitStack() as stack:
        held = _hold(args, settings.data_dir / "journal" / exchange.id, exchange, stack)
        found = stack.enter_context(
            folded_again(exchange, settings.data_dir, database.engine, tell, since=since, until=until)
        )
        again, result = found.again, found.result
        most = None if args.all else LISTED
        for line in _as_json(exchange, again, result) if args.json else _as_text(exchange, again, result, most):
            print(line, flush=True)
        if found.damaged:
            print(
                f"cti: exchange {exchange.id}: parts of the journal are missing or damaged; calls that only the log "
                "knows are not counted as taken away",
                file=sys.stderr,
            )
        if held is not None and (result.differences or result.readable) and (args.yes or _agreed(exchange)):
            if found.upto is None:
                _rebuild(exchange, held, database)
            else:
                _write(args, exchange, database, found)


def _hold(args: argparse.Namespace, folder: Path, exchange: ExchangeSettings, stack: ExitStack) -> Journal | None:
    """The journal, for who may write; null where nobody would be asked. Raises YobirinError where a server has it."""
    from cti_adapters.journal.files import Journal, JournalInUse

    asks = sys.stdin.isatty() and not args.json
    if not (args.yes or asks) or not folder.is_dir():
        return None
    try:
        return stack.enter_context(closing(Journal(folder)))
    except JournalInUse as bad:
        told = f"a running server writes the calls of exchange {exchange.id}; stop it to write what is shown here"
        if args.yes:
            raise YobirinError(told) from bad
        print(f"cti: {told}", file=sys.stderr)
        return None


def _agreed(exchange: ExchangeSettings) -> bool:
    return input(f"Write this to the call log of {exchange.id}? [y/N] ").strip().lower() in ("y", "yes")


def _rebuild(exchange: ExchangeSettings, journal: Journal, database: Database) -> None:
    """The database knows nothing of the exchange: everything is folded into it as a server does it."""
    from cti_adapters.exchanges.refolding import refold
    from cti_adapters.storage.call_writer import CallWriter
    from cti_server.shared.clock import SystemClock

    refold(exchange, journal, CallWriter(database.engine, SystemClock()), _Progress(exchange.id).tell)
    print(f"cti: the call log of {exchange.id} was made again from its journal", file=sys.stderr)


def _write(args: argparse.Namespace, exchange: ExchangeSettings, database: Database, found: FoldedAgain) -> None:
    """Records the corrections, lot by lot. Killed in between, the next run has the rest to do."""
    from cti_adapters.replaying import write_corrections
    from cti_server.shared.clock import SystemClock

    done = write_corrections(database.engine, SystemClock(), exchange, found, by=getpass.getuser(), why=args.why)
    print(f"cti: corrected calls of {exchange.id}: {done.calls}", file=sys.stderr)
    for call_id in done.kept:
        print(f"cti: {call_id} is not in the journal, but somebody worked on it: kept, and marked", file=sys.stderr)


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
        f"{exchange.id}: calls that would be added: {counts[0]}, changed: {counts[1]}, taken away: {counts[2]}; "
        f"that stay as they are: {result.same}"
    )
    more = {
        "under way, left alone": result.under_way,
        "outside the time, or from before the journal begins": result.beyond,
        "not in what is left of the journal, and stay": result.unknown,
        "pieces that could not be read, and can be read now": result.readable,
    }
    yield from (f"  {words}: {count}" for words, count in more.items() if count)
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
