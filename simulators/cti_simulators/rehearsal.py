"""A scenario file played in memory, as fast as it goes, to one client that connects again whenever it is cut off.

``python -m cti_simulators.rehearsal``: takes JSON on standard input (``text``, ``seed``, ``faults``, ``skew``;
``happens``: what befalls the exchange in the first call; ``profile``: the text of a make's, where it writes records)
and says on standard output what the client was sent and when. The same input always gives the same bytes.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

from twisted.internet.task import Clock

from cti_adapters.wire.ami import encode
from cti_adapters.wire.smdr.loading import parse
from cti_adapters.wire.smdr.profile import Profile
from cti_simulators.ami_server import Account, Session
from cti_simulators.faults import Faults
from cti_simulators.pbx import Exchange, play_all
from cti_simulators.record_sender import RecordExchange, Talker
from cti_simulators.records import written
from cti_simulators.scenarios import SMALL_OFFICE, ScenarioError, ScenarioFile, Site, loads, with_happening

BEGIN = 1_795_568_400.0
"""When the simulated time of a rehearsal begins (epoch seconds, UTC): 10:00 on a Wednesday in Tokyo."""
AGAIN = 0.5
"""Seconds after which a client that was cut off tries again."""
MOST_BYTES = 4 << 20
"""A rehearsal that sends more is broken off."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes that a client was sent at once. ``at``: epoch seconds, UTC; ``connection`` counts from 0."""

    connection: int
    at: float
    data: bytes


class _Transport:
    """The client's end of a connection in memory."""

    def __init__(self, rehearsal: Rehearsal, number: int) -> None:
        self._rehearsal, self._number = rehearsal, number
        self.session: Session | None = None

    def write(self, data: bytes) -> None:
        if self.session is not None:
            self._rehearsal.hear(self._number, data)

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing to do."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """A client in memory reads at once."""

    def unregisterProducer(self) -> None:
        """Nothing to do."""

    def loseConnection(self) -> None:
        self.abortConnection()

    def abortConnection(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            session.connectionLost()
            self._rehearsal.lost()


class Rehearsal:
    """Plays a file. ``sent`` holds what the client was sent; ``broken_off``: more than fits."""

    def __init__(
        self, file: ScenarioFile, faults: Faults, seed: int | None = None, skew: float = 0.0, site: Site = SMALL_OFFICE
    ) -> None:
        self.sent: list[Sent] = []
        self.broken_off = False
        self.began = BEGIN
        """When the file's second 0 was."""
        self._bytes = 0
        self._clock: Any = Clock()
        self._connections = 0
        account = Account("rehearsal", "rehearsal")
        chosen = file.seed if seed is None else seed
        clock: Any = self._clock
        self._exchange = Exchange(clock, site, BEGIN, seed=chosen, accounts=[account])
        self._exchange.faults = faults
        self._exchange.switch.skew = skew
        self._file = file
        self._last = max([each.at + each.seconds for each in file.exchange], default=0.0)

    def play(self) -> None:
        """Plays it to its end."""
        self._connect()
        play_all(self._exchange, self._file)
        while not self.broken_off and (due := self._clock.getDelayedCalls()):
            self._clock.advance(max(0.0, min(call.getTime() for call in due) - self._clock.seconds()))
            if not self._exchange.stage.waiting and self._clock.seconds() > self._last + 60:
                break

    def hear(self, connection: int, data: bytes) -> None:
        """The client was sent something."""
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self.broken_off = True
            return
        self.sent.append(Sent(connection, BEGIN + self._clock.seconds(), data))

    def lost(self) -> None:
        """The client was cut off."""
        self._clock.callLater(AGAIN, self._connect)

    def _connect(self) -> None:
        if self._exchange.down:
            self._clock.callLater(AGAIN, self._connect)
            return
        transport = _Transport(self, self._connections)
        self._connections += 1
        session = Session(self._exchange)
        transport.session = session
        cast(Any, session).makeConnection(transport)
        session.dataReceived(encode("Login", [("Username", "rehearsal"), ("Secret", "rehearsal"), ("Events", "on")]))
        session.dataReceived(encode("CoreShowChannels", []))


class RecordRehearsal:
    """The same for an exchange that writes records. Skew: seconds by which its clock is wrong."""

    def __init__(
        self,
        file: ScenarioFile,
        profile: Profile,
        faults: Faults,
        seed: int | None = None,
        skew: float = 0.0,
        site: Site = SMALL_OFFICE,
    ) -> None:
        self.sent: list[Sent] = []
        self.broken_off = False
        self.began = BEGIN
        self.written = written(profile, file, site, BEGIN + skew)
        """What was written down, by the exchange's clock."""
        self._clock: Any = Clock()
        self._connections = 0
        clock: Any = self._clock
        self._exchange = RecordExchange(clock, profile, BEGIN, seed=file.seed if seed is None else seed)
        self._exchange.faults = faults
        told = [one._replace(at=one.at - skew) for one in self.written]
        self._exchange.play(told, file.exchange, BEGIN)

    def play(self) -> None:
        """Plays it to its end."""
        self._connect()
        while due := self._clock.getDelayedCalls():
            self._clock.advance(max(0.0, min(call.getTime() for call in due) - self._clock.seconds()))

    def _connect(self) -> None:
        if self._exchange.down:
            self._clock.callLater(AGAIN, self._connect)
            return
        talker = Talker(self._exchange)
        cast(Any, talker).makeConnection(_RecordTransport(self, talker, self._connections))
        self._connections += 1
        for _ in self._exchange.profile.dialogue:
            talker.dataReceived(b"rehearsal\r\n")

    def hear(self, connection: int, data: bytes) -> None:
        """The client was sent something."""
        self.sent.append(Sent(connection, BEGIN + self._clock.seconds(), data))

    def lost(self) -> None:
        """The client was cut off."""
        self._clock.callLater(AGAIN, self._connect)


class _RecordTransport:
    """The listener's end of a connection in memory."""

    def __init__(self, rehearsal: RecordRehearsal, talker: Talker, number: int) -> None:
        self._rehearsal, self._talker, self._number = rehearsal, talker, number

    def write(self, data: bytes) -> None:
        if self._talker.listening:
            self._rehearsal.hear(self._number, data)

    def abortConnection(self) -> None:
        self._talker.connectionLost()
        self._rehearsal.lost()


def told(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What standard output says: ``fault``, or what was sent and what is expected to come of it."""
    try:
        file = loads(str(asked["text"]), str(asked.get("name", "the scenario")))
        for does in asked.get("happens", ()):
            file = with_happening(file, str(does))
    except ScenarioError as problem:
        return {"fault": str(problem)}
    known = {each.name for each in fields(Faults)}
    faults = Faults(**{name: value for name, value in asked.get("faults", {}).items() if name in known})
    skew = float(asked.get("skew", 0.0))
    rehearsal: Rehearsal | RecordRehearsal
    if asked.get("profile"):
        rehearsal = RecordRehearsal(file, parse(str(asked["profile"]), "profile"), faults, asked.get("seed"), skew)
        calls = [{"title": one.title, "at": one.began, "expect": one.expect} for one in rehearsal.written]
    else:
        rehearsal = Rehearsal(file, faults, asked.get("seed"), skew)
        calls = [
            {"title": title, "at": rehearsal.began + at + skew, "expect": expect}
            for each in file.call
            for title, at, expect in each.meant
        ]
    rehearsal.play()
    return {
        "title": file.title,
        "began": rehearsal.began,
        "broken_off": rehearsal.broken_off,
        "calls": calls,
        "sent": [[each.connection, each.at, base64.b64encode(each.data).decode()] for each in rehearsal.sent],
    }


def main() -> int:
    """The process."""
    json.dump(told(json.load(sys.stdin)), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
