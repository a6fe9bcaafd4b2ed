"""Stand-ins: what the pages of whom they concern show of them, naming one, ending one (spec/50)."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.identity.standing_in import StandingIn
from cti_server.shared.errors import Invalid
from cti_web.answers import done
from cti_web.sentences import said
from cti_web.viewer import signed_in, viewer

blueprint = Blueprint("stand_ins", __name__)


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


class NotNamed(Exception):
    """What was entered does not name a stand-in. ``field``: of the form, empty for none."""

    def __init__(self, problem: str, field: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.field = field


def name(user: str) -> None:
    """Names the one that the form says, for a user. Raises NotNamed with a sentence for the page."""
    form = request.form
    try:
        days = date.fromisoformat(form.get("first", "")), date.fromisoformat(form.get("last", ""))
    except ValueError as bad:
        raise NotNamed(_("Say the first and the last day of the absence."), "first") from bad
    try:
        accounts().name_stand_in(viewer, user, form.get("user", ""), days, form.get("note", ""))
    except Invalid as bad:
        raise NotNamed(said(bad) or _("Something in what you entered does not fit"), bad.field or "") from bad
