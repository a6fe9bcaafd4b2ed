"""From the text of a field to its value. Each raises ValueError with the end of a sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from cti_server.calls.records import YearlessTime

Value = str | int | bool | datetime | YearlessTime | None
_ISO: Final = frozenset({"%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"})
_PLAIN: Final = re.compile(r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d", re.ASCII)
"""Of what `datetime.fromisoformat` takes only this: weeks and zones (``2026-11-25 10+09:00``) are no clock's time."""
_DURATION: Final = re.compile(r"(?:(\d+)[:hH])?(\d+)[:'mM](\d{1,2})(?:[\"sS]|\.\d+)?")
_LONE_HALF: Final = re.compile(r"(?<=[\d ])([AaPp])$")
_LONGEST: Final = 366 * 86400


def text(raw: str, formats: tuple[str, ...]) -> str:
    """As it stands."""
    return raw


def integer(raw: str, formats: tuple[str, ...]) -> int:
    """A whole number; also of seconds. A fraction of a second is dropped."""
    whole = raw.partition(".")[0]
    if not (whole.isascii() and whole.isdigit()) or len(whole) > 15:
        raise ValueError("is no whole number")
    return int(whole)


@lru_cache(maxsize=1024)
def duration(raw: str, formats: tuple[str, ...]) -> int:
    """Seconds of ``h:mm:ss``, ``m:ss``, ``hh:mm'ss"``, ``m'ss``, ``1h02m03s``."""
    found = _DURATION.fullmatch(raw)
    if found is None:
        raise ValueError("is no duration such as 0:01:30 or 1'30")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if seconds > 59 or (found.group(1) is not None and minutes > 59) or total > _LONGEST:
        raise ValueError("is no duration: a part is too large")
    return total


def tenths(raw: str, formats: tuple[str, ...]) -> int | None:
    """Seconds of ``hmmt``: hours, minutes, tenths of a minute (Avaya CM). 9999: the clock was changed."""
    if len(raw) != 4 or not raw.isdigit():
        raise ValueError("is no duration of the form hmmt")
    return None if raw == "9999" else int(raw[0]) * 3600 + int(raw[1:3]) * 60 + int(raw[3]) * 6


def moment(raw: str, formats: tuple[str, ...]) -> datetime:
    """A date with its time on the exchange's clock."""
    if formats[0] in _ISO and _PLAIN.fullmatch(raw):
        try:
            return datetime.fromisoformat(raw.replace("/", "-"))
        except ValueError:
            pass  # another of the formats may fit
    return _strptime(raw, formats)


@lru_cache(maxsize=1024)
def _strptime(raw: str, formats: tuple[str, ...]) -> datetime:
    whole = _LONE_HALF.sub(r"\1M", raw)
    for shape in formats:
        try:
            return datetime.strptime(whole if "%p" in shape else raw, shape)
        except ValueError:
            continue
    raise ValueError(f"is no time of the form {' or '.join(formats)}")


def yearless(raw: str, formats: tuple[str, ...]) -> YearlessTime:
    """A date without its year."""
    found = _strptime(f"2000 {raw}", tuple(f"%Y {shape}" for shape in formats))
    return YearlessTime(found.month, found.day, found.hour, found.minute, found.second)


def epoch(raw: str, formats: tuple[str, ...]) -> datetime | None:
    """Seconds since 1970, UTC; 0 stands for never (Cisco)."""
    seconds = integer(raw, formats)
    if seconds > 253402300799:
        raise ValueError("is no time in seconds since 1970")
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None) if seconds else None


CONVERTERS: Final[dict[str, Callable[[str, tuple[str, ...]], Value]]] = {
    "text": text,
    "integer": integer,
    "duration": duration,
    "tenths": tenths,
    "datetime": moment,
    "yearless": yearless,
    "epoch": epoch,
}
"""By the name that a profile gives in ``as``."""
TIMES: Final = frozenset({"datetime", "yearless"})
"""Those that need formats."""
