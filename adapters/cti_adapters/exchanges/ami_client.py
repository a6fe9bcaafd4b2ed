"""The feed of one Asterisk: keeps a session up, journals what it says, and knows how the link is (spec O1, O2)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_session import ANSWER_SECONDS, Account, ActionRefused, ActionUnanswered, AmiSession
from cti_adapters.exchanges.intake import Intake
from cti_adapters.exchanges.status import ExchangeState, Link, LinkCounters, Reason
from cti_adapters.exchanges.steady_time import Timer, Timers
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.wire.ami import Message
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import SettingsError

log = logging.getLogger(__name__)

FIRST_RETRY, LONGEST_RETRY = 1.0, 60.0
FIRST_REFUSED_RETRY, LONGEST_REFUSED_RETRY = 60.0, 600.0
STEADY_SECONDS = 30.0
"""A link that lasted so long is tried again at once when it breaks; a shorter one counts as a failed attempt."""
TICK_SECONDS = 10.0
"""So exactly is it known when the exchange was last heard."""
SOON_SECONDS = 1.5
"""So long after something was heard comes a TICK: a call that is over waits for its last word a little shorter."""
CONNECT_SECONDS = 10.0


class AmiLink:
    """Connects, signs in, journals, and connects again whatever happens, until it is stopped.

    Every change of state is given to ``on_state``. The journal gets UP when signed in, the bytes, a TICK every ten
    seconds and a moment after bytes, and DOWN when the link is lost, with the last moment at which the exchange was
    heard.
    """

    def __init__(
        self,
        settings: ExchangeSettings,
        journal: Journal,
        wake: Callable[[], None],
        *,
        reactor: Any,
        clock: Clock,
        on_state: Callable[[ExchangeState], None],
        endpoint: Any = None,
        random: Random | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._reactor = reactor
        self._clock = clock
        self._on_state = on_state
        self._endpoint = endpoint
        self._random = random or Random()
        self._intake = Intake(journal, wake, reactor)
        self._intake.reader = self
        self._session: AmiSession | None = None
        self._attempt: Deferred[Any] | None = None
        self._timer: Timer | None = None
        self._tick: Timer | None = None
        self._tick_soon = False
        self._tries = 0
        self._refusals = 0
        self._up_at: float | None = None  # by the reactor's clock
        self._blind: dict[str, Any] | None = None  # what the DOWN record said, until the next UP
        self._running = False
        self._stopped: Deferred[None] | None = None
        self.counters = LinkCounters()
        now = clock.now()
        self.state = ExchangeState(settings.id, settings.branch, Link.STOPPED, Reason("stopped"), now, None, None)

    # -- what others ask of it

    def start(self) -> None:
        """Begins to connect. A link that a killed server left open in the journal is closed there first."""
        self._running = True
        last = self._journal.last
        if last is not None and last.kind is Kind.DOWN:
            self._blind = json.loads(last.payload)
        elif last is not None:
            self._journal_down("server-stopped", last.at)
        self._connect()

    def stop(self, reason: str = "stopped") -> Deferred[None]:
        """Ends the link for good, for a reason of ``status.SENTENCES``; fires when it is closed and the journal
        knows."""
        self._running = False
        self._cancel_timer()
        if self._attempt is not None:
            self._attempt.cancel()
        if self._session is None:
            self._ended()
            return succeed(None)
        stopped = self._stopped = Deferred()
        self._session.close(Reason(reason))
        return stopped

    def retry_now(self) -> None:
        """Tries at once instead of waiting: an administrator changed something."""
        if self._running and self._timer is not None:
            self._cancel_timer()
            self._connect()

    def send(
        self, action: str, headers: Iterable[tuple[str, str]] = (), *, timeout: float = ANSWER_SECONDS, until: str = ""
    ) -> Deferred[Message]:
        """Sends an action to the exchange; see AmiSession.send."""
        if self._session is None:
            return fail(ActionUnanswered(f"there is no link to the exchange, so {action} was not sent"))
        return self._session.send(action, headers, timeout=timeout, until=until)

    # -- what the session tells (AmiOwner)

    def signed_in(self, greeting: bytes, at: float) -> None:
        """The exchange is heard from here on; asks at once what is up, whose answer comes in the stream."""
        self._up_at = self._reactor.seconds()
        self._refusals = 0
        self.counters.connects += 1
        self.counters.bytes += len(greeting)
        banner = greeting.split(b"\n", 1)[0].strip().decode("ascii", "replace")
        told: dict[str, Any] = {"banner": banner}
        if self._blind is not None:
            told |= {"blind_since": self._blind["heard"], "reason": self._blind["reason"]}
            self._blind = None
        self._intake.add(Kind.UP, json.dumps(told).encode(), at)
        self._intake.add(Kind.BYTES, greeting, at)
        self._tick = self._reactor.callLater(TICK_SECONDS, self._ticked)
        self._say(Link.UP, Reason(), connected_since=at, last_heard=at)
        self.send("CoreShowChannels").addCallbacks(lambda _: None, self._no_snapshot)

    def received(self, data: bytes, at: float) -> None:
        """Bytes of a signed-in session: kept before anything is made of them."""
        self.counters.bytes += len(data)
        self.state = replace(self.state, last_heard=at)
        self._intake.add(Kind.BYTES, data, at)
        if self._tick is not None and not self._tick_soon:
            self._tick_soon = True
            self._tick.reset(SOON_SECONDS)

    def lost(self, reason: Reason, greeting: bytes) -> None:
        """The connection is gone."""
        session, self._session = self._session, None
        if session is not None:
            self.counters.timeouts += session.timeouts
        if self._tick is not None:
            self._tick.cancel()
            self._tick, self._tick_soon = None, False
        if greeting:
            self._intake.add(Kind.ASIDE, greeting, self._clock.now())
        if self._intake.heard:
            silent = reason.code == "silent" and self.state.last_heard is not None
            self._journal_down(reason.code, self.state.last_heard if silent else None)
        if not self._running:
            self._ended()
            return
        self._try_later(reason)

    # -- what the intake tells (Reader)

    def pause(self, reason: Reason) -> None:
        """The journal can't take more: stops reading."""
        self.counters.pauses = self._intake.pauses
        if self._session is not None:
            self._session.pause()
        self._say(Link.PAUSED, reason)

    def resume(self) -> None:
        """The journal has room again."""
        if self._session is not None:
            self._session.resume()
            signed_in = self._up_at is not None
            self._say(*((Link.UP, Reason()) if signed_in else (Link.CONNECTING, self._connecting())))
        elif self._running and self._timer is None and self._attempt is None:
            self._connect()

    # -- connecting

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

    def _try_later(self, reason: Reason) -> None:
        """Sets the time of the next attempt and says how things are."""
        lasted = 0.0 if self._up_at is None else self._reactor.seconds() - self._up_at
        self._up_at = None
        self.counters.failures += 1
        if self._intake.paused:
            return  # the state says so; resume() connects
        if reason.code in ("refused", "bad-settings"):
            state = Link.REFUSED if reason.code == "refused" else Link.FAILED
            delay = min(LONGEST_REFUSED_RETRY, FIRST_REFUSED_RETRY * 2**self._refusals)
            self._refusals = min(self._refusals + 1, 10)
        else:
            state = Link.DOWN
            self._tries = 0 if lasted >= STEADY_SECONDS else self._tries
            delay = min(LONGEST_RETRY, FIRST_RETRY * 2**self._tries)
            self._tries = min(self._tries + 1, 10)
        self._say(state, reason, connected_since=None)
        self._timer = self._reactor.callLater(delay * self._random.uniform(0.75, 1.25), self._connect)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ended(self) -> None:
        self._intake.stop()
        self._say(Link.STOPPED, Reason("stopped"), connected_since=None)
        if self._stopped is not None:
            self._stopped.callback(None)
            self._stopped = None

    # -- small things

    def _connecting(self) -> Reason:
        return Reason("connecting", _where(self._settings))

    def _ticked(self) -> None:
        self._tick = self._reactor.callLater(TICK_SECONDS, self._ticked)
        self._tick_soon = False
        if not self._intake.paused:
            self._intake.add(Kind.TICK, b"", self._clock.now())

    def _journal_down(self, code: str, heard: float | None) -> None:
        """``heard``: the last moment at which the exchange was heard; null: until now."""
        now = self._clock.now()
        self._blind = {"reason": code, "heard": now if heard is None else heard}
        self._intake.add(Kind.DOWN, json.dumps(self._blind).encode(), now)

    def _no_snapshot(self, failure: Failure) -> None:
        failure.trap(ActionRefused, ActionUnanswered)
        if isinstance(failure.value, ActionRefused):
            warning = Reason("no-snapshot", {"said": failure.value.said})
            log.warning("exchange %s: %s", self._settings.id, warning.sentence)
            self._publish(replace(self.state, warnings=(warning,)))

    def _say(self, state: Link, reason: Reason, **changes: Any) -> None:
        if state == self.state.state and reason == self.state.reason:
            return
        if state is Link.UP:
            changes.setdefault("warnings", ())
        log.log(
            logging.INFO if state in (Link.UP, Link.CONNECTING, Link.STOPPED) else logging.WARNING,
            "exchange %s is %s%s",
            self._settings.id,
            state.value,
            f": {reason.sentence}" if reason.sentence else "",
        )
        since = self.state.since if state is self.state.state else self._clock.now()
        self._publish(replace(self.state, state=state, reason=reason, since=since, **changes))

    def _publish(self, state: ExchangeState) -> None:
        self.state = state
        self._on_state(state)


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
    where = _where(settings)
    if failure.check(ConnectionRefusedError):
        return Reason("connection-refused", where)
    if failure.check(DNSLookupError):
        return Reason("unknown-host", where)
    return Reason("unreachable", {**where, "error": str(failure.value) or type(failure.value).__name__})


def _where(settings: ExchangeSettings) -> dict[str, str]:
    return {"host": settings.host, "port": str(settings.port)}


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
