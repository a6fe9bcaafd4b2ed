"""The second factor: the second step of a sign-in, and setting an authenticator app up, for oneself or at the door."""

from __future__ import annotations

import io
from typing import Any, Final, Protocol, cast

import segno
from flask import Blueprint, Response, current_app, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from cti_server.identity.devices import KEPT_DAYS
from cti_server.identity.factor_ports import Step
from cti_server.identity.second_factor import HALF_SECONDS, Half, SetUp, State
from cti_server.shared.errors import Conflict, Invalid, Unavailable, YobirinError
from cti_server.shared.viewer import Viewer
from cti_web import cookies, sentences
from cti_web.answers import done, page, private
from cti_web.viewer import desk, public, safe_path, signed_in, viewer

blueprint = Blueprint("second_factor", __name__)

LONGEST: Final = 60
"""Characters of a code that are looked at."""


class SecondFactors(Protocol):
    """What the pages need of the identity room."""

    def state(self, viewer: Viewer) -> State:
        """How the viewer's is."""

    def begin(self, user_id: str) -> SetUp:
        """What the user's app has to be given."""

    def turn_on(self, viewer: Viewer, code: str) -> list[str]:
        """Gives the recovery codes."""

    def turn_off(self, viewer: Viewer, password: str, code: str) -> None:
        """Raises Invalid where password or code are wrong."""

    def new_recovery(self, viewer: Viewer, code: str) -> list[str]:
        """Other recovery codes."""

    def reset(self, user_id: str, by: str | None = None) -> None:
        """Takes somebody's away."""

    def half(self, token: str) -> Half:
        """A sign-in that lacks its second step; Invalid where there is none."""


def factors() -> SecondFactors:
    """The use cases of the second factor."""
    return cast(SecondFactors, current_app.extensions["yobirin.accounts"].second_factors)


# --- at the door


def ask(token: str, step: Step, onward: str | None) -> Response:
    """Goes on from a right password to the second step."""
    endpoint = "second_factor.code" if step == "code" else "second_factor.set_up"
    response = cast(Response, redirect(url_for(endpoint, next=safe_path(onward) if onward else None), 303))
    cookies.put(response, cookies.HALF, token, int(HALF_SECONDS))
    return response


@blueprint.get("/signin/code")
@public
def code() -> Any:
    """Asks for the code of the app."""
    half = _half("code")
    return _code_page() if half else redirect(url_for("signin.show", late="1"), 303)


@blueprint.post("/signin/code")
@public
def give_code() -> Any:
    """Takes the code; the session is a new one, nothing of the first step is of use any more."""
    if not _half("code"):
        return redirect(url_for("signin.show", late="1"), 303)
    try:
        token = _accounts().second_step(*_step_of())
    except (Invalid, Unavailable) as refused:
        return _code_page(refused)
    return entered(cast(Response, redirect(safe_path(request.form.get("next")), 303)), token)


@blueprint.get("/signin/second-factor")
@public
def set_up() -> Any:
    """Has somebody set their second factor up whose role can't do without."""
    half = _half("set-up")
    return _door_set_up(half) if half else redirect(url_for("signin.show", late="1"), 303)


@blueprint.post("/signin/second-factor")
@public
def finish_set_up() -> Any:
    """Takes the app's first code and shows the recovery codes."""
    half = _half("set-up")
    if not half:
        return redirect(url_for("signin.show", late="1"), 303)
    try:
        token, codes = _accounts().set_up_step(*_step_of())
    except (Invalid, Unavailable) as refused:
        return _door_set_up(half, refused)
    onward = safe_path(request.form.get("next"))
    return entered(private(render_template("second_factor/door_codes.html", codes=codes, onward=onward)), token)


def entered(response: Response, token: str) -> Response:
    """Gives the browser its session, and takes back what it had before."""
    session.clear()
    cookies.put(response, cookies.SESSION, token)
    try:
        known = _accounts().remembered(cookies.read(cookies.BROWSER), token)
    except Unavailable as broken:  # the key of second factors is damaged: passwords go on
        current_app.logger.error("A browser can't be remembered: %s", broken)
    else:
        cookies.put(response, cookies.BROWSER, known, KEPT_DAYS * 86400)
    cookies.drop(response, cookies.HALF)
    return response


def _half(step: Step) -> Half | None:
    try:
        half = factors().half(cookies.read(cookies.HALF))
    except Invalid:
        return None
    return half if half.step == step else None


def _code_page(refused: YobirinError | None = None) -> Response:
    values = {"problem": _problem(refused), "next": request.values.get("next", "")}
    return private(render_template("second_factor/door_code.html", **values), _status(refused))


def _door_set_up(half: Half, refused: YobirinError | None = None) -> Response:
    given = factors().begin(half.user.id)
    values = {"problem": _problem(refused), "next": request.values.get("next", ""), "given": given}
    return private(render_template("second_factor/door_set_up.html", qr=drawn(given), **values), _status(refused))


# --- one's own


@blueprint.get("/me/second-factor")
@signed_in
def show() -> Response:
    """The viewer's second factor: setting it up, or what is to be done with it."""
    return _page()


@blueprint.post("/me/second-factor")
@signed_in
def turn_on() -> Response:
    """Turns it on, once the app shows its codes; shows the recovery codes, this once."""
    try:
        codes = factors().turn_on(viewer, _typed())
    except (Invalid, Conflict, Unavailable) as refused:
        return _page(refused)
    return _codes_page(codes, fresh=True)


@blueprint.post("/me/second-factor/off")
@signed_in
def turn_off() -> Response:
    """Turns it off, given password and code."""
    try:
        factors().turn_off(viewer, request.form.get("password", "")[:200], _typed())
    except (Invalid, Unavailable) as refused:
        return _page(refused, "off")
    return done(_("Your second factor is off"), then=url_for("me.show"))


@blueprint.post("/me/second-factor/codes")
@signed_in
def new_codes() -> Response:
    """Other recovery codes."""
    try:
        codes = factors().new_recovery(viewer, _typed())
    except (Invalid, Unavailable) as refused:
        return _page(refused, "codes")
    return _codes_page(codes, fresh=False)


def _page(refused: YobirinError | None = None, form: str = "on") -> Response:
    state = factors().state(viewer)
    given = factors().begin(viewer.id) if state.since is None else None
    values = {"state": state, "given": given, "qr": drawn(given) if given else "", "form": form}
    field = refused.field if isinstance(refused, Invalid) else None
    with desk() as use:
        answer = page(use, "second_factor/page.html", problem=_problem(refused), field=field, **values)
    answer.status_code = _status(refused)
    return answer


def _codes_page(codes: list[str], *, fresh: bool) -> Response:
    with desk() as use:
        return page(use, "second_factor/codes.html", codes=codes, fresh=fresh)


def drawn(given: SetUp) -> Markup:
    """The QR code as SVG within the page: the content security policy needs no exception for it."""
    out = io.BytesIO()
    code = segno.make(given.address, error="m", micro=False)
    code.save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=4, svgclass="y-qr", lineclass=None)
    return Markup(out.getvalue().decode())  # made here, of nothing that was typed


def _typed() -> str:
    return request.form.get("code", "")[:LONGEST]


def _step_of() -> tuple[str, str, str, str]:
    """The half sign-in's token, the code, where it comes from, and what the browser keeps."""
    return cookies.read(cookies.HALF), _typed(), request.remote_addr or "", cookies.read(cookies.BROWSER)


def _accounts() -> Any:
    return current_app.extensions["yobirin.accounts"]


def _status(refused: YobirinError | None) -> int:
    if refused is None:
        return 200
    return 429 if isinstance(refused, Unavailable) else 422


def _problem(refused: YobirinError | None) -> str:
    if refused is None:
        return ""
    if isinstance(refused, Unavailable):
        return sentences.said(refused) or _("There were too many attempts. Wait a few minutes, then try again.")
    return sentences.said(refused) or _("This code is not right.")
