"""Records over a serial line: a pair of pseudo-terminals, one end of which is the exchange."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges.status import Link
from tests.adapters.reactors import run, until
from tests.adapters.record_rig import OneFeed, line, lines, makes, wanted


@pytest.fixture(autouse=True)
def _makes() -> Iterator[None]:
    with makes():
        yield


def cable(device: Path) -> int:
    """Plugs an exchange in at ``device``; returns its end."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    device.symlink_to(os.ttyname(theirs))
    os.close(theirs)
    return ours


def test_an_adapter_that_is_pulled_out_and_put_back(tmp_path: Path) -> None:
    device = tmp_path / "ttyPBX"

    async def scenario(reactor: Any) -> None:
        one = OneFeed(reactor, tmp_path, feed="serial", device=str(device))
        await until(reactor, lambda: one.state is Link.DOWN)
        assert one.feed.state.reason.sentence == (
            f"there is no {device}; check that the adapter is plugged in, and the device setting"
        )
        exchange = cable(device)
        one.feed.link.retry_now()  # type: ignore[union-attr]
        await until(reactor, lambda: one.state is Link.UP)
        os.write(exchange, lines(0, 20) + line(20)[:7])
        await until(reactor, lambda: len(one.calls) == 20)
        os.write(exchange, line(20)[7:])
        await until(reactor, lambda: len(one.calls) == 21)
        device.unlink()
        os.close(exchange)
        await until(reactor, lambda: one.state is Link.DOWN)
        assert one.reason in ("line-gone", "line-failed")
        exchange = cable(device)
        one.feed.link.retry_now()  # type: ignore[union-attr]
        await until(reactor, lambda: one.state is Link.UP)
        os.write(exchange, lines(21, 23))
        await until(reactor, lambda: len(one.calls) == 23)
        assert one.numbers == wanted(0, 23) and len(one.store.gaps) == 1
        await one.stop()
        os.close(exchange)

    run(scenario)


def test_a_device_that_is_no_serial_line(tmp_path: Path) -> None:
    device = tmp_path / "file"
    device.write_text("x")

    async def scenario(reactor: Any) -> None:
        one = OneFeed(reactor, tmp_path, feed="serial", device=str(device))
        await until(reactor, lambda: one.state is Link.DOWN)
        assert one.reason == "line-failed" and str(device) in one.feed.state.reason.sentence
        await one.stop()

    run(scenario)
