"""What the daemon does when a tester has a scenario played: it asks the simulated exchange, over the link to it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Final

from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_session import ActionRefused
from cti_adapters.exchanges.supervision import Supervision
from cti_adapters.live.outbox import Effect
from cti_adapters.storage.outbox import OutboxRow
from cti_adapters.storage.work import UnitOfWork
from cti_server.exchanges.playing import KIND
from cti_server.shared.clock import Clock
from cti_server.shared.notices import PlayAnswered

log = logging.getLogger(__name__)

WANTED_SECONDS: Final = 30.0
"""Whoever asked longer ago does not wait for it any more."""


class Plays:
    """Passes on what testers ask, and tells them what the exchange answered."""

    def __init__(self, supervision: Supervision, tell: Callable[[PlayAnswered], object], clock: Clock) -> None:
        self._supervision = supervision
        self._tell = tell
        self._clock = clock

    def asked(self, work: UnitOfWork, row: OutboxRow) -> Effect | None:
        """The row of an act on a simulated exchange; nothing where it comes too late."""
        if self._clock.now() - row.at > WANTED_SECONDS:
            return None
        return lambda: self._pass_on(row)

    def _pass_on(self, row: OutboxRow) -> None:
        body = row.body
        user, exchange = body["by"], body["exchange"]
        link = self._supervision.ami_link(exchange, KIND)
        if link is None:
            log.warning("a scenario was not played: %s is no simulated exchange that is connected", exchange)
            self._tell(PlayAnswered(user, exchange, silent=True))
            return
        headers = [("Command", body["command"]), ("Speed", str(body["speed"]))]
        if body["text"]:
            headers.append(("Scenario", base64.b64encode(body["text"].encode()).decode()))

        def refused(failure: Failure) -> None:
            log.warning("%s did not play a scenario: %s", exchange, failure.value)
            said = failure.value.said if isinstance(failure.value, ActionRefused) else ""
            self._tell(PlayAnswered(user, exchange, said, silent=not said))

        answered = link.send("Simulate", headers)
        answered.addCallbacks(lambda _: self._tell(PlayAnswered(user, exchange)), refused)
