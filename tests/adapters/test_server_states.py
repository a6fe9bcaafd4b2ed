"""Screens are told how an exchange is, in whichever order that was written down."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from cti_adapters.exchanges.status import ExchangeState, Link, Reason
from cti_server.server import Server
from cti_server.settings import Settings
from cti_server.shared.notices import ExchangeChanged


class Slow(Server):
    """A server of which nothing runs; what it writes is written when the test says so."""

    def __init__(self) -> None:
        exchange = {"id": "hq", "name": "HQ", "kind": "ami", "branch": "121", "secret_env": "X"}
        branch = {"code": "121", "name": "HQ"}
        self._settings = Settings.model_validate({"branches": [branch], "exchanges": [exchange]})
        self._now = {}
        self.writes: list[Deferred[Any]] = []
        self.told: list[str] = []
        self.hub: Any = self

    def publish(self, notice: ExchangeChanged) -> None:
        self.told.append(notice.state)

    def _write_states(self) -> Deferred[Any]:
        self.writes.append(Deferred())
        return self.writes[-1]


def test_the_last_state_is_told_last() -> None:
    server = Slow()
    for link in (Link.CONNECTING, Link.UP):
        server._exchange_changed(ExchangeState("hq", "121", link, Reason(), 0.0, None, None))
    first, second = server.writes
    second.callback(None)
    first.callback(None)
    assert server.told[-1] == "up"
