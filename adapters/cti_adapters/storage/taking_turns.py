"""Long work leaves the database to others between its transactions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LONGEST_REST: Final = 0.05
"""Seconds. Whoever waits for SQLite's write lock looks for it every few hundredths of a second."""


@contextmanager
def rested() -> Iterator[None]:
    """Around each transaction of many that follow one another: rests afterwards for as long as it took. SQLite gives
    the write lock to whoever asks at the right moment, not to who has waited longest: without a rest, what the
    exchanges say would wait until the last of them (measured: six seconds and more, against some hundredths)."""
    began = time.perf_counter()
    try:
        yield
    finally:
        rest(began)


def rest(since: float) -> None:
    """Rests for as long as has passed since a moment of ``time.perf_counter``, within bounds."""
    time.sleep(min(time.perf_counter() - since, LONGEST_REST))
