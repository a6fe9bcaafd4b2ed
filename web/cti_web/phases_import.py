"""Importing deals from a file, for who sets phases up: first a look at what would come of it, then the import."""

from __future__ import annotations

import io
from operator import attrgetter
from typing import Any, Final, cast

from flask import Blueprint, Response, current_app, make_response, redirect, request, url_for
from flask_babel import gettext as _

from cti_adapters.storage.customer_file import encoding_of
from cti_server.phases.deal_file import RefusedRow
from cti_server.shared.errors import Invalid, YobirinError
from cti_web.answers import asked_for, fragment, page
from cti_web.deal_imports import Busy, DealImport, DealImports
from cti_web.phases import phases
from cti_web.sentences import said
from cti_web.viewer import desk, needs, present, signed_in

blueprint = Blueprint("phases_import", __name__)

MOST_BYTES: Final = 4 * 2**20
"""Of a file on the page; larger ones take the command, which shows how far it is."""


@blueprint.get("/admin/phases/<int:service>/import")
@signed_in
@needs("phases")
def show(service: int) -> Response:
    """The form."""
    return _form(service)


@blueprint.post("/admin/phases/<int:service>/import")
@signed_in
@needs("phases")
def bring(service: int) -> Response:
    """Begins to look at a file, or to import it."""
    given = request.files.get("file")
    body = given.read(MOST_BYTES + 1) if given is not None else b""
    if not body:
        return _form(service, _("Choose a CSV file."))
    if len(body) > MOST_BYTES:
        return _form(service, _("A file on this page has 4 MB at most; for larger ones use “cti deals import”."))
    with desk() as use:
        phases(use).set_up_service(service)  # not found where there is none
    file = io.BytesIO(body)
    try:
        text = io.TextIOWrapper(file, encoding_of(file), newline="").read()
    except Invalid as bad:
        return _form(service, said(bad) or _("This is no file of deals that can be read."))
    return _begin(service, text)


@blueprint.get("/admin/phases/<int:service>/import/<deal_import>")
@signed_in
@needs("phases")
def shown(service: int, deal_import: str) -> Response:
    """How far an import is, and what came of it; fetched again until it is over."""
    one = _imports().get(present(), deal_import)
    if one is None or one.service != service:
        return _gone(service)
    values: dict[str, Any] = {"one": one, "key": deal_import, "refused": _refused(one), "problem": _problem(one)}
    if asked_for():
        return fragment("phases/import_state.html", service_id=service, **values)
    with desk() as use:
        return page(use, "phases/import_page.html", service=phases(use).set_up_service(service), **values)


@blueprint.post("/admin/phases/<int:service>/import/<deal_import>")
@signed_in
@needs("phases")
def go_on(service: int, deal_import: str) -> Response:
    """Imports a file that was looked at."""
    one = _imports().get(present(), deal_import)
    if one is None or one.service != service or not one.text:
        return _gone(service)
    return _begin(service, one.text)


def _begin(service: int, text: str) -> Response:
    try:
        key = _imports().begin(present(), service, text, only_look=request.form.get("do") != "import")
    except Busy:
        return _form(service, _("Other imports are under way; try again in a few minutes."))
    except Invalid as bad:
        return _form(service, said(bad) or _("This is no file of deals that can be read."))
    return make_response(redirect(url_for("phases_import.shown", service=service, deal_import=key), 303))


def _gone(service: int) -> Response:
    problem = _(
        "This import is not known any more: the server was started again, or others came after it. What was in by then "
        "stays; choose the file again."
    )
    return _form(service, problem, 404)


def _form(service: int, problem: str = "", status: int = 422) -> Response:
    with desk() as use:
        answer = page(use, "phases/import.html", service=phases(use).set_up_service(service), problem=problem)
    answer.status_code = status if problem else 200
    return answer


def _refused(one: DealImport) -> list[tuple[RefusedRow, str]]:
    rows = sorted(one.done.refused, key=attrgetter("line"))
    return [(row, said(Invalid(row.sentence)) or row.sentence) for row in rows]


def _problem(one: DealImport) -> str:
    if one.problem is None:
        return ""
    sentence = said(one.problem) if isinstance(one.problem, YobirinError) else ""
    return sentence or _("It was broken off; the server's log says why.")


def _imports() -> DealImports:
    """This process's imports."""
    extensions: Any = current_app.extensions
    return cast(DealImports, extensions["yobirin.deal_imports"])
