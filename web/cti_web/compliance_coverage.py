"""Coverage: how the calls of a period stand, in numbers that lead to the list of the calls (spec C6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, cast
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask_babel import gettext, lazy_gettext, lazy_pgettext

from cti_server.compliance.business_hours import day_number, day_of
from cti_server.compliance.desk import ComplianceDesk
from cti_server.compliance.rules import CLASSES
from cti_server.compliance.views import Coverage, CoverageQuery, StandingRow, Tally
from cti_server.shared.clock import Clock
from cti_web import formats, periods
from cti_web.answers import asked_for, done, fragment, gaps_within, page
from cti_web.choices import branches, reps
from cti_web.csv_files import csv_file, csv_lines
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk
    from cti_server.calls.views import Gap

blueprint = Blueprint("compliance_coverage", __name__)

_ = lazy_gettext

STANDINGS: Final[dict[str, Label]] = {
    "overdue": Label(_("Overdue"), "red", "clock"),
    "due": Label(_("Record is due"), "amber", "clock"),
    "incomplete": Label(_("Record is incomplete"), "amber", "pencil"),
    "recorded": Label(lazy_pgettext("standing", "Recorded"), "green", "check"),
    "exempt": Label(_("Exempt"), "", "minus"),
    "unregistered": Label(_("Caller not registered"), "violet", "user-question"),
    "live": Label(_("Going on"), "blue", "phone-call"),
    "none": Label(_("Needs no record"), "", "minus"),
}
EXEMPTIONS: Final[dict[str, Label]] = {
    "asked": Label(_("Exemption asked for"), "amber", "clock"),
    "approved": Label(_("Exemption approved"), "green", "check"),
    "refused": Label(_("Exemption refused"), "red", "x"),
    "withdrawn": Label(_("Exemption taken back"), "", "minus"),
}
KINDS: Final[dict[str, Label]] = {
    "answered": Label(_("Answered"), "blue", "phone-incoming"),
    "missed": Label(_("Missed"), "red", "phone-x"),
    "out": Label(_("Called out"), "green", "phone-outgoing"),
}
AGES: Final = {
    "today": _("Today"),
    "days": _("1–2 days"),
    "week": _("3–7 days"),
    "month": _("8–30 days"),
    "older": lazy_pgettext("age", "Older"),
}
FILTERS: Final = ("branch", "rep", "class", "kind", "standing")
DAYS_AS_COLUMNS: Final = 14
"""Longer periods are shown by week."""


def reviewing(use: Desk) -> ComplianceDesk:
    """The reviewer's use cases, in the same transaction as the desk's."""
    return ComplianceDesk(cast(Any, use.work), viewer, cast(Clock, current_app.extensions["yobirin.clock"]))


@blueprint.get("/compliance/coverage")
@signed_in
@needs("audit")
def show() -> Response:
    """Counts and list. Every filter stands in the address."""
    period, query, address = asked_of()
    with desk() as use:
        review = reviewing(use)
        values: dict[str, Any] = {"period": period, "query": query, "address": address, "this_moment": formats.now()}
        if asked_for() == "y-more":
            found = review.calls(query, request.args.get("after"))
            return fragment("compliance/coverage_rows.html", found=found, **values)
        seen = review.coverage(query, _today())
        gaps = gaps_within(use, period)
        values |= {"seen": seen, "found": review.calls(query), "gaps": gaps, "columns": _columns(query)}
        values |= {"blind": _blind(gaps, seen, query), "course": _course(seen)}
        if asked_for() == "y-results":
            return fragment("compliance/coverage_body.html", **values)
        views = review.saved_views()
        return page(
            use, "compliance/coverage.html", branches=branches(), reps=reps(use), views=views, classes=CLASSES, **values
        )


@blueprint.get("/compliance/coverage.csv")
@signed_in
@needs("export")
def download() -> Response:
    """The list as CSV."""
    period, query, _address = asked_of()
    with desk() as use:
        rows = list(reviewing(use).export_calls(query))
    name = f"coverage-{period.first.isoformat()}-{period.last.isoformat()}.csv"
    return csv_file(name, csv_lines(_heads(), (_cells(row) for row in rows)))


@blueprint.post("/compliance/views")
@signed_in
@needs("audit")
def save_view() -> Response:
    """Keeps the filters of the page under a name."""
    _period, _query, address = asked_of(form=True)
    with desk() as use:
        kept = url_for("compliance_coverage.show", **address).partition("?")[2]
        reviewing(use).save_view(request.form.get("view", ""), kept, bool(request.form.get("shared")))
        return done(gettext("View saved"), then=url_for("compliance_coverage.show", **address))


@blueprint.post("/compliance/views/<int:view>/delete")
@signed_in
@needs("audit")
def delete_view(view: int) -> Response:
    """Forgets a view of one's own."""
    with desk() as use:
        reviewing(use).delete_view(view)
        return done(gettext("View deleted"), then=url_for("compliance_coverage.show"))


def _today() -> int:
    return day_number(datetime.fromtimestamp(formats.now(), ZoneInfo(viewer.timezone)).date())


def asked_of(*, form: bool = False) -> tuple[periods.Period, CoverageQuery, dict[str, Any]]:
    """The period (7 days unless chosen), the filters, and both as they stand in an address."""
    asked = request.form if form else request.args
    chosen = asked if {"period", "from", "to"} & asked.keys() else periods.WEEK
    period = periods.read(chosen, viewer.timezone, formats.now())
    filters = {name: asked[name] for name in FILTERS if asked.get(name)}
    if filters.get("class") not in (None, *(str(one) for one in CLASSES)):
        del filters["class"]
    values: dict[str, Any] = {name: value for name, value in filters.items() if name != "class"}
    values["confidentiality"] = int(filters["class"]) if "class" in filters else None
    query = CoverageQuery(day_number(period.first), day_number(period.last), **values)
    return period, query, {**period.address, **filters}


def _columns(query: CoverageQuery) -> list[tuple[int, int]]:
    """The columns of the table, each its first and last day: days, or weeks from Monday on."""
    days = range(query.first, query.last + 1)
    if len(days) <= DAYS_AS_COLUMNS:
        return [(day, day) for day in days]
    made: list[tuple[int, int]] = []
    for day in days:
        if made and day_of(day).weekday() != 0:
            made[-1] = (made[-1][0], day)
        else:
            made.append((day, day))
    return made


def _blind(gaps: Iterable[Gap], seen: Coverage, query: CoverageQuery) -> set[tuple[str, int]]:
    """(branch, day) on which an exchange of the branch was not heard for a while: calls may be missing."""
    found = set()
    for gap in gaps:
        first = day_number(formats.local(gap.started_at, viewer.timezone).date())
        last = day_number(formats.local(gap.ended_at or formats.now(), viewer.timezone).date())
        days = range(max(first, query.first), min(last, query.last) + 1)
        found |= {(gap.branch, day) for day in days if gap.branch in seen.branches}
    return found


def _course(seen: Coverage) -> list[tuple[int, float, int]]:
    """(day, rate, calls) of the days that have calls."""
    return [(day, tally.rate, tally.owed) for day, tally in seen.course if tally.rate is not None]


def _heads() -> list[str]:
    words = [gettext("Call"), gettext("Began"), gettext("Kind"), gettext("Seconds"), gettext("Customer code")]
    words += [gettext("Customer"), gettext("Class"), gettext("Branch"), gettext("Rep in charge"), gettext("State")]
    return [*words, gettext("Record due")]


def _cells(row: StandingRow) -> list[str]:
    began, due = (
        f"{formats.local(at, row.timezone):%Y-%m-%d %H:%M:%S}" if at else "" for at in (row.began_at, row.due_at)
    )
    lasted = "" if row.seconds is None else f"{row.seconds:.0f}"
    what = [row.call_id, began, str(KINDS[row.kind].text), lasted, row.customer or "", row.customer_name]
    who = [str(row.confidentiality or ""), row.branch_name, row.rep_name]
    return [*what, *who, str(STANDINGS[row.standing].text), due]


def shade(rate: float | None, target: float) -> str:
    """The tone of a cell: at the target, near it, below, far below."""
    if rate is None:
        return "none"
    return "best" if rate >= target else "good" if rate >= target - 2 else "low" if rate >= target - 6 else "bad"


def percent(rate: float | None) -> str:
    """``97.4``; never rounded up to 100."""
    if rate is None:
        return "–"
    return "100" if rate == 100.0 else f"{min(rate, 99.9):.1f}"


def _short(day: date) -> str:
    return formats.short_day(day, formats.language())


def span(seconds: float) -> str:
    """``4 d 22 h``, in the reader's language."""
    hours = int(abs(seconds) // 3600)
    if hours >= 24:
        return str(gettext("%(days)d d %(hours)d h", days=hours // 24, hours=hours % 24))
    minutes = int(abs(seconds) // 60) % 60
    return str(gettext("%(hours)d h %(minutes)d min", hours=hours, minutes=minutes))


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    words = {
        "STANDINGS": STANDINGS,
        "EXEMPTIONS": EXEMPTIONS,
        "COVERAGE_KINDS": KINDS,
        "AGES": AGES,
        "Tally": Tally,
        "day_of": day_of,
    }
    app.jinja_env.globals.update(words)
    app.jinja_env.filters.update(shade=shade, percent=percent, timespan=span, shortday=_short)
