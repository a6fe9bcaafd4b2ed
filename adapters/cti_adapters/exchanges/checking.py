"""Whether an exchange can be reached and signed in to, and what rights its AMI user has: for ``cti exchange check``.

What may be *written* is asked: ``ListCommands`` names the actions that the user may use, each with the classes of which
one suffices (Asterisk's ``main/manager.c``; looked at with Asterisk 22), and ``CoreShowChannels`` is tried. What may be
*read* can't be asked. It is proven by the events that come: one comes only to a user who may read all classes that its
``Privilege`` names, and ``FullyBooted`` (``system``) comes at every sign-in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from OpenSSL.SSL import Error as TLSError
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_client import account_of, endpoint_of, why_not_connected
from cti_adapters.exchanges.ami_session import Account, ActionRefused, ActionUnanswered, AmiSession
from cti_adapters.exchanges.checking_records import check_records
from cti_adapters.exchanges.findings import READ, WRITE, Findings, Right, State
from cti_adapters.exchanges.status import ExchangeState, Reason
from cti_adapters.wire.ami import Framer, Message
from cti_server.calls.events import Unreadable
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.errors import SettingsError


def check(
    settings: ExchangeSettings,
    reactor: Any,
    clock: Clock,
    listen_seconds: float,
    running: ExchangeState | None = None,
) -> Deferred[Findings]:
    """Connects, signs in, asks, listens for so many seconds, and hangs up; of an exchange that hands over records it
    looks at everything but those (``running``: see check_records). Never fails: what went wrong is found."""
    if settings.kind == "smdr":
        return check_records(settings, reactor, running)
    found: Deferred[Findings] = Deferred()
    try:
        account = account_of(settings)
        endpoint = endpoint_of(settings, reactor)
    except (SettingsError, OSError, ValueError, TLSError) as bad:
        found.callback(Findings(settings.id, Reason("bad-settings", {"error": str(bad)})))
        return found
    visit = _Visit(settings.id, found, reactor, listen_seconds)

    def not_connected(failure: Failure) -> None:
        found.callback(Findings(settings.id, why_not_connected(failure, settings)))

    endpoint.connect(_Sessions(account, visit, reactor, clock)).addErrback(not_connected)
    return found


class _Sessions(Factory):
    noisy = False

    def __init__(self, account: Account, visit: _Visit, reactor: Any, clock: Clock) -> None:
        self._made = (account, visit, reactor, clock)
        self._visit = visit

    def buildProtocol(self, _: object) -> AmiSession:
        """The session of the one connection."""
        session = self._visit.session = AmiSession(*self._made)
        return session


class _Visit:
    """One connection that looks around (an ``AmiOwner``)."""

    def __init__(self, exchange: str, found: Deferred[Findings], reactor: Any, seconds: float) -> None:
        self.session: AmiSession | None = None
        self._findings = Findings(exchange)
        self._found = found
        self._reactor = reactor
        self._seconds = seconds
        self._framer = Framer()
        self._read: set[str] = set()
        self._allowed: dict[str, frozenset[str]] | None = None
        self._lists_channels: bool | None = None
        self._done = False

    def signed_in(self, greeting: bytes, at: float) -> None:
        """We are in: asks, and listens."""
        self._findings.banner = greeting.split(b"\n", 1)[0].strip().decode("ascii", "replace")
        self.received(greeting, at)
        assert self.session is not None
        listed = self.session.send("ListCommands")
        listed.addCallbacks(self._listed, self._no_answer)
        tried = self.session.send("CoreShowChannels")
        tried.addCallbacks(lambda _: self._tried(True), self._refused)
        self._reactor.callLater(self._seconds, self._leave)

    def received(self, data: bytes, at: float) -> None:
        """Notes the classes of the events that come."""
        for frame in self._framer.feed(data):
            if isinstance(frame, Unreadable):
                continue
            message = Message(frame)
            if message.name:
                self._read.update(_classes(message.get("Privilege")))

    def lost(self, reason: Reason, greeting: bytes) -> None:
        """It was refused, or broke, or we left."""
        if self._done:
            return
        self._done = True
        if reason.code != "stopped":
            self._findings.reason = reason
        else:
            self._findings.rights = [*self._reading(), *self._writing()]
            self._findings.superfluous = list(self._superfluous())
        self._found.callback(self._findings)

    def _leave(self) -> None:
        if self.session is not None and not self._done:
            self.session.close(Reason("stopped"))

    def _listed(self, message: Message) -> None:
        self._allowed = {
            name: classes for name, text in message.items() if (classes := _classes_of_action(text)) is not None
        }

    def _tried(self, may: bool) -> None:
        self._lists_channels = may

    def _refused(self, failure: Failure) -> None:
        if failure.trap(ActionRefused, ActionUnanswered) is ActionRefused:
            self._tried(False)

    @staticmethod
    def _no_answer(failure: Failure) -> None:
        failure.trap(ActionRefused, ActionUnanswered)

    # -- what follows from it

    def _reading(self) -> Iterator[Right]:
        for name, why in READ.items():
            absent: State = "missing" if name == "system" else "unproven"
            yield Right("read", name, "granted" if name in self._read else absent, why)

    def _writing(self) -> Iterator[Right]:
        listed: State = "unproven"
        if self._lists_channels is not None:
            listed = "granted" if self._lists_channels else "missing"
        yield Right("write", "reporting", listed, WRITE["reporting"])
        dials: State = "unproven"
        if self._allowed is not None:
            dials = "granted" if "Originate" in self._allowed else "missing"
        yield Right("write", "originate", dials, WRITE["originate"])

    def _superfluous(self) -> Iterator[tuple[str, str]]:
        for name in sorted(self._read - READ.keys()):
            yield "read", name
        unexplained = [classes for classes in (self._allowed or {}).values() if classes and not classes & WRITE.keys()]
        surely = {name for classes in unexplained if len(classes) == 1 for name in classes}
        for name in sorted(surely):
            yield "write", name
        for classes in sorted({tuple(sorted(one)) for one in unexplained if not one & surely}):
            yield "write", " or ".join(classes)


def _classes_of_action(text: str) -> frozenset[str] | None:
    """The classes of one line of ``ListCommands``: ``Show status.  (Priv: system,reporting,all)``; one of them
    suffices. Null where the line is no action's."""
    _, found, rest = text.rpartition("(Priv: ")
    return frozenset(_classes(rest.rstrip(") "))) if found else None


def _classes(text: str) -> set[str]:
    """``call,all`` -> ``{"call"}``."""
    return {name.strip() for name in text.split(",") if name.strip()} - {"all", "<none>"}
