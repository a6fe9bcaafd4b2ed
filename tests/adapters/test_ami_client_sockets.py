"""The AMI client on real sockets of the loopback: TCP, TLS, a peer that stops answering, a disk that is really full."""

from __future__ import annotations

import datetime
import ipaddress
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.ssl import PrivateCertificate

from cti_adapters.exchanges.ami_client import AmiLink
from cti_adapters.exchanges.status import ExchangeState, Link
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.wire.ami import encode_event
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import SystemClock
from tests.adapters.asterisk import AsteriskFactory
from tests.adapters.reactors import run, sleep, until


class Feed:
    """A link to a port of the loopback."""

    def __init__(self, reactor: Any, folder: Path, port: int, **settings: Any) -> None:
        self.states: list[ExchangeState] = []
        chosen = {"id": "hq", "name": "HQ", "kind": "ami", "branch": "121", "port": port} | settings
        self.journal = Journal(folder / "journal")
        self.link = AmiLink(
            ExchangeSettings(**chosen),
            self.journal,
            lambda: None,
            reactor=reactor,
            clock=SystemClock(),
            on_state=self.states.append,
        )
        self.link.start()

    @property
    def state(self) -> Link:
        return self.states[-1].state

    def heard(self) -> bytes:
        data, offset = [], 0
        while found := self.journal.read(offset, 10**6):
            data += [record.payload for record in found if record.kind is Kind.BYTES]
            offset = found[-1].next
        return b"".join(data)

    async def stop(self) -> None:
        await self.link.stop()
        self.journal.close()


def test_over_tcp_with_a_restart_in_mid_call(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        asterisk = AsteriskFactory()
        port = reactor.listenTCP(0, asterisk, interface="127.0.0.1")
        number = port.getHost().port
        feed = Feed(reactor, tmp_path, number)
        await until(reactor, lambda: feed.state is Link.UP)
        rows = [encode_event("Newchannel", [("Uniqueid", str(index))]) for index in range(5000)]
        for row in rows:
            asterisk.connections[-1].transport.write(row)
        await until(reactor, lambda: feed.heard().count(b"Event: Newchannel") == 5000)
        assert b"".join(rows) in feed.heard()
        port.stopListening()
        asterisk.connections[-1].transport.abortConnection()
        await until(reactor, lambda: feed.state is Link.DOWN)
        assert feed.states[-1].reason.code == "closed"
        await until(reactor, lambda: feed.states[-1].reason.code == "connection-refused")
        again = reactor.listenTCP(number, asterisk, interface="127.0.0.1")
        feed.link.retry_now()
        await until(reactor, lambda: feed.state is Link.UP)
        await feed.stop()
        again.stopListening()

    run(scenario)


def test_half_open(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        asterisk = AsteriskFactory()
        port = reactor.listenTCP(0, asterisk, interface="127.0.0.1")
        feed = Feed(reactor, tmp_path, port.getHost().port, ping_seconds=0.05, silence_seconds=0.3)
        await until(reactor, lambda: feed.state is Link.UP)
        await sleep(reactor, 0.5)
        assert feed.state is Link.UP, "pings keep it up"
        asterisk.alive = False
        await until(reactor, lambda: feed.state is Link.DOWN)
        assert feed.states[-1].reason.code == "silent"
        await feed.stop()
        port.stopListening()

    run(scenario)


def certificate(*names: x509.GeneralName) -> tuple[str, str]:
    """A self-signed certificate and its key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pbx")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return (
        made.public_bytes(pem).decode(),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode(),
    )


# Twisted 26 hands its own certificate objects to pyOpenSSL, which wants others in future.
pytestmark = pytest.mark.filterwarnings("ignore:Passing pyOpenSSL:DeprecationWarning")
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def over_tls(
    names: list[x509.GeneralName], check: Callable[[Any, Feed, AsteriskFactory], Any], folder: Path, **settings: Any
) -> None:
    shown, key = certificate(*names)
    (folder / "ca.pem").write_text(shown)

    async def scenario(reactor: Any) -> None:
        asterisk = AsteriskFactory()
        options = PrivateCertificate.loadPEM(shown + key).options()
        port = reactor.listenSSL(0, asterisk, options, interface="127.0.0.1")
        feed = Feed(reactor, folder, port.getHost().port, tls=True, **settings)
        await check(reactor, feed, asterisk)
        await feed.stop()
        port.stopListening()
        await sleep(reactor, 0.05)

    run(scenario)


def test_over_tls(tmp_path: Path) -> None:
    async def check(reactor: Any, feed: Feed, asterisk: AsteriskFactory) -> None:
        await until(reactor, lambda: feed.state is Link.UP)
        data = encode_event("Newchannel", [("CallerIDName", "山田 太郎")]) * 20000
        asterisk.connections[-1].transport.write(data)
        await until(reactor, lambda: data in feed.heard())  # the answer to a ping may come behind it
        asterisk.connections[-1].transport.abortConnection()
        await until(reactor, lambda: feed.state is Link.DOWN)
        assert feed.states[-1].reason.code == "closed"
        feed.link.retry_now()
        await until(reactor, lambda: feed.state is Link.UP)

    over_tls([LOOPBACK], check, tmp_path, tls_ca=tmp_path / "ca.pem")


@pytest.mark.parametrize("case", ["nobody vouches for it", "it is another's", "no certificate at all"])
def test_a_certificate_that_is_not_trusted(tmp_path: Path, case: str) -> None:
    async def check(reactor: Any, feed: Feed, asterisk: AsteriskFactory) -> None:
        await until(reactor, lambda: feed.state in (Link.DOWN, Link.FAILED))
        expected = {"nobody vouches for it": "tls-failed", "it is another's": "tls-failed"}.get(case, "bad-settings")
        assert feed.states[-1].reason.code == expected
        assert "tls_ca" in feed.states[-1].reason.sentence

    (tmp_path / "empty.pem").write_text("nothing")
    names = [LOOPBACK] if case != "it is another's" else [x509.DNSName("elsewhere.example")]
    chosen = {"it is another's": tmp_path / "ca.pem", "no certificate at all": tmp_path / "empty.pem"}.get(case)
    over_tls(names, check, tmp_path, tls_ca=chosen)


def test_a_secure_link_to_a_port_that_speaks_plainly(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        port = reactor.listenTCP(0, AsteriskFactory(), interface="127.0.0.1")
        feed = Feed(reactor, tmp_path, port.getHost().port, tls=True)
        await until(reactor, lambda: feed.state is Link.DOWN)
        assert feed.states[-1].reason.code == "tls-failed"
        await feed.stop()
        port.stopListening()

    run(scenario)


def test_backpressure_reaches_the_exchange_when_the_disk_is_full(tmp_path: Path) -> None:
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a tiny file system can only be mounted as root")

    async def scenario(reactor: Any) -> None:
        asterisk = AsteriskFactory()
        port = reactor.listenTCP(0, asterisk, interface="127.0.0.1")
        ballast = place / "ballast"
        ballast.write_bytes(bytes(700_000))
        feed = Feed(reactor, place, port.getHost().port)
        await until(reactor, lambda: feed.state is Link.UP)
        data = b"".join(encode_event("Newchannel", [("Uniqueid", str(index))]) for index in range(20000))
        asterisk.connections[-1].transport.write(data)
        await until(reactor, lambda: feed.state is Link.PAUSED)
        kept = len(feed.heard())
        assert kept < 360_000
        assert data.startswith(feed.heard().partition(b"ActionID: yobirin")[2].partition(b"\r\n\r\n")[2][:1000])
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)
        await until(reactor, lambda: feed.state is Link.UP)
        await until(reactor, lambda: data in feed.heard())  # the answer to a ping may come behind it
        await feed.stop()
        port.stopListening()

    try:
        run(scenario)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_timers_do_not_care_about_the_clock() -> None:
    program = """
import time
from twisted.internet import reactor
from cti_adapters.exchanges.steady_time import steady
steady(reactor)
real = time.time
reactor.callLater(0.2, reactor.stop)
time.time = lambda: real() - 3600
began = time.monotonic()
reactor.run()
print(time.monotonic() - began)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True)
    assert float(done.stdout) < 5
