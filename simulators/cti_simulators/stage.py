"""Simulated time: what plays when. One mechanism serves live play, fast forward, tests and catching up on a past day.

A *script* is a generator that yields the seconds to wait. The stage keeps a queue of cues by simulated time and plays
every cue that is due; while it plays one, ``now`` is that cue's own time. So a script that begins in the past runs
through at once, with the times of the past, and goes on at the natural pace when it has caught up.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from typing import Protocol

Script = Generator[float, None, None]

CUES_PER_TURN = 64
"""How many cues are played before the reactor gets a turn."""


class Timer(Protocol):
    """What ``callLater`` hands out."""

    def cancel(self) -> None:
        """Takes the call back."""


class Ticker(Protocol):
    """The part of Twisted's ``IReactorTime`` that is needed; ``twisted.internet.task.Clock`` in tests."""

    def seconds(self) -> float:
        """Seconds of a clock that never goes back."""

    def callLater(self, delay: float, call: Callable[[], None]) -> Timer:
        """Calls ``call`` after ``delay`` seconds."""


class Run:
    """A script that is being played."""

    def __init__(self) -> None:
        self.done = False
        self.cancelled = False

    def cancel(self) -> None:
        """Stops it where it is; what it has sent stays sent."""
        self.cancelled = True


class Stage:
    """Plays scripts in simulated time.

    ``start`` is the simulated time (epoch seconds, UTC) at the moment of construction; ``speed`` is how many simulated
    seconds go by in one second of ``ticker``.
    """

    def __init__(self, ticker: Ticker, start: float, speed: float = 1.0) -> None:
        self._ticker = ticker
        self._anchor = (ticker.seconds(), start)
        self._speed = _checked(speed)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._timer: Timer | None = None
        self._playing: float | None = None
        self._paused = False
        self._held = False

    @property
    def now(self) -> float:
        """Simulated time, epoch seconds UTC: that of the cue being played, else that of the running clock."""
        if self._playing is not None:
            return self._playing
        return self._clock()

    @property
    def speed(self) -> float:
        """Simulated seconds per second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        _checked(speed)
        self._anchor = (self._ticker.seconds(), self._clock())
        self._speed = speed
        self._wind()

    @property
    def waiting(self) -> int:
        """Cues that have not been played yet."""
        return len(self._queue)

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Has ``act`` called at the simulated time ``when``; at once if that has gone by."""
        self._count += 1
        heapq.heappush(self._queue, (when, self._count, act))
        self._wind()

    def play(self, script: Script, when: float | None = None) -> Run:
        """Plays a script from the simulated time ``when`` (now, unless set)."""
        run = Run()
        begin = self.now if when is None else when
        self.at(begin, lambda: self._advance(script, run))
        return run

    def pause(self) -> None:
        """Stops simulated time."""
        if not self._paused:
            self._anchor = (0.0, self._clock())
            self._paused = True
            self._wind()

    def resume(self) -> None:
        """Lets simulated time go on from where it was paused."""
        if self._paused:
            self._anchor = (self._ticker.seconds(), self._anchor[1])
            self._paused = False
            self._wind()

    def step(self) -> bool:
        """While paused: plays the next cue and moves time to it. False if there is none."""
        if not self._paused or not self._queue:
            return False
        self._anchor = (0.0, max(self._anchor[1], self._queue[0][0]))
        self._play_next()
        return True

    def hold(self) -> None:
        """Plays nothing until ``release``, while time goes on (a client that doesn't read)."""
        self._held = True
        self._wind()

    def release(self) -> None:
        """Ends ``hold``; what has become due is played."""
        self._held = False
        self._wind()

    def clear(self) -> None:
        """Forgets all cues: the exchange lost its power."""
        self._queue.clear()
        self._wind()

    def _clock(self) -> float:
        since, start = self._anchor
        return start if self._paused else start + (self._ticker.seconds() - since) * self._speed

    def _advance(self, script: Script, run: Run) -> None:
        if run.cancelled:
            script.close()
            return
        begun = self.now
        try:
            wait = next(script)
        except StopIteration:
            run.done = True
            return
        self.at(begun + max(wait, 0.0), lambda: self._advance(script, run))

    def _wind(self) -> None:
        """Sets the timer for the next cue. Not while one is being played: the turn's end does it."""
        if self._playing is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue and not self._paused and not self._held:
            delay = max(0.0, (self._queue[0][0] - self._clock()) / self._speed)
            self._timer = self._ticker.callLater(delay, self._turn)

    def _turn(self) -> None:
        self._timer = None
        try:
            for _ in range(CUES_PER_TURN):
                due = self._queue and not self._paused and not self._held and self._queue[0][0] <= self._clock() + 1e-6
                if not due:
                    break
                self._play_next()
        finally:
            self._wind()

    def _play_next(self) -> None:
        when, _, act = heapq.heappop(self._queue)
        self._playing = when
        try:
            act()
        finally:
            self._playing = None


def _checked(speed: float) -> float:
    if not 0 < speed <= 100_000:
        raise ValueError("the speed has to be more than 0 and at most 100000")
    return speed
