"""The contact record that a reviewer asks the viewer for: the page on which it is made (spec C6)."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _

from cti_web.answers import Undo, done, page
from cti_web.record_requests import record_requests
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("desk_requests", __name__)


@blueprint.get("/desk/requests/<int:asked>")
@signed_in
@needs("handle")
def show(asked: int) -> Response:
    """What is asked for, and the contact form of its call."""
    with desk() as use:
        found = record_requests(use).asked(asked)
        return page(use, "desk/request.html", one=found, call=use.call(found.call))


@blueprint.post("/desk/requests/<int:asked>/record")
@signed_in
@needs("handle")
def record(asked: int) -> Response:
    """Saves the record of the call; that answers the request."""
    form = request.form
    with desk() as use:
        found = record_requests(use).asked(asked)
        item = use.call(found.call).row.item
        row = use.record(
            item,
            [found.call],
            found.customer or None,
            form.get("kind", "contact"),
            form.get("channel", "phone"),
            form.get("result", ""),
            form.get("note", ""),
        )
        undo = Undo(url_for("desk.undo"), what="record", history=row.id, **({"item": item} if item else {}))
        return done(_("Saved; the reviewer sees it"), then=url_for("desk.show"), undo=undo)
