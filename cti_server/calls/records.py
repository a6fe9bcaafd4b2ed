"""What an exchange wrote down about a call when it was over: one record of an SMDR or CDR feed (spec O3), free of any
make's words. The field names are those of ``corpus/smdr/README.md``. What a record doesn't say is null, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from cti_server.calls.log import Direction


class YearlessTime(NamedTuple):
    """A moment on the exchange's clock of which the record doesn't give the year. The reception completes it."""

    month: int
    day: int
    hour: int
    minute: int
    second: int = 0


_NOTHING: Final[Mapping[str, str | int]] = MappingProxyType({})


class CallRecord(NamedTuple):
    """One physical record that tells of a call, or continues one that told of it."""

    direction: Direction | None = None
    started_at_local: datetime | None = None
    """Naive: by the exchange's clock. Null also where the record prints another moment than the start."""
    started_at_no_year: YearlessTime | None = None
    """The start, where the record carries no year."""
    ended_at_local: datetime | None = None
    """Naive: by the exchange's clock, where the record prints the end."""
    ended_at_no_year: YearlessTime | None = None
    ring_seconds: int | None = None
    duration_seconds: int | None = None
    answered: bool | None = None
    external_number: str | None = None
    """As shown, with what marks it as withheld or as a part only."""
    extension: str | None = None
    trunk: str | None = None
    account_code: str | None = None
    transferred: bool | None = None
    continuation: bool | None = None
    """It belongs to the same call as other records."""
    call_key: str | None = None
    """What records of one call have in common, where the exchange says it; unique only for some time."""
    further: Mapping[str, str | int] = _NOTHING
    """What else the record says, by name: ``dnis``, ``caller_name``, ``third_party``, ``disposition``, ``queue`` ..."""
