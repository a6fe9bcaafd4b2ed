"""From a record to the bytes that an exchange of a make would send, by the make's profile: for the simulator. What is
written is read back as the same record, as far as the make can say it."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from typing import Any, Final

from cti_adapters.wire.smdr.profile import OUTPUTS, Layout, Part, Profile
from cti_server.calls.records import CallRecord, YearlessTime

_OUTPUTS: Final = frozenset(OUTPUTS)
ANSWERED_AT: Final = "answered_at"
"""Start and ring time together: a value that records don't have but are written with."""
_LEAP_YEAR: Final = 2000


class Unwritable(ValueError):
    """The make can't say it; the text is a sentence."""


def write(profile: Profile, record: CallRecord) -> bytes:
    """The record as the make sends it, with its end. Raises Unwritable."""
    layout = next((one for one in profile.layouts if one.name == profile.writes), None)
    if layout is None:
        raise Unwritable(f"the profile {profile.name} doesn't say how records are written")
    texts: dict[str, str] = {}
    for writing in profile.writings:
        if all(_value(record, name) == wanted for name, wanted in writing.when):
            for name, parts in writing.fields:
                text = None if name in texts else _text(parts, record)
                if text is not None:
                    texts[name] = text
    line = _WRITERS[layout.kind](layout, texts)
    end = "\r\n\r\n" if profile.blocks else "\r\n"
    return (line + end).encode(profile.encoding, "surrogateescape")


def _value(record: CallRecord, name: str) -> Any:
    if name == ANSWERED_AT:
        start, ring = record.started_at_local, record.ring_seconds
        return start + timedelta(seconds=ring) if record.answered and start and ring is not None else None
    if name in _OUTPUTS:
        return getattr(record, name)
    return record.further.get(name)


def _text(parts: tuple[Part, ...], record: CallRecord) -> str | None:
    """The text, or None where a value that it needs is not known."""
    text = ""
    for part in parts:
        text += part.before
        if part.name:
            value = _value(record, part.name)
            if value is None:
                return None
            shown = _shown(value, part.shape)
            if any(end in shown for end in "\r\n\0\f\x02\x03"):
                raise Unwritable(f"{part.name} holds what ends a record")
            text += shown
    return text


def _shown(value: Any, shape: str) -> str:
    if isinstance(value, YearlessTime):
        value = datetime(_LEAP_YEAR, *value)
    if isinstance(value, datetime):
        return value.strftime(shape)
    if isinstance(value, int) and shape:
        return _duration(value, shape)
    return str(value)


def _duration(seconds: int, shape: str) -> str:
    hours, rest = divmod(seconds, 3600) if "h" in shape else (0, seconds)
    parts = {"h": hours, "m": rest // 60, "s": rest % 60}
    text = shape
    for letter, part in parts.items():
        count = text.count(letter)
        text = text.replace(letter * count, str(part).zfill(count)) if count else text
    return text


def _csv(layout: Layout, texts: dict[str, str]) -> str:
    places = {one.place.at: one.name for one in layout.fields if one.place.at is not None}
    row = [texts.get(places.get(at, ""), "") for at in range(max(max(places) + 1, layout.at_least))]
    if not layout.quoted:
        if any(layout.delimiter in text for text in row):
            raise Unwritable(f"a field holds “{layout.delimiter}”, which stands between fields")
        return layout.delimiter.join(row)
    out = io.StringIO()
    csv.writer(out, delimiter=layout.delimiter, lineterminator="", quoting=csv.QUOTE_ALL).writerow(row)
    return out.getvalue()


def _fixed(layout: Layout, texts: dict[str, str]) -> str:
    placed = [(one.place.columns, one.name) for one in layout.fields if one.place.columns is not None]
    line = [" "] * max(columns[1] for columns, _ in placed)
    for columns, name in placed:
        text = texts.get(name, "")
        width = columns[1] - columns[0] + 1
        if len(text) > width:
            raise Unwritable(f"{name} “{text}” is longer than its {width} columns")
        line[columns[0] - 1 : columns[1]] = text.ljust(width)
    return "".join(line)


def _pattern(layout: Layout, texts: dict[str, str]) -> str:
    return texts.get("line", "").rstrip()


def _pairs(layout: Layout, texts: dict[str, str]) -> str:
    return "\r\n".join(f"{one.place.key}: {texts.get(one.name, '')}" for one in layout.fields if one.place.key)


def _json(layout: Layout, texts: dict[str, str]) -> str:
    whole: dict[str, Any] = {}
    for one in layout.fields:
        *path, last = one.place.key.split(".")
        inner = whole
        for key in path:
            inner = inner.setdefault(key, {})
        if last and "*" not in one.place.key and texts.get(one.name):
            inner[last] = texts[one.name]
    return json.dumps(whole, ensure_ascii=False)


_WRITERS: Final = {"csv": _csv, "fixed": _fixed, "pattern": _pattern, "pairs": _pairs, "json": _json}
