"""A simulated exchange in the test's own process: it outlives every server, and plays when it is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cti_simulators.ami_server import Account, Sessions
from cti_simulators.pbx import Exchange
from cti_simulators.scenarios import SMALL_OFFICE, Scenario
from tests.web.running import Running, until


class Simulated:
    """One exchange on a loopback port; account ``yobirin``, secret ``yobirin``."""

    def __init__(self, running: Running, start: float | None = None) -> None:
        """``start``: the exchange's own time at the beginning, if it is not now."""
        self.running = running
        accounts = [Account("yobirin", "yobirin")]
        self.exchange: Exchange = running.call(
            lambda: Exchange(running.reactor, SMALL_OFFICE, start or time.time(), accounts=accounts)
        )
        self._listening: Any = running.call(
            running.reactor.listenTCP, 0, Sessions(self.exchange), interface="127.0.0.1"
        )
        self.port: int = self._listening.getHost().port

    def play(self, *scenarios: Scenario) -> None:
        """Lets calls begin now, all at once; returns at once."""
        for scenario in scenarios:
            self.running.call(self.exchange.play, scenario)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stands still meanwhile, as far as calls go."""
        self.running.call(self.exchange.stage.pause)
        yield
        self.running.call(self.exchange.stage.resume)

    @property
    def clients(self) -> int:
        """How many are signed in and told about calls."""
        return sum(session.wants("call") for session in list(self.exchange.sessions))

    def until_heard(self) -> None:
        """Waits until somebody listens."""
        until(lambda: self.clients, "somebody to listen to the exchange")

    def close(self) -> None:
        """Switches it off."""
        self.running.call(self._listening.stopListening)
        self.running.call(self.exchange.crash)


def missed(number: str, did: str = "0312345600", extension: str = "2001", ring: float = 1.0) -> Scenario:
    """A caller who gives up."""
    return Scenario(caller=number, to=did, rings=(extension,), outcome="given-up", ring=ring)


def answered(
    number: str, did: str = "0312345600", extension: str = "2001", ring: float = 0.5, talk: float = 1.0
) -> Scenario:
    """A caller who is talked to."""
    return Scenario(caller=number, to=did, rings=(extension,), ring=ring, talk=talk)
