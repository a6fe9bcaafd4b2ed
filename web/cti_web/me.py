"""The viewer's own settings: language, time zone, how to dial, the password. Keys and notifications are the
browser's."""

from __future__ import annotations

from typing import Any, Final, Protocol, cast
from zoneinfo import available_timezones

from flask import Blueprint, Response, current_app, jsonify, request, url_for
from flask_babel import gettext as _

from cti_server.identity.administering import key_of
from cti_server.identity.ports import Session
from cti_server.identity.sessions import session_id
from cti_server.shared.errors import Invalid
from cti_server.shared.viewer import Dialling, Viewer
from cti_web import cookies, formats, second_factor, stand_ins
from cti_web.answers import done, page
from cti_web.telephone import parts
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("me", __name__)

ZONES: Final = (
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Australia/Sydney",
    "UTC",
)
"""Those offered first; every other one is taken as well."""


TEST_SECONDS: Final = 60.0
"""So long it is asked whether a test was taken up."""


class Preferences(Protocol):
    """What this page needs of the identity room."""

    def set_preferences(
        self, viewer: Viewer, *, language: str | None = None, timezone: str | None = None, dial: Dialling | None = None
    ) -> None:
        """Keeps what is given; an empty time zone means the branch's."""

    def change_password(self, viewer: Viewer, old: str, new: str, token: str | None = None) -> None:
        """Ends all sessions but that of ``token``. Raises Invalid, naming ``old`` or the new one."""

    def my_sessions(self, viewer: Viewer) -> list[Session]:
        """Where the viewer is signed in, the latest used first."""

    def end_my_session(self, viewer: Viewer, key: str) -> None:
        """Ends one. NotFound where there is none."""

    def end_my_others(self, viewer: Viewer, current: str) -> int:
        """Ends all but the present one."""


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
    dial: Dialling = "tel" if form.get("dial") == "tel" else "pbx"
    language = "en" if form.get("language") == "en" else "ja"
    _accounts().set_preferences(viewer, language=language, timezone=zone, dial=dial)
    return done(_("Saved"), then=url_for("me.show"))


@blueprint.post("/me/password")
@signed_in
def change_password() -> Response:
    """A new password; all other sessions of the user end."""
    form = request.form
    fresh = form.get("fresh", "")
    if fresh != form.get("again", ""):
        return _page(_("The two new passwords are not the same."), "again")
    try:
        _accounts().change_password(viewer, form.get("current", ""), fresh, cookies.read(cookies.SESSION))
    except Invalid as refused:
        if refused.field == "old":
            return _page(_("The current password is not right."), "current")
        return _page(_("A password has 8 to 200 characters; choose another."), "fresh")
    return done(_("The password is changed"), then=url_for("me.show"))


@blueprint.post("/me/stand-ins")
@signed_in
@needs("handle")
def name_stand_in() -> Response:
    """Names a colleague for the viewer's own absence."""
    try:
        stand_ins.name(viewer.id)
    except stand_ins.NotNamed as refused:
        return _page(refused.problem, refused.field)
    return done(_("The stand-in is named"), then=url_for("me.show", _anchor="y-stand-ins"))


@blueprint.post("/me/sessions/end")
@signed_in
def end_session() -> Response:
    """Signs out somewhere else."""
    _accounts().end_my_session(viewer, request.form.get("session", ""))
    return done(_("Signed out there"), then=url_for("me.show"))


@blueprint.post("/me/sessions/end-others")
@signed_in
def end_other_sessions() -> Response:
    """Signs out everywhere but here."""
    _accounts().end_my_others(viewer, _this_session())
    return done(_("Signed out everywhere else"), then=url_for("me.show"))


@blueprint.post("/me/pop-up-test")
@signed_in
def test_pop_up() -> Response:
    """Has the server send a test to the viewer's own screens; says under which number, and where to ask whether it was
    taken up."""
    with desk() as use:
        number = cast(Any, use.work).telephones.ask_for_test(viewer.id, formats.now())
    return jsonify(number=number, url=url_for("me.pop_up_test", number=number))


@blueprint.get("/me/pop-up-test/<int:number>")
@signed_in
def pop_up_test(number: int) -> Response:
    """Whether the server took it up."""
    with desk() as use:
        return jsonify(done=cast(Any, use.work).telephones.test_taken(viewer.id, number, formats.now() - TEST_SECONDS))


def _page(problem: str = "", field: str = "") -> Response:
    with desk() as use:
        telephone = parts(use) if viewer.may("handle") else {}
        factor = second_factor.factors().state(viewer)
        sessions = {
            "sessions": _accounts().my_sessions(viewer),
            "this_session": _this_session(),
            "key_of": key_of,
        }
        absence = stand_ins.parts(viewer.id) if viewer.may("handle") else {}
        values: dict[str, Any] = {"zones": ZONES, "problem": problem, "field": field, "factor": factor}
        answer = page(use, "me/page.html", **values, **sessions, **telephone, **absence)
    if problem:
        answer.status_code = 422
    return answer


def _this_session() -> str:
    return session_id(cookies.read(cookies.SESSION))


def _accounts() -> Preferences:
    return cast(Preferences, current_app.extensions["yobirin.accounts"])
