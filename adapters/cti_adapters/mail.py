"""Mails to customers, out through the firm's own mail server (SMTP, RFC 5321; TLS, RFC 3207).

The queue is the table of mails: a server that is away loses nothing. Each mail is tried again with growing pauses until
the server takes it, refuses it for good (5xx), or days have gone by. Its state and problem are shown where it was
written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from io import BytesIO
from typing import Any, NamedTuple, Protocol

from twisted.internet import defer, ssl, threads
from twisted.logger import Logger
from twisted.mail import smtp

from cti_adapters.storage import mail_queue
from cti_adapters.storage.mail_queue import QueuedMail
from cti_adapters.storage.work import Database
from cti_server.shared.clock import Clock
from cti_server.shared.errors import SettingsError
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import EVERYTHING

PAUSES = (15.0, 60.0, 300.0, 900.0, 1800.0)
"""Seconds before the second, third ... try; the last one for all that follow."""

GIVE_UP_AFTER = 3 * 86_400.0
ANSWER_WITHIN = 30.0
LOOK_EVERY = 30.0
AT_ONCE = 20

NO_SERVER = "No mail server is set; the mail waits"
AWAY = "The mail server can't be reached; the mail waits and is tried again"
NO_TLS = "No secure connection to the mail server; the mail waits and is tried again"
NO_LOGIN = "The mail server refuses our login; the mail waits and is tried again"
REFUSED = "The mail server refused it: "
NOT_NOW = "The mail server does not take it just now: "
UNSENDABLE = "This address or subject holds characters that no mail may have"
TOO_LONG = "The mail server could not be reached for three days; the mail was not sent"


class MailServer(Protocol):
    """Which server, and as whom (``cti_server.settings.MailSettings``)."""

    @property
    def host(self) -> str:
        """Empty: none."""

    @property
    def port(self) -> int:
        """25, 587 or 465 as a rule."""

    @property
    def security(self) -> str:
        """``none``, ``starttls`` or ``tls``."""

    @property
    def username(self) -> str:
        """Empty: no login."""

    @property
    def sender(self) -> str:
        """The address that mails come from, with a name before it where wanted."""

    def secret(self) -> str:
        """The password."""


class Outcome(NamedTuple):
    """What became of one try. ``state``: ``sent``, ``failed`` (for good) or ``queued``; ``server_away``: the others
    need not be tried now either."""

    state: str
    problem: str = ""
    server_away: bool = False


class Mailer:
    """Sends what is queued. ``publish`` is told, on the reactor, whose work changed."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        clock: Clock,
        server: MailServer,
        publish: Callable[[WorkChanged], object],
        *,
        trust: Any = None,
    ) -> None:
        self._reactor = reactor
        self._database = database
        self._clock = clock
        self._server = server
        self._publish = publish
        self._trust = trust
        self._running: defer.Deferred[Any] | None = None
        self._again = False
        self._later: Any = None
        self._connector: Any = None
        self._stopped = True
        self.sent = 0
        self.failed = 0
        self.problem = ""
        """What keeps mails from going out just now; empty where nothing does."""

    def start(self) -> None:
        """Sends what waits from before, then whatever comes."""
        self._stopped = False
        self.wake()

    def stop(self) -> defer.Deferred[Any]:
        """Stops; fires when nothing is under way. A mail at hand stays queued."""
        self._stopped = True
        if self._later is not None and self._later.active():
            self._later.cancel()
        if self._connector is not None:
            self._connector.disconnect()
        return self._running or defer.succeed(None)

    def wake(self) -> None:
        """There is something to send. Call it on the reactor thread."""
        if self._stopped:
            return
        if self._running is not None:
            self._again = True
            return
        if self._later is not None and self._later.active():
            self._later.cancel()
        self._running = defer.ensureDeferred(self._round())
        self._running.addErrback(lambda failure: self._log.failure("mails could not be sent just now", failure))
        self._running.addBoth(self._over)

    def _over(self, _: Any) -> None:
        self._running = None
        if self._stopped:
            return
        if self._again:
            self._again = False
            self.wake()
        else:
            self._later = self._reactor.callLater(LOOK_EVERY, self.wake)

    async def _round(self) -> None:
        """Everything that is due; ends early where the server is away."""
        while not self._stopped:
            mails: list[QueuedMail] = await self._in_thread(self._due)
            if not mails:
                return
            for place, mail in enumerate(mails):
                outcome = await self._try(mail)
                self.problem = outcome.problem if outcome.server_away else ""
                if outcome.server_away:
                    await self._tell(await self._in_thread(self._postpone, mails[place:], outcome.problem))
                    return
                await self._tell(await self._in_thread(self._write, mail, outcome))
                if self._stopped:
                    return

    async def _tell(self, notices: list[WorkChanged]) -> None:
        for notice in notices:
            self._publish(notice)

    # --- the database, in a thread

    def _in_thread(self, function: Callable[..., Any], *arguments: Any) -> defer.Deferred[Any]:
        return threads.deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *arguments)

    def _due(self) -> list[QueuedMail]:
        with self._database.open(EVERYTHING) as work:
            return mail_queue.due(work, self._clock.now(), AT_ONCE)

    def _write(self, mail: QueuedMail, outcome: Outcome) -> list[WorkChanged]:
        if outcome.state == "queued":
            return self._postpone([mail], outcome.problem)
        now = self._clock.now()
        with self._database.open(EVERYTHING, write=True) as work:
            if outcome.state == "sent":
                self.sent += 1
                notice = mail_queue.sent(work, mail.id, now)
            else:
                self.failed += 1
                notice = mail_queue.failed(work, mail.id, outcome.problem)
        return [] if notice is None else [notice]

    def _postpone(self, mails: list[QueuedMail], problem: str) -> list[WorkChanged]:
        now = self._clock.now()
        notices = []
        with self._database.open(EVERYTHING, write=True) as work:
            for mail in mails:
                if now - mail.asked_at > GIVE_UP_AFTER:
                    self.failed += 1
                    notices.append(mail_queue.failed(work, mail.id, TOO_LONG))
                else:
                    pause = PAUSES[min(mail.tries, len(PAUSES) - 1)]
                    notices.append(mail_queue.postponed(work, mail.id, problem, now + pause))
        return [notice for notice in notices if notice is not None]

    # --- the mail server

    async def _try(self, mail: QueuedMail) -> Outcome:
        if not self._server.host:
            return Outcome("queued", NO_SERVER, server_away=True)
        try:
            await self._deliver(mail.to, as_bytes(mail, self._server.sender, self._clock.now()))
        except Exception as problem:  # noqa: BLE001 - whatever it is, the mail stays queued and the reason is shown
            outcome = outcome_of(problem)
            self._log.warn(
                "mail {mail} was not sent: {kind} {code}",
                mail=mail.id,
                kind=type(problem).__name__,
                code=getattr(problem, "code", ""),
            )
            return outcome
        return Outcome("sent")

    def _deliver(self, to: str, content: bytes) -> defer.Deferred[Any]:
        """Fires when the server has taken the mail over."""
        server = self._server
        done: defer.Deferred[Any] = defer.Deferred()
        options = None
        if server.security != "none":
            options = ssl.optionsForClientTLS(server.host, trustRoot=self._trust)
        factory = smtp.ESMTPSenderFactory(
            server.username.encode(),
            server.secret().encode() if server.username else b"",
            parseaddr(server.sender)[1],
            to,
            BytesIO(content),
            done,
            retries=0,
            timeout=ANSWER_WITHIN,
            contextFactory=options if server.security == "starttls" else None,
            heloFallback=True,
            requireAuthentication=bool(server.username),
            requireTransportSecurity=server.security != "none",
        )
        factory.noisy = False
        if server.security == "tls":
            connector = self._reactor.connectSSL(server.host, server.port, factory, options, ANSWER_WITHIN)
        else:
            connector = self._reactor.connectTCP(server.host, server.port, factory, ANSWER_WITHIN)
        self._connector = connector
        done.addTimeout(4 * ANSWER_WITHIN, self._reactor, lambda result, _: _timed_out(result, factory, connector))
        return done


def outcome_of(problem: BaseException) -> Outcome:
    """What an error of a try means for the mail."""
    if isinstance(problem, ValueError):
        return Outcome("failed", UNSENDABLE)
    if isinstance(problem, smtp.SMTPDeliveryError):
        said = _said(problem)
        if 500 <= problem.code < 600:
            return Outcome("failed", REFUSED + said)
        return Outcome("queued", NOT_NOW + said)
    if isinstance(problem, SettingsError | smtp.AUTHDeclinedError | smtp.AUTHRequiredError | smtp.AuthenticationError):
        return Outcome("queued", NO_LOGIN, server_away=True)
    if isinstance(problem, smtp.TLSRequiredError | smtp.ESMTPClientError) or "certificate" in str(problem).lower():
        return Outcome("queued", NO_TLS, server_away=True)
    return Outcome("queued", AWAY, server_away=True)


def _said(problem: Any) -> str:
    """What the server said, about the address where it was that."""
    code, answer = problem.code, problem.resp
    for _, address_code, address_answer in problem.addresses or ():
        code, answer = address_code, address_answer
    return f"{code} {answer.decode('utf-8', 'replace')}"[:300]


def as_bytes(mail: QueuedMail, sender: str, now: float) -> bytes:
    """The mail as RFC 5322 and MIME have it. Tried again, it has the same Message-ID, so that one that was taken after
    all can be told to be the same. Line breaks in what goes into headers are refused (ValueError)."""
    name, address = parseaddr(sender)
    domain = address.rpartition("@")[2] or "localhost.localdomain"
    message = EmailMessage(policy=SMTP.clone(linesep="\n"))  # the client makes the line ends of the wire
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address("", addr_spec=mail.to)
    if mail.reply_to:
        message["Reply-To"] = Address("", addr_spec=mail.reply_to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    key = hashlib.sha256(f"{mail.id} {mail.asked_at!r} {mail.to}".encode()).hexdigest()[:24]
    message["Message-ID"] = f"<{mail.id}.{key}@{domain}>"
    message.set_content(mail.body, charset="utf-8", cte="base64")
    return message.as_bytes()


def _timed_out(result: Any, factory: Any, connector: Any) -> Any:
    factory.sendFinished = True
    connector.disconnect()
    return result
