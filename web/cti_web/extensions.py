"""Whose telephone an extension is: the list, who sits where, and changes with what they would do (spec Exchanges)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from cti_server.identity.telephone_ports import Place, Wanted
from cti_server.identity.telephones import Plan, Row, Telephones, state_of
from cti_server.shared.errors import Conflict, Invalid
from cti_web import telephone_words as words
from cti_web.answers import asked_for, done, fragment, page, wants_fragment
from cti_web.sentences import said
from cti_web.telephone import telephones
from cti_web.viewer import desk, needs, signed_in

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("exchanges_extensions", __name__)

KINDS: Final = ("own", "shared", "free", "seated")
FILTERS: Final = ("exchange", "kind", "q")


@blueprint.get("/admin/extensions")
@signed_in
@needs("exchanges")
def show() -> Response:
    """The extensions of the exchanges in the viewer's span, and those that rang though nobody entered them."""
    chosen = {name: request.args[name].strip() for name in FILTERS if request.args.get(name, "").strip()}
    kind = chosen.get("kind", "")
    wanted = Wanted(chosen.get("exchange", ""), cast(Any, kind if kind in KINDS else ""), chosen.get("q", ""))
    after = request.args.get("after_exchange", ""), request.args.get("after_extension", "")
    with desk() as use:
        rooms = telephones(use)
        found = rooms.listed(wanted, Place(*after) if all(after) else None)
        values: dict[str, Any] = {"found": found, "chosen": chosen, "several": len(rooms.sites()) > 1}
        if asked_for() == "y-more":
            return fragment("extensions/rows.html", **values)
        if asked_for() == "y-results":
            return fragment("extensions/results.html", **values)
        return page(use, "extensions/page.html", sites=rooms.sites(), unknown=rooms.unknown(), **values)


@blueprint.get("/admin/extensions/new-extension")
@signed_in
@needs("exchanges")
def new() -> Response:
    """The form of an extension that is not entered yet."""
    given = {name: request.args.get(name, "") for name in ("exchange", "extension")}
    with desk() as use:
        return _form(use, None, given | {"whose": "own", "user": ""})


@blueprint.get("/admin/extensions/<exchange>/<extension>")
@signed_in
@needs("exchanges")
def one(exchange: str, extension: str) -> Response:
    """One extension: whose it is, who sits there, who sat there; and the form to change it."""
    with desk() as use:
        row = telephones(use).one(exchange, extension)
        return _form(use, row, _as_form(row))


@blueprint.post("/admin/extensions/plan")
@signed_in
@needs("exchanges")
def plan() -> Response:
    """What a change would do: whose pop-ups and calls change. Nothing is changed yet."""
    form = _read()
    with desk() as use:
        try:
            planned = _planned(telephones(use), form)
        except Invalid as refused:
            return _refused(use, form, refused)
        if wants_fragment():
            return fragment("extensions/plan.html", plan=planned, form=form, said=words.of_plan(planned))
        return _form(use, planned.now, form, plan=planned, said=words.of_plan(planned))


@blueprint.post("/admin/extensions/save")
@signed_in
@needs("exchanges")
def save() -> Response:
    """Does what was planned. Where somebody else was quicker, nothing is changed."""
    form = _read()
    exchange, extension = form["exchange"], form["extension"].strip()
    with desk() as use:
        rooms = telephones(use)
        try:
            if form["whose"] == "remove":
                rooms.remove(exchange, extension)
            else:
                user, shared = _wish(form)
                rooms.put(exchange, extension, user, shared, new=form["new"] == "1", seen=form["seen"] or None)
        except (Invalid, Conflict) as refused:
            return _refused(use, form, refused)
        text = _("Extension %(number)s is removed", number=extension) if form["whose"] == "remove" else _("Saved")
        return done(text, then=url_for(".show"))


@blueprint.post("/admin/extensions/<exchange>/<extension>/end")
@signed_in
@needs("exchanges")
def end(exchange: str, extension: str) -> Response:
    """Ends that somebody sits there."""
    with desk() as use:
        rooms = telephones(use)
        row = rooms.one(exchange, extension)
        seat = rooms.end(exchange, extension)
        text = _("%(name)s sits at %(number)s no more", name=row.name(seat.user), number=extension)
        return done(text, then=url_for(".one", exchange=exchange, extension=extension))


def _read() -> dict[str, str]:
    names = ("exchange", "extension", "whose", "user", "new", "seen")
    return {name: request.form.get(name, "") for name in names}


def _wish(form: dict[str, str]) -> tuple[str | None, bool]:
    """(user, shared)."""
    if form["whose"] == "own" and not form["user"]:
        raise Invalid("Choose whose it is", "user", "user-missing")
    return (form["user"] if form["whose"] == "own" else None), form["whose"] == "shared"


def _planned(rooms: Telephones, form: dict[str, str]) -> Plan:
    if form["whose"] == "remove":
        row = rooms.one(form["exchange"], form["extension"])
        return Plan(row.site, row.extension, row, None, False, removes=True)
    user, shared = _wish(form)
    return rooms.plan(form["exchange"], form["extension"], user, shared, new=form["new"] == "1")


def _as_form(row: Row) -> dict[str, str]:
    return {
        "exchange": row.exchange,
        "extension": row.extension,
        "whose": row.kind,
        "user": row.telephone.user or "",
        "new": "",
        "seen": state_of(row.telephone),
    }


def _form(use: Desk, row: Row | None, form: dict[str, str], status: int = 200, **more: Any) -> Response:
    rooms = telephones(use)
    past, names = rooms.past(row.exchange, row.extension) if row is not None else ([], {})
    values = {"row": row, "form": form, "sites": rooms.sites(), "staff": rooms.staff(), "past": past, "names": names}
    answer = page(use, "extensions/one.html", **values, **more)
    answer.status_code = status
    return answer


def _refused(use: Desk, form: dict[str, str], refused: Invalid | Conflict) -> Response:
    problem = said(refused) or _("Something in what you entered does not fit")
    known = refused.code == "extension-known" if isinstance(refused, Invalid) else False
    if wants_fragment():
        return fragment("extensions/refused.html", problem=problem, form=form, known=known)
    row = None if form["new"] == "1" else telephones(use).one(form["exchange"], form["extension"])
    status = 409 if isinstance(refused, Conflict) else 422
    return _form(use, row, form, status, problem=problem, known=known)
