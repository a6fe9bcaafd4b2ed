"""What the daemon does when a page changed an exchange, or asks for a test of a connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from cti_adapters.exchanges.checking import check
from cti_adapters.exchanges.findings import Findings
from cti_adapters.exchanges.recording import other_make_told
from cti_adapters.exchanges.status import ExchangeState, Reason
from cti_adapters.live.outbox import Effect, Handler
from cti_adapters.secret_folder import SecretFolder
from cti_adapters.storage.exchange_shelf import SETTINGS_ROW, TEST_ROW, with_own
from cti_adapters.storage.outbox import OutboxRow
from cti_adapters.storage.profile_shelf import PROFILE_ROW
from cti_adapters.storage.work import Database, UnitOfWork
from cti_server.exchanges.saved import State, Unfit, checked, with_secret
from cti_server.settings import ExchangeSettings
from cti_server.shared.clock import Clock
from cti_server.shared.scope import EVERYTHING

log = logging.getLogger(__name__)

LISTEN_SECONDS: Final = 3.0
"""So long a test listens for events that prove what the AMI user may read."""
WANTED_SECONDS: Final = 60.0
"""Whoever asked for a test longer ago does not wait for it any more."""


def exchange_handlers(
    take_over: Callable[[], object],
    running: Callable[[ExchangeSettings], ExchangeState | None],
    database: Database,
    clock: Clock,
    reactor: Any,
    secrets: SecretFolder,
) -> Mapping[str, Handler]:
    """Row kind -> what is done. ``take_over`` has the exchanges run as they are set now; ``running`` tells how the link
    is that runs with the very settings given, if one does."""
    tests = Tests(running, database, clock, reactor, secrets)

    def changed(_: UnitOfWork, row: OutboxRow) -> Effect:
        return take_over

    return {SETTINGS_ROW: changed, PROFILE_ROW: changed, TEST_ROW: tests.asked}


class Tests:
    """Tries connections that pages ask for, and writes down what was found."""

    def __init__(
        self,
        running: Callable[[ExchangeSettings], ExchangeState | None],
        database: Database,
        clock: Clock,
        reactor: Any,
        secrets: SecretFolder,
    ) -> None:
        self._running = running
        self._database = database
        self._clock = clock
        self._reactor = reactor
        self._secrets = secrets

    def asked(self, work: UnitOfWork, row: OutboxRow) -> Effect | None:
        """The row of a test; one that nobody waits for any more is ended without."""
        test_id = int(row.body["test"])
        test = work.shelf.test(test_id)
        if test is None or test.done:
            return None
        if self._clock.now() - test.at > WANTED_SECONDS:
            work.shelf.end_test(test_id, plain(Findings(test.exchange, Reason("test-too-late"))))
            return None
        values = with_secret(State(test.settings, test.secret), self._secrets.path) or {}
        try:
            settings = with_own(checked(values), {one.name: one.source for one in work.profiles.all()})
        except Unfit as bad:
            reason = Reason("bad-settings", {"error": str(bad)})
            work.shelf.end_test(test_id, plain(Findings(test.exchange, reason)))
            return None
        return lambda: self._try(test_id, settings)

    def _try(self, test_id: int, settings: ExchangeSettings) -> Deferred[Any]:
        running = self._running(settings)
        found: Deferred[Any] = check(settings, self._reactor, self._clock, LISTEN_SECONDS, running)
        found.addCallback(
            lambda findings: deferToThreadPool(
                self._reactor, self._reactor.getThreadPool(), self._write, test_id, settings, findings
            )
        )
        return found.addErrback(lambda failure: log.error("a test was not written down: %s", failure.type))

    def _write(self, test_id: int, settings: ExchangeSettings, findings: Findings) -> None:
        with self._database.open(EVERYTHING, write=True) as work:
            if settings.kind == "smdr" and not findings.reason.code:
                findings.notes += other_make_told(settings, work.profiles.unread_sample(settings.id))
            work.shelf.end_test(test_id, plain(findings))


def plain(findings: Findings) -> dict[str, Any]:
    """Findings as plain data, for pages to say in the reader's language."""
    return {
        "reason": findings.reason.code,
        "reason_values": dict(findings.reason.detail),
        "banner": findings.banner,
        "rights": [right._asdict() for right in findings.rights],
        "superfluous": [list(one) for one in findings.superfluous],
        "notes": [{"code": note.code, "detail": dict(note.detail)} for note in findings.notes],
        "missing": [f"{right.kind} = {right.name}" for right in findings.missing],
    }
