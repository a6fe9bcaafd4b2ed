"""``cti demo``: the whole product on simulated exchanges, with a day of calls (spec O5). It uses only this machine."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from cti_adapters.storage.work import Database
from cti_server import main
from cti_server.commands import demo_deals, demo_firm, demo_morning
from cti_server.settings import Settings
from cti_server.shared.clock import SystemClock
from cti_server.shared.errors import YobirinError
from cti_simulators.day import Traffic
from cti_simulators.people import OFFICES, SEED, Firm, firm

TIMEZONE = "Asia/Tokyo"
LONGEST_PAST = 5 * 3600.0
SHORTEST_PAST = 1.5 * 3600.0
"""Seconds of the day that have gone by when the demonstration begins: the working day so far, within these bounds."""
SECRET = "YOBIRIN_DEMO_SECRET"
STARTS_WITHIN = 30.0


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "demo",
        help="the whole product on simulated exchanges, with a day of calls",
        description="Starts the whole product on simulated exchanges: three branches, a day of calls. Prints the "
        "address and whom to sign in as. Ctrl-C ends everything that it started.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="default: %(default)s")
    parser.add_argument(
        "--data", type=Path, help="a folder to keep it in, for the next time; default: one that is deleted at the end"
    )
    parser.add_argument(
        "--speed", type=_speed, default=1.0, help="2 has twice as many calls in the same time (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the demonstration until it is ended."""
    _check_free(args.host, args.port)
    # A shell without job control has what it starts in the background ignore Ctrl-C; the demo ends by it all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with ExitStack() as started:
        folder = args.data or Path(started.enter_context(TemporaryDirectory(prefix="yobirin-demo-")))
        world = firm()
        new = not (folder / "yobirin.sqlite3").exists()
        print("Yobirin demo: filling the database ..." if new else "Yobirin demo: going on where it was ended ...")
        secret = secrets.token_urlsafe(24)
        past = past_seconds(SystemClock().now()) if new else 0.0
        exchanges = {
            office.exchange: started.enter_context(simulated(office.exchange, secret, past, args.speed))
            for office in OFFICES
        }
        database = Database(f"sqlite:///{folder / 'yobirin.sqlite3'}")
        started.callback(database.close)
        if new:
            database.upgrade()
            demo_firm.seed(database, world, SystemClock())
            demo_deals.seed(database, world)
        ports = {exchange: port_of(process, exchange) for exchange, process in exchanges.items()}
        settings = settings_of(args.host, args.port, folder, ports, _secret_file(folder, secret))
        ready = _Ready(database, world, f"http://{args.host}:{args.port}", handle=new)
        return main.run(settings, on_ready=ready, mailbox=folder / "mailbox")


def past_seconds(now: float) -> float:
    """How much of the working day (from 8:30, Tokyo) has gone by at ``now``, within bounds so that there is something
    to see at every hour."""
    local = datetime.fromtimestamp(now, ZoneInfo(TIMEZONE))
    opened = local.replace(hour=8, minute=30, second=0, microsecond=0)
    if opened > local:
        opened -= timedelta(days=1)
    return min(max(now - opened.timestamp(), SHORTEST_PAST), LONGEST_PAST)


def past_calls(world: Firm) -> int:
    """How many calls all exchanges together have in the past part of the day."""
    return sum(len(Traffic(office.exchange, world=world).past(0.0, LONGEST_PAST)) for office in OFFICES)


def settings_of(host: str, port: int, folder: Path, exchanges: dict[str, int], secret_file: Path) -> Settings:
    """The settings of the demonstration; ``exchanges``: the port of each simulated exchange."""
    return Settings.model_validate(
        {
            "server": {"host": host, "port": port, "data_dir": folder},
            "branches": [
                {"code": office.branch.code, "name": office.branch.name, "timezone": TIMEZONE} for office in OFFICES
            ],
            "exchanges": [
                {
                    "id": office.exchange,
                    "name": office.exchange_name,
                    "kind": "simulated",
                    "branch": office.branch.code,
                    "port": exchanges[office.exchange],
                    "secret_file": secret_file,
                    "area_code": office.area_code,
                    "extensions": r"\d{4}",
                    "trunks": ("PJSIP/trunk",),
                }
                for office in OFFICES
            ],
            "mail": {"sender": "callback@yobirin.example"},
        }
    )


@contextmanager
def simulated(exchange: str, secret: str, past: float, speed: float) -> Iterator[subprocess.Popen[str]]:
    """Runs a simulated exchange in a process of its own, and ends it."""
    command = [sys.executable, "-m", "cti_simulators.pbx", "--day", exchange, "--seed", str(SEED)]
    command += ["--past-seconds", str(past), "--pace", str(speed), "--secret-env", SECRET, "--until-stdin-closes"]
    # A session of its own: Ctrl-C ends the server first, then the exchanges that it listens to.
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {SECRET: secret},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def port_of(process: subprocess.Popen[str], exchange: str) -> int:
    """The port that a simulated exchange listens on, once it does. Raises YobirinError if it doesn't."""
    assert process.stdout is not None
    overdue = threading.Timer(STARTS_WITHIN, process.kill)
    overdue.start()
    line = process.stdout.readline()
    overdue.cancel()
    if not line.startswith("listening on"):
        raise YobirinError(f"the simulated exchange {exchange} did not start; what it said stands above")
    return int(line.rsplit(":", 1)[1])


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    try:
        process.wait(timeout=5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def _secret_file(folder: Path, secret: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "exchanges.secret"
    path.touch(mode=0o600)
    path.write_text(secret)
    return path


def _check_free(host: str, port: int) -> None:
    """Raises YobirinError with a sentence if the port can't be listened on."""
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except (OSError, OverflowError) as problem:
        raise YobirinError(
            f"port {port} of {host} can't be listened on ({getattr(problem, 'strerror', None) or problem}); "
            f"take another, such as: cti demo --port {9000 if port == 8080 else 8080}"
        ) from problem


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.1 <= speed <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number between 0.1 and 100")
    return speed


class _Ready:
    """What happens when the server is up: the past of the day is dealt with, then people are told how to get in."""

    def __init__(self, database: Database, world: Firm, address: str, handle: bool) -> None:
        self._database = database
        self._world = world
        self._address = address
        self._handle = handle

    def __call__(self) -> None:
        """Called on the reactor's thread; the work is done beside it."""
        threading.Thread(target=self._greet, daemon=True).start()

    def _greet(self) -> None:
        try:
            if self._handle:
                since = SystemClock().now() - LONGEST_PAST - 600
                demo_morning.handle(self._database, self._world, past_calls(self._world), since)
        finally:
            print(self.text(), flush=True)

    def text(self) -> str:
        """Where it is and whom to sign in as."""
        people = demo_firm.sign_ins(self._world)
        wide = max(len(each.login) for each in people)
        lines = "\n".join(f"  {each.login:{wide}}  {each.who}" for each in people)
        return (
            f"\nYobirin is ready: {self._address}\n\n{lines}\n\n  password of all: {demo_firm.PASSWORD}\n\n"
            "Something rings every few seconds. Mails to customers end in the mailbox page. Ctrl-C ends everything."
        )
