"""``cti policy compare``: rules for choosing members, held against each other in synthetic firms (decision 026)."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from cti_server.shared.errors import Invalid
from cti_simulators import policy_report


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser("policy", help="compare rules for choosing who takes a customer")
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser("compare", help="try each rule in synthetic firms of which the truth is known")
    one.add_argument("--seeds", type=int, default=20, help="how many firms; the same for a number (default: 20)")
    one.add_argument("--json", action="store_true", help="print JSON")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compares."""
    if args.seeds < 1:
        raise Invalid("At least one firm is needed; give --seeds a number from 1 on")
    outcomes = []
    for seed, outcome in policy_report.trials(args.seeds):
        outcomes.append(outcome)
        if sys.stderr.isatty():
            print(f"\rfirm {seed} of {args.seeds}", end="\n" if seed == args.seeds else "", file=sys.stderr)
    found = policy_report.rows(outcomes)
    if args.json:
        print(json.dumps(policy_report.as_json(found), indent=2))
    else:
        for line in policy_report.as_text(found, args.seeds):
            print(line)
        for line in policy_report.prediction_lines(outcomes):
            print(line)
    return 0
