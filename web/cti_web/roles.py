"""Roles, for who looks after all users: what each allows, and a change previewed: who would see what (spec/50)."""

from __future__ import annotations

from typing import Any, Final, cast

from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.identity.accounts import Role
from cti_server.identity.roles import CLASS_LIMITS, Roles, role_state
from cti_server.shared.errors import Conflict, Invalid
from cti_server.shared.scope import Span
from cti_server.shared.viewer import RIGHTS
from cti_web.answers import Undo, asked_for, done, fragment, page
from cti_web.sentences import said
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("roles", __name__)

LIMITS: Final = {"".join(map(str, sorted(limit))): limit for limit in CLASS_LIMITS}
"""What a form says of the classes ("23") -> the classes."""


@blueprint.get("/admin/roles")
@signed_in
@needs("users")
def show() -> Response:
    """All roles."""
    rows = accounts().role_list(viewer)
    with desk() as use:
        return page(use, "roles/page.html", rows=rows)


@blueprint.get("/admin/roles/new-role")
@signed_in
@needs("users")
def new() -> Response:
    """The form of one that is not there yet, as a copy of another."""
    rows = accounts().role_list(viewer)
    copied = next((row.role for row in rows if row.role.name == request.args.get("like")), None)
    return _new(copied or Role("", Span.OWN, frozenset({1, 2, 3}), frozenset()), "")


@blueprint.post("/admin/roles/new-role")
@signed_in
@needs("users")
def add() -> Response:
    """Adds one; also brings one back that was removed."""
    name = request.form.get("name", "")[:200]
    role = _read(name, request.form)
    try:
        accounts().add_role(viewer, role)
    except Invalid as refused:
        return _new(role, name, refused)
    return done(_("The role is there"), then=url_for("roles.show"))


@blueprint.get("/admin/roles/<name>")
@signed_in
@needs("users")
def one(name: str) -> Response:
    """One role; with a form's values also what saving them would do."""
    return _one(name, _read(name, request.args) if "span" in request.args else None)


@blueprint.post("/admin/roles/<name>")
@signed_in
@needs("users")
def save(name: str) -> Response:
    """Saves what was previewed."""
    role = _read(name, request.form)
    try:
        before = accounts().save_role(viewer, role, request.form.get("seen", ""))
    except (Invalid, Conflict) as refused:
        return _one(name, role, refused)
    there = url_for("roles.one", name=name)
    return done(_("Saved; it holds at once"), then=there, undo=Undo(there, seen=role_state(role), **fields(before)))


@blueprint.post("/admin/roles/<name>/remove")
@signed_in
@needs("users")
def remove(name: str) -> Response:
    """Removes one that nobody has."""
    try:
        role = accounts().remove_role(viewer, name)
    except Invalid as refused:
        return _one(name, None, refused)
    back = Undo(url_for("roles.add"), name=name, **fields(role))
    return done(_("The role is removed"), then=url_for("roles.show"), undo=back)


def accounts() -> Roles:
    """The use cases."""
    return cast(Roles, current_app.extensions["yobirin.accounts"])


def fields(role: Role) -> dict[str, str | list[str]]:
    """A role as a form says it."""
    return {
        "span": str(role.span),
        "classes": "".join(map(str, sorted(role.classes))),
        "rights": sorted(role.rights),
    }


def _read(name: str, form: Any) -> Role:
    span = form.get("span", "")
    rights = {right for given in form.getlist("rights") for right in given.split(",")}
    return Role(
        name,
        Span(span) if span in set(Span) else Span.OWN,
        LIMITS.get(form.get("classes", ""), frozenset()),
        frozenset(right for right in RIGHTS if right in rights),
    )


def _new(role: Role, name: str, refused: Invalid | None = None) -> Response:
    with desk() as use:
        values = {"form": fields(role), "name": name, "copied": role.name if refused is None else ""}
        answer = page(use, "roles/new.html", limits=LIMITS, **values, **_problem(refused))
    answer.status_code = 422 if refused else 200
    return answer


def _one(name: str, wanted: Role | None, refused: Invalid | Conflict | None = None) -> Response:
    found, preview = accounts().one_role(viewer, name), None
    if wanted is not None and refused is None:
        try:
            preview = accounts().preview_role(viewer, wanted, request.args.get("after", ""))
        except Invalid as wrong:
            refused = wrong
    values: dict[str, Any] = {
        "found": found,
        "preview": preview,
        "form": fields(wanted or found.role),
        "seen": role_state(found.role),
        "limits": LIMITS,
    }
    if preview is not None and asked_for() == "y-more":
        return fragment("roles/preview_rows.html", **values)
    with desk() as use:
        answer = page(use, "roles/one.html", **values, **_problem(refused))
    if refused is not None:
        answer.status_code = 409 if isinstance(refused, Conflict) else 422
    return answer


def _problem(refused: Invalid | Conflict | None) -> dict[str, str]:
    if refused is None:
        return {"problem": "", "field": ""}
    problem = said(refused) or _("Something in what you entered does not fit")
    return {"problem": problem, "field": getattr(refused, "field", None) or ""}
