"""The public port's certificate over real TLS: with its chain, renewed meanwhile, and what can't be used."""

from __future__ import annotations

import datetime
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from twisted.web.resource import Resource
from twisted.web.server import Site

from cti_adapters.certificate import Renewing
from cti_server import health
from cti_server.settings import ServerSettings
from cti_server.shared.errors import SettingsError
from tests.web.running import Running, running_reactor

HOST = "yobirin.example"
NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A root, and an authority below it that signs: what browsers know is the root alone."""

    def __init__(self) -> None:
        self.root, self.root_key = self._signed("root", None, None)
        self.middle, self.middle_key = self._signed("middle", self.root, self.root_key)

    def _signed(
        self, name: str, by: x509.Certificate | None, key: ec.EllipticCurvePrivateKey | None
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        own = ec.generate_private_key(ec.SECP256R1())
        issuer = named(name) if by is None else by.subject
        made = self._builder(named(name), issuer, own, 3650 * DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        return made.sign(key or own, hashes.SHA256()), own

    @staticmethod
    def _builder(
        name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: datetime.timedelta
    ) -> x509.CertificateBuilder:
        began = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        found = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        return found.serial_number(x509.random_serial_number()).not_valid_before(began).not_valid_after(NOW + lasts)

    def write(
        self,
        certificate: Path,
        key_file: Path,
        *,
        host: str = HOST,
        lasts: datetime.timedelta = 3650 * DAY,
        encryption: KeySerializationEncryption | None = None,
    ) -> int:
        """A certificate with its chain, and its key. Gives its serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(named(host), self.middle.subject, key, lasts)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        leaf = made.sign(self.middle_key, hashes.SHA256())
        certificate.write_bytes(leaf.public_bytes(Encoding.PEM) + self.middle.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()))
        key_file.chmod(0o600)
        return leaf.serial_number


class Served:
    """A port with the certificate, and clients that know the root."""

    def __init__(self, running: Running, folder: Path) -> None:
        self.authority = Authority()
        self.certificate, self.key = folder / "server.crt", folder / "server.key"
        self.serial = self.authority.write(self.certificate, self.key)
        self._running = running
        renewing = Renewing(self.certificate, self.key)
        self._port = running.call(running.reactor.listenSSL, 0, Site(Resource()), renewing, interface="127.0.0.1")

    def handshake(self, version: ssl.TLSVersion | None = None) -> int:
        """A handshake as a browser does it; the serial number of the certificate that was shown."""
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self.authority.root.public_bytes(Encoding.PEM).decode())
        if version is not None:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
        address = ("127.0.0.1", self._port.getHost().port)
        with (
            socket.create_connection(address, timeout=20) as link,
            context.wrap_socket(link, server_hostname=HOST) as secure,
        ):
            shown = secure.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown).serial_number

    def close(self) -> None:
        self._running.call(self._port.stopListening)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with running_reactor() as running:
        made = Served(running, tmp_path)
        yield made
        made.close()


def test_a_client_that_knows_only_the_root_trusts_it(served: Served) -> None:
    assert served.handshake() == served.serial


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_nothing_below_tls_1_2_is_spoken(served: Served) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        served.handshake(ssl.TLSVersion.TLSv1_1)
    assert served.handshake(ssl.TLSVersion.TLSv1_2) == served.serial


def test_a_renewed_one_is_taken_over_and_half_a_renewal_is_not(
    served: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fresh, fresh_key = tmp_path / "fresh.crt", tmp_path / "fresh.key"
    serial = served.authority.write(fresh, fresh_key)
    fresh.replace(served.certificate)
    assert served.handshake() == served.serial  # its key is not there yet
    assert served.handshake() == served.serial
    told = [one for one in caplog.records if "not taken over" in one.message]
    assert len(told) == 1 and "does not belong" in told[0].message
    fresh_key.replace(served.key)
    assert served.handshake() == serial


def test_what_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c", tmp_path / "k"
    authority = Authority()
    authority.write(certificate, key, encryption=BestAvailableEncryption(b"secret"))
    with pytest.raises(SettingsError, match="asks for a passphrase"):
        Renewing(certificate, key)
    authority.write(certificate, tmp_path / "other")
    with pytest.raises(SettingsError, match="asks for a passphrase"):
        Renewing(certificate, key)
    authority.write(tmp_path / "another", key)
    with pytest.raises(SettingsError, match="does not belong"):
        Renewing(certificate, key)
    with pytest.raises(SettingsError, match=r"certificate .*nowhere can't be read"):
        Renewing(tmp_path / "nowhere", key)
    with pytest.raises(SettingsError, match="k holds no certificate"):
        Renewing(key, key)


def looked(tmp_path: Path, **server: object) -> list[tuple[str, str]]:
    paths = {"tls_certificate": tmp_path / "c", "tls_key": tmp_path / "k", "data_dir": tmp_path}
    settings = ServerSettings.model_validate(paths | {"public_url": f"https://{HOST}"} | server)
    return [(grade, sentence) for grade, _what, sentence in health.certificate(settings, NOW.timestamp())]


def test_the_doctor_says_when_it_ends_and_whom_it_is_for(tmp_path: Path) -> None:
    authority = Authority()

    def written(**more: object) -> None:
        authority.write(tmp_path / "c", tmp_path / "k", **more)  # type: ignore[arg-type]

    written(lasts=90 * DAY)
    assert looked(tmp_path) == [("ok", "it holds until 2026-08-30")]
    assert looked(tmp_path, public_url="https://192.0.2.1")[0][0] == "fail"
    written(lasts=5 * DAY)
    assert looked(tmp_path)[0][0] == "warn"
    written(lasts=-DAY)
    assert [grade for grade, _sentence in looked(tmp_path)] == ["fail"]
    written(host="elsewhere.example")
    assert "it is not for yobirin.example" in looked(tmp_path)[0][1]
    (tmp_path / "k").chmod(0o644)
    assert "chmod 600" in looked(tmp_path)[0][1]
    none = {"tls_certificate": None, "tls_key": None, "public_url": ""}
    assert [grade for grade, _sentence in looked(tmp_path, host="0.0.0.0", **none)] == ["warn"]
    assert looked(tmp_path, host="127.0.0.1", **none) == []
