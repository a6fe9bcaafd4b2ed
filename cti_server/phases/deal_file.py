"""A file of past and open deals as CSV: headers in English and Japanese, one sentence per row that can't be read. Knows
nothing of the database (docs/phases.md describes the columns)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, TextIO, cast

from cti_server.phases.filling import number
from cti_server.phases.model import SIZES, Size, State
from cti_server.shared.errors import Invalid

_HEADERS: Final = {
    "deal": ("deal", "商談番号"),
    "customer": ("customer", "顧客コード"),
    "title": ("title", "件名"),
    "source": ("source", "きっかけ"),
    "size": ("size", "規模"),
    "first_contact": ("first_contact", "初回接触日"),
    "path": ("path", "経路"),
    "state": ("state", "状態"),
    "closed": ("closed", "終了日"),
    "reason": ("reason", "理由"),
    "start": ("start", "契約開始日"),
    "price": ("price", "月額"),
    "currency": ("currency", "通貨"),
    "end": ("end", "契約終了日"),
}
_FIELD_OF: Final = {header: name for name, headers in _HEADERS.items() for header in headers}
NEEDED: Final = ("deal", "customer", "title", "source", "first_contact", "path")
_SIZES: Final = {"": "small", "小": "small", "大": "large"}
_STATES: Final = {"": "open", "進行中": "open", "成約": "won", "失注": "lost", "解約": "cancelled"}
STATES: Final = ("open", "won", "lost", "cancelled")
LONGEST: Final = 200
MOST_FIELD: Final = 5000


@dataclass(frozen=True, slots=True)
class Came:
    """A deal came to its next phase: to whom, and on which day."""

    member: str
    day: date


@dataclass(frozen=True, slots=True)
class DealRow:
    """One row. ``number``: what the deal is called where it came from; ``path``: phase by phase from the first."""

    line: int
    number: str
    customer: str
    title: str
    source: str
    size: Size
    first_contact: date
    path: tuple[Came, ...]
    state: State
    closed: date | None
    reason: str
    start: date | None
    price: Decimal | None
    currency: str
    end: date | None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that can't be taken, and why. ``field``: the column; empty: the row as a whole."""

    line: int
    field: str
    sentence: str


def rows(stream: TextIO) -> Iterator[DealRow | RefusedRow]:
    """The rows of a text stream. Raises Invalid where it is no file of deals."""
    csv.field_size_limit(1 << 16)
    reader = csv.reader(stream)
    header = next(reader, [])
    fields = [_FIELD_OF.get(name.strip().lstrip("\ufeff").lower(), "") for name in header]
    if any(name not in fields for name in NEEDED):
        raise Invalid(
            "The first line of the file has to name the columns deal, customer, title, source, first_contact and path",
            "file",
            "no-deals",
        )
    seen: set[str] = set()
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            broken = Invalid("This line is no CSV; look at its quotation marks")
            yield RefusedRow(reader.line_num, "", str(broken))
            continue
        if not any(cell.strip() for cell in row):
            continue
        values = {name: cell.strip() for name, cell in zip(fields, row, strict=False) if name}
        try:
            read = _read(reader.line_num, values)
            if read.number in seen:
                raise Invalid("This deal was in the file before", "deal")
            seen.add(read.number)
            yield read
        except Invalid as bad:
            yield RefusedRow(reader.line_num, bad.field or "", str(bad))


def _read(line: int, values: Mapping[str, str]) -> DealRow:
    for name in NEEDED:
        if not values.get(name):
            raise Invalid("This is missing; fill it in", name, "missing")
    for name, value in values.items():
        if len(value) > (MOST_FIELD if name == "path" else LONGEST):
            raise Invalid("This is too long; shorten it", name, "long")
    size = _SIZES.get(values.get("size", ""), values.get("size", ""))
    state = _STATES.get(values.get("state", ""), values.get("state", ""))
    if size not in SIZES:
        raise Invalid("A deal is small or large", "size", "size-wrong")
    if state not in STATES:
        raise Invalid("A deal is open, won, lost or cancelled", "state", "state-wrong")
    price = values.get("price", "")
    row = DealRow(
        line,
        values["deal"],
        values["customer"],
        " ".join(values["title"].split()),
        " ".join(values["source"].split()),
        cast(Size, size),
        _day(values, "first_contact"),
        _path(values["path"]),
        cast(State, state),
        _day(values, "closed") if values.get("closed") else None,
        " ".join(values.get("reason", "").split()),
        _day(values, "start") if values.get("start") else None,
        number(price, "price") if price else None,
        values.get("currency", "").upper(),
        _day(values, "end") if values.get("end") else None,
    )
    _check(row)
    return row


def _check(row: DealRow) -> None:
    days = [row.first_contact, *(came.day for came in row.path)]
    if days != sorted(days):
        raise Invalid("The days of the path go backwards, or begin before the first contact", "path", "path-backwards")
    if row.state in ("won", "lost") and row.closed is None:
        raise Invalid("Say on which day the deal was over", "closed", "closed-missing")
    if row.closed is not None and row.closed < row.path[-1].day:
        raise Invalid("The deal was over before it came to its last phase", "closed", "closed-early")
    if row.start is None and (row.price is not None or row.end is not None or row.state in ("won", "cancelled")):
        raise Invalid("Say from when the contract holds", "start", "start-missing")
    if row.start is not None and row.price is None:
        raise Invalid("Say for how much a month the contract is", "price", "price-missing")
    if row.start is not None and row.start < row.first_contact:
        raise Invalid("The contract begins before the first contact", "start", "start-early")
    if row.end is not None and row.start is not None and row.end < row.start:
        raise Invalid("The contract was cancelled before it began", "end", "end-early")
    if (row.state == "cancelled") != (row.end is not None):
        raise Invalid("Only a cancelled contract has an end, and it needs one", "end", "end-wrong")


def _path(text: str) -> tuple[Came, ...]:
    """``801 2026-01-10 > 802 2026-02-01``."""
    found: list[Came] = []
    for part in text.replace("→", ">").split(">"):
        member, _, when = part.strip().rpartition(" ")
        if not member.strip():
            raise Invalid("Write the path as: 801 2026-01-10 > 802 2026-02-01", "path", "path-wrong")
        found.append(Came(member.strip(), _day({"path": when}, "path")))
    return tuple(found)


def _day(values: Mapping[str, str], name: str) -> date:
    try:
        return date.fromisoformat(values[name].replace("/", "-"))
    except ValueError:
        raise Invalid("Write days as 2026-01-31", name, "day-wrong") from None
