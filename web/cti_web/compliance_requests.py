"""Contact records that reviewers asked for: the list of them, and asking on a call's trail (spec C6)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from cti_server.review.views import RequestQuery
from cti_web.answers import asked_for, done, fragment, page
from cti_web.choices import branches, reps
from cti_web.record_requests import record_requests
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("compliance_requests", __name__)


@blueprint.get("/compliance/requests")
@signed_in
@needs("audit")
def show() -> Response:
    """The requests, newest first. Every filter stands in the address."""
    filters = {name: request.args[name] for name in ("state", "branch", "to") if request.args.get(name)}
    query = RequestQuery(**filters)
    with desk() as use:
        found = record_requests(use).requests(query, request.args.get("after"))
        values: dict[str, Any] = {"requests": found, "query": query, "address": filters}
        if asked_for() == "y-more":
            return fragment("compliance/request_rows.html", **values)
        if asked_for() == "y-results":
            return fragment("compliance/request_list.html", **values)
        return page(use, "compliance/requests.html", branches=branches(), reps=reps(use), **values)


@blueprint.post("/compliance/requests/<int:asked>/withdraw")
@signed_in
@needs("audit")
def withdraw(asked: int) -> Response:
    """The record is not needed any more."""
    with desk() as use:
        taken = record_requests(use).withdraw(asked)
        text = _("Withdrawn: %(name)s is not asked any more", name=taken.to_name)
        return done(text, then=url_for("compliance_requests.show"))


@blueprint.get("/compliance/trail/<call>/requests")
@signed_in
@needs("audit")
def of_call(call: str) -> Response:
    """What was asked for about a call, as it stands now."""
    with desk() as use:
        room = record_requests(use)
        room.exists(call)
        return fragment("compliance/trail_requests.html", requests=room.requests_of(call), call_id=call)


@blueprint.post("/compliance/trail/<call>/requests")
@signed_in
@needs("audit")
def ask(call: str) -> Response:
    """Asks a colleague for the record of a call."""
    form = request.form
    with desk() as use:
        record_requests(use).ask(
            call, form.get("to", ""), form.get("note", ""), _hours(form.get("hours", "")), form.get("customer") or None
        )
        return done(_("Asked for; it stands on their desk now"), then=url_for("compliance_trail.show", call=call))


def _hours(text: str) -> int:
    with suppress(ValueError):
        return int(text)
    return 0
