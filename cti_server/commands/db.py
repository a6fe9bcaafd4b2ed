"""``cti db upgrade``: brings the database to the version that this program needs (spec O6)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cti_adapters.storage.work import Database
from cti_server.settings import load


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("db", help="look after the database")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    about = "bring the database to this program's version; an empty one gets all its tables"
    one = actions.add_parser("upgrade", help=about, description=about)
    one.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Upgrades. 0: the database has the needed version now."""
    database = Database(load(args.config).database_url)
    try:
        before, now = database.upgrade()
    finally:
        database.close()
    if before == now:
        print(f"The database is of version {now} already")
    else:
        print(f"The database was upgraded from version {before or 'none'} to {now}")
    return 0
