"""The raw tail on an exchange's page: what it said last, read from the journal's files, masked, a bounded piece at a
time. The feed knows nothing of it.

Where to go on stands in the page, signed, since it also says whether whole numbers may be shown and for how long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flask import Blueprint, Response, current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from cti_adapters.exchanges.raw_tail import RawEntry, RawTail, last_said, of_lines, said_since
from cti_server.calls.raw_text import Sight
from cti_server.calls.views import ExchangeRow
from cti_server.shared.errors import Unavailable
from cti_server.shared.positions import Position
from cti_web import formats
from cti_web.answers import fragment
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from pathlib import Path

    from cti_server.calls.desk import Desk

blueprint = Blueprint("tail", __name__)

SHOWN_AT_FIRST: Final = 12
WHOLE_SECONDS: Final = 600.0
"""So long whole numbers are shown after a reason was given."""
_TELLING: Final = (
    "Channel",
    "DestChannel",
    "CallerIDNum",
    "Exten",
    "DestExten",
    "Queue",
    "DialStatus",
    "Device",
    "State",
    "Cause",
    "Application",
)
"""The headers that say most of a message; the first three of them that it has stand in its heading."""


class Tail(NamedTuple):
    """What the panel shows. ``after`` is from where to go on, signed."""

    entries: list[RawEntry]
    after: str
    whole: bool
    may_reveal: bool


def of(use: Desk, row: ExchangeRow) -> Tail:
    """The end of what an exchange said."""
    sight = use.raw_sight(row.id)
    found = _read(row, sight, None)
    return Tail(found.entries, _signed(row.id, found.next, 0.0), sight is Sight.WHOLE, use.may_reveal_raw)


def heading(entry: RawEntry) -> str:
    """What a message is about, in short; the text of a record."""
    if not entry.name:
        return entry.lines[0] if entry.lines else ""
    values = dict(line.split(": ", 1) for line in entry.lines if ": " in line)
    return " · ".join(found[:3]) if (found := [values[key] for key in _TELLING if values.get(key)]) else ""


@blueprint.get("/admin/exchanges/<exchange>/tail")
@signed_in
@needs("exchanges")
def more(exchange: str) -> Response:
    """What came since the page last asked."""
    with desk() as use:
        row = use.exchange(exchange)
        position, until = _from(request.args.get("after", ""), exchange)
        whole = until > formats.now() and use.may_reveal_raw
        found = _read(row, Sight.WHOLE if whole else use.raw_sight(exchange), position)
        after = _signed(exchange, found.next, until if whole else 0.0)
        return fragment("exchanges/tail_more.html", entries=found.entries, after=after, ended=until and not whole)


@blueprint.post("/admin/exchanges/<exchange>/tail/whole")
@signed_in
@needs("exchanges")
def whole(exchange: str) -> Response:
    """Shows whole numbers and names for a while; who and why stands in the trail."""
    with desk() as use:
        row = use.exchange(exchange)
        sight = use.reveal_raw(exchange, request.form.get("reason", ""))
        found = _read(row, sight, None)
        after = _signed(exchange, found.next, formats.now() + WHOLE_SECONDS)
        return fragment("exchanges/panels/tail.html", row=row, it=Tail(found.entries, after, True, True))


def _read(row: ExchangeRow, sight: Sight, position: Position | None) -> RawTail:
    folder: Path = current_app.extensions["yobirin.settings"].data_dir / "journal" / row.id
    lines = of_lines(row.kind)
    try:
        if position is None:
            return last_said(folder, lines=lines, sight=sight, most=SHOWN_AT_FIRST)
        return said_since(folder, position, lines=lines, sight=sight)
    except OSError as bad:
        raise Unavailable("The journal of this exchange can't be read just now; try again") from bad


def _signed(exchange: str, position: Position, until: float) -> str:
    return str(_signer().dumps([viewer.id, exchange, *position, until]))


def _from(after: str, exchange: str) -> tuple[Position | None, float]:
    """The position, and until when whole numbers may be shown; from the newest on where it was signed for another."""
    try:
        match _signer().loads(after):
            case [str(user), str(where), int(record), int(skip), (float() | int()) as until]:
                if (user, where) == (viewer.id, exchange):
                    return Position(record, skip), float(until)
    except BadSignature:
        pass
    return None, 0.0


def _signer() -> Any:
    return URLSafeSerializer(current_app.secret_key or "", salt="raw tail")
