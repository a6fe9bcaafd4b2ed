"""The fields of an entry of the call log, and their values, in the reader's language: for what changed of a call."""

from __future__ import annotations

from typing import Any, Final

from flask import Flask
from flask_babel import LazyString, gettext, lazy_gettext

from cti_server.calls.corrected import BY_FOLDING, FROM_RECORD
from cti_server.calls.desk_receiving import BY_HAND
from cti_web import formats
from cti_web.labels import DIRECTIONS, INCOMING, MARKS, MATCHES, OUTGOING, Label

_ = lazy_gettext

FIELDS: Final[dict[str, LazyString]] = {
    "direction": _("Direction"),
    "state": _("State"),
    "started_at": _("Began"),
    "caller_number": _("Caller's number"),
    "caller_name": _("Name as received"),
    "dialed_number": _("Dialled"),
    "presented_number": _("Number presented"),
    "party_e164": _("Number of the other side"),
    "queue": _("Queue"),
    "rang_extensions": _("Extensions that rang"),
    "attempted_extensions": _("Extensions that were tried"),
    "answered": _("Answered"),
    "answered_by_extension": _("Answered by"),
    "answered_by_number": _("Answered by (number)"),
    "final_extension": _("Last talked"),
    "transferred_to": _("Transferred to"),
    "ringing_at": _("Rang at"),
    "answered_at": _("Answered at"),
    "pbx_answered_at": _("Exchange answered at"),
    "ended_at": _("Ended"),
    "ended_between": _("Ended between"),
    "ring_seconds": _("Rang for"),
    "wait_seconds": _("Waited for"),
    "talk_seconds": _("Talked for"),
    "hold_seconds": _("Held for"),
    "hangup_by": _("Hung up by"),
    "disposition": _("Outcome"),
    "voicemail_left": _("Voicemail"),
    "fax": _("Fax"),
    "recording": _("Recording"),
    "marks": _("Notes of the server"),
    "match": _("Match"),
    "receiver": _("Who took it"),
}
"""Those that are shown; the others (ids, what follows from a number) say nothing to a person."""
CORRECTED: Final[dict[str, Label]] = {
    "added": Label(_("added"), "green"),
    "changed": Label(_("changed"), "blue"),
    "kept": Label(_("kept"), "amber"),
}
WHYS: Final[dict[str, LazyString]] = {
    BY_FOLDING: _("Read again from what the exchange sent"),
    FROM_RECORD: _("Completed from the exchange's own record"),
    BY_HAND: _("Who took it was entered by hand"),
}
"""Why something was corrected; what a person typed is shown as it is."""
_SECONDS: Final = frozenset({"ring_seconds", "wait_seconds", "talk_seconds", "hold_seconds"})
_TIMES: Final = frozenset({"started_at", "ringing_at", "answered_at", "pbx_answered_at", "ended_at"})


def call_field(name: str) -> str:
    """What a field is called."""
    return str(FIELDS.get(name, name))


def call_value(name: str, value: Any) -> str:
    """A value in words; what is not known is a dash."""
    if value is None or value == [] or value == "":
        return "—"
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if name in _TIMES:
        return formats.full(value, formats.zone(), formats.language())
    if name in _SECONDS:
        return formats.length(value)
    if name == "ended_between":
        return " – ".join(formats.full(one, formats.zone(), formats.language()) for one in value)
    if name == "marks":
        return str(gettext(", ")).join(str(MARKS.get(one, one)) for one in value)
    if isinstance(value, list):
        return str(gettext(", ")).join(str(one) for one in value)
    return _word(name, str(value))


def _word(name: str, value: str) -> str:
    if name == "direction":
        return str(DIRECTIONS.get(value, value))
    if name == "disposition":
        label = INCOMING.get(value) or OUTGOING.get(value)
        return str(label.text) if label else value
    if name == "match":
        return str(MATCHES[value].text) if value in MATCHES else value
    return value


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.globals.update(call_field=call_field, call_value=call_value, CORRECTED=CORRECTED, CORRECTED_WHYS=WHYS)
