"""What was corrected of a call that was over: what it was, what it is, when, why and by whom (spec C2). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cti_server.calls.ports import CorrectionEntry, SeenCall
from cti_server.calls.showing import Names
from cti_server.calls.views import CorrectionRow
from cti_server.shared import phone

BY_FOLDING: Final = "folded again"
FROM_RECORD: Final = "from the exchange's own record"
_NUMBERS: Final = frozenset({"caller_number", "presented_number", "party_e164", "answered_by_number"})
_PERHAPS_NUMBERS: Final = frozenset({"dialed_number", "final_extension", "transferred_to"})
_OUTSIDE_DIGITS: Final = 7
SHOWN: Final = (
    "direction",
    "started_at",
    "caller_number",
    "caller_name",
    "dialed_number",
    "presented_number",
    "queue",
    "rang_extensions",
    "attempted_extensions",
    "answered",
    "answered_by_extension",
    "answered_by_number",
    "final_extension",
    "transferred_to",
    "ringing_at",
    "answered_at",
    "ended_at",
    "ended_between",
    "ring_seconds",
    "wait_seconds",
    "talk_seconds",
    "hold_seconds",
    "disposition",
    "voicemail_left",
    "fax",
    "marks",
    "receiver",
)
"""The fields that people are told of, in this order; the others are ids, or follow from these."""


def users(kept: Iterable[CorrectionEntry]) -> list[str]:
    """Whom they name."""
    found: list[str] = []
    for one in kept:
        found += [user for user in (one.by, *one.fields.get("receiver", ())) if user]
    return found


def shown(kept: CorrectionEntry, names: Names, seen: SeenCall, *, whole: bool) -> CorrectionRow:
    """One as the viewer may see it. ``whole``: numbers and names too; a name that is not to be seen is left out."""
    fields: list[tuple[str, Any, Any]] = []
    for name in SHOWN:
        if name not in kept.fields or (name == "caller_name" and not whole):
            continue
        was, now = kept.fields[name]
        if name == "receiver":
            fields.append((name, _taker(was, names, seen), _taker(now, names, seen)))
        else:
            fields.append((name, _masked(name, was, whole), _masked(name, now, whole)))
    everybodys = kept.why in (BY_FOLDING, FROM_RECORD)  # done for all calls, whoever they are of
    told = everybodys or kept.by not in names.colleagues
    by = names.person(kept.by) if told else names.person_who_sees(kept.by, seen)
    return CorrectionRow(kept.at, by, kept.why, kept.what, fields)


def _taker(user: str | None, names: Names, seen: SeenCall) -> str:
    """The name of who took the call by now stands with it for everybody who sees it; of others as of who did things."""
    return names.person(user) if user == seen.receiver else names.person_who_sees(user, seen)


def _masked(name: str, value: Any, whole: bool) -> Any:
    if whole or value is None or name not in _NUMBERS | _PERHAPS_NUMBERS:
        return value
    if isinstance(value, list):
        return [_masked(name, one, whole) for one in value]
    text = str(value)
    outside = name in _NUMBERS or sum(map(str.isdigit, text)) >= _OUTSIDE_DIGITS
    return phone.show(text, masked=True) if outside else text
