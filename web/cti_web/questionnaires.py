"""Questionnaires of a deal, for the rep: making links, taking them back, taking answers over (spec P6)."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urljoin

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.shared.errors import Invalid
from cti_web.answers import done, page
from cti_web.phases import phases
from cti_web.sentences import said
from cti_web.typed import whole
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("questionnaires", __name__)


@blueprint.post("/phases/<int:deal>/questionnaires")
@signed_in
@needs("handle")
def make(deal: int) -> Response:
    """Makes a link and shows it, this once."""
    form = request.form
    items = {one for text in form.getlist("items") if (one := whole(text)) is not None}
    token, problem = "", ""
    try:
        with desk() as use:
            token = phases(use).ask_customer(
                deal,
                form.get("person", ""),
                items,
                form.get("language", ""),
                whole(form.get("days", "")) or 0,
                form.get("shows") == "1",
            )
    except Invalid as refused:
        problem = said(refused) or _("Something in what you entered does not fit")
    with desk() as use:
        room = phases(use)
        values: dict[str, Any] = {"mine": room.mine(), "view": room.deal(deal), "chosen": deal, "opened": True}
        values |= {"new_link": _address(token) if token else "", "ask_problem": problem}
        answer = page(use, "phases/page.html", **values)
    answer.status_code = 422 if problem else 200
    return answer


@blueprint.post("/phases/<int:deal>/questionnaires/<int:link>/take-back")
@signed_in
@needs("handle")
def take_back(deal: int, link: int) -> Response:
    """Nobody answers under it any more."""
    with desk() as use:
        phases(use).take_link_back(deal, link)
    return done(_("The link is taken back"), then=url_for("phases.one", deal=deal))


@blueprint.post("/phases/<int:deal>/answers/<int:answer>/take")
@signed_in
@needs("handle")
def take(deal: int, answer: int) -> Response:
    """The customer's answer becomes what the item says."""
    with desk() as use:
        phases(use).take_answer(deal, answer)
    return done(_("The customer's answer is taken over"), then=url_for("phases.one", deal=deal))


def _address(token: str) -> str:
    settings = cast(Any, current_app.extensions["yobirin.settings"])
    return urljoin(settings.server.public_url or request.host_url, url_for("questionnaire.show", token=token))
