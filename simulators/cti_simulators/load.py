"""A load of calls for measurements: N answered calls a second, every event of each, at the cost of a few string
substitutions per call.

``python -m cti_simulators.load --port 5038 --rate 50 --seconds 60``: an AMI server that begins when a client has signed
in. Each event carries the time at which it was sent, so whoever listens can tell how long it took to arrive.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.task import Clock

from cti_adapters.wire.ami import encode_event
from cti_simulators.ami_server import Account
from cti_simulators.pbx import Exchange, listen, switch_on
from cti_simulators.plays import script
from cti_simulators.plays.steps import Hands
from cti_simulators.scenarios import SMALL_OFFICE, Scenario, Site
from cti_simulators.stage import Stage, Ticker, Timer
from cti_simulators.switch import Headers, Switch

_CALLER = "09999990000"
_EXTENSION = "98989"
_START = 1_500_000_000.0
_EPOCH = int(_START)


@dataclass(frozen=True, slots=True)
class Burst:
    """What a call sends at one moment: seconds after its start, the bytes with places to fill in, how many events."""

    after: float
    template: bytes
    events: int


class CallTemplate:
    """An answered call played once, with places left for what differs between calls. Seconds of ringing and of talk."""

    def __init__(self, ring: float = 2.0, talk: float = 2.0) -> None:
        site = Site("load", {_EXTENSION: "Load"}, main_number="0300001000")
        events = _record(
            Scenario("phone", _CALLER, to=site.main_number, rings=(_EXTENSION,), ring=ring, talk=talk), site
        )
        self.channels = len({dict(headers)["Uniqueid"] for _, name, headers in events if name == "Newchannel"})
        bridges = [dict(headers)["BridgeUniqueid"] for _, name, headers in events if name == "BridgeCreate"]
        bursts: list[tuple[float, list[bytes]]] = []
        for at, name, headers in events:
            if not bursts or at - bursts[-1][0] > 0.02:
                bursts.append((at, []))
            bursts[-1][1].append(self._places(encode_event(name, headers), bridges))
        self.bursts = [Burst(at - _START, b"".join(frames), len(frames)) for at, frames in bursts]
        self.events = len(events)
        self.bytes = sum(len(burst.template) for burst in self.bursts)

    def _places(self, frame: bytes, bridges: list[str]) -> bytes:
        """Replaces what differs between calls by names that ``%`` fills in."""
        frame = frame.replace(b"%", b"%%")
        frame = re.sub(rb"(\nTimestamp: )\d+\.\d+", rb"\1%(time)s", frame)
        frame = re.sub(rb"\b%d\.(\d+)\b" % _EPOCH, lambda hit: b"%%(id%d)s" % int(hit[1]), frame)
        frame = re.sub(rb"(PJSIP/\w+-)([0-9a-f]{8})", lambda hit: hit[1] + b"%%(name%d)s" % int(hit[2], 16), frame)
        for number, bridge in enumerate(bridges):
            frame = frame.replace(bridge.encode(), b"%%(bridge%d)s" % number)
        return frame.replace(_CALLER.encode(), b"%(caller)s").replace(_EXTENSION.encode(), b"%(extension)s")


def _record(scenario: Scenario, site: Site) -> list[tuple[float, str, Headers]]:
    """The events of one call, with their times."""
    clock = Clock()
    stage = Stage(cast(Ticker, clock), _START)
    events: list[tuple[float, str, Headers]] = []
    switch = Switch(lambda name, kind, headers: events.append((stage.now, name, headers)), lambda: stage.now)
    run = stage.play(script(Hands(switch, site, lambda: stage.now), scenario))
    while not run.done:
        clock.advance(0.1)
    return events


class Load:
    """Sends calls to every client of an exchange: ``rate`` a second for ``seconds``.

    ``parties`` makes the caller's number and the extension of the n-th call. ``wall`` is the time that events carry.
    """

    def __init__(
        self,
        exchange: Exchange,
        template: CallTemplate,
        rate: float,
        seconds: float,
        parties: Callable[[int], tuple[str, str]],
        ticker: Ticker,
        wall: Callable[[], float] = time.time,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._exchange = exchange
        self._template = template
        self._rate = rate
        self._total = int(rate * seconds)
        self._parties = parties
        self._ticker = ticker
        self._wall = wall
        self._on_end = on_end
        self._began = 0.0
        self._made = 0
        self.calls = 0
        self.events = 0
        self.bytes = 0
        self.late = 0.0
        """The most that a burst was sent too late, seconds: the machine could not keep up."""

    def start(self) -> None:
        """Begins."""
        self._began = self._ticker.seconds()
        self._place_next()

    def _place_next(self) -> None:
        """Places every call whose time has come, then waits for the next one's."""
        now = self._ticker.seconds()
        while self._made < self._total and self._began + self._made / self._rate <= now:
            self._send(self._values(self._made), 0, self._began + self._made / self._rate)
            self._made += 1
        if self._made < self._total:
            self._ticker.callLater(max(0.0, self._began + self._made / self._rate - now), self._place_next)

    def _values(self, number: int) -> dict[bytes, bytes]:
        first = number * self._template.channels
        epoch = int(self._wall())
        caller, extension = self._parties(number)
        values = {b"caller": caller.encode(), b"extension": extension.encode()}
        for channel in range(self._template.channels):
            values[b"id%d" % channel] = b"%d.%d" % (epoch, first + channel)
            values[b"name%d" % channel] = b"%08x" % (first + channel)
            values[b"bridge%d" % channel] = b"%08x-0000-4000-8000-%012x" % (channel, number)
        return values

    def _send(self, values: dict[bytes, bytes], place: int, due: float) -> None:
        template = self._template
        burst = template.bursts[place]
        self.late = max(self.late, self._ticker.seconds() - due)
        values[b"time"] = b"%.6f" % self._wall()
        data = burst.template % values
        for session in self._exchange.sessions:
            if session.wants("call"):
                session.event(data)
        self.events += burst.events
        self.bytes += len(data)
        if place + 1 < len(template.bursts):
            following = due + template.bursts[place + 1].after - burst.after
            self._ticker.callLater(
                max(0.0, following - self._ticker.seconds()), lambda: self._send(values, place + 1, following)
            )
            return
        self.calls += 1
        if self.calls == self._total and self._on_end is not None:
            self._on_end()


def main(argv: list[str] | None = None) -> int:
    """The command line. Prints a line with the port when it listens, and one JSON object when it is done."""
    parser = argparse.ArgumentParser(
        prog="python -m cti_simulators.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--rate", type=float, default=50.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--ring", type=float, default=2.0, help="seconds until each is answered")
    parser.add_argument("--talk", type=float, default=2.0)
    parser.add_argument("--first-caller", default="09000000000", help="the lowest caller's number")
    parser.add_argument("--callers", type=int, default=1, help="how many numbers from that one on call, by chance")
    parser.add_argument("--first-extension", type=int, default=2001, help="the lowest extension that rings")
    parser.add_argument("--extensions", type=int, default=1, help="how many from that one on ring, in turn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--username", default="yobirin")
    parser.add_argument("--secret", default="yobirin")
    options = parser.parse_args(argv)
    if (
        options.rate <= 0
        or options.seconds <= 0
        or not options.first_caller.isdigit()
        or min(options.callers, options.extensions) < 1
    ):
        print(
            "load: rate, seconds, callers and extensions have to be more than 0, and first-caller a number",
            file=sys.stderr,
        )
        return 2
    return serve(options)


class Quick:
    """The reactor's time at another speed: simulated seconds."""

    def __init__(self, ticker: Ticker, speed: float) -> None:
        self._ticker, self._speed = ticker, speed

    def seconds(self) -> float:
        """Simulated seconds of a clock that never goes back."""
        return self._ticker.seconds() * self._speed

    def callLater(self, delay: float, call: Callable[[], None]) -> Timer:
        """Calls ``call`` after ``delay`` simulated seconds."""
        return self._ticker.callLater(delay / self._speed, call)


def serve(options: Any) -> int:
    """Serves a load, as the command line's options say; ``speed`` and ``fault`` where they have such."""
    from twisted.internet import reactor as twisted_reactor

    reactor: Any = twisted_reactor
    speed = getattr(options, "speed", 1.0)
    exchange = Exchange(
        reactor, SMALL_OFFICE, time.time(), speed=speed, accounts=[Account(options.username, options.secret)]
    )
    for fault in getattr(options, "fault", ()):
        switch_on(exchange.faults, fault)
    chance, width = random.Random(options.seed), len(options.first_caller)
    first = int(options.first_caller)

    def parties(number: int) -> tuple[str, str]:
        caller = f"{first + chance.randrange(options.callers):0{width}d}"
        return caller, str(options.first_extension + number % options.extensions)

    def finish() -> None:
        for session in list(exchange.sessions):
            session.close()
        reactor.callLater(1.0, reactor.stop)

    load = Load(
        exchange,
        CallTemplate(options.ring, options.talk),
        options.rate,
        options.seconds,
        parties,
        Quick(reactor, speed),
        on_end=finish,
    )
    exchange.on_listener = load.start
    listen(exchange, reactor, options.host, options.port)
    reactor.run()
    print(
        json.dumps(
            {"calls": load.calls, "events": load.events, "bytes": load.bytes, "late_ms": round(load.late * 1000, 1)}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
