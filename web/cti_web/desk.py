"""The desk: the worklist, one item with all that is needed to deal with it, and the bell (spec C5)."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, get_args
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from cti_server.calls.views import ItemView, Tab, Worklist
from cti_server.shared.errors import Invalid
from cti_server.shared.viewer import Right
from cti_web import formats, periods
from cti_web.answers import Undo, asked_for, counts_of_today, done, fragment, page, wants_fragment
from cti_web.phases import phases
from cti_web.record_requests import record_requests
from cti_web.typed import whole
from cti_web.viewer import desk, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("desk", __name__)

BELL_ROWS: Final = 12
BEGINNINGS: Final[tuple[tuple[Right, str], ...]] = (
    ("handle", "desk.show"),
    ("exchanges", "exchanges.show"),
    ("simulator", "sim.show"),
)
"""Where the day begins, by the first right that somebody has of these."""
WHOLE_LIST: Final = "desk/list.html"


@blueprint.get("/")
@signed_in
def home() -> Any:
    """Who handles calls begins at the desk, who looks after exchanges there, a tester at the simulator."""
    own = (page for right, page in BEGINNINGS if viewer.may(right))
    return redirect(url_for(next(own, "desk.show")))


@blueprint.get("/desk")
@signed_in
def show() -> Response:
    """The worklist, with nothing opened yet."""
    with desk() as use:
        work = _worklist(use)
        if asked_for() == "y-list":
            return fragment(WHOLE_LIST, **work)
        if asked_for() == "y-more":
            return fragment("desk/rows.html", **work)
        return page(use, "desk/page.html", item=None, **work)


@blueprint.get("/desk/<int:item>")
@signed_in
def open_item(item: int) -> Response:
    """One item, beside the list."""
    with desk() as use:
        seen = use.item(item)
        if asked_for() == "y-item":
            return fragment("desk/item.html", **_item(use, seen))
        if asked_for() == "y-draft" and seen.draft:
            wording = seen.customer.language if seen.customer else formats.language()
            return fragment("desk/draft.html", item=seen, draft=seen.draft, wording=wording)
        if asked_for() == "y-item-news":
            return fragment("desk/news.html", **_item(use, seen))
        return page(use, "desk/page.html", **_worklist(use), **_item(use, seen))


@blueprint.get("/desk/today")
@signed_in
def today() -> Response:
    """How far the day is: calls handled and open."""
    with desk() as use:
        return fragment("desk/today.html", counts=counts_of_today(use))


@blueprint.get("/bell")
@signed_in
def bell() -> Response:
    """What is open, from the edge of every page."""
    with desk() as use:
        work = use.worklist("open", None, None, None, BELL_ROWS)
        return fragment("desk/bell.html", work=work)


@blueprint.get("/bell/count")
@signed_in
def bell_count() -> Response:
    """The numbers of the bell and the badges."""
    with desk() as use:
        return fragment("desk/badges.html", counts=counts_of_today(use), asked_count=record_requests(use).count())


def _tab() -> Tab:
    asked = request.args.get("tab", "open")
    return asked if asked in get_args(Tab) else "open"  # type: ignore[return-value]


def _worklist(use: Desk) -> dict[str, Any]:
    """The list that the address asks for. What is open stays listed until it is dealt with, however old: only a
    period that was chosen narrows it; what is done is listed for the period (today unless chosen)."""
    tab = _tab()
    period = periods.read(request.args, viewer.timezone, formats.now())
    bounded = tab == "done" or period.key != "today"
    since, until = (period.since, period.until) if bounded else (None, None)
    work: Worklist = use.worklist(tab, since, until, request.args.get("after"), 50)
    counts = use.counts(period.since, period.until)
    address = period.address | ({} if tab == "open" else {"tab": tab})
    asked = record_requests(use).mine() if viewer.may("handle") and not request.args.get("after") else []
    return {"work": work, "counts": counts, "tab": tab, "period": period, "address": address, "asked": asked}


def _item(use: Desk, seen: ItemView) -> dict[str, Any]:
    deals = phases(use).open_deals(seen.customer.code) if seen.customer else []
    return {"item": seen, "blank": request.form, "deals": deals}


# --- acts ------------------------------------------------------------------------------------------------------------


@blueprint.post("/desk/<int:item>/record")
@signed_in
def record(item: int) -> Response:
    """Saves what was done for the customer; the item's calls are handled with it."""
    form = request.form
    with desk() as use:
        row = use.record(
            item,
            [],
            form.get("customer") or None,
            form.get("kind", "contact"),
            form.get("channel", "phone"),
            form.get("result", ""),
            form.get("note", ""),
        )
        undo = Undo(url_for("desk.undo"), what="record", history=row.id, item=item)
        return _next(use, _("Saved and done"), undo)


@blueprint.post("/desk/<int:item>/done")
@signed_in
def handled(item: int) -> Response:
    """Marks the item's calls handled, without a record."""
    with desk() as use:
        calls = [call.id for call in use.item(item).calls if call.open]
        use.handle(calls)
        text = ngettext("%(num)d call marked handled", "%(num)d calls marked handled", len(calls))
        return _next(use, text, Undo(url_for("desk.undo"), what="handled", calls=calls, item=item))


def _next(use: Desk, text: str, undo: Undo | None) -> Response:
    """After something was dealt with: the next open item takes its place."""
    following = use.worklist("open", None, None, None, 1).items
    where = url_for("desk.open_item", item=following[0].id) if following else url_for("desk.show")
    if not wants_fragment():
        return done(text, then=where, undo=undo)
    seen = use.item(following[0].id) if following else None
    body = fragment("desk/item.html", **_item(use, seen)) if seen else fragment("desk/item.html", item=None)
    body.headers["HX-Push-Url"] = where
    return done(text, then=where, undo=undo, body=body)


def _again(use: Desk, item: int, text: str, undo: Undo | None = None) -> Response:
    """After an act that leaves the item open: the item as it is now."""
    where = url_for("desk.open_item", item=item)
    if not wants_fragment():
        return done(text, then=where, undo=undo)
    return done(text, then=where, undo=undo, body=fragment("desk/item.html", **_item(use, use.item(item))))


@blueprint.get("/desk/<int:item>/snooze")
@signed_in
def ask_snooze(item: int) -> Response:
    """Asks until when, and why."""
    with desk() as use:
        return fragment("desk/snooze.html", item=use.item(item), choices=_snooze_choices())


def _snooze_choices() -> list[tuple[str, str, float]]:
    """(key, words, moment): in an hour, this afternoon, tomorrow morning, Monday morning, in the viewer's zone."""
    now = datetime.fromtimestamp(formats.now(), ZoneInfo(viewer.timezone))
    tomorrow, monday = now.date() + timedelta(days=1), now.date() + timedelta(days=7 - now.weekday())
    morning = time(9, 0)
    choices = [("hour", _("In an hour"), now + timedelta(hours=1))]
    if now.hour < 13:
        choices.append(("afternoon", _("This afternoon"), datetime.combine(now.date(), time(13, 30), now.tzinfo)))
    choices.append(("tomorrow", _("Tomorrow morning"), datetime.combine(tomorrow, morning, now.tzinfo)))
    if monday != tomorrow:
        choices.append(("monday", _("Monday morning"), datetime.combine(monday, morning, now.tzinfo)))
    return [(key, words, at.timestamp()) for key, words, at in choices]


@blueprint.post("/desk/<int:item>/snooze")
@signed_in
def snooze(item: int) -> Response:
    """Puts the item off to a date, with the reason."""
    until = _until(request.form.get("when", ""), request.form.get("day", ""), request.form.get("time", ""))
    with desk() as use:
        use.snooze(item, until, request.form.get("reason", "").strip())
        text = _(
            "Put off until %(when)s", when=formats.moment(until, formats.now(), viewer.timezone, formats.language())
        )
        return _next(use, text, Undo(url_for("desk.undo"), what="snooze", item=item))


def _until(when: str, on: str, at: str) -> float:
    for key, _words, moment in _snooze_choices():
        if key == when:
            return moment
    try:
        chosen = datetime.fromisoformat(f"{on}T{at or '09:00'}").replace(tzinfo=ZoneInfo(viewer.timezone))
    except ValueError as bad:
        raise Invalid(_("Choose a day and a time to which it is put off."), "day", "snooze-day") from bad
    return chosen.timestamp()


@blueprint.get("/desk/<int:item>/hand-on")
@signed_in
def ask_hand_on(item: int) -> Response:
    """Asks whom to pass it on to."""
    with desk() as use:
        return fragment("desk/hand_on.html", item=use.item(item), people=use.assignees(item))


@blueprint.post("/desk/<int:item>/hand-on")
@signed_in
def hand_on(item: int) -> Response:
    """Passes the item on to a colleague who may see the customer."""
    form = request.form
    with desk() as use:
        names = dict(use.assignees(item))
        use.hand_on(item, form.get("to", ""), form.get("note", "").strip())
        text = _("Passed on to %(name)s", name=names.get(form.get("to", ""), ""))
        return _next(use, text, Undo(url_for("desk.undo"), what="handed", item=item))


@blueprint.post("/desk/<int:item>/pick")
@signed_in
def pick(item: int) -> Response:
    """Says which of the candidates the caller is."""
    with desk() as use:
        use.pick(item, request.form.get("customer", ""))
        return _again(use, item, _("The calls belong to this customer now"))


@blueprint.post("/desk/<int:item>/note")
@signed_in
def save_note(item: int) -> tuple[str, int]:
    """Keeps what is being typed; nothing is lost when the page goes."""
    with desk() as use:
        use.save_note(item, request.form.get("note", ""))
    return "", 204


@blueprint.get("/desk/<int:item>/draft")
@signed_in
def draft(item: int) -> Response:
    """The callback draft in another language."""
    with desk() as use:
        seen = use.item(item)
        text = use.draft(item, request.args.get("language"))
        return fragment("desk/draft.html", item=seen, draft=text, wording=request.args.get("language"))


@blueprint.post("/desk/<int:item>/mail")
@signed_in
def send_mail(item: int) -> Response:
    """Sends the draft; that is a contact-history record by itself."""
    form = request.form
    with desk() as use:
        use.send_mail(item, form.get("to", "").strip(), form.get("subject", "").strip(), form.get("body", ""))
        return _again(use, item, _("The mail is on its way, and is in the contact history"))


@blueprint.post("/desk/<int:item>/dial")
@signed_in
def dial(item: int) -> Response:
    """Calls back through the exchange: first the viewer's telephone rings, then the customer's."""
    with desk() as use:
        use.dial(item, request.form.get("number") or None)
        if not wants_fragment():
            return done(_("Your telephone will ring"), then=url_for("desk.open_item", item=item))
        return fragment("desk/dialling.html", item=use.item(item))


@blueprint.post("/desk/undo")
@signed_in
def undo() -> Response:
    """Takes an act back."""
    form = request.form
    item = whole(form.get("item", ""))
    with desk() as use:
        match form.get("what"):
            case "record":
                use.undo_history(int(form["history"]))
            case "handled":
                use.reopen([call for call in form.get("calls", "").split(",") if call])
            case "snooze" if item is not None:
                use.unsnooze(item)
            case "handed" if item is not None:
                use.undo_hand_on(item)
            case _:
                raise Invalid(_("There is nothing to undo any more."), "what", "undo-unknown")
    return done(_("Undone"), then=url_for("desk.open_item", item=item) if item else url_for("desk.show"))
