"""``cti evidence verify``: proves an evidence pack, as the ``verify.py`` in it does (spec/50)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cti_server.audit import pack_verifier
from cti_server.shared.errors import YobirinError


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("evidence", help="prove an evidence pack")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    about = (
        "Looks whether a pack is as it was made, and names files that were altered, are missing or were added, and "
        "entries of the trail that are not as they were written. Exit status 1 if something is found."
    )
    one = actions.add_parser("verify", help="look whether a pack is as it was made", description=about)
    one.add_argument("pack", type=Path, metavar="FILE", help="the ZIP, or the folder that it was unpacked to")
    one.add_argument("--seals", type=Path, metavar="FILE", help="also hold it against seals that were kept elsewhere")
    one.add_argument("--config", type=Path, metavar="FILE", help="also ask the trail of this server whether it made it")
    one.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    try:
        found = pack_verifier.verify(args.pack, args.seals)
    except pack_verifier.Unusable as bad:
        raise YobirinError(str(bad)) from bad
    if args.config is not None and not _made_here(args.config, found):
        found.problems.append("this pack was not made by this server: its trail does not know this manifest")
    for problem in found.problems:
        print(problem)
    print(pack_verifier.said(found))
    return 1 if found.problems else 0


def _made_here(config: Path, found: pack_verifier.Verified) -> bool:
    from cti_adapters.storage.evidence_rows import made_here
    from cti_adapters.storage.work import Database
    from cti_server.settings import load

    database = Database(load(config).database_url)
    try:
        database.check()
        return made_here(database.engine, str(found.about.get("pack", "")), found.manifest)
    finally:
        database.close()
