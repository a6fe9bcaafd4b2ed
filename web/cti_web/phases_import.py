"""Importing deals from a file, for who sets phases up: first a look at what would come of it, then the import."""

from __future__ import annotations

import io
from typing import Any, Final

from flask import Blueprint, Response, current_app, request
from flask_babel import gettext as _

from cti_adapters.storage.customer_file import encoding_of
from cti_adapters.storage.deal_import import import_deals
from cti_server.phases.desk_importing import Brought
from cti_server.shared.errors import Invalid
from cti_web.answers import page
from cti_web.phases import phases
from cti_web.sentences import said
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("phases_import", __name__)

MOST_BYTES: Final = 4 * 2**20
"""Of a file on the page; larger ones take the command, which shows how far it is."""


@blueprint.get("/admin/phases/<int:service>/import")
@signed_in
@needs("phases")
def show(service: int) -> Response:
    """The form."""
    return _page(service)


@blueprint.post("/admin/phases/<int:service>/import")
@signed_in
@needs("phases")
def bring(service: int) -> Response:
    """Looks at a file, or imports it."""
    given = request.files.get("file")
    body = given.read(MOST_BYTES + 1) if given is not None else b""
    if not body:
        return _page(service, problem=_("Choose a CSV file."))
    if len(body) > MOST_BYTES:
        return _page(
            service, problem=_("A file on this page has 4 MB at most; for larger ones use “cti deals import”.")
        )
    only_look = request.form.get("do") != "import"
    extensions: Any = current_app.extensions
    try:
        file = io.BytesIO(body)
        text = io.TextIOWrapper(file, encoding_of(file), newline="")
        done = import_deals(
            extensions["yobirin.database"],
            text,
            service,
            viewer,
            extensions["yobirin.clock"],
            wake=extensions["yobirin.outbox"].wake,
            only_look=only_look,
        )
    except Invalid as bad:
        return _page(service, problem=said(bad) or _("This is no file of deals that can be read."))
    return _page(service, done=done, only_look=only_look)


def _page(service: int, *, done: Brought | None = None, only_look: bool = True, problem: str = "") -> Response:
    refused = [(row, said(Invalid(row.sentence)) or row.sentence) for row in done.refused] if done else []
    with desk() as use:
        values: dict[str, Any] = {"service": phases(use).set_up_service(service), "done": done, "refused": refused}
        answer = page(use, "phases/import.html", only_look=only_look, problem=problem, **values)
    answer.status_code = 422 if problem else 200
    return answer
