"""``cti calls``: the call log on standard output, so that others can check it (spec O5)."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cti_adapters.storage.call_rows import stored_calls
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.calls.truth import as_truth
from cti_server.settings import Settings, load
from cti_server.shared.errors import YobirinError


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "calls",
        help="list the call log",
        description="Lists the call log, the oldest call first. A time without a zone is meant in that of the branch "
        "(without --branch: of the first branch of the settings).",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per call, with the fields of cti trace")
    parser.add_argument("--from", dest="since", metavar="TIME", help="e.g. 2026-11-22 or 2026-11-22T10:05:00+09:00")
    parser.add_argument("--to", dest="until", metavar="TIME", help="calls that began before then")
    parser.add_argument("--branch", metavar="CODE", help="only calls of this branch's exchanges")
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Lists. 0: done."""
    settings = load(args.config)
    zone = _zone(settings, args.branch)
    since, until = (None if text is None else moment(text, zone) for text in (args.since, args.until))
    database = Database(settings.database_url)
    try:
        database.check()
        for log in stored_calls(database.engine, since, until, args.branch):
            print(json.dumps(_with_place(log), ensure_ascii=False) if args.json else _line(log, zone))
    finally:
        database.close()
    return 0


def _zone(settings: Settings, branch: str | None) -> ZoneInfo:
    """The zone of a branch, else of the first one."""
    for one in settings.branches:
        if branch in (None, one.code):
            return ZoneInfo(one.timezone)
    if branch is not None:
        known = ", ".join(one.code for one in settings.branches) or "none"
        raise YobirinError(f"There is no branch “{branch}”; the settings have {known}")
    return ZoneInfo("UTC")


def moment(text: str, zone: ZoneInfo) -> float:
    """Epoch seconds of an ISO time; without a zone it is meant in ``zone``. Raises YobirinError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as bad:
        raise YobirinError(
            f"“{text}” is no time; write a day such as 2026-11-22 or a time such as 2026-11-22T10:05"
        ) from bad
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()


def _with_place(log: CallLog) -> dict[str, Any]:
    return {"id": log.id, "exchange": log.exchange, "branch": log.branch, **as_truth(log)}


def _line(log: CallLog, zone: ZoneInfo) -> str:
    began = datetime.fromtimestamp(log.started_at, zone).strftime("%Y-%m-%d %H:%M:%S")
    outcome = log.disposition or log.state
    who = f"{log.caller_number or 'withheld'} -> {log.dialed_number or '-'}"
    talked = f"{'-':>6}" if log.talk_seconds is None else f"{log.talk_seconds:6.0f}"
    taker = f"  {log.answered_by_extension}" if log.answered_by_extension else ""
    return f"{began}  {log.exchange}  {log.direction or '-':<8}  {outcome:<9}  {talked} s  {who}{taker}"
