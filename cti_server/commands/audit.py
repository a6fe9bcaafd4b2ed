"""``cti audit``: proves that the trail is as it was written, and makes and carries away its seals (spec/50)."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cti_adapters.storage import audit_reading, audit_seals
from cti_adapters.storage.work import Database, writing
from cti_server.audit import seals
from cti_server.settings import load
from cti_server.shared.errors import YobirinError

SHOWN: int = 100
"""Findings that are written out; the rest is counted."""


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("audit", help="prove the audit trail, and seal it")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    about = (
        "Looks whether every entry of the audit trail is as it was written, and names those that were changed, "
        "removed, inserted, re-ordered or cut off. The server may run. Exit status 1 if something is found."
    )
    one = actions.add_parser("verify", help="look whether the trail is as it was written", description=about)
    one.add_argument("--from-seal", type=Path, metavar="FILE", help="also hold it against seals that were kept outside")
    one.add_argument("--newest", type=_count, metavar="N", help="only the last N entries of each chain")
    one.add_argument("--json", action="store_true", help="one JSON object per finding")
    _config(one, _verify)
    _config(actions.add_parser("seal", help="make a seal now"), _seal)
    one = actions.add_parser("seals", help="list the seals, or write them to a file to be kept elsewhere")
    one.add_argument("export", nargs="?", choices=("export",), help="write them to FILE")
    one.add_argument("file", nargs="?", type=Path, metavar="FILE")
    _config(one, _seals)


def _config(parser: argparse.ArgumentParser, run: Any) -> None:
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=lambda args: _with_database(args, run))


def _count(text: str) -> int:
    found = int(text)
    if found < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return found


def _with_database(args: argparse.Namespace, run: Any) -> int:
    database = Database(load(args.config).database_url)
    try:
        database.check()
        status: int = run(args, database)
    finally:
        database.close()
    return status


def _verify(args: argparse.Namespace, database: Database) -> int:
    outside = [] if args.from_seal is None else _read(args.from_seal)
    begun = time.monotonic()
    found = audit_reading.verify(database, outside, args.newest, _Progress())
    seconds = time.monotonic() - begun
    for one in found.findings[:SHOWN]:
        print(json.dumps({**one._asdict(), "sentence": one.sentence}) if args.json else one.sentence)
    for sentence in found.broken_seals:
        print(json.dumps({"what": "seal", "sentence": sentence}) if args.json else sentence)
    if len(found.findings) > SHOWN:
        print(f"... and {len(found.findings) - SHOWN} more findings", file=sys.stderr)
    said = f"{found.entries:,} entries in {found.chains} chains, {found.seals} seals, {seconds:.1f} s"
    result = "all as they were written" if found.good else f"{len(found.findings) + len(found.broken_seals)} findings"
    print(f"{said}: {result}", file=sys.stderr if args.json else sys.stdout)
    return 0 if found.good else 1


class _Progress:
    """Says on standard error how far it is, once a second."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= 1.0 or (done == total and total > audit_reading.FEW):
            self._last = now
            print(f"cti: {done:,} of {total:,} entries ({100 * done // total} %)", file=sys.stderr, flush=True)


def _read(file: Path) -> list[seals.Seal]:
    try:
        return seals.read(file.read_text("utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as bad:
        raise YobirinError(f"The file of seals {file} can't be read: {bad}") from bad


def _seal(_args: argparse.Namespace, database: Database) -> int:
    made = audit_seals.seal(writing(database.engine), time.time(), None)
    print(f"Seal {made.number}: {made.digest}")
    return 0


def _seals(args: argparse.Namespace, database: Database) -> int:
    kept = audit_reading.stored_seals(database.engine)
    if args.export is None:
        for one in kept:
            entries = sum(seals.lengths(one).values())
            print(
                f"{one.number:6}  {datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%SZ}  {entries:,}  {one.digest}"
            )
        return 0
    if args.file is None:
        raise YobirinError("Name the file that the seals are to be written to: cti audit seals export FILE")
    audit_seals.note_export(writing(database.engine), time.time(), None, len(kept), getpass.getuser())
    try:
        args.file.write_text(seals.exported(kept), "utf-8")
    except OSError as bad:
        raise YobirinError(f"The seals can't be written to {args.file}: {bad.strerror}; name another file") from bad
    print(f"{len(kept)} seals were written to {args.file}; keep it where nobody who runs this server can change it")
    return 0
