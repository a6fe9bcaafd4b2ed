"""``cti doctor``: whether all that the server needs is there and well, in one look (spec O5)."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cti_server.commands.exchange import LISTEN_SECONDS, plain, report, visit
from cti_server.settings import Settings, load
from cti_server.shared.errors import SettingsError, Unavailable

if TYPE_CHECKING:
    from cti_server.health import Finding


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "doctor",
        help="look whether all that the server needs is there and well",
        description="Looks at settings, secrets, data folder, disk, database, clock, trail, journals, port, "
        "certificate, exchanges, mail server, translations and pages, and says of each thing whether it is well, and "
        "what to do where it is not. Changes nothing; the server may run. Exit status 1 where something fails.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per finding")
    parser.add_argument("--offline", action="store_true", help="leave exchanges and mail server alone")
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Looks. 0: nothing fails (there may be warnings); 1: something does."""
    failed = False
    for grade, what, sentence in _findings(args):
        failed |= grade == "fail"
        line = {"grade": grade, "what": what, "sentence": sentence}
        text = json.dumps(line, ensure_ascii=False) if args.json else f"{grade:4}  {what}: {plain(sentence)}"
        print(text, flush=True)
    return 1 if failed else 0


def _findings(args: argparse.Namespace) -> Iterator[Finding]:
    from cti_adapters.storage.settings_now import with_saved
    from cti_server import health

    try:
        settings = load(args.config)
    except SettingsError as bad:
        for sentence in str(bad).splitlines():
            yield health.Finding("fail", "settings", sentence)
        return
    yield health.Finding("ok", "settings", f"{args.config} makes sense")
    yield from health.data_folder(settings.data_dir)
    yield from health.database(settings, time.time())
    yield from health.trail(settings, time.time())
    with contextlib.suppress(Unavailable):  # told already; the file's own exchanges can still be looked at
        settings = with_saved(settings)
    yield from health.secrets(settings)
    yield from health.journals(settings)
    yield health.port(settings)
    yield from health.certificate(settings.server, time.time())
    yield from health.pages()
    if not args.offline:
        yield health.mail(settings.mail)
        yield from _exchanges(settings)


def _exchanges(settings: Settings) -> Iterator[Finding]:
    from cti_server.health import Finding

    chosen = [one for one in settings.exchanges if not one.paused]
    if not chosen:
        yield Finding("warn", "exchanges", "there is none to be heard; add one on the pages or under [[exchanges]]")
        return
    print("cti: visiting the exchanges …", file=sys.stderr)
    for exchange, findings in zip(chosen, visit(chosen, LISTEN_SECONDS), strict=True):
        sentence = " ".join(line.strip().removeprefix(f"{exchange.id}: ") for line in report(exchange, findings))
        yield Finding("ok" if findings.good else "fail", f"exchange {exchange.id}", sentence)
