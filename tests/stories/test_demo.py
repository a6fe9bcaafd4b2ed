"""``cti demo`` from outside: it starts, shows a day that has gone by, goes on ringing, dials, and ends all that it
started."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from http.cookiejar import CookieJar
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cti_server.commands.demo import LONGEST_PAST, SHORTEST_PAST, past_seconds

STARTS_WITHIN = 120.0
"""Seconds; some ten on a machine that has nothing else to do."""


class Demo:
    """A running demonstration and its folder."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = folder
        self.said = folder / "said.txt"
        command = [
            sys.executable,
            "-m",
            "cti_server.cli",
            "demo",
            "--port",
            str(self.port),
            "--data",
            str(folder / "data"),
        ]
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def text(self) -> str:
        return self.said.read_text("utf-8")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(f"file:{self.folder / 'data' / 'yobirin.sqlite3'}?mode=ro", uri=True) as database:
            return database.execute(query).fetchall()

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in listed for pid in path.read_text().split()]


class Browser:
    """Somebody who has signed in."""

    def __init__(self, demo: Demo, login: str) -> None:
        self._base = f"http://127.0.0.1:{demo.port}"
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        password = next(line.split()[-1] for line in demo.text().splitlines() if "password" in line)
        self.send("/signin", "/signin", login=login, password=password)

    def get(self, path: str) -> str:
        with self._opener.open(self._base + path, timeout=30) as answer:
            return str(answer.read().decode())

    def send(self, page: str, path: str, **fields: str) -> str:
        """Sends a form of ``page`` to ``path``."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page))
        assert token is not None
        form = urllib.parse.urlencode(fields | {"csrf_token": token[1]}).encode()
        with self._opener.open(self._base + path, form, timeout=30) as answer:
            return str(answer.read().decode())

    def live(self, seconds: float) -> Iterator[dict[str, object]]:
        """What the live stream tells of calls."""
        until = time.monotonic() + seconds
        with self._opener.open(self._base + "/live", timeout=seconds) as stream:
            kind = ""
            while time.monotonic() < until:
                line = stream.readline().decode().rstrip()
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("data:") and kind == "call":
                    yield json.loads(line[5:])


def eventually(what: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return True
        time.sleep(0.2)
    return False


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    try:
        assert eventually(lambda: "Yobirin is ready" in running.text(), STARTS_WITHIN), running.text()
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def test_says_where_it_is_and_whom_to_sign_in_as(demo: Demo) -> None:
    text = demo.text()
    assert f"http://127.0.0.1:{demo.port}" in text
    for login in ("yamada", "sasaki", "hashimoto", "abe", "nakano", "ishikawa"):
        assert f"  {login}" in text
    assert "WARNING" not in text and "Traceback" not in text
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.port}/healthz") as health:
        assert json.load(health)["ok"] is True


def test_part_of_the_day_has_gone_by(demo: Demo) -> None:
    past = demo.rows("select exchange, count(*), sum(handled) from calls where state = 'ended' group by 1 order by 1")
    assert [row[0] for row in past] == ["hq", "osaka", "yokohama"]
    assert all(int(str(row[1])) > 30 and int(str(row[2])) > 2 for row in past)
    assert not demo.rows("select * from unreadable") and not demo.rows("select id from calls where marks != '[]'")
    ((open_items, done),) = demo.rows("select sum(state = 'open'), sum(state = 'done') from items")
    assert int(str(open_items)) > 10 and int(str(done)) > 5


def test_the_rep_of_the_worked_example_sees_those_calls(demo: Demo) -> None:
    yamada = Browser(demo, "yamada")
    for code in ("100101", "100103"):
        assert code in yamada.get(f"/customers/{code}")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        yamada.get("/customers/100106")


def test_something_rings_soon(demo: Demo) -> None:
    calls = Browser(demo, "sasaki").live(25.0)
    assert any(call["state"] == "ringing" for call in calls)


def test_a_call_back_is_placed(demo: Demo) -> None:
    yamada = Browser(demo, "yamada")
    item = re.search(r"/desk/(\d+)", yamada.get("/desk"))
    assert item is not None
    yamada.send("/desk", f"/desk/{item[1]}/dial")
    states = "select state from dials"
    assert eventually(lambda: demo.rows(states)[0][0] in ("ringing", "answered", "busy", "noanswer"), 30), demo.rows(
        states
    )
    assert eventually(
        lambda: bool(demo.rows("select id from calls where direction = 'out' and caller_number = '2001'")), 30
    )


def test_a_mail_to_a_customer_ends_in_the_mailbox(demo: Demo) -> None:
    yamada = Browser(demo, "yamada")
    item = re.search(r"/desk/(\d+)", yamada.get("/desk"))
    assert item is not None
    yamada.send(
        "/desk", f"/desk/{item[1]}/mail", to="c100101@example.jp", subject="お電話の件", body="折り返しのご連絡です。"
    )
    assert eventually(lambda: "折り返しのご連絡です。" in yamada.get("/mailbox"), 30)
    assert demo.rows("select state, mail_to from mails") == [("sent", "c100101@example.jp")]


def test_a_taken_port_is_said(demo: Demo) -> None:
    command = [sys.executable, "-m", "cti_server.cli", "demo", "--port", str(demo.port)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"port {demo.port} of 127.0.0.1 can't be listened on" in done.stderr and "--port" in done.stderr


def test_ctrl_c_ends_everything_it_started(demo: Demo) -> None:
    children = demo.children()
    assert len(children) >= 4
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=30) == 0
    assert eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), 10)
    assert "Traceback" not in demo.text()


@pytest.mark.parametrize(
    ("hour", "expected"),
    [(8, SHORTEST_PAST), (11, 2.5 * 3600), (12, 3.5 * 3600), (18, LONGEST_PAST), (2, LONGEST_PAST)],
)
def test_at_every_hour_there_is_something_to_see(hour: int, expected: float) -> None:
    now = datetime(2026, 11, 23, hour, 0 if hour != 8 else 45, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
    assert past_seconds(now) == expected
