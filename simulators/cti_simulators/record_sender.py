"""A simulated exchange that writes down its calls (SMDR): to whoever connects, to whom it connects, or into a file.

As real ones do, it keeps records while nobody listens, up to a limit, and tells them first when somebody does.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from twisted.internet.protocol import Factory, Protocol, ReconnectingClientFactory

from cti_adapters.wire.smdr.profile import Dialogue, Profile
from cti_simulators.faults import Faults, Line
from cti_simulators.records import Written
from cti_simulators.scenarios import Happening
from cti_simulators.stage import Stage, Ticker

KEPT: Final = 10_000
"""Records that are kept while nobody listens; the oldest go first."""


class RecordExchange:
    """Its time, its listeners, its faults. ``start`` is the simulated time at which it begins (epoch seconds, UTC)."""

    def __init__(self, ticker: Ticker, profile: Profile, start: float, *, speed: float = 1.0, seed: int = 0) -> None:
        self.ticker = ticker
        self.profile = profile
        self.stage = Stage(ticker, start, speed)
        self.chance = random.Random(seed)
        self.faults = Faults()
        self.talkers: set[Talker] = set()
        """Who is connected, signed in or not."""
        self.lines: set[Line] = set()
        """To whom records are told."""
        self.kept: deque[bytes] = deque(maxlen=KEPT)
        self.told = 0
        """Records so far, whether or not somebody listened."""
        self.down = False
        """Without a link: whoever connects is cut off at once."""
        self.on_listener: Callable[[], None] | None = None
        """Called once, when the first listener is there."""

    def play(self, written: Sequence[Written], happenings: Sequence[Happening], begin: float) -> None:
        """Tells records at their times, and has links break and come back."""
        for one in written:
            self.stage.at(one.at, partial(self.tell, one.data))
        for happening in happenings:
            if happening.does != "storm":
                break_link = self.silence if happening.does == "half-open" else self.cut
                self.stage.at(begin + happening.at, break_link)
                self.stage.at(begin + happening.at + happening.seconds, self.mend)

    def tell(self, record: bytes) -> None:
        """Writes a record down."""
        self.told += 1
        if not self.lines:
            self.kept.append(record)
        for line in list(self.lines):
            line.event(record)

    def listens(self, line: Line) -> None:
        """Somebody listens from now on."""
        self.lines.add(line)
        while self.kept:
            line.event(self.kept.popleft())
        if self.on_listener is not None:
            call, self.on_listener = self.on_listener, None
            call()

    def cut(self) -> None:
        """Every link breaks, and whoever connects is cut off; the calls go on."""
        self.down = True
        for talker in list(self.talkers):
            talker.abort()

    def silence(self) -> None:
        """Links stay, but what is told on them is lost."""
        self.faults.half_open = True

    def mend(self) -> None:
        """Clients can connect again; who has not noticed that nothing comes is cut off."""
        if self.faults.half_open:
            self.faults.half_open = False
            self.cut()
        self.down = False


class Talker(Protocol):
    """One connection. Where the make asks for a sign-in it is asked first; any answer will do."""

    def __init__(self, exchange: RecordExchange) -> None:
        self._exchange = exchange
        self._steps: list[Dialogue] = list(exchange.profile.dialogue)
        self._heard = bytearray()
        self._line: Line | None = None

    @property
    def listening(self) -> bool:
        """Whether it is told records: it has signed in where it has to."""
        return self._line is not None

    def connectionMade(self) -> None:
        """Somebody is there."""
        if self._exchange.down:
            self.abort()
            return
        self._exchange.talkers.add(self)
        self._ask()

    def dataReceived(self, data: bytes) -> None:
        """What a listener says counts only as the answer to what it is asked."""
        if self._line is not None:
            return
        self._heard = (self._heard + data)[-1024:]
        if b"\r" in self._heard or b"\n" in self._heard:
            self._heard.clear()
            self._steps.pop(0)
            self._ask()

    def connectionLost(self, reason: Any = None) -> None:
        """Nobody is there any more."""
        self._exchange.talkers.discard(self)
        if self._line is not None:
            self._line.close()
            self._exchange.lines.discard(self._line)

    def abort(self) -> None:
        """Breaks the link."""
        transport: Any = self.transport
        transport.abortConnection()

    def _ask(self) -> None:
        transport: Any = self.transport
        if self._steps:
            transport.write(self._steps[0].expect.encode())
            return
        exchange = self._exchange
        self._line = Line(transport.write, exchange.faults, exchange.ticker, exchange.chance)
        exchange.listens(self._line)


class Listening(Factory):
    """For clients that connect."""

    noisy = False

    def __init__(self, exchange: RecordExchange) -> None:
        self.exchange = exchange

    def buildProtocol(self, addr: Any) -> Talker:
        """A client is there."""
        return Talker(self.exchange)


class Connecting(ReconnectingClientFactory):
    """Connects to a listener, again and again while there is none."""

    noisy = False
    maxDelay = 5

    def __init__(self, exchange: RecordExchange) -> None:
        self.exchange = exchange

    def buildProtocol(self, addr: Any) -> Talker:
        """The listener is there."""
        self.resetDelay()  # type: ignore[no-untyped-call]
        return Talker(self.exchange)


def into_file(exchange: RecordExchange, path: Path) -> None:
    """Appends what is told to a file, which is opened for each piece, so that it may be moved away. Raises ValueError
    with a sentence where it can't be written."""

    def append(data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)

    try:
        append(b"")
    except OSError as bad:
        raise ValueError(f"{path} can't be written: {bad.strerror}") from bad
    exchange.listens(Line(append, exchange.faults, exchange.ticker, exchange.chance))
