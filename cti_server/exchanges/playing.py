"""A tester has a scenario played on a simulated exchange that the server listens to: its calls go the way of all calls,
through journal, lane and database to the desks whose telephones ring (spec O4, decision 019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from cti_server.shared.clock import Clock
from cti_server.shared.errors import Invalid, NotFound, Unavailable
from cti_server.shared.viewer import Viewer, needs

KIND: Final = "simulated"
"""The kind of exchanges that scenarios are played on; of no other."""
UP: Final = "up"
Command = Literal["play", "pause", "resume", "step", "stop"]
COMMANDS: Final[tuple[Command, ...]] = ("play", "pause", "resume", "step", "stop")
SPEEDS: Final = (1, 2, 5, 10, 100, 1000)
MOST_TEXT: Final = 64 * 1024
"""Characters of a scenario file."""


class Stand(Protocol):
    """How an exchange is, as far as it matters here."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kind(self) -> str:
        """``ami``, ``smdr`` or ``simulated``."""

    @property
    def state(self) -> str:
        """``up`` and others."""


@dataclass(frozen=True, slots=True)
class Play:
    """What was asked of an exchange, by whom and when (epoch seconds, UTC). ``text``: the scenario file; ``speed``:
    simulated seconds per second."""

    exchange: str
    command: Command
    by: str
    at: float
    text: str = ""
    speed: int = 1


class PlayShelf(Protocol):
    """Where it is left for the daemon, and noted in the trail."""

    def leave(self, play: Play) -> None:
        """Leaves it."""


class PlayDesk:
    """What a tester may do; ``stands`` are the exchanges that exist for the viewer."""

    def __init__(self, shelf: PlayShelf, viewer: Viewer, clock: Clock, stands: Sequence[Stand]) -> None:
        self._shelf, self.viewer, self._clock = shelf, viewer, clock
        self._stands = [stand for stand in stands if stand.kind == KIND]

    @needs("simulator")
    def exchanges(self) -> list[Stand]:
        """Those that scenarios can be played on."""
        return list(self._stands)

    @needs("simulator")
    def ask(self, exchange: str, command: str, text: str = "", speed: int = 1) -> Stand:
        """Has a scenario played, paused, gone on with, or stopped. NotFound where the exchange is none of these,
        Unavailable while it is not connected."""
        stand = next((one for one in self._stands if one.id == exchange), None)
        if stand is None:
            raise NotFound("There is no such simulated exchange")
        if command not in COMMANDS or speed not in SPEEDS or len(text) > MOST_TEXT:
            raise Invalid("A scenario is played, paused, gone on with, stepped or stopped, at one of the speeds", "act")
        if stand.state != UP:
            raise Unavailable("The simulated exchange is not connected just now; its page says why")
        self._shelf.leave(Play(exchange, command, self.viewer.id, self._clock.now(), text, speed))
        return stand
