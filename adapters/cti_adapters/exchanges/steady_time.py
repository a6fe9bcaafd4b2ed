"""Timers, and a reactor whose timers don't care about the machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """It is not to come after all."""

    def active(self) -> bool:
        """Whether it is still to come."""

    def reset(self, seconds_from_now: float) -> None:
        """It is to come at another time."""


class Timers(Protocol):
    """The part of a reactor that time-outs need."""

    def seconds(self) -> float:
        """Seconds since some moment; only differences mean anything."""

    def callLater(self, delay: float, what: Callable[..., Any], *args: Any) -> Timer:
        """Calls ``what`` after ``delay`` seconds."""


def steady(reactor: Any) -> None:
    """Makes the reactor count its timers by the monotonic clock.

    Twisted's reactors go by ``time.time``: when the machine's clock is set back an hour, every time-out comes an hour
    late. To be called before the first timer is set, in the main module.
    """
    reactor.seconds = time.monotonic
