"""``cti deals import``: past and open deals with their paths and contracts, from a CSV file (docs/phases.md)."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.customer_file import encoding_name, encoding_of
from cti_adapters.storage.deal_import import import_deals
from cti_adapters.storage.settings_now import with_saved
from cti_adapters.storage.work import Database
from cti_server.phases.deal_file import RefusedRow
from cti_server.phases.desk_importing import Brought
from cti_server.settings import load
from cti_server.shared.clock import SystemClock
from cti_server.shared.errors import Invalid, YobirinError


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("deals", help="look after deals of the phase workflow")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser(
        "import",
        help="import past and open deals from a CSV file",
        description="Imports deals with their paths and contracts. The first line names the columns: deal, customer, "
        "title, source, size, first_contact, path (801 2026-01-10 > 802 2026-02-01), state (open, won, lost, "
        "cancelled), closed, reason, start, price, currency, end; or their Japanese names (docs/phases.md). Deals that "
        "were imported before stay as they are. Rows that can't be taken go to a report with their line and reason.",
    )
    one.add_argument("file", type=Path, help="the CSV file; UTF-8 or Shift_JIS, which is found out")
    one.add_argument("--service", required=True, help="the name of the service that the deals are about")
    one.add_argument("--as", dest="user", required=True, help="the id of the user who imports; their scope holds")
    one.add_argument("--look", action="store_true", help="say what would come of it, and keep nothing")
    one.add_argument("--refused", type=Path, metavar="CSV", help="report of refused rows (default: FILE.refused.csv)")
    one.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Imports. 0: every row was taken; 1: some were refused, or the file can't be used."""
    database = Database(with_saved(load(args.config)).database_url)
    try:
        database.prepare()
        return _import(args, database)
    finally:
        database.close()


def _import(args: argparse.Namespace, database: Database) -> int:
    viewer = accounts(database, SystemClock()).viewer(args.user)
    with database.open(viewer.scope) as work:
        services = {one.name: one.id for one in work.set_up.services()}
    if args.service not in services:
        raise YobirinError(f"There is no service “{args.service}”; there are {', '.join(sorted(services)) or 'none'}")
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(args.file.open("rb"))
            encoding = encoding_of(raw)
        except OSError as bad:
            raise YobirinError(f"{args.file} can't be read ({bad.strerror}); name a CSV file of deals") from bad
        print(f"cti: {args.file} is read as {encoding_name(encoding)}", file=sys.stderr)
        refused: list[RefusedRow] = []
        try:
            done = import_deals(
                database,
                io.TextIOWrapper(raw, encoding, newline=""),
                services[args.service],
                viewer,
                SystemClock(),
                only_look=args.look,
                progress=_progress,
                refuse=refused.append,
            )
        except Invalid as bad:
            raise YobirinError(f"{args.file}: {bad}") from bad
    if refused:
        report = args.refused or args.file.with_name(args.file.name + ".refused.csv")
        _report(report, refused)
        print(f"cti: {len(refused)} rows were refused; {report} says why", file=sys.stderr)
    said = "would be added" if args.look else "added"
    print(f"{done.rows} rows: {done.added} {said}, {done.there} there before, {done.refusals} refused")
    return 1 if refused else 0


def _progress(done: Brought) -> None:
    if sys.stderr.isatty():
        print(f"\r{done.rows} rows", end="", file=sys.stderr)


def _report(path: Path, refused: list[RefusedRow]) -> None:
    try:
        # With a mark, so that spreadsheets read it as UTF-8.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["line", "column", "reason"])
            writer.writerows([row.line, row.field, row.sentence] for row in refused)
    except OSError as bad:
        raise YobirinError(f"{path} can't be written ({bad.strerror}); name another file with --refused") from bad
