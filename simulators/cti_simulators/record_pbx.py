"""Serves what a simulated exchange writes down (SMDR), as the command line asks for it."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Any

from twisted.internet import error

from cti_adapters.wire.smdr.profile import Profile
from cti_simulators.day import Traffic
from cti_simulators.pbx import switch_on
from cti_simulators.record_sender import Connecting, Listening, RecordExchange, into_file
from cti_simulators.records import of_scenario, written
from cti_simulators.scenarios import SMALL_OFFICE, ScenarioFile, load
from cti_simulators.stage import Script


def serve(options: Any, profile: Profile, *, progress: float = 0.0) -> int:
    """Serves the scenario or the day of the options until it is ended. ``progress``: seconds between two lines on
    standard error; 0: none. Raises ValueError with a sentence where the options can't be followed."""
    from twisted.internet import reactor as twisted_reactor

    reactor: Any = twisted_reactor
    if not profile.writes:
        raise ValueError(f"the profile {profile.name} doesn't say how records are written; it needs [[write]] tables")
    exchange = RecordExchange(reactor, profile, time.time(), speed=options.speed, seed=options.seed)
    for fault in options.fault:
        switch_on(exchange.faults, fault)
    if options.day:
        traffic = Traffic(options.day, options.seed, options.pace)
        exchange.on_listener = lambda: play_day(exchange, traffic, exchange.stage.now - options.past_seconds)
    else:
        file = load(options.scenario)
        exchange.on_listener = lambda: play_file(exchange, file)
    _attach(exchange, reactor, options)
    if progress:
        _tell_progress(exchange, reactor, progress)
    reactor.run()
    return 0


def play_file(exchange: RecordExchange, file: ScenarioFile) -> None:
    """Tells the records of a file, each when its call is over."""
    begin = exchange.stage.now
    exchange.play(written(exchange.profile, file, SMALL_OFFICE, begin), file.exchange, begin)


def play_day(exchange: RecordExchange, traffic: Traffic, begin: float) -> None:
    """Tells the records of a branch's day from ``begin`` on: what is past at once, then without end."""
    now = exchange.stage.now
    site = traffic.site
    for number, planned in enumerate(traffic.past(begin, now)):
        exchange.play(of_scenario(exchange.profile, planned.scenario, site, planned.at, number), (), begin)
    exchange.stage.play(_live(exchange, traffic, now))


def _live(exchange: RecordExchange, traffic: Traffic, begin: float) -> Script:
    site = traffic.site
    for number, planned in enumerate(traffic.live(begin), 1000):
        yield planned.at - exchange.stage.now
        for one in of_scenario(exchange.profile, planned.scenario, site, exchange.stage.now, number):
            exchange.stage.at(one.at, partial(exchange.tell, one.data))


def _attach(exchange: RecordExchange, reactor: Any, options: Any) -> None:
    if options.file is not None and options.connect:
        raise ValueError("records go to --connect or to --file, not to both")
    if options.file is not None:
        into_file(exchange, options.file)
        print(f"writing to {options.file}", flush=True)
    elif options.connect:
        host, _, port = options.connect.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"--connect takes HOST:PORT, not “{options.connect}”")
        reactor.connectTCP(host.strip("[]"), int(port), Connecting(exchange))
        print(f"connecting to {options.connect}", flush=True)
    else:
        try:
            port = reactor.listenTCP(options.port, Listening(exchange), interface=options.host)
        except error.CannotListenError:
            raise ValueError(f"port {options.port} of {options.host} is taken; name another with --port") from None
        print(f"listening on {options.host}:{port.getHost().port}", flush=True)


def _tell_progress(exchange: RecordExchange, reactor: Any, seconds: float) -> None:
    listeners, waiting = len(exchange.lines), len(exchange.kept)
    print(
        f"listeners {listeners}, records {exchange.told}, kept until somebody listens {waiting}",
        file=sys.stderr,
        flush=True,
    )
    reactor.callLater(seconds, _tell_progress, exchange, reactor, seconds)
