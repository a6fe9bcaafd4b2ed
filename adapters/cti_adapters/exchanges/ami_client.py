"""The feed of one Asterisk: keeps a session up, journals what it says, and knows how the link is (spec O1, O2)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_session import ANSWER_SECONDS, Account, ActionRefused, ActionUnanswered, AmiSession
from cti_adapters.exchanges.link import KeptLink, where
from cti_adapters.exchanges.status import Link, Reason
from cti_adapters.exchanges.steady_time import Timers
from cti_adapters.journal.files import Kind
from cti_adapters.wire.ami import Message
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import SettingsError

CONNECT_SECONDS = 10.0


class AmiLink(KeptLink):
    """Connects, signs in, journals, and connects again whatever happens, until it is stopped."""

    def __init__(self, *args: Any, endpoint: Any = None, **more: Any) -> None:
        super().__init__(*args, **more)
        self._endpoint = endpoint
        self._session: AmiSession | None = None
        self._attempt: Deferred[Any] | None = None

    # -- what others ask of it

    def send(
        self, action: str, headers: Iterable[tuple[str, str]] = (), *, timeout: float = ANSWER_SECONDS, until: str = ""
    ) -> Deferred[Message]:
        """Sends an action to the exchange; see AmiSession.send."""
        if self._session is None:
            return fail(ActionUnanswered(f"there is no link to the exchange, so {action} was not sent"))
        return self._session.send(action, headers, timeout=timeout, until=until)

    def keep_fetched(self, payload: bytes) -> bool:
        """Keeps what was fetched from the exchange's own record, while the exchange is heard; whether it did."""
        if self._session is None or not self._intake.heard:
            return False
        self._intake.add(Kind.RECORD, payload, self._clock.now())
        return True

    # -- what the session tells (AmiOwner)

    def signed_in(self, greeting: bytes, at: float) -> None:
        """The exchange is heard from here on; asks at once what is up, whose answer comes in the stream."""
        banner = greeting.split(b"\n", 1)[0].strip().decode("ascii", "replace")
        self._heard_from(at, banner=banner)
        self.received(greeting, at)
        self.send("CoreShowChannels").addCallbacks(lambda _: None, self._no_snapshot)

    def received(self, data: bytes, at: float) -> None:
        """Bytes of a signed-in session."""
        self._keep(data, at)

    def lost(self, reason: Reason, greeting: bytes) -> None:
        """The connection is gone."""
        session, self._session = self._session, None
        if session is not None:
            self.counters.timeouts += session.timeouts
        if greeting:
            self._intake.add(Kind.ASIDE, greeting, self._clock.now())
        self._lost(reason, self.state.last_heard if reason.code == "silent" else None)

    # -- how it tries (KeptLink)

    def _connect(self) -> None:
        self._timer = None
        if self.state.state is Link.STOPPED:
            self._say(Link.CONNECTING, self._connecting())
        try:
            account = account_of(self._settings)
            endpoint = self._endpoint or endpoint_of(self._settings, self._reactor)
        except (SettingsError, OSError, ValueError, TLSError) as bad:
            self._try_later(Reason("bad-settings", {"error": str(bad)}))
            return
        self._attempt = endpoint.connect(_SessionFactory(account, self, self._reactor, self._clock))
        self._attempt.addCallbacks(self._connected, self._not_connected)

    @property
    def _trying(self) -> bool:
        return self._attempt is not None

    def _abandon(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()

    def _close(self, reason: Reason) -> bool:
        if self._session is None:
            return False
        self._session.close(reason)
        return True

    def _pause_reading(self) -> None:
        if self._session is not None:
            self._session.pause()

    def _resume_reading(self) -> bool:
        if self._session is None:
            return False
        self._session.resume()
        return True

    def _connected(self, session: AmiSession) -> None:
        self._attempt = None
        if session.connected:
            self._session = session
            if self._intake.paused:
                session.pause()

    def _not_connected(self, failure: Failure) -> None:
        self._attempt = None
        if not self._running:
            return  # cancelled by stop()
        self._try_later(why_not_connected(failure, self._settings))

    def _no_snapshot(self, failure: Failure) -> None:
        failure.trap(ActionRefused, ActionUnanswered)
        if isinstance(failure.value, ActionRefused):
            self._warn(Reason("no-snapshot", {"said": failure.value.said}))


class _SessionFactory(Factory):
    noisy = False

    def __init__(self, account: Account, link: AmiLink, reactor: Timers, clock: Clock) -> None:
        self._made = (account, link, reactor, clock)

    def buildProtocol(self, _: object) -> AmiSession:
        """The session of one connection."""
        return AmiSession(*self._made)


def account_of(settings: ExchangeSettings) -> Account:
    """Whom to sign in as. Raises SettingsError when the secret can't be had."""
    return Account(
        settings.host,
        settings.port,
        settings.username,
        settings.secret(),
        settings.ping_seconds,
        settings.silence_seconds,
    )


def why_not_connected(failure: Failure, settings: ExchangeSettings) -> Reason:
    """Why no connection came about."""
    place = where(settings)
    if failure.check(ConnectionRefusedError):
        return Reason("connection-refused", place)
    if failure.check(DNSLookupError):
        return Reason("unknown-host", place)
    return Reason("unreachable", {**place, "error": str(failure.value) or type(failure.value).__name__})


def endpoint_of(settings: ExchangeSettings, reactor: Any) -> Any:
    """Where to connect to. With TLS the exchange's certificate is checked against the machine's authorities, or the
    one in ``tls_ca``, and against the host's name. Raises OSError or ValueError for an unusable ``tls_ca``."""
    plain: Any = HostnameEndpoint(reactor, settings.host, settings.port, timeout=CONNECT_SECONDS)
    if not settings.tls:
        return plain
    trust = _authorities(settings.tls_ca) if settings.tls_ca else None
    return wrapClientTLS(optionsForClientTLS(settings.host, trustRoot=trust), plain)


def _authorities(path: Path) -> Any:
    """The certificates of a PEM file."""
    end = "-----END CERTIFICATE-----"
    blocks = [block + end for block in path.read_text("ascii").split(end)[:-1]]
    if not blocks:
        raise ValueError(f"tls_ca: {path} holds no certificate in PEM form")
    return trustRootFromCertificates([Certificate.loadPEM(block.encode()) for block in blocks])
