"""Erasing a person, and legal holds: asked for by one reviewer, decided by another (spec/50)."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext, lazy_gettext

from cti_adapters.sealing import proof_key
from cti_server.compliance.erasing import proof
from cti_web.answers import Undo, asked_for, done, fragment, page
from cti_web.compliance_coverage import reviewing
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("compliance_erasures", __name__)

ERASURES: Final[dict[str, Label]] = {
    "asked": Label(lazy_gettext("Waits for a decision"), "amber", "clock"),
    "erased": Label(lazy_gettext("Erased"), "", "minus"),
    "refused": Label(lazy_gettext("Refused"), "red", "x"),
    "withdrawn": Label(lazy_gettext("Taken back"), "", "refresh"),
}


@blueprint.get("/compliance/erasures")
@signed_in
@needs("audit")
def show() -> Response:
    """Those that wait for a decision, or of another state; and the legal holds."""
    state = request.args.get("state", "asked")
    state = "" if state == "all" else state if state in ERASURES else "asked"
    with desk() as use:
        room = reviewing(use)
        found = room.erasures(state, request.args.get("after"))
        values: dict[str, Any] = {"found": found, "state": state, "holds": room.holds(), "states": ERASURES}
        if asked_for() == "y-results":
            return fragment("compliance/erasure_list.html", **values)
        return page(use, "compliance/erasures.html", customer=request.args.get("customer", ""), **values)


@blueprint.post("/compliance/erasures")
@signed_in
@needs("audit")
def ask() -> Response:
    """Asks for one, or for a hold."""
    form = request.form
    with desk() as use:
        room = reviewing(use)
        if form.get("do") == "hold":
            room.hold(form.get("customer", ""), form.get("reason", ""))
            return done(gettext("Held: nothing of it goes"), then=_list())
        made = room.ask_erasure(form.get("customer", ""), form.get("reason", ""))
        undo = Undo(url_for("compliance_erasures.withdraw", erasure=made))
        return done(gettext("Asked for; a second person decides"), then=_list(), undo=undo)


@blueprint.post("/compliance/erasures/<int:erasure>/erase")
@signed_in
@needs("audit")
def erase(erasure: int) -> Response:
    """Erases the person."""
    key = proof_key(current_app.extensions["yobirin.settings"].data_dir)
    with desk() as use:
        reviewing(use).erase(erasure, partial(proof, key), "sure" in request.form)
    current_app.extensions["yobirin.database"].empty_log()
    return done(gettext("Erased"), then=_list())


@blueprint.post("/compliance/erasures/<int:erasure>/refuse")
@signed_in
@needs("audit")
def refuse(erasure: int) -> Response:
    """The records stay."""
    with desk() as use:
        reviewing(use).refuse_erasure(erasure, request.form.get("reason", ""))
    return done(gettext("Refused: the records stay"), then=_list())


@blueprint.post("/compliance/erasures/<int:erasure>/withdraw")
@signed_in
@needs("audit")
def withdraw(erasure: int) -> Response:
    """Takes back what was asked."""
    with desk() as use:
        reviewing(use).withdraw_erasure(erasure)
    return done(gettext("Taken back: the records stay"), then=_list())


@blueprint.post("/compliance/holds/<int:hold>/end")
@signed_in
@needs("audit")
def end_hold(hold: int) -> Response:
    """It holds no more."""
    with desk() as use:
        reviewing(use).end_hold(hold, request.form.get("reason", ""))
    return done(gettext("The hold has ended"), then=_list())


def _list() -> str:
    return url_for("compliance_erasures.show")
