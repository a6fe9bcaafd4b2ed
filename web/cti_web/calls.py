"""The call log: all calls in the viewer's scope with filters, and one call with its trail (spec C2, C5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, redirect, request, url_for
from flask_babel import gettext as _

from cti_server.calls.views import CallQuery
from cti_web import formats, periods
from cti_web.answers import Undo, asked_for, done, fragment, gaps_within, page
from cti_web.choices import branches, reps
from cti_web.viewer import desk, signed_in, viewer

blueprint = Blueprint("calls", __name__)

FILTERS: Final = ("branch", "rep", "direction", "outcome", "handled", "digits")


@blueprint.get("/calls")
@signed_in
def show() -> Response:
    """The call log. Every filter stands in the address; a telephone number only by its last four digits."""
    period = periods.read(request.args, viewer.timezone, formats.now())
    filters = chosen(request.args)
    with desk() as use:
        calls = use.calls(query_of(period, filters), request.args.get("after"), 50)
        gaps = gaps_within(use, period) if not request.args.get("after") else []
        values: dict[str, Any] = {
            "calls": calls,
            "gaps": gaps,
            "period": period,
            "chosen": filters,
            "address": period.address | filters,
        }
        if asked_for() == "y-more":
            return fragment("calls/rows.html", **values)
        if asked_for() == "y-results":
            return fragment("calls/results.html", **values)
        return page(use, "calls/page.html", branches=branches(), reps=reps(use), **values)


def chosen(given: Mapping[str, str]) -> dict[str, str]:
    """The filters that are given; of a number only the last four digits."""
    found = {name: given[name] for name in FILTERS if given.get(name)}
    if "digits" in found:
        found["digits"] = "".join(one for one in found["digits"] if one.isdecimal())[-4:]
    return found


def query_of(period: periods.Period, chosen: Mapping[str, str]) -> CallQuery:
    """A period and filters as a question to the call log."""
    return CallQuery(
        since=period.since,
        until=period.until,
        branch=chosen.get("branch"),
        rep=chosen.get("rep"),
        direction=chosen.get("direction"),
        outcome=chosen.get("outcome"),
        handled={"yes": True, "no": False}.get(chosen.get("handled", "")),
        digits=chosen.get("digits"),
    )


@blueprint.get("/calls/<call>")
@signed_in
def one(call: str) -> Response:
    """One call: the facts, its trail, what was done for it."""
    with desk() as use:
        seen = use.call(call)
        receivers = use.receivers() if seen.may_enter_receiver else []
        if asked_for() == "y-call":
            return fragment("calls/one.html", call=seen, receivers=receivers)
        return page(use, "calls/one_page.html", call=seen, receivers=receivers)


@blueprint.post("/calls/<call>/receiver")
@signed_in
def receiver(call: str) -> Response:
    """Enters who took a call at a telephone that several share; empty: it is not known after all."""
    with desk() as use:
        before = use.receive(call, request.form.get("user") or None)
        undo = Undo(url_for("calls.receiver", call=call), user=before or "")
        return done(_("Entered"), then=url_for("calls.one", call=call), undo=undo)


@blueprint.get("/calls/<call>/work")
@signed_in
def open_work(call: str) -> Any:
    """From a pop-up: the item that the call belongs to, else the call itself."""
    with desk() as use:
        item = use.call(call).row.item
    return redirect(url_for("desk.open_item", item=item) if item else url_for("calls.one", call=call))


@blueprint.get("/calls/<call>/hand-on")
@signed_in
def ask_hand_on(call: str) -> Response:
    """From a pop-up: asks whom to pass the call's item on to; a call that makes no item can't be passed on."""
    with desk() as use:
        number = use.call(call).row.item
        if number is None:
            return fragment("desk/no_item.html")
        return fragment("desk/hand_on.html", item=use.item(number), people=use.assignees(number), from_call=True)


@blueprint.post("/calls/<call>/record")
@signed_in
def record(call: str) -> Response:
    """From a pop-up: saves what was said; the call is handled with it."""
    form = request.form
    with desk() as use:
        item = use.call(call).row.item
        customer = form.get("customer") or None
        row = use.record(
            item, [call], customer, "contact", "phone", form.get("result", ""), form.get("note", "").strip()
        )
        undo = Undo(url_for("desk.undo"), what="record", history=row.id, **({"item": item} if item else {}))
        return done(_("Saved and done"), then=url_for("calls.one", call=call), undo=undo)


@blueprint.post("/calls/<call>/handled")
@signed_in
def handled(call: str) -> Response:
    """Marks one call handled."""
    with desk() as use:
        use.handle([call])
        undo = Undo(url_for("desk.undo"), what="handled", calls=[call])
        return done(_("Marked handled"), then=url_for("calls.one", call=call), undo=undo)


@blueprint.post("/calls/<call>/reveal")
@signed_in
def reveal(call: str) -> Response:
    """Shows the whole number; that it was shown is in the trail."""
    with desk() as use:
        return fragment("parts/revealed.html", number=use.reveal(call, request.form.get("reason", "")))
