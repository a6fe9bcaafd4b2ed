"""Whether records continue, where a make doesn't say it but later records with the same key show it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from typing import Final

from cti_adapters.wire.smdr.framing import Frame
from cti_adapters.wire.smdr.profile import Profile
from cti_adapters.wire.smdr.reading import Reading
from cti_server.calls.records import CallRecord

LOOKED_AHEAD: Final = 2000
"""So many records at most lie between two of one call."""


def joined(profile: Profile, readings: Iterable[tuple[Frame, Reading]]) -> Iterator[tuple[Frame, Reading]]:
    """The readings, in their order, with what later ones tell of earlier ones. Holds `LOOKED_AHEAD` of them."""
    if not profile.together:
        yield from readings
        return
    held: deque[tuple[Frame, Reading]] = deque()
    ahead: Counter[str] = Counter()
    for pair in readings:
        held.append(pair)
        key = _key(pair[1])
        if key:
            ahead[key] += 1
        if len(held) > LOOKED_AHEAD:
            yield _decided(held.popleft(), ahead)
    while held:
        yield _decided(held.popleft(), ahead)


def _key(reading: Reading) -> str | None:
    return reading.call_key if isinstance(reading, CallRecord) else None


def _decided(pair: tuple[Frame, Reading], ahead: Counter[str]) -> tuple[Frame, Reading]:
    frame, reading = pair
    key = _key(reading)
    if not key or not isinstance(reading, CallRecord):
        return pair
    ahead[key] -= 1
    if not ahead[key]:
        del ahead[key]
    return frame, reading._replace(continuation=key in ahead)
