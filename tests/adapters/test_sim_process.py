"""The simulated exchange as a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cti_adapters.wire.ami import Framer, Message, encode

KINDS = Path(__file__).parents[2] / "config" / "scenarios" / "kinds.toml"


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    command = [sys.executable, "-m", "cti_simulators.pbx", "--until-stdin-closes", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        yield started, int(started.stdout.readline().rsplit(":", 1)[1])


def heard(port: int, until: dict[str, int]) -> Counter[str]:
    """The names of the events that a client hears until so many of each have come."""
    names, framer = Counter[str](), Framer()
    with socket.create_connection(("127.0.0.1", port), timeout=20.0) as client:
        client.sendall(encode("Login", [("Username", "yobirin"), ("Secret", "yobirin"), ("Events", "on")]))
        while any(names[name] < count for name, count in until.items()):
            data = client.recv(65536)
            assert data, names
            names.update(Message(frame).name for frame in framer.feed(data) if isinstance(frame, bytes))
    return names


def test_plays_a_scenario_file_a_thousand_times_as_fast_and_ends_with_its_parent() -> None:
    with process("--scenario", str(KINDS), "--speed", "1000") as (started, port):
        names = heard(port, {"Hangup": 33, "Cdr": 14})
        assert names["BlindTransfer"] == names["AttendedTransfer"] == names["MessageWaiting"] == 1
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait(timeout=10) == 0


def test_plays_a_morning_at_once() -> None:
    with process("--day", "osaka", "--past-seconds", "18000") as (started, port):
        begun = time.monotonic()
        heard(port, {"Newchannel": 100, "Cdr": 40})
        assert time.monotonic() - begun < 10
        assert started.stdin is not None
        started.stdin.close()


def test_ends_when_it_was_never_used() -> None:
    with process("--day", "hq") as (started, _):
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait(timeout=10) == 0


def test_faults_are_switched_on_from_outside() -> None:
    faults = ["--fault", "duplicate=1", "--fault", "split_characters"]
    with process("--scenario", str(KINDS), "--speed", "1000", *faults) as (started, port):
        names = heard(port, {"Hangup": 66, "Cdr": 28})
        assert names["BlindTransfer"] == 2
        assert started.stdin is not None
        started.stdin.close()


def test_says_what_is_wrong(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[[call]]\nrings = ['2001']\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        for arguments, sentence in (
            (["--scenario", str(bad)], "to is missing"),
            (["--day", "hq", "--secret-env", "YOBIRIN_NOT_SET"], "YOBIRIN_NOT_SET is not set"),
            (["--day", "hq", "--speed", "0"], "speed has to be more than 0"),
            (["--day", "hq", "--fault", "dragons=1"], "there is no fault “dragons”; there are piece_bytes"),
            (["--day", "hq", "--fault", "duplicate=often"], "duplicate takes a number"),
            (["--day", "hq", "--port", port], f"port {port} of 127.0.0.1 is taken"),
        ):
            command = [sys.executable, "-m", "cti_simulators.pbx", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
            assert done.returncode == 1 and sentence in done.stderr
