"""``cti retention``: ends what is due by ``[retention]`` (spec/50)."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from cti_adapters.sealing import proof_key
from cti_adapters.storage.retention import run
from cti_adapters.storage.work import Database, writing
from cti_server.compliance.erasing import proof
from cti_server.settings import load
from cti_server.shared.clock import SystemClock


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    about = "Ends what is due by [retention] in the settings. The server does so every night; it may run meanwhile."
    parser = subparsers.add_parser("retention", help="end what is due by [retention]", description=about)
    parser.add_argument("--only-look", action="store_true", help="say how many would end, and change nothing")
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=_retention)


def _retention(args: argparse.Namespace) -> int:
    settings = load(args.config)
    database = Database(settings.database_url)
    try:
        database.check()
        prove = partial(proof, proof_key(settings.data_dir))
        ended = list(run(writing(database.engine), SystemClock(), settings.retention, prove, only_look=args.only_look))
        if any(count for _kind, count in ended) and not args.only_look:
            database.empty_log()
    finally:
        database.close()
    for kind, count in ended:
        print(f"{kind}: {count:,} {'would end' if args.only_look else 'ended'}")
    if not ended:
        print("nothing is set to end: see [retention] in the settings")
    return 0
