"""Signing in and out, and the choice of a language before anybody is known."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, session
from flask_babel import gettext

from cti_server.identity.factor_ports import SecondStepNeeded
from cti_server.shared.errors import Invalid, NotAllowed, Unavailable
from cti_web import app as web
from cti_web import cookies, oidc, second_factor, sentences
from cti_web.answers import private
from cti_web.viewer import Accounts, public, safe_path, viewer

blueprint = Blueprint("signin", __name__)

LONGEST = 200
"""Characters of a login or a password that are looked at."""


def accounts() -> Accounts:
    """The identity room's use cases."""
    return cast(Accounts, current_app.extensions["yobirin.accounts"])


@blueprint.get("/signin")
@public
def show() -> Any:
    """The door. Whoever is in already goes on."""
    if viewer:
        return redirect(safe_path(request.args.get("next")), 303)
    return _door()


@blueprint.post("/signin")
@public
def sign_in() -> Any:
    """Signs in and goes on to the page that was asked for. Wrong login and wrong password look the same."""
    login = request.form.get("login", "").strip()[:LONGEST]
    password = request.form.get("password", "")[:LONGEST]
    if not login or not password:
        return _door(422, gettext("Enter your login and your password."), login)
    try:
        token = accounts().sign_in(login, password, request.remote_addr or "", cookies.read(cookies.BROWSER))
    except NotAllowed as refused:
        return _door(403, sentences.said(refused), login)
    except Invalid:
        return _door(401, gettext("Login or password is not right."), login)
    except SecondStepNeeded as more:
        return second_factor.ask(more.token, more.step, request.form.get("next"))
    except Unavailable:
        wait = gettext("There were too many attempts, or the server is very busy. Wait a minute, then try again.")
        return _door(429, wait, login)
    return second_factor.entered(cast(Response, redirect(safe_path(request.form.get("next")), 303)), token)


@blueprint.post("/signout")
@public
def sign_out() -> Any:
    """Ends the session, here and on the live streams. Browsers are told to forget what they hold."""
    token = cookies.read(cookies.SESSION)
    if token:
        accounts().sign_out(token)
    session.clear()
    there = oidc.out_address()
    # Not a redirect: a form's answer may lead nowhere else (form-action), a page of our own may.
    response = private(render_template("signed_out.html", there=there)) if there else redirect("/signin?out=1", 303)
    response = cast(Response, response)
    for name in (cookies.SESSION, cookies.THERE):
        cookies.drop(response, name)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


@blueprint.post("/language")
@public
def choose_language() -> Any:
    """Japanese or English, from now on."""
    chosen = request.form.get("language", "")
    response = cast(Response, redirect(safe_path(request.form.get("next")), 303))
    if chosen in web.LANGUAGES:
        if viewer:
            accounts().set_language(viewer, chosen)
        web.remember_language(response, chosen, cookies.secure())
    return response


def _door(status: int = 200, problem: str = "", login: str = "") -> Response:
    back = request.values.get("next", "")
    values: dict[str, Any] = {"problem": problem, "login": login, "next": safe_path(back) if back else ""}
    values |= {one: one in request.args for one in ("out", "late")}
    return make_response(render_template("signin.html", **values), status)
