"""One call's trail for a reviewer: bytes, fold, match, who was told, who looked, what was recorded, what was corrected
(spec C6). The bytes are read from the journal's files when somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, current_app, request
from flask_babel import LazyString, lazy_gettext

from cti_adapters.exchanges.call_bytes import CallBytes, Lasted, call_bytes
from cti_server.calls.log import FORGOTTEN
from cti_server.calls.raw_text import Sight
from cti_server.calls.trail_views import CallTrail
from cti_server.settings import Settings
from cti_server.shared.errors import SettingsError, Unavailable
from cti_web import formats
from cti_web.answers import fragment, page
from cti_web.compliance_coverage import reviewing
from cti_web.record_requests import record_requests
from cti_web.viewer import desk, needs, signed_in

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("compliance_trail", __name__)

_ = lazy_gettext

CHAPTERS: Final[dict[str, tuple[str, LazyString]]] = {
    "bytes": ("broadcast", _("What the exchange sent")),
    "exchange": ("phone", _("What became of it")),
    "match": ("user-question", _("Who it was")),
    "told": ("bell", _("Who was told")),
    "looked": ("eye", _("Who looked")),
    "recorded": ("notes", _("What was recorded")),
    "done": ("list-details", _("What was done with it")),
    "corrections": ("pencil", _("What was corrected")),
}
"""Chapter -> its icon and heading, in their order."""


@blueprint.get("/compliance/trail/<call>")
@signed_in
@needs("audit")
def show(call: str) -> Response:
    """The trail as a page."""
    with desk() as use:
        seen = use.trail(call)
        stands, room = reviewing(use).standing_of(call), record_requests(use)
        values: dict[str, Any] = {"trail": seen, "stands": stands, "chapters": CHAPTERS, "at": _clock_of(seen)}
        asked = {"requests": room.requests_of(call), "asking": room.asking(call)}
        return page(use, "compliance/trail.html", **values, **asked)


@blueprint.get("/compliance/trail/<call>/bytes")
@signed_in
@needs("audit")
def sent(call: str) -> Response:
    """What the exchange sent of the call, masked."""
    with desk() as use:
        return _bytes(use, call, use.bytes_sight(call))


@blueprint.post("/compliance/trail/<call>/bytes")
@signed_in
@needs("audit")
def whole(call: str) -> Response:
    """The same with whole numbers and names; who and why stands in the trail."""
    with desk() as use:
        return _bytes(use, call, use.reveal_bytes(call, request.form.get("reason", "")))


def _bytes(use: Desk, call: str, sight: Sight) -> Response:
    seen = use.trail(call)
    values: dict[str, Any] = {"trail": seen, "at": _clock_of(seen), "whole": sight is Sight.WHOLE}
    return fragment("compliance/trail_bytes.html", found=read_bytes(use, seen, sight), **values)


def read_bytes(use: Desk, seen: CallTrail, sight: Sight) -> CallBytes:
    """What the journal has of a call."""
    row, log = seen.call.row, seen.call.log
    settings = cast(Settings, current_app.extensions["yobirin.settings"])
    exchange = cast(Any, use.work).shelf.running(row.exchange, settings)
    if exchange is None or (log is not None and FORGOTTEN in log.marks):
        return CallBytes([], False)
    linkedids = log.linkedids if log is not None else []
    over = row.ended_at or (log.ended_between[1] if log is not None and log.ended_between else None)
    lasted = Lasted(row.id, linkedids, row.started_at, over or formats.now(), seen.written_at)
    try:
        return call_bytes(exchange, settings.data_dir / "journal" / row.exchange, lasted, sight)
    except OSError as bad:
        raise Unavailable("The journal of this exchange can't be read just now; try again") from bad
    except SettingsError:
        return CallBytes([], False)  # its make is gone: nothing can be read of it


def _clock_of(seen: CallTrail) -> Any:
    """How a moment is written: in the branch's zone, with its label."""
    return lambda moment: formats.full(moment, seen.timezone, formats.language())
