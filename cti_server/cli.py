"""The `cti` command. Each subcommand is a module of `cti_server.commands` with ``add(subparsers)``; only the one that
is called is imported, so that a quick command starts quickly."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from cti_server.shared.errors import YobirinError

COMMANDS = {
    "serve": "serve",
    "demo": "demo",
    "trace": "trace",
    "smdr": "smdr",
    "calls": "calls",
    "customers": "customers",
    "deals": "deals",
    "user": "users",
    "token": "tokens",
    "exchange": "exchange",
    "replay": "replay",
    "doctor": "doctor",
    "audit": "audit",
    "compliance": "compliance",
    "evidence": "evidence",
    "db": "db",
    "simulate": "simulate",
    "policy": "policy",
    "retention": "retention",
    "erasure": "erasure",
}
"""Subcommand -> module of `cti_server.commands`."""


def parser(names: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these subcommands."""
    top = argparse.ArgumentParser(prog="cti", description="Yobirin, the telephony-first CTI server.")
    subparsers = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in names:
        import_module(f"cti_server.commands.{COMMANDS[name]}").add(subparsers)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: it failed, and a sentence on standard error says why; 2: called wrongly."""
    words = list(sys.argv[1:] if argv is None else argv)
    names = [words[0]] if words and words[0] in COMMANDS else list(COMMANDS)
    arguments = parser(names).parse_args(words)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except YobirinError as problem:
        print(f"cti: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cti: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough (`cti trace ... | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
