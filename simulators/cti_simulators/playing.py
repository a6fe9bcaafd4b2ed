"""A scenario played on an exchange that is in use: beside whatever else goes on there, at a speed of its own.

A client asks for it by the action ``Simulate``, which no real exchange knows: ``Command`` is ``play`` (with
``Scenario``, the file's text in Base64, and ``Speed``), ``pause``, ``resume``, ``step`` or ``stop``.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cti_adapters.wire.ami import Message
from cti_simulators.plays import script
from cti_simulators.plays.steps import Hands
from cti_simulators.plays.stopping import stop
from cti_simulators.scenarios import SMALL_OFFICE, WITHHELD, Scenario, ScenarioFile, Site, loads
from cti_simulators.stage import Stage

if TYPE_CHECKING:
    from cti_simulators.pbx import Exchange

MARK: Final = "SIM"
"""Stands before the name of every outside caller, so that nobody takes a played call for a customer's."""
COMMANDS: Final = ("play", "pause", "resume", "step", "stop")
MOST_CALLS: Final = 500
"""Calls that wait or are up at once."""


class Player:
    """What is played on one exchange besides its own traffic."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.stage = Stage(exchange.ticker, exchange.stage.now)
        self._hands = Hands(exchange.switch, exchange.site, lambda: self.stage.now)

    def asked(self, message: Message) -> str:
        """Does what a client asked for. Returns why it can't be done, a sentence; empty when it is done."""
        command = message.get("Command")
        if command not in COMMANDS:
            return f"there is no command “{command}”; there are {', '.join(COMMANDS)}"
        if command == "play":
            return self._asked_to_play(message)
        if command == "stop":
            self.stop()
        elif command == "step":
            self.stage.pause()
            self.stage.step()
        else:
            self.stage.pause() if command == "pause" else self.stage.resume()
        return ""

    def play(self, file: ScenarioFile, speed: float = 1.0) -> None:
        """Plays a file from now on. Raises ValueError with a sentence where this exchange can't play it."""
        file = on_site(file, self._exchange.site)
        if self.stage.waiting + len(file.call) > MOST_CALLS:
            raise ValueError(f"more than {MOST_CALLS} calls are not played at once; stop those that are")
        if not self.stage.waiting:
            self.stage = Stage(self._exchange.ticker, self._exchange.stage.now, speed)
        self.stage.speed = speed
        self.stage.resume()
        begin = self.stage.now
        for scenario in file.call:
            self.stage.play(script(self._hands, scenario), begin + scenario.at)

    def stop(self) -> None:
        """Ends what is played; calls that are up are hung up by the exchange."""
        self.stage.clear()
        for call in self._hands.up:
            stop(self._hands, call)

    def _asked_to_play(self, message: Message) -> str:
        try:
            text = base64.b64decode(message.get("Scenario"), validate=True).decode("utf-8")
            self.play(loads(text), float(message.get("Speed") or 1))
        except (binascii.Error, UnicodeDecodeError):
            return "Scenario is not the text of a file in Base64"
        except ValueError as bad:
            return " ".join(str(bad).splitlines())
        return ""


def on_site(file: ScenarioFile, site: Site) -> ScenarioFile:
    """The same calls with the telephones of another exchange: the first of the small office stands for the first there,
    and so on. Raises ValueError where it has too few."""
    ours = dict(zip(SMALL_OFFICE.extensions, site.extensions, strict=False))
    if len(ours) < len(SMALL_OFFICE.extensions):
        raise ValueError(f"this exchange has {len(ours)} telephones; scenarios are for {len(SMALL_OFFICE.extensions)}")
    if all(extension in site.extensions for extension in SMALL_OFFICE.extensions):
        ours = {extension: extension for extension in SMALL_OFFICE.extensions}
    return replace(file, call=tuple(_moved(scenario, ours) for scenario in file.call))


def _moved(scenario: Scenario, ours: dict[str, str]) -> Scenario:
    def there(extension: str) -> str:
        return ours.get(extension, extension)

    transfer, park = scenario.transfer, scenario.park
    rings = scenario.rings or SMALL_OFFICE.queues.get(scenario.queue, ())
    inside = scenario.caller in ours
    named = f"{MARK} {scenario.name}".strip()
    return replace(
        scenario,
        caller=there(scenario.caller),
        name=scenario.name if inside or scenario.caller == WITHHELD else named,
        to=there(scenario.to),
        rings=tuple(there(each) for each in rings),
        by=there(scenario.by),
        picked_up_by=there(scenario.picked_up_by),
        forward=there(scenario.forward),
        transfer=replace(transfer, to=there(transfer.to)) if transfer else None,
        park=replace(park, by=there(park.by)) if park else None,
        guests=tuple(replace(each, extension=there(each.extension)) for each in scenario.guests),
    )
