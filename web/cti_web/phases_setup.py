"""Set-up of phases by an administrator: services with plans, phases and input items; units and members."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from cti_server.phases.availability import Absence, Hours, Staffing
from cti_server.phases.choosing import Rule
from cti_server.phases.cltv import Terms
from cti_server.phases.filling import days, number, rule, span
from cti_server.phases.model import InputItem, Phase, Service, Unit
from cti_server.phases.money import DIGITS
from cti_web import formats
from cti_web.answers import done, page
from cti_web.phases import phases, price_of
from cti_web.viewer import desk, needs, signed_in

blueprint = Blueprint("phases_setup", __name__)

WEEKDAYS: Final = range(7)
MOST_ABSENCES: Final = 50


@blueprint.get("/admin/phases")
@signed_in
@needs("phases")
def show() -> Response:
    """The services, units and members."""
    with desk() as use:
        found = phases(use).set_up()
        return page(use, "phases/setup.html", found=found, currencies=list(DIGITS), rules=list(Rule))


@blueprint.post("/admin/phases")
@signed_in
@needs("phases")
def add() -> Response:
    """A new service."""
    names = [line for line in request.form.get("phases", "").splitlines() if line.strip()]
    with desk() as use:
        service = phases(use).add_service(_service(Service(0, "", Terms("JPY"))), names)
    return done(_("Added"), then=url_for("phases_setup.one", service=service))


@blueprint.get("/admin/phases/<int:service>")
@signed_in
@needs("phases")
def one(service: int) -> Response:
    """One service."""
    with desk() as use:
        found = phases(use).set_up_service(service)
        return page(use, "phases/setup_service.html", service=found, currencies=list(DIGITS), rules=list(Rule))


@blueprint.post("/admin/phases/<int:service>")
@signed_in
@needs("phases")
def change(service: int) -> Response:
    """How it predicts and chooses."""
    with desk() as use:
        room = phases(use)
        room.save_service(_service(room.set_up_service(service)))
    return done(_("Saved"), then=url_for("phases_setup.one", service=service))


@blueprint.post("/admin/phases/<int:service>/plan")
@signed_in
@needs("phases")
def add_plan(service: int) -> Response:
    """A new plan."""
    form = request.form
    with desk() as use:
        room = phases(use)
        room.add_plan(service, form.get("name", ""), price_of(form.get("price", ""), room.set_up_service(service)))
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/plan/<int:plan>/remove")
@signed_in
@needs("phases")
def remove_plan(service: int, plan: int) -> Response:
    """Takes a plan away."""
    with desk() as use:
        phases(use).remove_plan(service, plan)
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/phase")
@signed_in
@needs("phases")
def save_phase(service: int) -> Response:
    """A new phase, or another name, action or contract."""
    form = request.form
    action = cast(Any, form.get("action", "call"))
    with desk() as use:
        phase = Phase(
            id=form.get("phase", 0, int),
            name=form.get("name", ""),
            action=action,
            contract="contract" in form,
            target_days=form.get("target_days", None, int),
            intro_ja=form.get("intro_ja", "").strip(),
            intro_en=form.get("intro_en", "").strip(),
        )
        phases(use).save_phase(service, phase)
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/phase/<int:phase>/move")
@signed_in
@needs("phases")
def move_phase(service: int, phase: int) -> Response:
    """Earlier or later in the order; or out of it."""
    with desk() as use:
        if request.form.get("by") == "remove":
            phases(use).remove_phase(service, phase)
        else:
            phases(use).move_phase(service, phase, request.form.get("by", 0, int))
    return _saved(service)


@blueprint.post("/admin/phases/<int:service>/item")
@signed_in
@needs("phases")
def save_item(service: int) -> Response:
    """A new input item, a changed or a retired one."""
    form = request.form
    item = InputItem(
        id=form.get("item", 0, int),
        phase=form.get("phase", 0, int),
        label=form.get("label", ""),
        kind=cast(Any, form.get("kind", "text")),
        required="required" in form,
        size=form.get("size", ""),
        choices=tuple(form.get("choices", "").splitlines()),
        retired=form.get("act") == "retire",
        place=form.get("place", 0, int),
        asked_ja=" ".join(form.get("asked_ja", "").split()),
        asked_en=" ".join(form.get("asked_en", "").split()),
        to_customer="to_customer" in form,
    )
    with desk() as use:
        phases(use).save_item(service, item)
    return _saved(service)


@blueprint.post("/admin/phases/unit")
@signed_in
@needs("phases")
def save_unit() -> Response:
    """A new unit, or other phases for one."""
    form = request.form
    unit = Unit(form.get("unit", 0, int), form.get("name", ""), frozenset(map(int, form.getlist("phases"))))
    with desk() as use:
        phases(use).save_unit(unit)
    return done(_("Saved"), then=url_for("phases_setup.show"))


@blueprint.post("/admin/phases/member")
@signed_in
@needs("phases")
def save_member() -> Response:
    """Who works which phases, how much, and when."""
    form = request.form
    user = form.get("user", "")
    with desk() as use:
        room = phases(use)
        if form.get("act") == "remove":
            left, away = room.remove_member(user), False
        else:
            staffing = _staffing(room.zone_of(user))
            left = room.save_member(user, form.get("unit", 0, int) or None, map_ids(form.getlist("phases")), staffing)
            away = any(one.until > formats.now() for one in staffing.absences)
            left = left if away else 0
    return done(_left(left, away), then=url_for("phases_setup.show"))


def _left(deals: int, away: bool) -> str:
    """What is said once a member was saved who has open deals and will not see to them."""
    if not deals:
        return str(_("Saved"))
    if away:
        return str(
            ngettext(
                "Saved. %(num)d open deal stays with them while they are away: name a stand-in, or pass it on.",
                "Saved. %(num)d open deals stay with them while they are away: name a stand-in, or pass them on.",
                deals,
            )
        )
    return str(
        ngettext(
            "Saved. %(num)d open deal stays theirs until somebody takes it over.",
            "Saved. %(num)d open deals stay theirs until somebody takes them over.",
            deals,
        )
    )


def map_ids(texts: list[str]) -> list[int]:
    """Ids that a form holds."""
    return [int(text) for text in texts if text.isdecimal()]


def _saved(service: int) -> Response:
    return done(_("Saved"), then=url_for("phases_setup.one", service=service))


def _service(before: Service) -> Service:
    form = request.form
    terms = Terms(
        currency=form.get("currency", before.terms.currency),
        months=_optional("months"),
        factor=_optional("factor") or Decimal(1),
        by_success_days="by_success_days" in form,
        success_days=_optional("success_days"),
    )
    return Service(
        id=before.id,
        name=form.get("name", ""),
        terms=terms,
        rule=rule(form.get("rule", str(before.rule))),
        earlier=form.get("earlier", 0, int) or None,
        shown=form.get("shown", before.shown, int),
        complete_at=form.get("complete_at", before.complete_at, int),
        patience=form.get("patience", before.patience, int),
        learn_from=form.get("learn_from", before.learn_from, int),
        at_once="at_once" in form,
        try_after=form.get("try_after", None, int),
        by_unit="by_unit" in form,
        version=form.get("version", before.version, int),
    )


def _optional(name: str) -> Decimal | None:
    typed = request.form.get(name, "").strip()
    return number(typed, name) if typed else None


def _staffing(zone: str) -> Staffing:
    form = request.form
    week = {}
    for weekday in WEEKDAYS:
        since, until = form.get(f"from-{weekday}", ""), form.get(f"until-{weekday}", "")
        if since or until:
            week[weekday] = span(since, until)
    absences = [
        days(first, last)
        for first, last in zip(form.getlist("away_from"), form.getlist("away_until"), strict=False)
        if first or last
    ]
    away = tuple(
        Absence(_midnight(first, zone), _midnight(last + timedelta(days=1), zone)) for first, last in sorted(absences)
    )
    return Staffing(form.get("capacity", 20, int), Hours(zone, week) if week else None, away[:MOST_ABSENCES])


def _midnight(on: date, zone: str) -> float:
    return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).timestamp()
