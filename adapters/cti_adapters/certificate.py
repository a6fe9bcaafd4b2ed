"""The certificate of the public port: read with its chain, and read anew when it was renewed."""

from __future__ import annotations

import datetime
import logging
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL.SSL import Error as TLSError
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address
from twisted.internet.ssl import CertificateOptions, ContextFactory, TLSVersion

from cti_server.shared.errors import SettingsError

log = logging.getLogger(__name__)

SOON: Final = datetime.timedelta(days=21)
"""So long before its end a certificate ought to have been renewed: ACME clients do it thirty days before."""


class Pair(NamedTuple):
    """A private key with the certificates that lead from it to an authority, its own first."""

    key: PrivateKeyTypes
    chain: list[x509.Certificate]


def read(certificate: Path, key: Path) -> Pair:
    """Both files, PEM. Raises SettingsError where one can't be read or they don't belong together."""
    try:
        chain = x509.load_pem_x509_certificates(certificate.read_bytes())
    except OSError as bad:
        raise SettingsError(f"the certificate {certificate} can't be read ({bad.strerror})") from bad
    except ValueError as bad:
        raise SettingsError(f"{certificate} holds no certificate in PEM form") from bad
    try:
        private = load_pem_private_key(key.read_bytes(), None)
    except OSError as bad:
        raise SettingsError(f"the key {key} can't be read ({bad.strerror})") from bad
    except UnsupportedAlgorithm as bad:
        raise SettingsError(f"the key {key} is of a kind that TLS can't use here; take RSA or ECDSA") from bad
    except TypeError as bad:
        raise SettingsError(f"the key {key} asks for a passphrase; the server takes a key without one") from bad
    except ValueError as bad:
        raise SettingsError(f"{key} holds no private key in PEM form") from bad
    if private.public_key() != chain[0].public_key():
        raise SettingsError(f"the key {key} does not belong to the first certificate in {certificate}")
    return Pair(private, chain)


def ends(pair: Pair) -> datetime.datetime:
    """When the first of the chain's certificates to end does (UTC)."""
    return min(one.not_valid_after_utc for one in pair.chain)


def names(pair: Pair, host: str) -> bool:
    """Whether browsers that go to this host take the certificate for its own (RFC 6125, RFC 9525)."""
    try:
        if host.replace(".", "").isdigit() or ":" in host:
            verify_certificate_ip_address(pair.chain[0], host)
        else:
            verify_certificate_hostname(pair.chain[0], host)
    except (VerificationError, CertificateError):
        return False
    return True


class Renewing(ContextFactory):
    """Gives each connection the certificate as it lies there now. One that can't be used is told once, and the last
    good one goes on: whoever renews it may be half done."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises SettingsError where the first can't be used."""
        self._paths = (certificate, key)
        self._seen = self._stamp()
        self._context = self._made()

    def getContext(self) -> Any:
        """The context of the next connection: TLS 1.2 at least."""
        now = self._stamp()
        if now != self._seen:
            self._seen = now
            try:
                self._context = self._made()
            except SettingsError as bad:
                log.error("the renewed certificate is not taken over: %s", bad)
            else:
                log.info("the renewed certificate is taken over")
        return self._context

    def _made(self) -> Any:
        pair = read(*self._paths)
        try:
            return self._context_of(pair)
        except TLSError as bad:
            raise SettingsError(f"TLS can't use the certificate {self._paths[0]} with its key: {bad}") from bad

    @staticmethod
    def _context_of(pair: Pair) -> Any:
        options = CertificateOptions(
            privateKey=cast(Any, pair.key),  # pyOpenSSL takes cryptography's own objects, and warns of its old ones
            certificate=cast(Any, pair.chain[0]),
            extraCertChain=cast(Any, pair.chain[1:]),
            raiseMinimumTo=TLSVersion.TLSv1_2,
        )
        return options.getContext()

    def _stamp(self) -> list[tuple[int, int] | None]:
        found: list[tuple[int, int] | None] = []
        for path in self._paths:
            try:
                state = path.stat()
                found.append((state.st_mtime_ns, state.st_ino))
            except OSError:
                found.append(None)
        return found
