"""The rules of compliance: which calls need a record, how soon; business hours, holidays, target. Each saving is a
version."""

from __future__ import annotations

from datetime import date, time
from typing import Any, Final

from flask import Blueprint, Flask, Response, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.datastructures import MultiDict

from cti_server.compliance.business_hours import DAY_MINUTES, Opening, Week
from cti_server.compliance.rules import CLASSES, EVERY_BRANCH, KINDS, PARTS, Policy, Rule
from cti_server.compliance.versions import Version
from cti_server.shared.errors import Invalid
from cti_web import periods
from cti_web.answers import done, page
from cti_web.choices import branches
from cti_web.compliance_coverage import reviewing
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("compliance_rules", __name__)

_ = lazy_gettext

SPARE: Final = 1
"""Empty rules at the end of the form, to be filled in."""
PART_WORDS: Final = {"result": _("a result"), "note": _("a note")}
WEEKDAYS: Final = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


@blueprint.get("/compliance/rules")
@signed_in
@needs("audit")
def show() -> Response:
    """The rules as they are, to be changed by who may; and their versions."""
    with desk() as use:
        review = reviewing(use)
        versions = review.policy_versions()
        asked = request.args.get("version", "")
        chosen = next((one for one in versions if str(one.number) == asked), versions[-1])
        values: dict[str, Any] = {"versions": versions, "chosen": chosen, "branches": branches(), "spare": SPARE}
        values |= {"hours_of": [("", None), *((one.code, one.name) for one in branches())]}
        return page(use, "compliance/rules.html", recount=review.pending_recount(), classes=CLASSES, **values)


@blueprint.post("/compliance/rules")
@signed_in
@needs("rules")
def save() -> Response:
    """Saves a version."""
    form = request.form
    with desk() as use:
        review = reviewing(use)
        was = review.policy_versions()
        policy = _policy(form, was[-1])
        since = _day(form["since"], gettext("The day from which on it holds")) if form.get("since") else None
        start = None if since is None else periods.midnight(since, viewer.timezone)
        review.save_policy(policy, int(_number(form.get("based_on"), "based_on")), start, form.get("note", ""))
        return done(gettext("Saved: these rules hold now"), then=url_for("compliance_rules.show"))


def _policy(form: MultiDict[str, str], was: Version) -> Policy:
    """What the form says; branches that it doesn't show stay as they were."""
    rules = []
    for number in range(len(form.getlist("rule"))):
        if form.get(f"name-{number}", "").strip() and not form.get(f"drop-{number}"):
            rules.append(_rule(form, number))
    weeks, holidays = dict(was.policy.weeks), dict(was.policy.holidays)
    for place in form.getlist("place"):
        weeks.pop(place, None)
        if place == EVERY_BRANCH or form.get(f"own-{place}"):
            weeks[place] = _week(form, place)
        holidays[place] = _holidays(form.get(f"holidays-{place}", ""))
    return Policy(tuple(rules), _number(form.get("target"), "target"), weeks, holidays)


def _rule(form: MultiDict[str, str], number: int) -> Rule:
    def several(name: str) -> list[str]:
        return form.getlist(f"{name}-{number}")

    at_most = form.get(f"at_most-{number}", "").strip()
    return Rule(
        name=" ".join(form[f"name-{number}"].split()),
        kinds=frozenset(kind for kind in KINDS if kind in several("kinds")),
        longer_than=_number(form.get(f"longer_than-{number}") or "0", "longer_than"),
        at_most=_number(at_most, "at_most") if at_most else None,
        classes=frozenset(one for one in CLASSES if str(one) in several("classes")),
        branches=frozenset(one for one in several("branches") if one),
        hours=_number(form.get(f"hours-{number}"), "hours"),
        wants=frozenset(part for part in PARTS if part in several("wants")),
    )


def _week(form: MultiDict[str, str], place: str) -> Week:
    week: list[Opening | None] = []
    for day in range(7):
        opens, closes = form.get(f"opens-{place}-{day}", ""), form.get(f"closes-{place}-{day}", "")
        week.append(Opening(_minutes(opens), _minutes(closes) or DAY_MINUTES) if opens and closes else None)
    return tuple(week)


def _holidays(text: str) -> dict[date, str]:
    """A day a line: ``2026-11-23 Labour Thanksgiving Day``."""
    found = {}
    for line in text.splitlines():
        day, _space, name = line.strip().partition(" ")
        if day:
            found[_day(day, line.strip())] = name.strip()
    return found


def _minutes(text: str) -> int:
    try:
        at = time.fromisoformat(text)
    except ValueError:
        raise Invalid(gettext("“%(text)s” is no hour such as 09:00", text=text), "hours", "no-hour-of-day") from None
    return at.hour * 60 + at.minute


def _day(text: str, line: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        said = gettext("“%(line)s” does not begin with a day such as 2026-11-23", line=line)
        raise Invalid(said, "holidays", "no-day") from None


def _number(text: str | None, field: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        raise Invalid(gettext("“%(text)s” is no number", text=text or ""), field, "no-number") from None
    if not value < float("inf"):
        raise Invalid(gettext("“%(text)s” is no number", text=text or ""), field, "no-number")
    return value


def clock(minutes: int) -> str:
    """``09:00``; the end of the day as ``00:00``, as the browser's field says it."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.globals.update(PART_WORDS=PART_WORDS, WEEKDAY_WORDS=WEEKDAYS)
    app.jinja_env.filters.update(hourclock=clock)
