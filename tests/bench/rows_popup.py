"""Ring to pop-up: a whole `cti serve`, a simulated exchange with 50 calls a second, 1,000 screens, 1,000,000
customers."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import world
from tests.bench.measure import Row, percentile

CUSTOMERS = {"small": 5_000, "full": 1_000_000, "huge": 1_000_000}
SCREENS = {"small": 50, "full": 1000, "huge": 1000}
SECONDS = {"small": 3, "full": 30, "huge": 60}
RATE = 50
SECRET = "bench-secret"

SETTINGS = """
[server]
port = {port}
data_dir = "{folder}"
[live]
streams_per_user = 16
[[branches]]
code = "000"
name = "Branch 0"
[[exchanges]]
id = "load"
name = "Load"
kind = "simulated"
branch = "000"
port = {exchange}
username = "yobirin"
secret_env = "YOBIRIN_BENCH_SECRET"
extensions = '\\d{{4}}'
"""


def popup(size: str) -> list[Row]:
    """p99 with no pages and with four heavy pages always running."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        world.database(folder, CUSTOMERS[size], 0).close()
        path = folder / "yobirin.sqlite3"
        next(folder.glob("bench-*.sqlite3")).rename(path)
        _sign_in(path, SCREENS[size])
        cases = [(True, "four heavy pages always running", 10.0)]
        if size != "small":  # a trial: the other is the same but for the pages
            cases.insert(0, (False, "no pages", 2.0))
        measured = [(what, _measure(folder, size, pages=pages), target) for pages, what, target in cases]
    rows = []
    for what, taken, target in measured:
        low, high = (percentile(taken, share) * 1e3 for share in (0.5, 0.99))
        rows.append(
            Row(
                f"ring to pop-up p99, {RATE} calls/s, {SCREENS[size]:,} screens, {what}",
                high,
                "ms",
                target,
                False,
                f"{len(taken)} calls; p50 {low:.2f} ms, p90 {percentile(taken, 0.9) * 1e3:.2f} ms",
                "the commit: some thirteen small statements through SQLAlchemy and two disk syncs, 3 to 4 ms",
            )
        )
    return rows


def _sign_in(path: Path, screens: int) -> None:
    """A session for every screen: token tN is rep N's."""
    now = time.time()
    with sqlite3.connect(path) as raw:
        raw.executemany(
            "INSERT INTO sessions(token_hash, user, created, seen, expires, address) VALUES (?, ?, ?, ?, ?, '')",
            [
                (hashlib.sha256(f"t{n}".encode()).hexdigest(), str(n % world.REPS), now, now, now + 86400)
                for n in range(screens)
            ],
        )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _measure(folder: Path, size: str, pages: bool) -> list[float]:
    port, exchange = _free_port(), _free_port()
    (folder / "cti.toml").write_text(SETTINGS.format(port=port, folder=folder, exchange=exchange), "utf-8")
    load = [
        sys.executable,
        "-m",
        "cti_simulators.load",
        "--port",
        str(exchange),
        "--rate",
        str(RATE),
        "--seconds",
        str(SECONDS[size]),
        "--secret",
        SECRET,
        "--callers",
        str(min(CUSTOMERS[size], 1_000_000)),
        "--first-caller",
        "09000000000",
        "--extensions",
        "100",
        "--ring",
        "1",
        "--talk",
        "1",
    ]
    server = [sys.executable, "-m", "cti_server.cli", "serve", "--config", str(folder / "cti.toml")]
    environment = os.environ | {"YOBIRIN_BENCH_SECRET": SECRET}
    with _running(server, environment):
        _until_up(port)
        with _running(
            [sys.executable, "-m", "tests.bench.watchers", str(port), str(SCREENS[size])], environment
        ) as watchers:
            assert watchers.stdout is not None and watchers.stdin is not None
            watchers.stdout.readline()
            time.sleep(2.0)
            busy = [sys.executable, "-m", "tests.bench.busy_pages", str(port)]
            with _running(busy if pages else ["cat"], environment), _running(load, environment) as sender:
                sender.wait(timeout=SECONDS[size] + 60)
            watchers.stdin.close()
            taken: list[float] = json.loads(watchers.stdout.read())
    return taken


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_up(port: int) -> None:
    """Waits until the pages are up; the exchange is tried all the while, and comes up when its load starts."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise TimeoutError("the server did not come up")
