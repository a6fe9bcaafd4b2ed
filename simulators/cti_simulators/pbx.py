"""A simulated exchange that any client of Asterisk's manager interface (AMI) can talk to.

From code: ``Exchange(reactor, site, ...)``, then ``play`` scenarios on it. From the command line:
``python -m cti_simulators.pbx --port 5038 --scenario FILE`` or ``--day BRANCH``; it says on which port it listens.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Protocol

from cti_adapters.wire.ami import Message, encode_event
from cti_simulators.ami_server import Account, Fields, Session, Sessions
from cti_simulators.day import Traffic
from cti_simulators.faults import Faults
from cti_simulators.people import OFFICES, SEED
from cti_simulators.playing import Player
from cti_simulators.plays import script
from cti_simulators.plays.outbound import Dialling, originate
from cti_simulators.plays.steps import Hands
from cti_simulators.plays.stopping import stop
from cti_simulators.scenarios import SMALL_OFFICE, Happening, Scenario, ScenarioFile, Site, load
from cti_simulators.stage import Run, Script, Stage, Ticker
from cti_simulators.switch import Headers, Party, Switch

STOPS_AFTER = 1.1
"""Seconds from the last call's end until an exchange that restarts has stopped."""


class Exchange:
    """One simulated exchange: its time, its switch, its clients, its faults.

    ``start`` is the simulated time at which it begins (epoch seconds, UTC); everything by chance comes from ``seed``.
    """

    def __init__(
        self,
        ticker: Ticker,
        site: Site,
        start: float,
        *,
        speed: float = 1.0,
        seed: int = 0,
        accounts: Iterable[Account] = (),
    ) -> None:
        self.ticker = ticker
        self.site = site
        self.chance = random.Random(seed)
        self.faults = Faults()
        self.stage = Stage(ticker, start, speed)
        self.switch = Switch(self._tell, lambda: self.stage.now, site.timezone, seed)
        self.hands = Hands(self.switch, site, lambda: self.stage.now)
        self.accounts = {account.name: account for account in accounts}
        self.sessions: set[Session] = set()
        self.stopping = False
        """Shutting down: nobody can sign in any more."""
        self.down = False
        """Without power: whoever connects is cut off at once."""
        self.told = 0
        """Events told so far, whether or not a client wanted them."""
        self.booted = start
        self.on_listener: Callable[[], None] | None = None
        """Called once, when the first client that is told about calls has signed in."""
        self.answers: Callable[[str, str], dict[str, Any]] = lambda extension, number: {}
        """How both sides behave on an originated call (extension, number): fields of ``Dialling``."""
        self._unread: set[Session] = set()
        self.player = Player(self)
        """What clients have it play."""

    # -- what happens on it

    def play(self, scenario: Scenario, when: float | None = None) -> Run:
        """Plays a scenario from the simulated time ``when`` on (now, unless set)."""
        return self.stage.play(script(self.hands, scenario), when)

    def originate(self, message: Message) -> str:
        """Click to dial. Returns why it can't be done, empty when it is under way."""
        channel, number = message.get("Channel"), message.get("Exten")
        if not channel:
            return "Channel not specified"
        if not number and not message.get("Application"):
            return "Extension/Application not specified" if not message.get("Context") else "Invalid extension"
        extension = channel.partition("/")[2].partition("@")[0]
        if "/" not in channel:
            return "Invalid channel"
        if extension not in self.site.extensions:
            return "Originate failed"
        name, _, rest = message.get("CallerID").rpartition("<")
        caller = Party(rest.rstrip("> ") if rest else "", name.strip(' "'))
        timeout = message.get("Timeout")
        dialling = Dialling(
            extension,
            number,
            caller,
            message.get("ActionID"),
            timeout=int(timeout) / 1000 if timeout.isdigit() else 30.0,
            **self.answers(extension, number),
        )
        self.stage.play(originate(self.hands, dialling))
        return ""

    def storm(self, events: int, seconds: float = 1.0) -> None:
        """So many events that mean nothing, spread over so many simulated seconds."""
        begin = self.stage.now
        for number in range(events):
            self.stage.at(begin + seconds * number / events, partial(self._device, number % 1000))

    def _device(self, number: int) -> None:
        self.switch.emit("DeviceStateChange", "call", [("Device", f"PJSIP/{number}"), ("State", "INUSE")])

    def crash(self) -> None:
        """Power off in mid-call: nothing more is said, every connection breaks, what was up is forgotten."""
        self.stage.clear()
        self.player.stage.clear()
        self.switch.power_off()
        self.cut()

    def restart(self) -> None:
        """Ends in order: every call is hung up by the exchange, then it says that it stops and every connection
        breaks."""
        self.stage.clear()
        self.stopping = True
        self.player.stop()
        for call in self.hands.up:
            stop(self.hands, call)
        self.stage.at(self.stage.now + STOPS_AFTER, self._stopped)

    def _stopped(self) -> None:
        self.switch.emit("Shutdown", "system", [("Shutdown", "Cleanly"), ("Restart", "True")])
        self.switch.power_off()
        self.cut()

    def cut(self) -> None:
        """Every connection breaks, and whoever connects is cut off; the calls go on."""
        self.down = True
        for session in list(self.sessions):
            session.transport.abortConnection()

    def mend(self) -> None:
        """Clients can connect again."""
        self.down = False

    def boot(self) -> None:
        """Power on again: counters begin anew, ``FullyBooted`` tells a small uptime."""
        self.booted = self.stage.now
        self.stopping = self.down = False

    # -- what the clients need

    def channel_rows(self) -> list[Fields]:
        """Every channel that is up, as ``CoreShowChannels`` tells it."""
        now = self.stage.now
        return [
            [
                *channel.headers(),
                ("Application", ""),
                ("ApplicationData", ""),
                ("Duration", _span(now - channel.born)),
                ("BridgeId", ""),
            ]
            for channel in self.switch.channels.values()
        ]

    def signed_in(self, session: Session) -> None:
        """A client signed in or changed what it wants to be told."""
        if session.wants("call") and self.on_listener is not None:
            call, self.on_listener = self.on_listener, None
            call()

    def reads(self, session: Session, reading: bool) -> None:
        """A client keeps up, or doesn't: then simulated calls wait for it rather than fill the memory."""
        if reading:
            self._unread.discard(session)
        else:
            self._unread.add(session)
        for stage in (self.stage, self.player.stage):
            stage.hold() if self._unread else stage.release()

    def _tell(self, name: str, kind: str, headers: Headers) -> None:
        self.told += 1
        frame = b""
        for session in list(self.sessions):
            if session.wants(kind):
                frame = frame or encode_event(name, headers)
                session.event(frame)


def _span(seconds: float) -> str:
    whole = int(max(seconds, 0))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def listen(exchange: Exchange, reactor: Any, host: str, port: int) -> Any:
    """Listens for clients and says where on standard output. Returns Twisted's port."""
    listening = reactor.listenTCP(port, Sessions(exchange), interface=host)
    print(f"listening on {host}:{listening.getHost().port}", flush=True)
    return listening


def play_day(exchange: Exchange, traffic: Traffic, begin: float) -> None:
    """Plays a branch's day from ``begin`` on: what is past runs through at once, then calls go on without end."""
    now = exchange.stage.now
    exchange.answers = traffic.answers
    for planned in traffic.past(begin, now):
        exchange.play(planned.scenario, planned.at)
    exchange.stage.play(_live(exchange, traffic, now))


def _live(exchange: Exchange, traffic: Traffic, begin: float) -> Script:
    for planned in traffic.live(begin):
        yield planned.at - exchange.stage.now
        exchange.play(planned.scenario)


def play_all(exchange: Exchange, file: ScenarioFile) -> None:
    """Plays a file: its calls, and what happens to the exchange, at the times they name."""
    begin = exchange.stage.now
    for scenario in file.call:
        exchange.play(scenario, begin + scenario.at)
    for happening in file.exchange:
        exchange.stage.at(begin + happening.at, partial(_happen, exchange, file, happening, begin))


def _happen(exchange: Exchange, file: ScenarioFile, happening: Happening, begin: float) -> None:
    if happening.does == "storm":
        exchange.storm(happening.events, happening.seconds)
        return
    if happening.does == "half-open":
        exchange.faults.half_open = True
        exchange.stage.at(exchange.stage.now + happening.seconds, partial(_speaks_again, exchange))
        return
    anew = happening.does in ("kill", "restart")
    if anew:
        exchange.crash() if happening.does == "kill" else exchange.restart()
        # The end took all that was to come; what is to happen later happens all the same.
        for scenario in file.call:
            if scenario.at > happening.at:
                exchange.play(scenario, begin + scenario.at)
        for later in file.exchange:
            if later.at > happening.at:
                exchange.stage.at(begin + later.at, partial(_happen, exchange, file, later, begin))
    else:
        exchange.cut()
    exchange.stage.at(exchange.stage.now + happening.seconds, exchange.boot if anew else exchange.mend)


def _speaks_again(exchange: Exchange) -> None:
    """Whoever has not noticed by now is cut off, and may connect again."""
    exchange.faults.half_open = False
    exchange.cut()
    exchange.mend()


def main(argv: list[str] | None = None) -> int:
    """The command line. Prints a line with the port when it listens; begins when a client has signed in."""
    parser = argparse.ArgumentParser(
        prog="python -m cti_simulators.pbx", description="A simulated Asterisk that speaks AMI to any client."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    add_options(parser, what)
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input is closed")
    options = parser.parse_args(argv)
    try:
        return serve(options)
    except ValueError as problem:
        print(f"pbx: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever started it is gone before it could say where it listens.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def add_options(parser: argparse.ArgumentParser, what: Any) -> None:
    """Adds what a command line that serves an exchange takes; ``what``: the parser's group of what is to be played."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    what.add_argument("--scenario", type=Path, metavar="FILE", help="a file of scenarios")
    what.add_argument(
        "--day",
        nargs="?",
        const=OFFICES[0].exchange,
        choices=[office.exchange for office in OFFICES],
        help="the day of a branch, made from the seed; names an exchange of the demonstration (default: %(const)s)",
    )
    parser.add_argument("--past-seconds", type=float, default=0.0, help="of the day: how much of it has gone by")
    parser.add_argument("--pace", type=float, default=1.0, help="of the day: 2 has twice as many live calls")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds per second")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"may be repeated; names: {', '.join(each.name for each in fields(Faults))}",
    )
    parser.add_argument("--username", default="yobirin")
    parser.add_argument("--secret-env", default="", help="the environment variable with the secret; default: “yobirin”")


def switch_on(faults: Faults, text: str) -> None:
    """A fault as the command line names it. Raises ValueError with a sentence."""
    name, _, value = text.partition("=")
    kinds = {each.name: type(getattr(faults, each.name)) for each in fields(faults)}
    if name not in kinds:
        raise ValueError(f"there is no fault “{name}”; there are {', '.join(kinds)}")
    try:
        setattr(faults, name, kinds[name](float(value or 1)))
    except ValueError as bad:
        raise ValueError(f"the fault {name} takes a number, not “{value}”") from bad


class _Ending(Protocol):
    """Ends the process when whoever started it is gone: standard input is closed then."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def connectionLost(self, reason: object = None) -> None:
        """Standard input was closed."""
        self._reactor.callWhenRunning(self._reactor.stop)


def serve(options: Any, *, progress: float = 0.0) -> int:
    """Serves what the options of ``add_options`` ask for until it is ended. ``progress``: seconds between two lines on
    standard error; 0: none. Raises ValueError with a sentence where the options can't be followed."""
    from twisted.internet import error, stdio
    from twisted.internet import reactor as twisted_reactor

    secret = os.environ.get(options.secret_env) if options.secret_env else "yobirin"
    if secret is None:
        raise ValueError(f"the environment variable {options.secret_env} is not set")

    reactor: Any = twisted_reactor
    traffic = Traffic(options.day, options.seed, options.pace) if options.day else None
    file = load(options.scenario) if options.scenario else None
    site = traffic.site if traffic else SMALL_OFFICE
    exchange = Exchange(
        reactor, site, time.time(), speed=options.speed, seed=options.seed, accounts=[Account(options.username, secret)]
    )
    for fault in options.fault:
        switch_on(exchange.faults, fault)
    if traffic is not None:
        day = traffic
        exchange.on_listener = lambda: play_day(exchange, day, exchange.stage.now - options.past_seconds)
    elif file is not None:
        scenarios = file
        exchange.on_listener = lambda: play_all(exchange, scenarios)
    try:
        listen(exchange, reactor, options.host, options.port)
    except error.CannotListenError:
        raise ValueError(f"port {options.port} of {options.host} is taken; name another with --port") from None
    if options.until_stdin_closes:
        stdio.StandardIO(_Ending(reactor))
    if progress:
        _tell_progress(exchange, reactor, progress)
    reactor.run()
    return 0


def _tell_progress(exchange: Exchange, reactor: Any, seconds: float) -> None:
    clients, events, up = len(exchange.sessions), exchange.told, len(exchange.switch.channels)
    waiting = "" if clients or events else "; it begins when a client has signed in"
    print(f"clients {clients}, events {events}, channels up {up}{waiting}", file=sys.stderr, flush=True)
    reactor.callLater(seconds, _tell_progress, exchange, reactor, seconds)


if __name__ == "__main__":
    sys.exit(main())
