"""``cti exchange tail``: what an exchange said last, and goes on saying (spec O5)."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from cti_server.calls.raw_text import Sight
from cti_server.settings import ExchangeSettings, Settings, load
from cti_server.shared.errors import YobirinError

if TYPE_CHECKING:
    from cti_adapters.exchanges.raw_tail import RawEntry

LOOK_SECONDS: Final = 0.5
MESSAGES: Final = 20
MESSAGES_LONGEST: Final = 2000


def add(actions: Any, config: Any) -> None:
    """Adds the action to the parser of ``cti exchange``."""
    parser = actions.add_parser(
        "tail",
        help="what an exchange said last, from its journal",
        description="Prints what an exchange said last, read from its journal, with telephone numbers and names "
        "masked; the server may run meanwhile. Secrets are never shown. --whole shows numbers and names; that it was "
        "done, by whom and why, stands in the trail.",
    )
    parser.add_argument("id", help="the exchange")
    parser.add_argument("-n", "--number", type=_number, default=MESSAGES, help="messages (default: %(default)s)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--match", metavar="TEXT", default="", help="only messages that hold this, as they are shown")
    parser.add_argument("--whole", action="store_true", help="with whole numbers and names; takes --reason")
    parser.add_argument("--reason", default="", help="why you have to see them")
    config(parser)
    parser.set_defaults(run=run)


def _number(text: str) -> int:
    if text.isdecimal() and 0 < int(text) <= MESSAGES_LONGEST:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is no number of messages from 1 to {MESSAGES_LONGEST}")


def run(args: argparse.Namespace) -> int:
    """Prints the tail. 0: done."""
    from cti_adapters.storage.settings_now import with_saved

    settings = with_saved(load(args.config))
    exchange = _exchange(settings, args.id, args.config)
    if args.whole and not args.reason.strip():
        raise YobirinError('--whole shows who called; say why with --reason "..."; it is written to the trail')
    if args.whole:
        _note(settings, exchange.id, args.reason.strip())
    for entry in _entries(settings, exchange, args):
        for line in said(entry, exchange.timezone):
            print(line, flush=args.follow)
    return 0


def _exchange(settings: Settings, wanted: str, config: Path) -> ExchangeSettings:
    found = next((one for one in settings.exchanges if one.id == wanted), None)
    if found is None:
        known = ", ".join(one.id for one in settings.exchanges) or "none"
        raise YobirinError(f"there is no exchange “{wanted}” in {config} (there: {known}); name one of these")
    return found


def _entries(settings: Settings, exchange: ExchangeSettings, args: argparse.Namespace) -> Iterator[RawEntry]:
    from cti_adapters.exchanges.raw_tail import last_said, of_lines, said_since

    folder = settings.data_dir / "journal" / exchange.id
    lines, sight = of_lines(exchange.kind), Sight.WHOLE if args.whole else Sight.MASKED
    try:
        tail = last_said(folder, lines=lines, sight=sight, most=args.number if not args.match else MESSAGES_LONGEST)
        found = list(_matching(tail.entries, args.match))[-args.number :]
        if not found and not args.follow:
            print(f"cti: the journal of {exchange.id} holds nothing to show (yet): {folder}", file=sys.stderr)
        yield from found
        while args.follow:
            time.sleep(LOOK_SECONDS)
            tail = said_since(folder, tail.next, lines=lines, sight=sight)
            yield from _matching(tail.entries, args.match)
    except OSError as bad:
        raise YobirinError(
            f"the journal in {folder} can't be read ({bad.strerror}); run this as the server's user"
        ) from bad


def _matching(entries: Iterable[RawEntry], text: str) -> Iterator[RawEntry]:
    """Those that hold a text as shown, so that searching tells no more than looking does."""
    return (one for one in entries if not text or text.lower() in "\n".join(one.lines).lower())


def _note(settings: Settings, exchange: str, reason: str) -> None:
    from cti_adapters.storage.work import Database
    from cti_server.calls.ports import TrailEntry
    from cti_server.shared.clock import SystemClock
    from cti_server.shared.scope import EVERYTHING

    database = Database(settings.database_url)
    try:
        database.check()
        with database.open(EVERYTHING, write=True) as work:
            detail = {"reason": reason, "operator": getpass.getuser()}
            work.records.add_trail(
                "exchange", exchange, [TrailEntry(SystemClock().now(), None, "raw revealed", None, detail)]
            )
    finally:
        database.close()


def said(entry: RawEntry, timezone: str) -> Iterator[str]:
    """The lines of one entry; times in the exchange's zone."""
    at = datetime.fromtimestamp(entry.at, ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if entry.kind == "message":
        head, *rest = entry.lines
        yield f"{at}  {head}"
        yield from (f"{'':25}{line}" for line in rest)
        return
    yield f"{at}  -- {_AROUND[entry.kind].format(size=entry.size, name=_why(entry))}"


_AROUND: Final = {
    "up": "signed in: from here on the exchange is heard",
    "down": "the link was lost: {name}",
    "aside": "{size} bytes before a sign-in that never succeeded",
    "left-out": "{size} {name} left out: more came than can be followed; the journal has them all",
}


def _why(entry: RawEntry) -> str:
    from cti_adapters.exchanges.status import SENTENCES

    if entry.kind != "down":
        return entry.name
    sentence = SENTENCES.get(entry.name, "")
    return sentence if sentence and "{" not in sentence else entry.name
