"""The viewer's own settings: language, time zone, how to dial, the password; keys and notifications are the browser's."""

from __future__ import annotations

from typing import Final, cast
from zoneinfo import available_timezones

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.shared.errors import Invalid
from cti_web.answers import done, page
from cti_web.viewer import Accounts, desk, signed_in, viewer

blueprint = Blueprint("me", __name__)

ZONES: Final = ("Asia/Tokyo", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Europe/London", "Europe/Berlin",
                "America/New_York", "America/Los_Angeles", "Australia/Sydney", "UTC")  # fmt: skip
"""Those offered first; every other one is taken as well."""
SHORTEST_PASSWORD: Final = 10


@blueprint.get("/me")
@signed_in
def show() -> Response:
    """The settings."""
    return _page()


@blueprint.post("/me")
@signed_in
def change() -> Response:
    """Saves language, time zone and the way of dialling."""
    form = request.form
    zone = form.get("timezone", "").strip()
    if zone and zone not in available_timezones():
        return _page(_("There is no time zone of this name. Choose one such as Asia/Tokyo."), "timezone")
    dial = "tel" if form.get("dial") == "tel" else "pbx"
    language = "en" if form.get("language") == "en" else "ja"
    _accounts().change_settings(viewer, language=language, timezone=zone, dial=dial)
    return done(_("Saved"), then=url_for("me.show"))


@blueprint.post("/me/password")
@signed_in
def change_password() -> Response:
    """A new password; all other sessions of the user end."""
    form = request.form
    fresh = form.get("fresh", "")
    if fresh != form.get("again", ""):
        return _page(_("The two new passwords are not the same."), "again")
    if len(fresh) < SHORTEST_PASSWORD:
        return _page(_("A password needs at least %(number)d characters.", number=SHORTEST_PASSWORD), "fresh")
    try:
        _accounts().change_password(viewer, form.get("current", ""), fresh)
    except Invalid:
        return _page(_("The current password is not right."), "current")
    return done(_("The password is changed"), then=url_for("me.show"))


def _page(problem: str = "", field: str = "") -> Response:
    with desk() as use:
        answer = page(use, "me/page.html", zones=ZONES, problem=problem, field=field)
    if problem:
        answer.status_code = 422
    return answer


def _accounts() -> Accounts:
    return cast(Accounts, current_app.extensions["yobirin.accounts"])
