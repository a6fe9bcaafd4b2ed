"""The load: many calls a second, each its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections import Counter

from cti_adapters.wire.ami import Framer, Message
from cti_simulators.load import CallTemplate, Load
from tests.adapters.sim_rig import START, Client, advance, exchange


def test_every_call_is_whole_and_its_own() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    client.heard()
    template = CallTemplate(ring=1.0, talk=1.0)
    ended: list[int] = []
    load = Load(
        pbx,
        template,
        20.0,
        5.0,
        lambda number: (f"0900{number:07d}", str(2001 + number % 50)),
        clock,
        wall=lambda: START + clock.seconds(),
        on_end=lambda: ended.append(1),
    )
    load.start()
    advance(clock, 8)
    events = client.events()
    assert ended == [1] and load.calls == 100 and load.events == len(events) == 100 * template.events
    began = [event for event in events if event.name == "Newchannel"]
    assert len({event.get("Uniqueid") for event in began}) == 200
    assert len({event.get("Channel") for event in began}) == 200
    assert len({event.get("Linkedid") for event in began}) == 100
    callers = Counter(event.get("CallerIDNum") for event in began if "trunk" in event.get("Channel"))
    assert len(callers) == 100 and all(re.fullmatch(r"0900\d{7}", caller) for caller in callers)
    assert {event.get("Channel")[:10] for event in began if "trunk" not in event.get("Channel")} == {
        f"PJSIP/{2001 + number}" for number in range(50)
    }
    assert len({event.get("BridgeUniqueid") for event in events if event.name == "BridgeCreate"}) == 100
    times = [float(event.get("Timestamp")) for event in events]
    assert times[0] >= START and times[-1] - START < 8
    assert b"%" not in client.raw


def test_runs_as_a_process_of_its_own() -> None:
    command = [
        sys.executable,
        "-m",
        "cti_simulators.load",
        "--rate",
        "200",
        "--seconds",
        "0.5",
        "--ring",
        "0.2",
        "--talk",
        "0.2",
        "--callers",
        "1000",
        "--extensions",
        "20",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        framer, names = Framer(), Counter[str]()
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"Action: Login\r\nUsername: yobirin\r\nSecret: yobirin\r\nEvents: on\r\n\r\n")
            while data := client.recv(65536):
                names.update(Message(frame).name for frame in framer.feed(data) if isinstance(frame, bytes))
        report = json.loads(process.stdout.read())
    assert process.returncode == 0
    assert report["calls"] == 100 == names["Newchannel"] / 2 == names["Cdr"]


def test_a_load_of_nothing_is_refused() -> None:
    command = [sys.executable, "-m", "cti_simulators.load", "--rate", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "more than 0" in done.stderr
