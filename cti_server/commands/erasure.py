"""``cti erasure check``: proves that an erased call took place (spec/50)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from cti_adapters.sealing import proof_key
from cti_adapters.storage.forgetting import proof_of
from cti_adapters.storage.work import Database
from cti_server.compliance.erasing import proof
from cti_server.settings import load
from cti_server.shared import phone


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    about = "Says whether an erased call was with this number. Exit status 1 if not."
    parser = subparsers.add_parser("erasure", help="prove that an erased call took place")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser("check", help="was this erased call with this number?", description=about)
    one.add_argument("call", help="the call's id")
    one.add_argument("number", help="the telephone number, as it is dialled here or with its country code")
    one.add_argument("--region", default="JP", help="the country that the number is dialled in (default: %(default)s)")
    one.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    one.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    settings = load(args.config)
    number = phone.e164(args.number, phone.Plan(args.region))
    if number is None:
        print(f"“{args.number}” is no telephone number; write it with its area code", file=sys.stderr)
        return 2
    database = Database(settings.database_url)
    try:
        database.check()
        with database.engine.connect() as connection:
            known = proof_of(connection, args.call)
    finally:
        database.close()
    if known is None:
        print(f"{args.call} is no call that was erased", file=sys.stderr)
        return 2
    began_at, kept = known
    same = proof(proof_key(settings.data_dir), args.call, began_at, number) == kept
    print("yes: the call took place, and was with this number" if same else "no: it was with another number")
    return 0 if same else 1
