"""The phases pages of a rep: what to do next, what came of it, and who takes the customer then (spec P1, P2, P4)."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask_babel import gettext as _

from cti_server.phases.desk import PhaseDesk
from cti_server.phases.desk_moving import Signed
from cti_server.phases.filling import day, number
from cti_server.phases.model import Deal, NewDeal, Service
from cti_server.phases.money import Money, money
from cti_server.shared.clock import Clock
from cti_web import phase_words, typed
from cti_web.answers import Undo, asked_for, done, fragment, page, private
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("phases", __name__)

MORNING = 9
"""The hour at which a deal that was put off to a day is suggested again."""


def phases(use: Desk) -> PhaseDesk:
    """The use cases of the phases room, in the same transaction as the desk's."""
    return PhaseDesk(cast(Any, use.work), viewer, cast(Clock, current_app.extensions["yobirin.clock"]))


@blueprint.get("/phases")
@signed_in
def show() -> Response:
    """The viewer's deals, and the most urgent one."""
    with desk() as use:
        room = phases(use)
        mine = room.mine()
        if asked_for() == "y-deals":
            return fragment("phases/list.html", mine=mine, chosen=request.args.get("chosen", 0, int))
        first = room.deal(mine.rows[0].id) if mine.rows else None
        return page(use, "phases/page.html", mine=mine, view=first, chosen=first.deal.id if first else 0, opened=False)


@blueprint.get("/phases/<int:deal>")
@signed_in
def one(deal: int) -> Response:
    """One deal: the suggestion, its reason, and the input items."""
    with desk() as use:
        room = phases(use)
        view = room.deal(deal)
        if asked_for() == "y-suggestion":
            return fragment("phases/suggestion.html", view=view)
        return page(use, "phases/page.html", mine=room.mine(), view=view, chosen=deal, opened=True)


# --- acting ---


@blueprint.post("/phases/<int:deal>/begin")
@signed_in
@needs("handle")
def begin(deal: int) -> Response:
    """An action begins."""
    with desk() as use:
        phases(use).begin(deal, cast(Any, request.form.get("kind", "")))
    return done(_("Begun"), then=url_for("phases.one", deal=deal))


@blueprint.post("/phases/<int:deal>/finish")
@signed_in
@needs("handle")
def finish(deal: int) -> Response:
    """An action is over."""
    with desk() as use:
        phases(use).finish(deal, request.form.get("action", 0, int), request.form.get("note", ""))
    return done(_("Recorded"), then=url_for("phases.one", deal=deal))


@blueprint.post("/phases/<int:deal>/log")
@signed_in
@needs("handle")
def log(deal: int) -> Response:
    """Something was done, or came, just now."""
    with desk() as use:
        phases(use).log(deal, cast(Any, request.form.get("kind", "")), request.form.get("note", ""))
    return done(_("Recorded"), then=url_for("phases.one", deal=deal))


@blueprint.post("/phases/<int:deal>/type/<int:item>")
@signed_in
@needs("handle")
def type_in(deal: int, item: int) -> Response:
    """Keeps what is being typed."""
    with desk() as use:
        phases(use).type(deal, item, request.form.get(f"item-{item}", ""))
    return private("", 204)


@blueprint.post("/phases/<int:deal>/save")
@signed_in
@needs("handle")
def save(deal: int) -> Response:
    """Saves the input items; where the phase is complete, on to who takes the deal then."""
    with desk() as use:
        found = phases(use).save(deal, typed.items(request.form))
    if found.complete and request.form.get("then") == "next":
        return done(_("Saved"), then=url_for("phases.ask_next", deal=deal))
    return done(_("Saved"), then=url_for("phases.one", deal=deal))


@blueprint.post("/phases/<int:deal>/put-off")
@signed_in
@needs("handle")
def put_off(deal: int) -> Response:
    """Suggested again on another day."""
    on = day(request.form.get("day", ""), "day")
    until = datetime(on.year, on.month, on.day, MORNING, tzinfo=ZoneInfo(viewer.timezone)).timestamp()
    with desk() as use:
        phases(use).put_off(deal, until)
    return done(_("Put off"), then=url_for("phases.show"))


# --- moving ---


@blueprint.get("/phases/<int:deal>/next")
@signed_in
@needs("handle")
def ask_next(deal: int) -> Response:
    """Who may take the deal in the phase to come (S501, S502)."""
    with desk() as use:
        room = phases(use)
        found = room.next(deal)
        return page(use, "phases/next.html", found=found, view=found.view)


@blueprint.post("/phases/<int:deal>/hand-on")
@signed_in
@needs("handle")
def hand_on(deal: int) -> Response:
    """On to the next phase (S503, S504)."""
    with desk() as use:
        room = phases(use)
        view = room.deal(deal)
        signed = _signed(view.service) if request.form.get("start") else None
        version, picked = request.form.get("version", 0, int), request.form.get("member") or None
        moved = room.hand_on(deal, version, picked, signed)
    if moved.state == "won":
        return done(_("Won"), then=url_for("phases.show"))
    return _moved(moved, _("Handed on"))


@blueprint.get("/phases/<int:deal>/give")
@signed_in
@needs("handle")
def ask_give(deal: int) -> Response:
    """Who else may take the deal in its phase."""
    with desk() as use:
        found = phases(use).others(deal)
        return page(use, "phases/next.html", found=found, view=found.view, within=True)


@blueprint.post("/phases/<int:deal>/give")
@signed_in
@needs("handle")
def give(deal: int) -> Response:
    """Another member takes it over."""
    with desk() as use:
        moved = phases(use).pass_on(deal, request.form.get("version", 0, int), request.form.get("member", ""))
    return _moved(moved, _("Given"))


@blueprint.post("/phases/<int:deal>/back")
@signed_in
@needs("handle")
def back(deal: int) -> Response:
    """Back to the phase before."""
    with desk() as use:
        moved = phases(use).back(deal, request.form.get("reason", ""))
    return _moved(moved, _("Moved back"))


@blueprint.post("/phases/take")
@signed_in
@needs("handle")
def take() -> Response:
    """The viewer has time for one more customer."""
    with desk() as use:
        taken = phases(use).take()
    return done(_("Yours now"), then=url_for("phases.one", deal=taken))


# --- ending ---


@blueprint.post("/phases/<int:deal>/lose")
@signed_in
@needs("handle")
def lose(deal: int) -> Response:
    """Nothing came of it."""
    with desk() as use:
        phases(use).lose(deal, request.form.get("reason", ""))
    return done(_("Lost"), then=url_for("phases.one", deal=deal), undo=Undo(url_for("phases.reopen", deal=deal)))


@blueprint.post("/phases/<int:deal>/cancel")
@signed_in
@needs("handle")
def cancel(deal: int) -> Response:
    """The contract ends."""
    with desk() as use:
        phases(use).cancel(deal, day(request.form.get("end", ""), "end"), request.form.get("reason", ""))
    undo = Undo(url_for("phases.reopen", deal=deal))
    return done(_("Cancelled"), then=url_for("phases.one", deal=deal), undo=undo)


@blueprint.post("/phases/<int:deal>/reopen")
@signed_in
@needs("handle")
def reopen(deal: int) -> Response:
    """Takes the end back."""
    with desk() as use:
        phases(use).reopen(deal)
    return done(_("Opened again"), then=url_for("phases.one", deal=deal))


@blueprint.post("/phases/<int:deal>/contract")
@signed_in
@needs("handle")
def contract(deal: int) -> Response:
    """Another price, plan or day."""
    with desk() as use:
        room = phases(use)
        signed = _signed(room.deal(deal).service)
        first = day(request.form.get("first_contact", ""), "first_contact")
        room.change_contract(deal, first, signed.start, signed.price, signed.plan)
    return done(_("Saved"), then=url_for("phases.one", deal=deal))


# --- opening ---


@blueprint.get("/phases/open/<code>")
@signed_in
@needs("handle")
def ask_open(code: str) -> Response:
    """The form of a new deal for a customer."""
    with desk() as use:
        seen = use.customer(code)
        return page(use, "phases/open.html", customer=seen.who, found=phases(use).of_customer(code))


@blueprint.post("/phases/open/<code>")
@signed_in
@needs("handle")
def open_deal(code: str) -> Response:
    """Opens it."""
    form = request.form
    new = NewDeal(
        service=form.get("service", 0, int),
        customer=code,
        title=form.get("title", ""),
        size=cast(Any, form.get("size", "small")),
        source=form.get("source", ""),
        first_contact=day(form.get("first_contact", ""), "first_contact"),
    )
    with desk() as use:
        deal = phases(use).open_deal(new)
    return _moved(deal, _("Opened"))


def _moved(deal: Deal, said: str) -> Response:
    """On to the deal where it is still the viewer's to see, else to their own ones; says who has it now."""
    with desk() as use:
        room = phases(use)
        seen, holder = room.sees(deal.id), room.holder(deal)
    text = _("%(said)s: %(name)s", said=said, name=holder or _("it waits for a member"))
    return done(text, then=url_for("phases.one", deal=deal.id) if seen else url_for("phases.show"))


def _signed(service: Service) -> Signed:
    """The contract that a form holds: a price, or a plan's."""
    form = request.form
    typed, plan = form.get("price", "").strip(), form.get("plan", 0, int) or None
    price = price_of(typed, service) if typed else None
    return Signed(day(form.get("start", ""), "start"), price, plan)


def price_of(typed: str, service: Service) -> Money:
    """A price as it was typed, in the service's currency."""
    return money(number(typed, "price"), service.terms.currency)


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    phase_words.register(app)
    app.jinja_env.globals.update(today=_today)


def _today() -> date:
    clock = cast(Clock, current_app.extensions["yobirin.clock"])
    return datetime.fromtimestamp(clock.now(), ZoneInfo(viewer.timezone)).date()
