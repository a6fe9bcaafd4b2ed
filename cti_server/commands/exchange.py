"""``cti exchange``: how the links to the exchanges are, and whether one can be reached with the rights it takes
(spec O2, O5)."""

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti_server.commands import exchange_tail, exchange_why
from cti_server.settings import ExchangeSettings, Settings, load
from cti_server.shared.errors import YobirinError

if TYPE_CHECKING:
    from cti_adapters.exchanges.findings import Findings
    from cti_adapters.storage.firm import ExchangeEntry
    from cti_server.calls.views import Gap

LISTEN_SECONDS = 3.0
DAY_SECONDS = 86_400.0


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("exchange", help="the links to the exchanges")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = actions.add_parser(
        "list",
        help="how the link to each exchange is, and why",
        description="Prints how the link to each exchange is, since when, and why, as the server wrote it last; then "
        "the gaps of the last days, and what the exchange's own record gave back of them.",
    )
    listing.add_argument(
        "--days", type=_days, default=1.0, help="of how many days gaps are listed (default: %(default)g)"
    )
    _config(listing)
    listing.set_defaults(run=run_list)
    checking = actions.add_parser(
        "check",
        help="whether an exchange can be reached and signed in to, and what rights are missing or superfluous",
        description="Connects to the exchange, signs in, says which rights its AMI user has, lacks, or has without "
        "need, and hangs up. It places no call and changes nothing. What may be read shows only in events: where none "
        "of a kind came, its right is told as not proven.",
    )
    checking.add_argument("id", nargs="?", help="the exchange (default: all of them)")
    checking.add_argument(
        "--seconds",
        type=_seconds,
        default=LISTEN_SECONDS,
        help="how long to listen for events; place a call meanwhile to prove more (default: %(default)g)",
    )
    _config(checking)
    checking.set_defaults(run=run_check)
    exchange_tail.add(actions, _config)
    exchange_why.add(actions, _config)


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.1 <= (seconds := float(text)) <= 3600.0:
            return seconds
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds between 0.1 and 3600")


def _days(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.0 < (days := float(text)) <= 3660.0:
            return days
    raise argparse.ArgumentTypeError(f"{text!r} is no number of days up to 3660")


# --- list


def run_list(args: argparse.Namespace) -> int:
    """Prints the table."""
    from cti_adapters.storage.exchange_shelf import merged_exchanges
    from cti_adapters.storage.firm import listed_exchanges, listed_gaps
    from cti_adapters.storage.work import Database

    settings = load(args.config)
    database = Database(settings.database_url)
    try:
        database.prepare()
        with database.engine.connect() as connection:
            entries: dict[str, ExchangeEntry] = {entry.id: entry for entry in listed_exchanges(connection)}
            gaps = listed_gaps(connection, time.time() - args.days * DAY_SECONDS)
            found = merged_exchanges(connection, settings)
    finally:
        database.close()
    rows = [["EXCHANGE", "BRANCH", "STATE", "SINCE", "LAST HEARD", "CLOCK", "UNREAD", "WHY"]]
    for one in found.exchanges:
        entry = entries.get(one.id)
        if entry is None:
            rows.append(
                [one.id, one.branch, "unknown", "-", "-", "-", "-", "no server has run with it yet; start cti serve"]
            )
        else:
            times = [_moment(at, one) for at in (entry.since, entry.last_event)]
            rows.append(
                [one.id, one.branch, entry.state, *times, *_figures(entry), _why(entry.reason, entry.reason_values)]
            )
    rows += [
        [one.id, one.branch, "failed", "-", "-", "-", "-", plain(f"{one.sentence}; mend it on its page")]
        for one in found.problems
    ]
    print("\n".join([*table(rows), *_gap_lines(gaps, found.exchanges, args.days)]))
    if not _server_answers(settings):
        host, port = settings.server.host, settings.server.port
        print(
            f"cti: no server answers at {host}, port {port}: this is how the exchanges were when it last ran",
            file=sys.stderr,
        )
    return 0


def _gap_lines(gaps: Sequence[Gap], exchanges: Sequence[ExchangeSettings], days: float) -> Iterator[str]:
    """The gaps of the exchanges that there are, each with what came back of it."""
    known = {one.id: one for one in exchanges}
    rows = [["EXCHANGE", "BLIND FROM", "UNTIL", "CAME BACK", "WHY"]]
    for gap in gaps:
        exchange = known.get(gap.exchange)
        if exchange is not None:
            until = "now" if gap.ended_at is None else _moment(gap.ended_at, exchange)
            why = _why(gap.reason, {})
            rows.append([gap.exchange, _moment(gap.started_at, exchange), until, _came_back(gap), why])
    yield ""
    if len(rows) > 1:
        yield from table(rows)
    else:
        yield f"no gap in the last {'day' if days == 1.0 else f'{days:g} days'}"


def _came_back(gap: Gap) -> str:
    if gap.given_back == "failed":
        return plain(f"not yet: {_why(gap.problem, gap.problem_values)}")
    if gap.given_back == "fetched":
        unread = f", {gap.unread} rows could not be read" if gap.unread else ""
        return f"{gap.recovered} calls, {gap.completed} completed{unread}"
    if gap.given_back == "kept":
        return f"{gap.recovered} calls that the exchange had kept"
    return "being fetched" if gap.given_back else "-"


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with the columns one under the other; the last one as wide as it likes."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _moment(at: float | None, exchange: ExchangeSettings) -> str:
    """In the exchange's own time zone, which is said."""
    return "-" if not at else datetime.fromtimestamp(at, ZoneInfo(exchange.timezone)).isoformat(" ", "seconds")


def _figures(entry: ExchangeEntry) -> list[str]:
    """How far the exchange's clock is from ours, and how much of what it sent since the start could not be read."""
    ahead, unread = entry.counters.get("clock_ahead"), entry.counters.get("unreadable")
    return ["-" if ahead is None else f"{ahead:+.1f} s", "-" if unread is None else f"{unread:.0f}"]


def _why(code: str, values: Any) -> str:
    from cti_adapters.exchanges.status import Reason

    return plain(Reason(code, dict(values)).sentence)


def plain(text: str) -> str:
    """Without what a terminal would obey: an exchange's own words may be part of it."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _server_answers(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.server.host, settings.server.host)
    try:
        socket.create_connection((host, settings.server.port), timeout=2.0).close()
    except OSError:
        return False
    return True


# --- check


def run_check(args: argparse.Namespace) -> int:
    """Checks. 0: all is well as far as can be told; 1: something is missing, or an exchange can't be signed in to."""
    from cti_adapters.exchanges.recording import other_make_told
    from cti_adapters.storage.settings_now import unread_samples, with_saved

    settings = with_saved(load(args.config))
    chosen = [one for one in settings.exchanges if args.id in (None, one.id)]
    if not chosen:
        known = ", ".join(one.id for one in settings.exchanges) or "none"
        named = f"exchange “{args.id}”" if args.id else "exchange"
        raise YobirinError(
            f"there is no {named} in {args.config} or on the pages (there: {known}); name one under [[exchanges]]"
        )
    results = visit(chosen, args.seconds)
    unread = unread_samples(settings)
    for one, findings in zip(chosen, results, strict=True):
        if not any(note.code == "other-make" for note in findings.notes):
            findings.notes += other_make_told(one, unread.get(one.id, b""))
    for one, findings in zip(chosen, results, strict=True):
        for line in report(one, findings):
            print(plain(line))
    return 0 if all(findings.good for findings in results) else 1


def visit(exchanges: Sequence[ExchangeSettings], seconds: float) -> list[Findings]:
    """Checks all of them at once, listening for so many seconds; what is found, in their order."""
    from twisted.internet import reactor as twisted_reactor
    from twisted.internet.defer import DeferredList

    from cti_adapters.exchanges.checking import check
    from cti_server.shared.clock import SystemClock

    reactor: Any = twisted_reactor
    found: list[Findings] = []

    def begin() -> None:
        visits = DeferredList([check(one, reactor, SystemClock(), seconds) for one in exchanges], consumeErrors=True)
        visits.addCallback(lambda results: found.extend(result for _, result in results))
        visits.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if len(found) < len(exchanges):
        raise KeyboardInterrupt
    return found


def report(exchange: ExchangeSettings, findings: Findings) -> Iterator[str]:
    """What was found, as sentences."""
    from cti_adapters.exchanges.findings import manager_conf

    if findings.reason.code:
        yield f"{exchange.id}: {findings.reason.sentence}"
        return
    for note in findings.notes:
        yield f"{exchange.id}: {note.sentence}"
    if exchange.kind == "smdr":
        return
    yield (
        f"{exchange.id}: signed in as {exchange.username} at {exchange.host}, port {exchange.port}"
        f"{' with TLS' if exchange.tls else ''} ({findings.banner})"
    )
    for right in findings.rights:
        yield f"  {right.kind} = {right.name}: {_state(right.state, right.name)} ({right.why})"
    for kind, classes in findings.superfluous:
        yield f"  {kind} = {classes}: superfluous; nothing here needs it, take it out of manager.conf"
    if findings.missing:
        wanted = " and ".join(f"{right.kind} = {right.name}" for right in findings.missing)
        yield f"  Give {exchange.username} {wanted} in manager.conf, then run: manager reload"
    if findings.missing or findings.superfluous:
        yield "  This is how it should stand there:"
        lines = manager_conf(exchange.username, "<the secret>", "<the address of this server>/32")
        yield from (f"    {line}" for line in lines)
    if any(right.state == "unproven" for right in findings.rights):
        yield "  Not proven: no such event came while we listened. Place a call through a queue meanwhile to be sure."


def _state(state: str, name: str) -> str:
    if state == "missing" and name == "originate":
        return "not granted"
    if state == "missing" and name == "system":
        return "missing, unless the exchange is still starting"
    return "not proven" if state == "unproven" else state
