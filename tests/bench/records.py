"""Records of several makes for the bench, a call each, of 500 callers; and the least that reading them can be: Python's
csv, or bare slicing where the columns are fixed."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

from cti_adapters.profiles import profile_named
from cti_adapters.wire.smdr.writing import write
from cti_server.calls.records import CallRecord

BARE = {
    "avaya-ipoffice": "csv.reader",
    "asterisk-csv": "csv.reader",
    "hipath3000": "slicing",
    "panasonic-a": "slicing",
}
MAKES = list(BARE)
_FIRST = datetime(2026, 11, 1)


def stream(make: str, count: int, first: int = 0) -> bytes:
    """So many records. Each begins a second after the one before it."""
    if make == "avaya-ipoffice":
        return b"".join(_avaya(number) for number in range(first, first + count))
    profile = profile_named(make)
    return b"".join(write(profile, _record(number)) for number in range(first, first + count))


def _record(number: int) -> CallRecord:
    started = _FIRST + timedelta(seconds=number)
    ring, talk = number % 9, 1 + number % 200
    return CallRecord(
        direction="in",
        started_at_local=started,
        ended_at_local=started + timedelta(seconds=ring + talk),
        ring_seconds=ring,
        duration_seconds=talk,
        answered=True,
        external_number=f"03{number % 500:08d}",
        extension=f"20{number % 40:02d}",
        trunk="5",
        transferred=False,
        continuation=False,
        call_key=str(1_000_000 + number),
    )


def _avaya(number: int) -> bytes:
    """With all the fields that a real one fills."""
    extension = b"20%02d" % (number % 40)
    start = f"{_FIRST + timedelta(seconds=number):%Y/%m/%d %H:%M:%S}".encode()
    talk = b"00:%02d:%02d" % (number % 200 // 60, number % 60)
    who = b"%d,03%08d,I,%b,%b,,0" % (number % 9, number % 500, extension, extension)
    key = b"%d,0,E%b,Extn%b,T9001,Line 1.1,0,0" % (1_000_000 + number, extension, extension)
    return b"%b,%b,%b,%b%b\r\n" % (start, talk, who, key, b"," * 13)


def bare(make: str, data: bytes) -> int:
    """Cuts the records into fields and does nothing else."""
    if BARE[make] == "csv.reader":
        return sum(1 for _ in csv.reader(io.StringIO(data.decode(), newline="")))
    layout = next(one for one in profile_named(make).layouts if one.kind == "fixed")
    columns = [one.place.columns for one in layout.fields if one.place.columns is not None]
    slices = [slice(first - 1, last) for first, last in columns]
    return sum(1 for line in data.decode().splitlines() if [line[one].strip() for one in slices])
