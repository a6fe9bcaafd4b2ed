"""Proposals from past deals and trials of required items, for managers to see and for who sets phases up to decide on
(spec P5, P6)."""

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


@blueprint.get("/phases/trials/<int:trial>")
@signed_in
def trial(trial: int) -> Response:
    """One trial, its halves beside each other."""
    with desk() as use:
        return page(use, "phases/trial.html", found=phases(use).trial(trial))


@blueprint.get("/phases/trials/<int:trial>/deals")
@signed_in
def trial_deals(trial: int) -> Response:
    """The deals of a half."""
    optional = request.args.get("half") != "required"
    with desk() as use:
        room = phases(use)
        found, rows = room.trial(trial), room.trial_deals(trial, optional)
        return page(use, "phases/trial_deals.html", found=found, rows=rows, optional=optional)


@blueprint.post("/phases/trials/<int:trial>/end")
@signed_in
@needs("phases")
def end_trial(trial: int) -> Response:
    """It ends: required, optional, or undone."""
    form = request.form
    with desk() as use:
        ended = phases(use).end_trial(trial, _version(), form.get("how", ""), form.get("reason", ""))
    back = Undo(url_for("phases_learning.resume_trial", trial=trial), version=ended.version)
    return done(_("The trial is over"), then=url_for("phases_learning.trial", trial=trial), undo=back)


@blueprint.post("/phases/trials/<int:trial>/resume")
@signed_in
@needs("phases")
def resume_trial(trial: int) -> Response:
    """It runs on."""
    with desk() as use:
        phases(use).resume_trial(trial, _version())
    return done(_("The trial runs on"), then=url_for("phases_learning.trial", trial=trial))


def _version() -> int:
    return request.form.get("version", 0, int)


def _done(proposal: int, said: str, version: int) -> Response:
    back = Undo(url_for("phases_learning.undo", proposal=proposal), version=version)
    return done(said, then=url_for("phases_learning.proposal", proposal=proposal), undo=back)
