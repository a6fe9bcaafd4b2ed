"""Exemptions: that a call needs no record, asked for by one reviewer and decided by another."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext

from cti_web.answers import Undo, asked_for, done, fragment, page
from cti_web.compliance_coverage import EXEMPTIONS, reviewing
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("compliance_exemptions", __name__)


@blueprint.get("/compliance/exemptions")
@signed_in
@needs("audit")
def show() -> Response:
    """Those that wait for a decision, or of another state."""
    state = request.args.get("state", "asked")
    state = "" if state == "all" else state if state in EXEMPTIONS else "asked"
    with desk() as use:
        found = reviewing(use).exemptions(state, request.args.get("after"))
        values: dict[str, Any] = {"found": found, "state": state}
        if asked_for() == "y-results":
            return fragment("compliance/exemption_list.html", **values)
        return page(use, "compliance/exemptions.html", **values)


@blueprint.post("/compliance/trail/<call>/exemption")
@signed_in
@needs("audit")
def ask(call: str) -> Response:
    """Asks for one."""
    with desk() as use:
        made = reviewing(use).ask_exemption(call, request.form.get("reason", ""))
        undo = Undo(url_for("compliance_exemptions.withdraw", exemption=made))
        return done(gettext("Asked for; a second person decides"), then=_trail(call), undo=undo)


@blueprint.post("/compliance/exemptions/<int:exemption>/approve")
@signed_in
@needs("audit")
def approve(exemption: int) -> Response:
    """The call needs no record."""
    with desk() as use:
        reviewing(use).approve_exemption(exemption)
        undo = Undo(url_for("compliance_exemptions.withdraw", exemption=exemption))
        return done(gettext("Approved: the call needs no record"), then=_list(), undo=undo)


@blueprint.post("/compliance/exemptions/<int:exemption>/refuse")
@signed_in
@needs("audit")
def refuse(exemption: int) -> Response:
    """The call needs its record."""
    with desk() as use:
        reviewing(use).refuse_exemption(exemption, request.form.get("reason", ""))
        return done(gettext("Refused: the call needs its record"), then=_list())


@blueprint.post("/compliance/exemptions/<int:exemption>/withdraw")
@signed_in
@needs("audit")
def withdraw(exemption: int) -> Response:
    """Takes it back."""
    with desk() as use:
        reviewing(use).withdraw_exemption(exemption)
        return done(gettext("Taken back: the call needs its record"), then=_list())


def _list() -> str:
    return url_for("compliance_exemptions.show")


def _trail(call: str) -> str:
    return url_for("compliance_trail.show", call=call)
