"""Proposals from the best members' work, for managers to see and for who sets phases up to decide on (spec P5)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from cti_web.answers import Undo, done, page
from cti_web.phases import phases
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("phases_learning", __name__)


@blueprint.get("/phases/proposals/<int:proposal>")
@signed_in
def proposal(proposal: int) -> Response:
    """One proposal with its evidence."""
    with desk() as use:
        return page(use, "phases/proposal.html", found=phases(use).proposal(proposal))


@blueprint.get("/phases/proposals/<int:proposal>/deals")
@signed_in
def deals(proposal: int) -> Response:
    """The deals behind a number of the evidence."""
    of_best, hit = request.args.get("of") != "others", request.args.get("said") != "no"
    with desk() as use:
        room = phases(use)
        found, rows = room.proposal(proposal), room.proposal_deals(proposal, of_best, hit)
        return page(use, "phases/proposal_deals.html", found=found, rows=rows, of_best=of_best, hit=hit)


@blueprint.post("/phases/proposals/<int:proposal>/approve")
@signed_in
@needs("phases")
def approve(proposal: int) -> Response:
    """The change is made."""
    with desk() as use:
        decided = phases(use).approve(proposal, _version())
    return _done(proposal, _("Approved: it holds from now on"), decided.version)


@blueprint.post("/phases/proposals/<int:proposal>/reject")
@signed_in
@needs("phases")
def reject(proposal: int) -> Response:
    """It stays as it is."""
    with desk() as use:
        decided = phases(use).reject(proposal, _version(), request.form.get("reason", ""))
    return _done(proposal, _("Rejected"), decided.version)


@blueprint.post("/phases/proposals/<int:proposal>/undo")
@signed_in
@needs("phases")
def undo(proposal: int) -> Response:
    """Takes the decision back."""
    with desk() as use:
        phases(use).take_back(proposal, _version())
    return done(_("Undone"), then=url_for("phases_learning.proposal", proposal=proposal))


@blueprint.post("/phases/overview/<int:service>/look")
@signed_in
@needs("phases")
def look(service: int) -> Response:
    """Looks for proposals now."""
    with desk() as use:
        found = phases(use).look_now(service)
    said = ngettext("%(num)d new proposal", "%(num)d new proposals", found) if found else _("Nothing new to propose")
    return done(said, then=url_for("phases_managing.show"))


def _version() -> int:
    return request.form.get("version", 0, int)


def _done(proposal: int, said: str, version: int) -> Response:
    back = Undo(url_for("phases_learning.undo", proposal=proposal), version=version)
    return done(said, then=url_for("phases_learning.proposal", proposal=proposal), undo=back)
