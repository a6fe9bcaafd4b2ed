"""Single sign-on: to the firm's own sign-in and back (OpenID Connect). Whoever comes back has to be a user here."""

from __future__ import annotations

import secrets
from typing import Any, Final, cast
from urllib.parse import urljoin

from flask import Blueprint, Response, current_app, redirect, render_template, request, session, url_for
from flask_babel import gettext as _

from cti_adapters.single_sign_on import Begun, Identity, Provider
from cti_server.settings import Settings
from cti_server.shared.errors import Invalid, Unavailable, YobirinError
from cti_web import cookies, sentences
from cti_web.answers import private
from cti_web.second_factor import entered
from cti_web.viewer import public, safe_path

blueprint = Blueprint("oidc", __name__)

KEPT: Final = "single-sign-on"
"""What the signed cookie of the forms remembers while the browser is there."""
LONGEST_HINT: Final = 3000
"""Characters of an ID token that a cookie takes; without it the provider asks whether to sign out."""


def provider() -> Provider | None:
    """The firm's sign-in; null where the settings name none."""
    return cast("Provider | None", current_app.extensions["yobirin.single_sign_on"])


def register(app: Any, settings: Settings, clock: Any) -> None:
    """Makes the provider of the settings known to the pages."""
    oidc = settings.signin.oidc
    app.extensions["yobirin.single_sign_on"] = Provider(oidc, clock) if oidc is not None else None
    app.jinja_env.globals["single_sign_on"] = oidc
    app.jinja_env.globals["passwords_for"] = settings.signin.passwords


@blueprint.get("/signin/oidc")
@public
def leave() -> Any:
    """Goes to the firm's sign-in."""
    known = provider()
    if known is None:
        return redirect(url_for("signin.show"), 303)
    begun = Begun(*(secrets.token_urlsafe(32) for _one in Begun._fields))
    try:
        address = known.begin(begun, _back())
    except Unavailable as away:
        return refused(away)
    session[KEPT] = [*begun, safe_path(request.args.get("next"))]
    return redirect(address, 303)


@blueprint.get("/signin/oidc/back")
@public
def come_back() -> Any:
    """Takes up who comes back from there; each time that somebody leaves does for one coming back."""
    known, kept = provider(), session.pop(KEPT, None)
    if known is None or not isinstance(kept, list) or len(kept) != len(Begun._fields) + 1:
        return redirect(url_for("signin.show", late="1"), 303)
    *begun, onward = kept
    try:
        identity: Identity = known.finish(Begun(*begun), request.args, _back())
        accounts = current_app.extensions["yobirin.accounts"]
        token = accounts.sign_in_as(identity.login, request.remote_addr or "")
    except (Invalid, Unavailable) as bad:
        return refused(bad)
    response = entered(cast(Response, redirect(safe_path(onward), 303)), token)
    cookies.put(response, cookies.THERE, identity.id_token if len(identity.id_token) <= LONGEST_HINT else "-")
    return response


def out_address() -> str:
    """Where a browser that signed in there signs out there; empty where it needs not."""
    known, hint = provider(), cookies.read(cookies.THERE)
    if known is None or not hint or not cast(Settings, current_app.extensions["yobirin.settings"]).signin.oidc:
        return ""
    return known.end(hint if hint != "-" else "", _absolute(url_for("signin.show", out="1")))


def refused(error: YobirinError) -> Response:
    """The door again, with what went wrong there."""
    said = sentences.said(error)
    if not said:
        said = _("You are not a user here. Ask an administrator to add you with the login that you have there.")
    status = 503 if isinstance(error, Unavailable) else 403
    values: dict[str, Any] = {"problem": said, "login": "", "next": "", "out": False, "late": False}
    return private(render_template("signin.html", **values), status)


def _back() -> str:
    return _absolute(url_for("oidc.come_back"))


def _absolute(path: str) -> str:
    settings = cast(Settings, current_app.extensions["yobirin.settings"])
    return urljoin(settings.server.public_url or request.host_url, path)
