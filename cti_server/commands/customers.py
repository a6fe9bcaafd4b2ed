"""``cti customers import``: a CSV file into the directory of customers (spec O5, C3)."""

from __future__ import annotations

import argparse
import codecs
import csv
import io
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

from cti_adapters.storage.customer_file import Refused, encoding_name, encoding_of
from cti_adapters.storage.customer_import import Imported, import_customers
from cti_adapters.storage.firm import put_branches
from cti_adapters.storage.settings_now import with_saved
from cti_adapters.storage.work import Database
from cti_server.settings import Settings, load
from cti_server.shared.clock import SystemClock
from cti_server.shared.errors import Invalid, YobirinError
from cti_server.shared.people import Branch
from cti_server.shared.phone import Plan

EVERY_SECONDS = 1.0


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("customers", help="look after the directory of customers")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser(
        "import",
        help="import customers from a CSV file",
        description="Imports customers from a CSV file whose first line names the columns: code, name, kana, address, "
        "numbers (several in one, separated by ; or as tel1, tel2 ...), mail, branch, rep, class (1 to 3, 1 being the "
        "most confidential), language, notes; or 顧客コード, 氏名, カナ, 住所, 電話番号, メール, 部店, 担当者, クラス. "
        "Customers that are there already are changed; importing a file twice changes nothing. Rows that can't be "
        "taken go to a report with their line and the reason.",
    )
    one.add_argument("file", type=Path, help="the CSV file; UTF-8 or Shift_JIS, which is found out")
    one.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    one.add_argument("--encoding", help="the file's encoding, where it is found out wrongly")
    one.add_argument("--refused", type=Path, metavar="CSV", help="report of refused rows (default: FILE.refused.csv)")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Imports. 0: every row was taken; 1: some were refused, or the file can't be used."""
    settings = with_saved(load(args.config))
    database = Database(settings.database_url)
    try:
        database.prepare()
        with database.engine.execution_options(write=True).begin() as connection:
            put_branches(connection, [Branch(one.code, one.name, one.timezone) for one in settings.branches])
        return _import(args, settings, database)
    finally:
        database.close()


def _import(args: argparse.Namespace, settings: Settings, database: Database) -> int:
    report = args.refused or args.file.with_name(args.file.name + ".refused.csv")
    with ExitStack() as stack:
        stream = _open(args, stack)
        refused = _Report(report)
        stack.callback(refused.close)
        progress = _Progress()
        try:
            done = import_customers(
                database, stream, SystemClock(), plans=plans(settings), refuse=refused, progress=progress
            )
        except Invalid as bad:
            raise YobirinError(f"{args.file}: {bad}") from bad
    progress.end(done)
    for sentence in _remarks(args.file, report, done):
        print(f"cti: {sentence}", file=sys.stderr)
    print(
        f"{done.rows} rows: {done.added} added, {done.changed} changed, {done.unchanged} unchanged, "
        f"{done.refused} refused; {done.matched_calls} past calls found their customer"
    )
    return 1 if done.refused else 0


def _open(args: argparse.Namespace, stack: ExitStack) -> TextIO:
    try:
        raw = stack.enter_context(args.file.open("rb"))
        encoding = codecs.lookup(args.encoding).name if args.encoding else encoding_of(raw)
    except OSError as bad:
        raise YobirinError(f"{args.file} can't be read ({bad.strerror}); name a CSV file of customers") from bad
    except LookupError as bad:
        raise YobirinError(f"There is no encoding “{args.encoding}”; take utf-8 or shift_jis") from bad
    except Invalid as bad:
        raise YobirinError(f"{args.file}: {bad}") from bad
    print(f"cti: {args.file} is read as {encoding_name(encoding)}", file=sys.stderr)
    return io.TextIOWrapper(raw, encoding, newline="")


def plans(settings: Settings) -> dict[str, Plan]:
    """How each branch writes numbers: as its first exchange does, without the prefix for an outside line."""
    found: dict[str, Plan] = {}
    for exchange in settings.exchanges:
        found.setdefault(exchange.branch, Plan(exchange.region, exchange.area_code, "", exchange.extensions))
    return found


def _remarks(file: Path, report: Path, done: Imported) -> list[str]:
    said = []
    if done.ignored_columns:
        said.append(f"columns that mean nothing here were passed over: {', '.join(done.ignored_columns)}")
    if done.unknown_reps:
        some = ", ".join(sorted(done.unknown_reps)[:10])
        said.append(
            f"{len(done.unknown_reps)} reps in charge have no account yet ({some}); add them with cti user add, "
            "so that they see their customers"
        )
    if done.refused:
        said.append(f"{done.refused} rows of {file} were refused; {report} says why")
    return said


class _Report:
    """The refused rows, written as they come; the file is made only if there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._writer: Any = None

    def __call__(self, row: Refused, header: list[str]) -> None:
        if self._file is None:
            try:
                # With a mark, so that spreadsheets read it as UTF-8.
                self._file = self._path.open("w", encoding="utf-8-sig", newline="")
            except OSError as bad:
                raise YobirinError(
                    f"The report of refused rows can't be written to {self._path} ({bad.strerror}); "
                    "name another file with --refused"
                ) from bad
            self._writer = csv.writer(self._file)
            self._writer.writerow(["line", "reason", *header])
        self._writer.writerow([row.line, row.reason, *row.row])

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()


class _Progress:
    """A line on standard error, once a second."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._shown = False

    def __call__(self, done: Imported) -> None:
        now = time.monotonic()
        if now - self._last >= EVERY_SECONDS:
            self._last = now
            self._show(done, now)

    def _show(self, done: Imported, now: float) -> None:
        rate = done.rows / max(now - self._began, 0.001)
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"cti: {done.rows:,} rows, {done.refused:,} refused, {rate:,.0f} a second ", file=sys.stderr, end=end)
        self._shown = True

    def end(self, done: Imported) -> None:
        """Ends the line."""
        if self._shown and sys.stderr.isatty():
            print(file=sys.stderr)
