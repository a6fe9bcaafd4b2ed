"""One record of the journal, to bytes and back.

A record is a header of 17 bytes (little endian: CRC-32 of all that follows it, length of the payload, time in
microseconds since the epoch, kind) and the payload. No kind is 0, so that a stretch of zeros, which a file system may
leave behind after a power cut, is never taken for a record.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple
from zlib import crc32

HEADER = struct.Struct("<IIqB")
LONGEST_PAYLOAD = 16 * 2**20
"""Bytes. A length beyond it is damage, not a record."""

_unpack = HEADER.unpack_from
_HEADER_BYTES = HEADER.size
_CHECKED_HEADER = struct.Struct("<IqB")


class Kind(IntEnum):
    """What a record tells."""

    BYTES = 1
    """What the exchange sent while it was signed in to."""
    UP = 2
    """Signed in: from here on the exchange is heard. The payload is JSON: ``banner``, and after a gap
    ``blind_since`` and ``reason``, which are ``heard`` and ``reason`` of the DOWN before."""
    DOWN = 3
    """The link is lost. The payload is JSON: ``reason`` (a code) and ``heard`` (when the exchange was last heard)."""
    TICK = 4
    """Time went by while the exchange was heard."""
    ASIDE = 5
    """What was said before a sign-in that never succeeded: kept, not folded."""
    RECORD = 6
    """Rows of the exchange's own record of its calls, fetched for a gap (``exchanges/record_fetch.py``). Only while
    the exchange is heard."""
    PLACE = 7
    """Of records in files: the BYTES that follow stand there. The payload is JSON (``exchanges.file_places.Place``)."""


class Record(NamedTuple):
    """A record as read. ``offset`` and ``next`` are journal offsets of itself and of what follows; ``at`` is epoch
    seconds, UTC."""

    offset: int
    next: int
    kind: Kind
    at: float
    payload: bytes


_KINDS = {int(kind): kind for kind in Kind}


def encode(kind: Kind, payload: bytes, at: float) -> bytes:
    """A record's bytes. Raises ValueError when the payload is longer than LONGEST_PAYLOAD."""
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError(f"a journal record holds at most {LONGEST_PAYLOAD} bytes, not {len(payload)}")
    head = _CHECKED_HEADER.pack(len(payload), round(at * 1e6), kind)
    return b"%b%b%b" % (crc32(payload, crc32(head)).to_bytes(4, "little"), head, payload)


class Parsed(NamedTuple):
    """What a stretch of bytes held: whole records, the offset behind the last of them, whether what follows is
    damaged (else it is only not there yet), and how many bytes the next record needs (0 when unknown)."""

    records: list[Record]
    end: int
    damaged: bool
    needs: int


def parse(data: bytes, offset: int) -> Parsed:
    """The records in ``data``, whose first byte is at journal offset ``offset``."""
    records: list[Record] = []
    position, size = 0, len(data)
    while size - position >= _HEADER_BYTES:
        check, length, time, kind = _unpack(data, position)
        known = _KINDS.get(kind)
        if known is None or length > LONGEST_PAYLOAD:
            return Parsed(records, offset + position, True, 0)
        body = position + _HEADER_BYTES
        end = body + length
        if end > size:
            return Parsed(records, offset + position, False, _HEADER_BYTES + length)
        payload = data[body:end]
        if crc32(payload, crc32(data[position + 4 : body])) != check:
            return Parsed(records, offset + position, True, 0)
        records.append(Record(offset + position, offset + end, known, time / 1e6, payload))
        position = end
    return Parsed(records, offset + position, False, 0)
