"""``cti serve``: the server."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cti_server import main
from cti_server.settings import load


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "serve",
        help="the server: feeds, call log, live screens and pages on one port",
        description="Runs the server until Ctrl-C or SIGTERM. SIGHUP reads the settings again; a feed whose settings "
        "did not change is not touched.",
    )
    parser.add_argument("--config", type=Path, default=Path("cti.toml"), help="settings file (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the server."""
    settings = load(args.config)
    host, port = settings.server.host, settings.server.port
    scheme = "https" if settings.server.tls_certificate else "http"
    return main.run(
        settings, config=args.config, on_ready=lambda: print(f"Yobirin is ready: {scheme}://{host}:{port}", flush=True)
    )
