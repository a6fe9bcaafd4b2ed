"""Stand-ins on pages: naming one for oneself or for a user that one looks after, and ending one (spec/50)."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.identity.standing_in import StandingIn
from cti_server.shared.errors import Invalid
from cti_web.answers import done
from cti_web.sentences import said
from cti_web.viewer import needs, signed_in, viewer

blueprint = Blueprint("stand_ins", __name__)


@blueprint.post("/me/stand-ins")
@signed_in
@needs("handle")
def name_mine() -> Response:
    """Names a colleague for the viewer's own absence."""
    return _name(viewer.id, url_for("me.show", _anchor="y-stand-ins"))


@blueprint.post("/admin/users/<user>/stand-ins")
@signed_in
@needs("users")
def name_theirs(user: str) -> Response:
    """Names one for a user."""
    return _name(user, url_for("users.one", user=user, _anchor="y-stand-ins"))


@blueprint.post("/me/stand-ins/<int:stand_in>/end")
@signed_in
def end(stand_in: int) -> Response:
    """Ends one: by who is away, who stands in, or who looks after them."""
    found = accounts().end_stand_in(viewer, stand_in)
    own = viewer.id in (found.absent, found.user)
    return done(_("The stand-in ended"), then=url_for("me.show") if own else url_for("users.one", user=found.absent))


def accounts() -> StandingIn:
    """The use cases."""
    return cast(StandingIn, current_app.extensions["yobirin.accounts"])


def parts(user: str) -> dict[str, Any]:
    """What a page shows of a user's stand-ins."""
    found, colleagues = accounts().stand_ins(viewer, user)
    return {"stand_ins": found, "stand_in_colleagues": colleagues, "stand_in_user": user}


def _name(user: str, there: str) -> Response:
    form = request.form
    try:
        days = date.fromisoformat(form.get("first", "")), date.fromisoformat(form.get("last", ""))
    except ValueError:
        return _refused(user, _("Say the first and the last day of the absence."), "first")
    try:
        accounts().name_stand_in(viewer, user, form.get("user", ""), days, form.get("note", ""))
    except Invalid as refused:
        problem = said(refused) or _("Something in what you entered does not fit")
        return _refused(user, problem, refused.field or "")
    return done(_("The stand-in is named"), then=there)


def _refused(user: str, problem: str, field: str) -> Response:
    from cti_web import me, users  # they show what :func:`parts` gives

    return me.shown(problem, field) if user == viewer.id else users.shown(user, problem)
