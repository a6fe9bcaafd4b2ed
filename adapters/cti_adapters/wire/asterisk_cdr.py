"""Asterisk's call detail records, from CSV lines or table rows to rows of the calls room, without any I/O.

Sources: the Asterisk documentation, "CDR Backends" and "Asterisk 12 CDR Specification"; ``cdr_csv`` writes
``Master.csv`` in a fixed order that begins with the account code and has no header (``uniqueid`` and ``userfield`` with
``loguniqueid`` and ``loguserfield``; ``peeraccount``, ``linkedid`` and ``sequence`` with ``newcdrcolumns``);
``cdr_custom`` writes what its mapping says, commonly beginning with ``clid``. Times are in the exchange's own zone,
whole seconds, unless ``usegmtime`` is set or the mapping asks for epoch seconds."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from cti_adapters.wire.ami_events import VOICEMAIL, channel_parts, dialled_number, plain_name, readable
from cti_server.calls.cdr import CdrRow, Doing, Ending, Station

_MIDDLE: Final = ("channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end", "duration", "billsec")
MASTER: Final = ("accountcode", "src", "dst", "dcontext", "clid", *_MIDDLE, "disposition", "amaflags")
"""``Master.csv`` as ``cdr_csv`` writes it."""
CUSTOM: Final = ("clid", "src", "dst", "dcontext", *_MIDDLE, "disposition", "amaflags", "accountcode")
"""The order of the mapping that comes with Asterisk for ``cdr_custom``."""
_TAILS: Final = (
    (),
    ("uniqueid",),
    ("userfield",),
    ("uniqueid", "userfield"),
    ("uniqueid", "userfield", "sequence"),
    ("uniqueid", "userfield", "linkedid"),
    ("uniqueid", "userfield", "linkedid", "sequence"),
    ("uniqueid", "userfield", "peeraccount", "linkedid", "sequence"),
    ("uniqueid", "userfield", "linkedid", "sequence", "start_epoch", "answer_epoch", "end_epoch"),
)
NEEDED: Final = frozenset({"src", "dst", "channel", "start", "end", "disposition"})
"""Columns without which nothing can be told."""
_OTHER_NAMES: Final = {"calldate": "start", "recordingfile": "userfield"}
"""What FreePBX calls them in its table."""
_ENDINGS: Final[dict[str, Ending]] = {
    "ANSWERED": "answered",
    "NO ANSWER": "no-answer",
    "NOANSWER": "no-answer",
    "BUSY": "busy",
    "FAILED": "failed",
    "CONGESTION": "failed",
}
_DOINGS: Final[dict[str, Doing]] = {
    "Dial": "dial",
    "Queue": "queue",
    "ConfBridge": "conference",
    "MeetMe": "conference",
    "Park": "parking",
    "ParkedCall": "parking",
    "Busy": "refusal",
    "Congestion": "refusal",
    "AppDial": "answering",
    "AppDial2": "answering",
    "AppQueue": "answering",
    **dict.fromkeys(VOICEMAIL, "mailbox"),
}
_UNIQUE: Final = re.compile(r"(?:.*-)?(\d{9,11})\.\d+")
_CALLER: Final = re.compile(r'\s*(?:"(?P<quoted>.*)"|(?P<bare>[^<]*?))\s*(?:<(?P<number>[^<>]*)>)?\s*', re.DOTALL)
_NUMERIC: Final = re.compile(r"-?\d{1,11}(?:\.\d+)?")
_INSTANT: Final = timedelta(seconds=2)
_LONGEST: Final = timedelta(days=2)
_QUARTER: Final = 900


class UnreadableRow(NamedTuple):
    """A line that is no record. ``reason`` is a sentence."""

    line: int
    reason: str


class CdrFile(NamedTuple):
    """What a stretch of a record held."""

    rows: list[CdrRow]
    unreadable: list[UnreadableRow]


class _Bad(Exception):
    """What is wrong with a line."""


class _Draft(NamedTuple):
    """A row whose times may still lack their zone."""

    line: int
    row: CdrRow
    local: tuple[datetime | None, datetime | None, datetime | None]
    """Start, answer, end, where they are local."""


def header_of(first: Sequence[str]) -> tuple[str, ...] | None:
    """The columns that a line names; None where it is no header."""
    names = tuple(_known(name) for name in first)
    return names if set(names) >= NEEDED - {"end"} else None


def _known(name: str) -> str:
    name = name.strip().strip("\ufeff").lower()
    return _OTHER_NAMES.get(name, name)


def layout_of(line: Sequence[str]) -> tuple[str, ...] | None:
    """The columns of a record without a header, by what stands in them; None where it is none that is known."""
    for base in (MASTER, CUSTOM):
        for tail in _TAILS:
            columns = (*base, *tail)
            if len(columns) == len(line) and _fits(dict(zip(columns, line, strict=True))):
                return columns
    return None


def _fits(fields: Mapping[str, str]) -> bool:
    try:
        _naive(fields["start"])
        _naive(fields["end"])
    except _Bad:
        return False
    return (
        fields["duration"].isdecimal()
        and fields["disposition"].upper() in _ENDINGS
        and all(not fields.get(name) or _UNIQUE.fullmatch(fields[name]) for name in ("uniqueid", "linkedid"))
        and all("." not in fields.get(name, "") for name in ("sequence", "peeraccount"))
    )


def parse(lines: Iterable[str], zone: str, columns: Sequence[str] | None = None) -> CdrFile:
    """The rows of a CSV record. ``lines`` keep their line ends. ``zone``: IANA name of the exchange's zone, for times
    that are not epoch seconds; where the unique ids show that the record is in UTC after all, that is believed."""
    named, unreadable = named_rows(lines, columns)
    read = parse_rows(named, zone)
    return CdrFile(read.rows, sorted([*unreadable, *read.unreadable]))


def named_rows(
    lines: Iterable[str], columns: Sequence[str] | None = None
) -> tuple[list[tuple[int, dict[str, str]]], list[UnreadableRow]]:
    """The lines of a CSV record, each with its number and its fields by the name of the column. The columns are those
    of a header line if there is one, else ``columns``, else what the first line looks like."""
    reader = csv.reader(lines)
    rows: list[tuple[int, dict[str, str]]] = []
    unreadable: list[UnreadableRow] = []
    names = tuple(map(_known, columns)) if columns else None
    first = True
    for fields in _fields(reader, unreadable):
        if not fields:
            continue
        if first:
            first = False
            header = header_of(fields)
            if header:
                names = header
                continue
        if names is None:
            names = layout_of(fields)
        if names is None or len(names) != len(fields):
            unreadable.append(UnreadableRow(reader.line_num, _shape(names, fields)))
            continue
        rows.append((reader.line_num, dict(zip(names, fields, strict=True))))
    return rows, unreadable


def _fields(reader: Any, unreadable: list[UnreadableRow]) -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as bad:
            unreadable.append(UnreadableRow(reader.line_num, f"no CSV: {bad}"))


def _shape(names: Sequence[str] | None, fields: Sequence[str]) -> str:
    if names is None:
        return (
            f"{len(fields)} fields that are no known order of columns; give the record a header line or name its "
            "columns in the settings"
        )
    return f"{len(fields)} fields where there are {len(names)} columns"


def parse_rows(rows: Iterable[tuple[int, Mapping[str, Any]]], zone: str) -> CdrFile:
    """The rows of a table, each with its number and its columns by name; see `parse`."""
    drafts: list[_Draft] = []
    unreadable: list[UnreadableRow] = []
    for line, values in rows:
        try:
            drafts.append(_draft(line, {_known(name): value for name, value in values.items()}))
        except _Bad as bad:
            unreadable.append(UnreadableRow(line, str(bad)))
    return CdrFile(_with_zone(drafts, ZoneInfo(zone)), unreadable)


def _draft(line: int, values: Mapping[str, Any]) -> _Draft:
    def text(name: str) -> str:
        value = values.get(name)
        return "" if value is None else readable(str(value))

    missing = sorted(NEEDED - {"end"} - set(values))
    if missing:
        raise _Bad(f"no column {', '.join(missing)}")
    ending = _ENDINGS.get(text("disposition").upper())
    if ending is None:
        raise _Bad(f"disposition {text('disposition')[:20]!r} is none that Asterisk knows")
    if not text("channel"):
        raise _Bad("no channel")
    told = _CALLER.fullmatch(text("clid"))
    name = plain_name((told["quoted"] if told["quoted"] is not None else told["bare"]) if told else "")
    number = text("src") or ((told["number"] or "") if told else "")
    application, argument = text("lastapp"), text("lastdata")
    doing = _DOINGS.get(application, "other")
    epochs = [_epoch(text(f"{what}_epoch")) for what in ("start", "answer", "end")]
    placed = epochs[0] is not None and epochs[2] is not None
    local = (None, None, None) if placed else _local(values)
    reached = text("dstchannel")
    return _Draft(
        line,
        CdrRow(
            leg=text("uniqueid"),
            group=text("linkedid"),
            caller=_station(text("channel")),
            reached=_station(reached) if reached else None,
            number="" if number == "<unknown>" else number,
            name=name,
            dialled=text("dst"),
            doing=doing,
            place=argument.partition(",")[0] if doing in ("queue", "conference") else "",
            outside=dialled_number(argument) if doing == "dial" and "&" not in argument else "",
            patience=_patience(argument) if doing == "queue" else None,
            started_at=epochs[0] or 0.0,
            answered_at=epochs[1] or None,
            ended_at=epochs[2] or 0.0,
            ending=ending,
            exact=placed and "." in text("start_epoch"),
        ),
        local,
    )


def _station(channel: str) -> Station:
    peer, inner, pair = channel_parts(channel)
    return Station(channel, peer, inner, pair)


def _patience(argument: str) -> float | None:
    """``Queue(name,options,url,announcement,timeout,...)``."""
    parts = argument.split(",")
    return float(parts[4]) if len(parts) > 4 and parts[4].isdecimal() and len(parts[4]) < 7 else None


def _epoch(text: str) -> float | None:
    """Epoch seconds; 0 where there is no such time."""
    return float(text) if _NUMERIC.fullmatch(text) else None


def _local(values: Mapping[str, Any]) -> tuple[datetime | None, datetime | None, datetime | None]:
    start = _naive(values["start"])
    seconds = str(values.get("duration") or "")
    if "end" in values:
        end = _naive(values["end"])
    elif _NUMERIC.fullmatch(seconds):
        end = start + timedelta(seconds=float(seconds))
    else:
        raise _Bad("neither a column end nor a duration")
    if not start <= end <= start + _LONGEST:
        raise _Bad("it ends before it begins, or days later")
    answer = _naive(values["answer"]) if values.get("answer") else _answer(values, end)
    return start, answer, end


def _answer(values: Mapping[str, Any], end: datetime) -> datetime | None:
    """A table without a column for it still tells how long was talked."""
    seconds = str(values.get("billsec") or "0")
    if "answer" in values or not _NUMERIC.fullmatch(seconds) or float(seconds) <= 0:
        return None
    return end - timedelta(seconds=float(seconds))


def _naive(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _Bad(f"{value[:30]!r} is no time such as 2026-11-23 10:30:44") from None
    if not isinstance(value, datetime):
        raise _Bad("a time is missing")
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def _with_zone(drafts: list[_Draft], zone: ZoneInfo) -> list[CdrRow]:
    """Gives local times their place. The unique id of a leg holds the epoch second of its birth, which is that of its
    first row: so each leg shows itself what the times of its rows mean."""
    born: dict[str, datetime] = {}
    for draft in drafts:
        start = draft.local[0]
        if start is not None and draft.row.leg:
            born[draft.row.leg] = min(start, born.get(draft.row.leg, start))
    return [_placed(draft, born, zone) for draft in drafts]


def _placed(draft: _Draft, born: Mapping[str, datetime], zone: ZoneInfo) -> CdrRow:
    start, answer, end = draft.local
    if start is None or end is None:
        return draft.row
    offset = _offset(draft.row.leg, born.get(draft.row.leg), zone)

    def at(local: datetime) -> float:
        if offset is None:
            return local.replace(tzinfo=zone).timestamp()
        return (local - offset).replace(tzinfo=UTC).timestamp()

    return draft.row._replace(
        started_at=at(start), answered_at=None if answer is None else at(answer), ended_at=at(end)
    )


def _offset(leg: str, first: datetime | None, zone: ZoneInfo) -> timedelta | None:
    """How far the record's clock was ahead of UTC when a leg was born; None where its id doesn't tell."""
    found = _UNIQUE.fullmatch(leg)
    if found is None or first is None:
        return None
    birth = datetime.fromtimestamp(float(found[1]), UTC)
    by_zone = birth.astimezone(zone).utcoffset() or timedelta()
    ahead = first - birth.replace(tzinfo=None)
    for offset in (by_zone, timedelta()):
        if -_INSTANT <= ahead - offset <= _INSTANT:
            return offset
    # A later row of the leg whose first one isn't here, or a zone that nobody set.
    if timedelta() <= ahead - by_zone <= timedelta(hours=12):
        return by_zone
    return timedelta(seconds=round(ahead.total_seconds() / _QUARTER) * _QUARTER)
