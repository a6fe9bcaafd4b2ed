"""Records over TCP, on real sockets: nothing is lost or there twice, whoever goes away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from twisted.internet.protocol import Factory, Protocol

from cti_adapters.exchanges import recording
from cti_adapters.exchanges.record_link import Silence
from cti_adapters.exchanges.recording import Recording
from cti_adapters.exchanges.status import Link
from cti_server.calls.log import SETTLING
from cti_server.calls.record_folding import Patience
from cti_server.settings import ExchangeSettings
from tests.adapters.reactors import run, until
from tests.adapters.record_rig import LineDecoder, OneFeed, line, lines, makes, wanted


@pytest.fixture(autouse=True)
def _makes() -> Iterator[None]:
    with makes():
        yield


class Exchange(Factory):
    """An exchange that listens, and that keeps what it could not hand over."""

    noisy = False

    def __init__(self, reactor: Any) -> None:
        self.connections: list[Any] = []
        self.said = b""
        self.port = reactor.listenTCP(0, self, interface="127.0.0.1")

    @property
    def number(self) -> int:
        return int(self.port.getHost().port)

    def buildProtocol(self, _: object) -> Protocol:
        return _Talker(self)


class _Talker(Protocol):
    def __init__(self, owner: Exchange) -> None:
        self._owner = owner

    def connectionMade(self) -> None:
        self._owner.connections.append(self.transport)

    def dataReceived(self, data: bytes) -> None:
        self._owner.said += data


def test_records_become_calls_and_go_on_after_a_reconnect(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        exchange = Exchange(reactor)
        one = OneFeed(reactor, tmp_path, feed="connect", port=exchange.number)
        await until(reactor, lambda: one.state is Link.UP and exchange.connections)
        exchange.connections[-1].write(lines(0, 5) + line(5)[:10])
        await until(reactor, lambda: len(one.calls) == 5)
        exchange.connections[-1].write(line(5)[10:])
        await until(reactor, lambda: len(one.calls) == 6)
        exchange.connections[-1].abortConnection()
        await until(reactor, lambda: one.state is Link.DOWN)
        assert one.reason == "closed"
        one.feed.link.retry_now()  # type: ignore[union-attr]
        await until(reactor, lambda: len(exchange.connections) == 2)
        exchange.connections[-1].write(lines(3, 9))  # its buffer, some of it once more
        await until(reactor, lambda: len(one.calls) == 9)
        assert one.numbers == wanted(0, 9)
        (gap,) = one.store.gaps.values()
        assert gap.ended_at is not None and gap.reason == "closed"
        await one.stop()
        await exchange.port.stopListening()

    run(scenario)


def test_calls_are_final_though_the_exchange_hangs_up_behind_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(settling=0.2)
    monkeypatch.setitem(recording.MAKES, "keyed", lambda: Recording(LineDecoder(), patience=patience))

    async def scenario(reactor: Any) -> None:
        exchange = Exchange(reactor)
        one = OneFeed(reactor, tmp_path, feed="connect", port=exchange.number, profile="keyed")
        await until(reactor, lambda: one.state is Link.UP and exchange.connections)
        await exchange.port.stopListening()
        exchange.connections[-1].write(line(0)[:-2] + b",7\r\n")
        await until(reactor, lambda: one.calls and SETTLING in one.calls[0].marks)
        exchange.connections[-1].abortConnection()
        await until(reactor, lambda: one.state is Link.DOWN)
        await until(reactor, lambda: SETTLING not in one.calls[0].marks)
        assert len(one.calls) == len(one.store.gaps) == 1
        await one.stop()

    run(scenario)


def test_it_signs_in_as_the_make_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("Y_PBX", "PCCSMDR")

    async def scenario(reactor: Any) -> None:
        exchange = Exchange(reactor)
        one = OneFeed(reactor, tmp_path, feed="connect", port=exchange.number, profile="signed", secret_env="Y_PBX")
        await until(reactor, lambda: exchange.connections)
        link = exchange.connections[-1]
        link.write(b"\r\n-")
        await until(reactor, lambda: exchange.said == b"SMDR\r\n")
        assert one.state is Link.CONNECTING
        link.write(b"SMDR\r\nEnter Pass")
        link.write(b"word:")
        await until(reactor, lambda: exchange.said.endswith(b"PCCSMDR\r\n"))
        link.write(lines(0, 2))
        await until(reactor, lambda: len(one.calls) == 2)
        assert one.state is Link.UP and not one.store.unreadable
        await one.stop()
        await exchange.port.stopListening()

    run(scenario)


def test_an_exchange_that_ends_the_sign_in_is_told_of(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        exchange = Exchange(reactor)
        one = OneFeed(reactor, tmp_path, feed="connect", port=exchange.number, profile="signed")
        await until(reactor, lambda: exchange.connections)
        exchange.connections[-1].loseConnection()
        await until(reactor, lambda: one.state is Link.DOWN)
        assert one.reason == "sign-in-ended" and not one.store.gaps
        await one.stop()
        await exchange.port.stopListening()

    run(scenario)


def test_a_profile_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        one = OneFeed(reactor, tmp_path, feed="connect", port=9, profile="nonsense")
        await until(reactor, lambda: one.state is Link.FAILED)
        assert "nonsense" in one.feed.state.reason.sentence
        await one.stop()

    run(scenario)


# -- the exchange connects to us


def listening(reactor: Any, folder: Path, **more: Any) -> OneFeed:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    chosen = {"feed": "listen", "port": port, "allowed_peers": ["127.0.0.0/30"]} | more
    return OneFeed(reactor, folder, **chosen)


def dial(one: OneFeed, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", one.settings.port), 5, (source, 0))


def test_the_exchange_connects_sends_and_comes_again(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        one = listening(reactor, tmp_path)
        await until(reactor, lambda: one.reason == "awaiting-exchange")
        with dial(one) as link:
            link.sendall(lines(0, 200))
        await until(reactor, lambda: len(one.calls) == 200)
        await until(reactor, lambda: one.reason == "awaiting-exchange")
        with dial(one) as link:
            link.sendall(lines(200, 210))
            await until(reactor, lambda: one.state is Link.UP)
        await until(reactor, lambda: len(one.calls) == 210)
        assert one.numbers == wanted(0, 210)
        await one.stop()

    run(scenario)


def test_who_may_not_connect_is_turned_away(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        one = listening(reactor, tmp_path)
        await until(reactor, lambda: one.reason == "awaiting-exchange")
        with dial(one, "127.0.0.9") as stranger:
            await until(reactor, lambda: one.feed.state.warnings)
            stranger.settimeout(5)
            assert stranger.recv(10) == b""
        assert one.feed.state.warnings[0].detail == {"address": "127.0.0.9"}
        assert not one.calls
        await one.stop()

    run(scenario)


def test_a_second_connection_waits_unread_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti_adapters.exchanges.record_tcp.OLD_IS_SILENT", 0.3)

    async def scenario(reactor: Any) -> None:
        one = listening(reactor, tmp_path)
        await until(reactor, lambda: one.reason == "awaiting-exchange")
        with dial(one) as old:
            old.sendall(lines(0, 3) + line(99)[:12])  # it dies in the middle of a record
            await until(reactor, lambda: len(one.calls) == 3)
            with dial(one) as fresh:
                fresh.sendall(lines(3, 6))
                await until(reactor, lambda: len(one.calls) == 6)
        assert one.numbers == wanted(0, 6)
        assert [kept.raw for kept in one.store.unreadable.values()] == [line(99)[:12]]
        await one.stop()

    run(scenario)


def test_a_port_that_is_taken_is_a_sentence_and_tried_again(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            one = OneFeed(reactor, tmp_path, feed="listen", port=taken.getsockname()[1], allowed_peers=["127.0.0.1"])
            await until(reactor, lambda: one.state is Link.DOWN)
            assert "can't be listened at: Address already in use" in one.feed.state.reason.sentence
        one.feed.link.retry_now()  # type: ignore[union-attr]
        await until(reactor, lambda: one.reason == "awaiting-exchange")
        await one.stop()

    run(scenario)


def where_it_is_noon() -> str:
    """A zone in which it is about noon, so that no test runs over midnight."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


def test_silence_in_working_hours_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti_adapters.exchanges.link.TICK_SECONDS", 0.05)
    monkeypatch.setattr("cti_adapters.exchanges.link.SOON_SECONDS", 0.02)

    async def scenario(reactor: Any) -> None:
        exchange = Exchange(reactor)
        one = OneFeed(
            reactor,
            tmp_path,
            feed="connect",
            port=exchange.number,
            silent_minutes=5,
            silent_from="00:00",
            silent_until="23:59",
            timezone=where_it_is_noon(),
        )
        await until(reactor, lambda: one.state is Link.UP and exchange.connections)
        one.feed.link._silence.since -= 301  # type: ignore[union-attr]
        await until(reactor, lambda: one.reason == "no-records")
        await until(reactor, lambda: one.store.gaps)
        exchange.connections[-1].write(line(1))
        await until(reactor, lambda: one.reason == "" and len(one.calls) == 1)
        (gap,) = one.store.gaps.values()
        assert gap.reason == "no-records" and gap.ended_at is not None
        await one.stop()
        await exchange.port.stopListening()

    run(scenario)


@pytest.mark.parametrize(
    ("now", "since", "gap"),
    [
        ("2026-11-25T10:00", "2026-11-25T09:40", True),
        ("2026-11-25T10:00", "2026-11-25T09:50", False),
        ("2026-11-25T09:10", "2026-11-24T17:00", False),  # the night doesn't count
        ("2026-11-25T09:16", "2026-11-24T17:00", True),
        ("2026-11-25T03:00", "2026-11-24T17:00", False),
    ],
)
def test_only_the_hours_of_the_rule_count(now: str, since: str, gap: bool) -> None:
    def tokyo(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()

    settings = ExchangeSettings(
        id="hq", name="HQ", kind="smdr", branch="121", profile="lines", feed="file", path="/x", silent_minutes=15
    )
    silence = Silence(settings)
    silence.since = tokyo(since)
    assert silence.too_long(tokyo(now)) is gap


@pytest.mark.parametrize(("limit", "said"), [(5.0, ["clock-ahead"]), (600.0, [])])
def test_a_clock_that_is_ahead_is_told_by_the_ends_of_calls(tmp_path: Path, limit: float, said: list[str]) -> None:
    async def scenario(reactor: Any) -> None:
        exchange = Exchange(reactor)
        one = OneFeed(reactor, tmp_path, feed="connect", port=exchange.number, clock_limit_seconds=limit)
        await until(reactor, lambda: one.state is Link.UP and exchange.connections)
        start = datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(seconds=300)  # by its clock; 35 seconds to the end
        exchange.connections[-1].write(f"{start:%Y/%m/%d %H:%M:%S},5,30,0312345678,I,2001\r\n".encode())
        await until(reactor, lambda: len(one.calls) == 1)
        status = one.feed.status()
        assert status.lane.clock_ahead == pytest.approx(335, abs=30)
        assert [reason.code for reason in status.state.warnings] == said
        await one.stop()
        exchange.port.stopListening()

    run(scenario)
