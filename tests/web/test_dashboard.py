"""The dashboard process: watched by the daemon, started again when it dies, never in the way of what is live."""

from __future__ import annotations

import json
import os
import queue
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from tests.web.running import until

ROOT = Path(__file__).parents[2]


class Daemon:
    """A daemon in a process of its own, as in life: signals, children, death."""

    def __init__(self, data_dir: Path, temporary: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.web.daemon_for_test", str(data_dir)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        )
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        first = self.next()
        self.port = first["port"]
        self.sockets = [Path(name) for name in first["sockets"]]

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.put(json.loads(line))

    def next(self, seconds: float = 30.0) -> dict[str, Any]:
        return self.said.get(timeout=seconds)

    def ask(self, path: str, method: str = "GET", body: Any = None, timeout: float = 30, **headers: str) -> Any:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, body, headers)
            with connection.getresponse() as response:
                return response.status, response.read()

    def up(self) -> dict[str, Any]:
        """Waits until a page comes."""
        return json.loads(until(self._page, "the dashboard to be up", 60))

    def _page(self) -> bytes | None:
        with suppress(OSError, HTTPException):
            status, body = self.ask("/pid")
            return body if status == 200 else None
        return None

    def end(self, how: int = signal.SIGTERM) -> str:
        """Ends it; returns what it wrote to its log."""
        assert self.process.stderr
        assert self.process.stdout
        if self.process.stderr.closed:
            return ""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(30)
        log = self.process.stderr.read().decode()
        self._reader.join(10)
        self.process.stderr.close()
        self.process.stdout.close()
        return log


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def daemon(data_dir: Path) -> Iterator[Daemon]:
    found = Daemon(data_dir, data_dir)
    yield found
    found.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def steady() -> Iterator[Daemon]:
    """One for all tests that leave it as it was."""
    with tempfile.TemporaryDirectory() as name:
        found = Daemon(Path(name), Path(name))
        found.up()
        yield found
        found.end(signal.SIGKILL)


def test_health_follows_the_dashboard_and_pages_come_from_it(steady: Daemon) -> None:
    page = steady.up()
    assert page["pid"] != steady.process.pid
    assert (page["address"], page["https"]) == ("127.0.0.1", False)
    assert steady.ask("/healthz") == (200, b'{"ok": true, "parts": {"dashboard": "ok"}}\n')
    body = os.urandom(300_000)
    assert steady.ask("/echo", "POST", body) == (200, body)


def test_the_sockets_are_for_the_owner_only(daemon: Daemon, data_dir: Path) -> None:
    daemon.up()
    sockets = [path for path in data_dir.iterdir() if path.is_socket()]
    assert {path.name for path in sockets} == {"daemon.sock", "dashboard.sock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in sockets} == {0o600}


def test_a_killed_dashboard_comes_back_by_itself_and_the_daemon_stays(daemon: Daemon) -> None:
    first = daemon.up()["pid"]
    os.kill(first, signal.SIGKILL)
    assert until(lambda: not alive(first), "it to be dead")
    second = daemon.up()["pid"]
    assert second != first
    with suppress(OSError, HTTPException):
        assert daemon.ask("/crash")[0] == 503
    assert daemon.up()["pid"] not in (first, second)
    assert daemon.process.poll() is None


def test_a_dashboard_that_hangs_is_ended_and_started_again(daemon: Daemon) -> None:
    first = daemon.up()["pid"]
    daemon.ask("/hang")
    assert until(lambda: not alive(first), "it to be ended", 60)
    assert daemon.up()["pid"] != first


def test_a_page_that_computes_does_not_hold_the_daemon_up(steady: Daemon) -> None:
    steady.up()
    pages = [threading.Thread(target=steady.ask, args=("/compute?seconds=1.5",)) for _ in range(4)]
    for page in pages:
        page.start()
    slowest, answers = 0.0, 0
    while any(page.is_alive() for page in pages):
        began = time.monotonic()
        assert steady.ask("/live")[0] == 401
        slowest = max(slowest, time.monotonic() - began)
        answers += 1
    for page in pages:
        page.join()
    assert answers > 20
    assert slowest < 1.0


def test_a_long_export_is_made_only_as_fast_as_it_is_taken(steady: Daemon) -> None:
    def made(what: str = "parts") -> int:
        return int(json.loads(steady.ask("/pid")[1])["made"][what]) - before[what]

    before = {"parts": 0, "closed": 0}
    before = {what: made(what) for what in before}
    with closing(HTTPConnection("127.0.0.1", steady.port, timeout=30)) as connection:
        connection.request("GET", "/export?parts=4000")
        with connection.getresponse() as response:
            response.read(65536)
            same, last = 0, -1
            while same < 10:
                now = made()
                same = same + 1 if now == last else 0
                last = now
            assert last < 400  # of 4000: what the sockets and buffers on the way hold
            assert len(response.read(65536 * 1000)) == 65536 * 1000
    until(lambda: made("closed") == 1, "the export to be given up")
    assert made() < 4000


def test_a_whole_export_arrives_whole(steady: Daemon) -> None:
    steady.up()
    assert steady.ask("/export?parts=200")[1] == b"x" * 65536 * 200


def test_an_export_that_breaks_does_not_look_whole(steady: Daemon) -> None:
    steady.up()
    with pytest.raises((IncompleteRead, ConnectionError)):
        steady.ask("/export?parts=50&broken=1")
    assert steady.ask("/export?parts=1&broken=1")[0] == 500


def test_what_the_dashboard_tells_reaches_the_daemon_once(steady: Daemon) -> None:
    steady.up()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for number in range(5):
        assert steady.ask("/tell", "POST", f"text=n{number}", **form)[0] == 200
    assert [steady.next()["note"] for _ in range(5)] == [f"n{number}" for number in range(5)]
    assert steady.said.empty()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_takes_the_dashboard_along(daemon: Daemon, how: int) -> None:
    pid = daemon.up()["pid"]
    log = daemon.end(how)
    assert daemon.process.returncode == 0
    assert not alive(pid)
    assert "Traceback" not in log
    assert daemon.next() == {"ended": True}


def test_a_daemon_that_is_killed_takes_the_dashboard_along_too(daemon: Daemon) -> None:
    pid = daemon.up()["pid"]
    daemon.end(signal.SIGKILL)
    until(lambda: not alive(pid), "the dashboard to end")


def test_a_killed_daemon_can_be_started_again_in_the_same_folder(daemon: Daemon, data_dir: Path) -> None:
    daemon.up()
    daemon.end(signal.SIGKILL)
    again = Daemon(data_dir, data_dir)
    try:
        assert again.up()["pid"] > 0
    finally:
        again.end(signal.SIGKILL)


def test_a_long_path_of_the_data_folder_is_no_problem(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    daemon = Daemon(deep, data_dir)
    try:
        assert daemon.up()["pid"] > 0
        assert all(len(str(path)) <= 110 or not path.is_socket() for path in daemon.sockets)
        folder = daemon.sockets[0].parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        daemon.end()
    assert not folder.exists()


def test_a_page_that_is_still_computed_does_not_hold_the_end_up(daemon: Daemon) -> None:
    daemon.up()

    def page() -> None:
        with suppress(OSError, HTTPException):
            daemon.ask("/compute?seconds=60")

    asking = threading.Thread(target=page)
    asking.start()
    until(lambda: (daemon.ask("/healthz"), asking.is_alive())[1], "the page to be asked for")
    began = time.monotonic()
    daemon.end()
    assert time.monotonic() - began < 15
    asking.join()
