"""Users, for who looks after them: the list, one user with their sessions, adding, changing, locking out (spec/50)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import available_timezones

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.identity.accounts import User
from cti_server.identity.administering import key_of, state_of
from cti_server.identity.desk import Accounts
from cti_server.identity.people_ports import WantedUsers
from cti_server.shared.errors import Conflict, Invalid
from cti_web import second_factor, stand_ins
from cti_web.answers import asked_for, done, fragment, page
from cti_web.me import ZONES
from cti_web.sentences import said
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("users", __name__)

FILTERS: Final = ("q", "branch", "role", "state")
FIELDS: Final = ("id", "login", "name", "kana", "mail", "branch", "role", "language", "timezone")


@blueprint.get("/admin/users")
@signed_in
@needs("users")
def show() -> Response:
    """Those whom the viewer looks after."""
    chosen = {name: request.args[name].strip() for name in FILTERS if request.args.get(name, "").strip()}
    state = chosen.get("state", "")
    wanted = WantedUsers(
        chosen.get("q", "")[:100],
        chosen.get("branch", ""),
        chosen.get("role", ""),
        cast(Any, state if state in ("active", "locked") else ""),
    )
    found = accounts().people(viewer, wanted, request.args.get("after", ""))
    branches, roles = accounts().choices(viewer)
    values: dict[str, Any] = {"found": found, "chosen": chosen, "branches": branches, "roles": roles}
    if asked_for() == "y-more":
        return fragment("users/rows.html", **values)
    if asked_for() == "y-results":
        return fragment("users/results.html", **values)
    with desk() as use:
        return page(use, "users/page.html", **values)


@blueprint.get("/admin/users/new-user")
@signed_in
@needs("users")
def new() -> Response:
    """The form of a user who is not there yet."""
    with desk() as use:
        return _new(use, {"branch": viewer.branch, "role": "rep", "language": "ja"})


@blueprint.post("/admin/users/new-user")
@signed_in
@needs("users")
def add() -> Response:
    """Adds one, and shows the first password, this once."""
    form = _read()
    try:
        password = accounts().add(viewer, _user(form["id"], form))
    except Invalid as refused:
        with desk() as use:
            return _new(use, form, refused)
    return _one(" ".join(form["id"].split()), password=password)


@blueprint.get("/admin/users/<user>")
@signed_in
@needs("users")
def one(user: str) -> Response:
    """One user."""
    return _one(user)


@blueprint.post("/admin/users/<user>")
@signed_in
@needs("users")
def change(user: str) -> Response:
    """Saves what was changed."""
    accounts().within(viewer, user)
    form = _read()
    try:
        accounts().change(viewer, _user(user, form), request.form.get("seen", ""))
    except (Invalid, Conflict) as refused:
        return _one(user, form, refused)
    return done(_("Saved"), then=url_for("users.one", user=user))


@blueprint.post("/admin/users/<user>/lock")
@signed_in
@needs("users")
def lock(user: str) -> Response:
    """Keeps a user out, or lets them in again."""
    locked = request.form.get("locked") == "1"
    try:
        accounts().lock(viewer, user, locked)
    except Invalid as refused:
        return _one(user, refused=refused)
    text = _("Locked out, everywhere and at once") if locked else _("May sign in again")
    return done(text, then=url_for("users.one", user=user))


@blueprint.get("/admin/users/<user>/leave")
@signed_in
@needs("users")
def ask_to_leave(user: str) -> Response:
    """What somebody has who leaves, and who takes it over."""
    return _farewell(user)


@blueprint.post("/admin/users/<user>/leave")
@signed_in
@needs("users")
def leave(user: str) -> Response:
    """They are out, and what is theirs goes to a colleague."""
    to, without = request.form.get("to", ""), request.form.get("without") == "1"
    try:
        accounts().leave(viewer, user, to, without=without)
    except Invalid as refused:
        return _farewell(user, refused)
    return done(_("They are out; what was theirs goes over"), then=url_for("users.one", user=user))


@blueprint.post("/admin/users/<user>/password")
@signed_in
@needs("users")
def new_password(user: str) -> Response:
    """Another password, shown this once."""
    return _one(user, password=accounts().new_password(viewer, user))


@blueprint.post("/admin/users/<user>/second-factor")
@signed_in
@needs("users")
def reset_factor(user: str) -> Response:
    """Takes a lost second factor away."""
    accounts().within(viewer, user)
    second_factor.factors().reset(user, viewer.id)
    return done(_("The second factor is taken away"), then=url_for("users.one", user=user))


@blueprint.post("/admin/users/<user>/stand-ins")
@signed_in
@needs("users")
def name_stand_in(user: str) -> Response:
    """Names somebody who stands in for a user."""
    try:
        stand_ins.name(user)
    except stand_ins.NotNamed as refused:
        return _one(user, other=refused.problem)
    return done(_("The stand-in is named"), then=url_for("users.one", user=user, _anchor="y-stand-ins"))


@blueprint.post("/admin/users/<user>/sessions")
@signed_in
@needs("users")
def end_session(user: str) -> Response:
    """Ends one session of a user, or all."""
    accounts().end_session(viewer, user, request.form.get("session", ""))
    return done(_("Signed out there"), then=url_for("users.one", user=user))


def accounts() -> Accounts:
    """The use cases."""
    return cast(Accounts, current_app.extensions["yobirin.accounts"])


def _read() -> dict[str, str]:
    return {name: request.form.get(name, "") for name in FIELDS}


def _user(user_id: str, form: Mapping[str, str]) -> User:
    zone = form["timezone"].strip()
    if zone and zone not in available_timezones():
        raise Invalid("There is no time zone of this name; choose one such as Asia/Tokyo", "timezone", "wrong-zone")
    language = "en" if form["language"] == "en" else "ja"
    return User(
        user_id,
        form["login"],
        form["name"],
        form["branch"],
        form["role"],
        form["kana"],
        form["mail"],
        language,
        timezone=zone,
    )


def _new(use: Desk, form: Mapping[str, str], refused: Invalid | None = None) -> Response:
    answer = page(use, "users/new.html", form=form, **_choices(), **_problem(refused))
    answer.status_code = 422 if refused else 200
    return answer


def _farewell(user: str, refused: Invalid | None = None) -> Response:
    try:
        found = accounts().farewell(viewer, user)
    except Invalid as own:
        return _one(user, refused=own)
    with desk() as use:
        answer = page(use, "users/leave.html", found=found, **_problem(refused))
    answer.status_code = 422 if refused else 200
    return answer


def _one(
    user: str,
    form: Mapping[str, str] | None = None,
    refused: Invalid | Conflict | None = None,
    password: str = "",
    other: str = "",
) -> Response:
    person = accounts().person(viewer, user)
    form = form or {name: getattr(person.user, name) for name in FIELDS}
    values = {"person": person, "form": form, "password": password, "seen": state_of(person.user), "key_of": key_of}
    problem = {"problem": other, "field": ""} if other else _problem(refused)
    with desk() as use:
        answer = page(use, "users/one.html", **values, **_choices(), **problem, **stand_ins.parts(user))
    if other:
        answer.status_code = 422
    if refused is not None:
        answer.status_code = 409 if isinstance(refused, Conflict) else 422
    return answer


def _choices() -> dict[str, Any]:
    branches, roles = accounts().choices(viewer)
    return {"branches": branches, "roles": roles, "zones": ZONES}


def _problem(refused: Invalid | Conflict | None) -> dict[str, str]:
    if refused is None:
        return {"problem": "", "field": ""}
    problem = said(refused) or _("Something in what you entered does not fit")
    return {"problem": problem, "field": getattr(refused, "field", None) or ""}
