"""What can go wrong between an exchange and its listener, on demand: how the bytes travel, what comes twice, out of
order or not at all. All chance comes from the seeded generator that is passed in."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from cti_simulators.stage import Ticker

SPACING = 0.001
"""Seconds between two pieces, so that the listener reads each on its own."""


@dataclass(slots=True)
class Faults:
    """Which faults are on. All off at first; may be changed at any time."""

    piece_bytes: int = 0
    """Send at most so many bytes at a time (tiny reads); 0: off."""
    together_seconds: float = 0.0
    """Keep what is sent and send it in one lot after so many seconds (coalesced reads); 0: off."""
    split_characters: bool = False
    """Cut between the bytes of each character that has several (UTF-8)."""
    duplicate: float = 0.0
    """Chance that an event is sent twice."""
    reorder: float = 0.0
    """Chance that an event is sent only after the next one."""
    garbage: float = 0.0
    """Chance that bytes without meaning stand before an event."""
    half_open: bool = False
    """Nothing is sent or answered any more, but the connection stays."""


class Line:
    """What one connection's events and answers travel over, with the faults that are on."""

    def __init__(self, write: Callable[[bytes], None], faults: Faults, ticker: Ticker, chance: random.Random) -> None:
        self._write = write
        self._faults = faults
        self._ticker = ticker
        self._chance = chance
        self._late: bytes | None = None
        self._lot = bytearray()
        self._queue: list[bytes] = []
        self._open = True

    def event(self, frame: bytes) -> None:
        """Sends an event; the faults of order and number apply."""
        faults, chance = self._faults, self._chance
        late, self._late = self._late, None
        if faults.reorder and late is None and chance.random() < faults.reorder:
            self._late = frame
            return
        self.send(frame)
        if faults.duplicate and chance.random() < faults.duplicate:
            self.send(frame)
        if late is not None:
            self.send(late)

    def send(self, frame: bytes) -> None:
        """Sends an answer (or an event); only the faults of the way apply."""
        faults = self._faults
        if faults.half_open or not self._open:
            return
        if faults.garbage and self._chance.random() < faults.garbage:
            frame = garbage(self._chance) + b"\r\n\r\n" + frame
        if faults.together_seconds:
            if not self._lot:
                self._ticker.callLater(faults.together_seconds, self._send_lot)
            self._lot += frame
        elif faults.piece_bytes or faults.split_characters or self._queue:
            self._in_pieces(frame)
        else:
            self._write(frame)

    def close(self) -> None:
        """Sends nothing more."""
        self._open = False
        self._queue.clear()
        self._lot.clear()

    def _send_lot(self) -> None:
        lot = bytes(self._lot)
        self._lot.clear()
        if self._open and lot:
            self._write(lot)

    def _in_pieces(self, frame: bytes) -> None:
        idle = not self._queue
        self._queue += pieces(frame, self._faults.piece_bytes, self._faults.split_characters)
        if idle:
            self._next_piece()

    def _next_piece(self) -> None:
        if self._open and self._queue and not self._faults.half_open:
            self._write(self._queue.pop(0))
        if self._queue:
            self._ticker.callLater(SPACING, self._next_piece)


def pieces(frame: bytes, size: int, characters: bool) -> list[bytes]:
    """Cuts a frame into pieces of at most ``size`` bytes (0: any), and inside every character of several bytes."""
    cuts = set(range(size, len(frame), size)) if size else set()
    if characters:
        cuts |= {at for at in range(1, len(frame)) if frame[at] & 0xC0 == 0x80}
    edges = [0, *sorted(cuts), len(frame)]
    return [frame[begin:end] for begin, end in pairwise(edges) if end > begin]


def garbage(chance: random.Random, size: int = 64) -> bytes:
    """Bytes without meaning, NUL and broken UTF-8 among them, but without an empty line."""
    return bytes(chance.randrange(256) for _ in range(size)).replace(b"\n", b"\xff").replace(b"\r", b"\xfe")
