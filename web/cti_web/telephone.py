"""The viewer's own telephone: where their calls ring, and sitting down at another one for the day (spec C5)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.identity.telephones import Row, Telephones
from cti_server.shared.clock import Clock
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_web import formats, telephone_words
from cti_web.answers import Undo, asked_for, done, fragment, page, wants_fragment
from cti_web.sentences import said
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("me_telephone", __name__)

OFFERED_MOST = 300


def telephones(use: Desk) -> Telephones:
    """The use cases of telephones, in the same transaction as the desk's."""
    clock = cast(Clock, current_app.extensions["yobirin.clock"])
    return Telephones(cast(Any, use.work).telephones, viewer, clock)


@blueprint.get("/telephone")
@signed_in
@needs("handle")
def show() -> Response:
    """Where the viewer's calls ring now, and the form to sit down elsewhere."""
    with desk() as use:
        if asked_for() == "y-dialog":
            return fragment("telephone/dialog.html", **parts(use))
        if asked_for() == "y-telephone-part":
            return fragment("telephone/part.html", **parts(use))
        return page(use, "telephone/page.html", **parts(use))


@blueprint.get("/telephone/pill")
@signed_in
def pill() -> Response:
    """What the header says of the viewer's telephone."""
    return fragment("telephone/pill.html")


@blueprint.post("/telephone/take")
@signed_in
@needs("handle")
def take() -> Response:
    """Sits down; where somebody else sits there, or it is theirs, asks first."""
    form = request.form
    exchange, extension = form.get("exchange", ""), form.get("extension", "").strip()
    with desk() as use:
        rooms = telephones(use)
        try:
            row = rooms.at(exchange, extension)
            until = _hour(form)
            other = _others(row)
            if other and form.get("sure") != "1":
                return _answer(use, asks=row, other=other)
            rooms.take(exchange, row.extension, until)
        except NotFound:
            return _answer(
                use, problem=_("There is no such extension; ask whoever looks after the exchanges to enter it")
            )
        except (Invalid, Conflict) as refused:
            return _answer(use, problem=said(refused))
        undo = Undo(url_for(".leave")) if row.telephone.user != viewer.id else None
        text = _("You sit at %(number)s now: its calls pop up here", number=row.extension)
        return _done(use, text, undo)


@blueprint.post("/telephone/leave")
@signed_in
@needs("handle")
def leave() -> Response:
    """Sits there no more."""
    with desk() as use:
        row = telephones(use).leave()
        if row is None or row.seat is None:
            return _done(use, _("You sat nowhere else"), None)
        fields = {"exchange": row.exchange, "extension": row.extension, "sure": "1"}
        if not row.seat.at_sign_out:
            fields |= {"how": "hour", "until": formats.clock_time(row.seat.until, viewer.timezone)}
        undo = Undo(url_for(".take"), **fields)
        return _done(use, _("You left %(number)s", number=row.extension), undo)


def parts(use: Desk) -> dict[str, Any]:
    """What the form shows."""
    rooms = telephones(use)
    sites = rooms.to_take()
    return {"mine": rooms.mine(), "sites": sites, "offered": rooms.offered(OFFERED_MOST), "form": request.form}


def _others(row: Row) -> str:
    """Whom it is taken from: who sits there, else whose own it is; empty: nobody."""
    holder = row.seat.user if row.seat is not None else row.telephone.user
    return row.name(holder) if holder not in (None, viewer.id) and row.telephone.user != viewer.id else ""


def _hour(form: Any) -> float | None:
    """The next time that a clock in the viewer's zone shows what was entered; null: until they sign out."""
    if form.get("how") != "hour":
        return None
    try:
        hour = time.fromisoformat(form.get("until", ""))
    except ValueError as bad:
        raise Invalid("Enter an hour such as 18:00", "until", "no-hour") from bad
    zone = ZoneInfo(viewer.timezone)
    today = datetime.fromtimestamp(formats.now(), zone)
    then = datetime.combine(today.date(), hour.replace(tzinfo=None), zone)
    return (then if then > today else then + timedelta(days=1)).timestamp()


def _answer(use: Desk, **more: Any) -> Response:
    if wants_fragment():
        return fragment("telephone/part.html", **parts(use), **more)
    answer = page(use, "telephone/page.html", **parts(use), **more)
    answer.status_code = 422 if more.get("problem") else 200
    return answer


def _done(use: Desk, text: str, undo: Undo | None) -> Response:
    body = None
    if asked_for() == "y-telephone-part":
        body = fragment("telephone/part.html", **(parts(use) | {"form": {}}))
    return done(text, then=url_for(".show"), undo=undo, body=body)


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.globals.update(SEAT_ENDINGS=telephone_words.ENDINGS, EXTENSION_KINDS=telephone_words.KINDS)
