"""``cti compliance recompute``: past calls are looked at again, after rules changed for them or after an upgrade."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from cti_adapters.storage import recounting
from cti_adapters.storage.recounting import Progress
from cti_adapters.storage.work import Database, writing
from cti_server.settings import load
from cti_server.shared.clock import SystemClock


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("compliance", help="look after how calls stand")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    about = "look at past calls again, after rules changed for them or after an upgrade; goes on where it was ended"
    one = actions.add_parser("recompute", help=about, description=about)
    one.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    one.add_argument("--all", action="store_true", help="every call, though nothing asks for it")
    one.add_argument("--from", dest="since", type=_day, help="with --all: calls from this day on (2026-11-01)")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Does what waits. 0: nothing waits any more."""
    database = Database(load(args.config).database_url)
    try:
        database.check()
        engine = writing(database.engine)
        if args.all:
            recounting.ask(engine, args.since, SystemClock().now())
        jobs = recounting.pending(engine)
        if not jobs:
            print("Every call stands by the rules that hold for it; nothing to do (--all looks at them anyway)")
        for job in jobs:
            progress = _done(engine, job)
            print(f"{progress.done} calls were looked at, {progress.changed} stand otherwise now")
    finally:
        database.close()
    return 0


def _done(engine: Any, job: Any) -> Progress:
    progress, told = Progress(job.done, job.changed, 0), time.monotonic()
    for progress in recounting.recount(engine, job, SystemClock().now()):
        if time.monotonic() - told > 1.0:
            told = time.monotonic()
            print(f"{progress.done} of {progress.all} calls", file=sys.stderr)
    return progress


def _day(text: str) -> float:
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-11-01") from None
