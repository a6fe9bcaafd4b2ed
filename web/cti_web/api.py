"""The JSON API for programs, opened by an API token: the same use cases, scope and masks as the pages (docs/api.md).
It only reads. Times are epoch seconds, UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, g, jsonify, request

from cti_server.calls.views import CallQuery, CallRow, HistoryRow, TrailStep, Who
from cti_server.shared.errors import Invalid
from cti_web.bearer import by_token
from cti_web.typed import whole
from cti_web.viewer import desk, signed_in, viewer

blueprint = Blueprint("api", __name__, url_prefix="/api")

MOST: Final = 200
"""Calls in one answer."""

CALL_FIELDS: Final = [
    *("id", "exchange", "branch", "branch_name", "direction", "state", "disposition"),
    *("started_at", "answered_at", "ended_at", "talk_seconds", "ring_seconds"),
    *("number", "number_masked", "caller_name", "dialed_number", "queue", "extension", "receiver_name"),
    *("match", "open", "handled_by_name", "handled_at", "marks"),
]
WHO_FIELDS: Final = ["code", "name", "kana", "branch", "branch_name", "rep", "rep_name", "confidentiality", "match"]
HISTORY_FIELDS: Final = ["id", "kind", "channel", "result", "note", "at", "by", "by_name", "call_ids", "undone"]
STEP_FIELDS: Final = ["at", "kind", "text", "reason"]


@blueprint.get("/me")
@by_token()
@signed_in
def me() -> Response:
    """Whose token this is, and what it may."""
    token = g.token
    return jsonify(
        id=viewer.id,
        login=viewer.login,
        name=viewer.name,
        branch=viewer.branch,
        branch_name=viewer.branch_name,
        role=viewer.role,
        timezone=viewer.timezone,
        token={"name": token.name, "scopes": list(token.scopes), "expires": token.expires},
    )


@blueprint.get("/calls")
@by_token("calls")
@signed_in
def calls() -> Response:
    """The call log, the newest first."""
    given = request.args
    query = CallQuery(
        since=_moment("from"),
        until=_moment("to"),
        branch=given.get("branch") or None,
        rep=given.get("rep") or None,
        direction=_one_of("direction", ("in", "out", "internal")),
        outcome=given.get("outcome") or None,
        handled={"yes": True, "no": False, None: None}[_one_of("handled", ("yes", "no"))],
        customer=given.get("customer") or None,
    )
    with desk() as use:
        page = use.calls(query, given.get("after") or None, _limit())
        return jsonify(calls=[_call(row) for row in page.rows], next=page.next)


@blueprint.get("/calls/<call>")
@by_token("calls")
@signed_in
def one_call(call: str) -> Response:
    """One call with its trail and what was recorded of it. The look stands in the trail."""
    with desk() as use:
        seen = use.call(call)
        history = [_history(row) for row in seen.history]
        return jsonify(_call(seen.row) | {"trail": [_step(step) for step in seen.trail], "history": history})


@blueprint.get("/calls/<call>/trail")
@by_token("audit")
@signed_in
def audit(call: str) -> Response:
    """One call's whole trail, for reviewers: in chapters, with the corrections."""
    with desk() as use:
        seen = use.trail(call)
        chapters = {name: [_step(step) for step in steps] for name, steps in seen.chapters.items()}
        corrections = [one._asdict() for one in seen.call.corrections]
        return jsonify(call=_call(seen.call.row), chapters=chapters, corrections=corrections)


@blueprint.get("/customers/<code>")
@by_token("customers")
@signed_in
def customer(code: str) -> Response:
    """A customer's card. The look stands in the trail."""
    with desk() as use:
        seen = use.customer(code)
        return jsonify(
            _some(seen.who, WHO_FIELDS[:-1])
            | {
                "mail": seen.who.mail,
                "language": seen.who.language,
                "address": seen.address,
                "notes": seen.notes,
                "numbers": [{"number": n, "kind": kind, "masked": masked} for n, kind, masked in seen.numbers],
                "history": [_history(row) for row in seen.history],
                "calls": [_call(row) for row in seen.calls],
            }
        )


@blueprint.get("/<path:_other>")
@by_token()
@signed_in
def nothing(_other: str) -> Response:
    """There is nothing else."""
    return _not_there()


def _not_there() -> Response:
    from cti_web.errors import page

    return page(404)


def _call(row: CallRow) -> dict[str, Any]:
    return _some(row, CALL_FIELDS) | {"customers": [_who(one) for one in row.who]}


def _who(one: Who) -> dict[str, Any]:
    return _some(one, WHO_FIELDS)


def _history(row: HistoryRow) -> dict[str, Any]:
    return _some(row, HISTORY_FIELDS)


def _step(step: TrailStep) -> dict[str, Any]:
    return _some(step, STEP_FIELDS)


def _some(thing: Any, fields: list[str]) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in fields}


def _moment(name: str) -> float | None:
    """A moment as epoch seconds, or by RFC 3339 with its zone; null where none is given."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else _zoned(text)
    except ValueError as bad:
        raise Invalid(
            f"“{name}” is no moment; write epoch seconds, or such as 2026-11-26T09:00:00+09:00", name, "api-moment"
        ) from bad


def _zoned(text: str) -> float:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no zone")
    return found.timestamp()


def _limit() -> int:
    text = request.args.get("limit", "50")
    if not 1 <= (whole(text) or 0) <= MOST:
        raise Invalid(f"“limit” is a number from 1 to {MOST}", "limit", "api-limit")
    return int(text)


def _one_of(name: str, known: tuple[str, ...]) -> str | None:
    text = request.args.get(name) or None
    if text is not None and text not in known:
        raise Invalid(f"“{name}” is one of {', '.join(known)}", name, "api-choice")
    return text
