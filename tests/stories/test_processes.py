"""The server as processes: the dashboard dies, the daemon is killed, the settings change, something is in the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.storage import schema
from cti_simulators.scenarios import Scenario
from tests.realpbx.product import ROOT, Product, exchange
from tests.stories.simulated import Simulated, answered, missed
from tests.web.running import Running, until

KEPT = (
    "direction",
    "caller_number",
    "disposition",
    "rang_extensions",
    "answered_by_extension",
    "transferred_to",
    "marks",
)


@pytest.fixture
def product(pbx: Simulated, tmp_path: Path) -> Iterator[Product]:
    """One exchange, one rep with a customer."""
    made = Product(tmp_path / "p", [exchange("hq", pbx.port, kind="simulated")])
    made.person("801", "rep", "121", "hq/2001", language="en")
    made.customer("100101", "0312340101", "801")
    yield made
    made.close()


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    """Whether a process has ended; one that waits to be buried has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except FileNotFoundError:
        return True


def dashboard(product: Product) -> int:
    """The dashboard's process."""
    assert product.process is not None
    return int(until(lambda: next(iter(children(product.process.pid)), None), "a dashboard"))


def test_the_dashboard_dies_and_the_screens_go_on(product: Product, pbx: Simulated) -> None:
    product.start()
    pbx.until_heard()
    rep = product.sign_in("801")
    with rep.live() as live:
        first = dashboard(product)
        os.kill(first, signal.SIGKILL)
        pbx.play(missed("0312340101"))
        rung = live.call(state="ringing")
        assert rung["mine"] == "ringing" and rung["cards"][0]["code"] == "100101"
        live.call(state="ended")
        until(lambda: product.health()[0] == 200, "the dashboard to be back", 60)
        assert dashboard(product) != first
        assert [words for _, words in rep.rows() if "顧客100101" in words], "signed in as before, and the call is there"
        pbx.play(answered("0312340101"))
        live.call(state="talking")
        assert "bye" not in [name for name, _ in live.events]
    product.ended_calls(2)
    assert product.stop() == 0


def test_calls_are_taken_while_the_dashboard_hangs(product: Product, pbx: Simulated) -> None:
    product.start()
    pbx.until_heard()
    first = dashboard(product)
    os.kill(first, signal.SIGSTOP)
    pbx.play(missed("0312340101"))
    product.ended_calls(1)
    os.kill(first, signal.SIGCONT)
    assert product.stop() == 0
    assert gone(first)


def test_killed_in_mid_call_the_call_log_is_that_of_a_server_that_never_stopped(
    reactor: Running, pbx: Simulated, product: Product, tmp_path: Path
) -> None:
    steady = Product(tmp_path / "steady", [exchange("hq", pbx.port, kind="simulated")])
    try:
        for one in (product, steady):
            one.start()
        until(lambda: pbx.clients == 2, "both servers to listen")
        pbx.play(
            answered("0312340111", talk=0.5),
            Scenario(caller="0312340112", to="0312345604", rings=("2002",), ring=0.3, talk=14.0),
            Scenario(kind="queue", caller="0312340113", to="0312345601", queue="support2", ring=0.4, talk=1.0),
        )
        until(lambda: len([call for call in product.calls() if call["answered"]]) == 3, "three calls answered")
        until(lambda: [call for call in product.calls() if call["state"] == "ended"], "a call to be over")
        orphan = dashboard(product)
        product.kill()
        until(lambda: gone(orphan), "the dashboard of the killed server to end")
        pbx.play(missed("0312340114", ring=0.5))  # nobody hears it: the steady server does
        until(lambda: "0312340114" in [one["caller_number"] for one in steady.calls() if one["state"] == "ended"], "it")
        with pbx.paused():  # the call that goes on is not over before the server is back, however long that takes
            product.start()
            until(lambda: pbx.clients == 2, "both servers to listen")
        pbx.play(missed("0312340115", ring=0.5))
        whole = {call["caller_number"]: call for call in steady.ended_calls(5, 40)}
        told = {call["caller_number"]: call for call in product.ended_calls(4, 40)}
        assert len(product.calls()) == len(told), "no call is there twice"
        assert set(told) | {"0312340114"} == set(whole)
        for number in ("0312340111", "0312340112", "0312340115"):
            for field in KEPT[:-1]:
                assert told[number][field] == whole[number][field], (number, field)
        assert abs(told["0312340112"]["talk_seconds"] - whole["0312340112"]["talk_seconds"]) < 0.5
        assert told["0312340111"]["marks"] == [] and told["0312340112"]["marks"] == ["cut-by-gap"]
        gap = product.rows(schema.gaps)
        assert len(gap) == 1 and gap[0]["ended_at"] > gap[0]["started_at"]
        assert steady.rows(schema.gaps) == []
        assert product.stop() == 0 and steady.stop() == 0
    finally:
        steady.close()


def test_sighup_takes_a_new_exchange_over_and_drops_no_other(
    reactor: Running, product: Product, pbx: Simulated
) -> None:
    second = Simulated(reactor)
    try:
        product.start()
        pbx.until_heard()
        before = list(pbx.exchange.sessions)
        pbx.play(answered("0312340121", talk=4.0))
        until(lambda: [call for call in product.calls() if call["answered"]], "the call to be answered")
        product.exchanges.append(exchange("yoko", second.port, branch="122", kind="simulated"))
        product.write_config()
        product.signal(signal.SIGHUP)
        product.until_link("yoko", "up")
        second.until_heard()
        second.play(missed("0451234122"))
        told = product.ended_calls(2)
        assert [(call["exchange"], call["marks"]) for call in told] == [("hq", []), ("yoko", [])]
        assert list(pbx.exchange.sessions) == before, "the link to the other exchange was not touched"
        del product.exchanges[1]
        product.write_config()
        product.signal(signal.SIGHUP)
        until(lambda: not second.clients, "the exchange to be left")
        assert list(pbx.exchange.sessions) == before
        product.config.write_text("[server\n")
        product.signal(signal.SIGHUP)
        until(lambda: "the settings were not taken over" in product.log(), "the fault to be said")
        assert product.health()[0] == 200
        assert product.stop() == 0
    finally:
        second.close()


def serve(product: Product) -> subprocess.CompletedProcess[str]:
    """Starts a server that can't."""
    return product.cti("serve")


def test_a_port_that_is_taken_is_said(product: Product) -> None:
    with socket.create_server(("127.0.0.1", product.port)):
        done = serve(product)
    assert done.returncode == 1
    assert f"cti: port {product.port} of 127.0.0.1 can't be listened on (Address already in use)" in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_a_data_folder_in_use_is_said(product: Product) -> None:
    product.start()

    done = serve(product)
    assert done.returncode == 1
    assert f"cti: another server runs on the data folder {product.data}; end it, or set another" in done.stderr
    assert product.health()[0] == 200
    assert product.stop() == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("[server]\nport = 'x'\n", "cti.toml, line 2: server.port"),
        ("[server\n", "cti.toml: this is not TOML"),
        (None, "can't be read: No such file or directory. Name another with --config"),
    ],
)
def test_wrong_settings_are_said(product: Product, settings: str | None, sentence: str) -> None:
    if settings is None:
        product.config.unlink()
    else:
        product.config.write_text(settings)
    done = serve(product)
    assert done.returncode == 1
    assert done.stderr.startswith("cti: ") and sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_folder_that_can_t_be_made_is_said(product: Product, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    product.data = tmp_path / "file" / "data"
    product.write_config()
    done = serve(product)
    assert done.returncode == 1
    assert f"cti: the data folder {product.data} can't be used (Not a directory)" in done.stderr


def test_the_server_says_where_it_is_and_ends_at_once(product: Product) -> None:
    command = [sys.executable, "-m", "cti_server.cli", "serve", "--config", str(product.config)]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=product.environment, text=True, **streams) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == f"Yobirin is ready: http://127.0.0.1:{product.port}\n"
        assert product.health()[0] == 200
        below = children(started.pid)
        started.send_signal(signal.SIGINT)
        _, log = started.communicate(timeout=30)
    assert started.returncode == 0, log
    assert "Traceback" not in log
    assert below and all(gone(pid) for pid in below)


def test_the_exchanges_are_listed_with_the_reason(product: Product) -> None:
    product.exchanges.append(exchange("none", product.port + 1, branch="122"))
    product.write_config()
    before = product.cti("exchange", "list")
    assert before.returncode == 0 and "no server has run with it yet; start cti serve" in before.stdout
    product.start()
    product.until_link("none", "down")
    product.until_link("hq", "up")
    listed = product.cti("exchange", "list")
    assert listed.returncode == 0 and listed.stderr == ""
    states, gaps = listed.stdout.split("\n\n")
    head, *rows = states.splitlines()
    assert head.split() == ["EXCHANGE", "BRANCH", "STATE", "SINCE", "LAST", "HEARD", "CLOCK", "UNREAD", "WHY"]
    told = {row.split()[0]: row for row in rows}
    assert told["hq"].split()[1:3] == ["121", "up"]
    assert told["none"].split()[1:3] == ["122", "down"]
    assert "nothing listens at 127.0.0.1, port" in told["none"] and "+09:00" in told["none"]
    assert gaps.startswith(("no gap in the last day", "EXCHANGE  BLIND FROM"))
    product.kill()
    assert "no server answers at 127.0.0.1" in product.cti("exchange", "list").stderr
