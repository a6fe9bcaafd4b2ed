"""The incoming report: all call logs of a period (a day unless set otherwise), of one branch or all, as a page and as a
CSV of the same rows (spec C5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from flask import Blueprint, Response, request
from flask_babel import gettext as _
from flask_babel import pgettext

from cti_server.calls.views import CallRow
from cti_web import formats, labels, periods
from cti_web.answers import gaps_within, page
from cti_web.bearer import by_token
from cti_web.choices import branches
from cti_web.csv_files import csv_file, csv_lines
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("report", __name__)

ROWS_ON_PAGE: Final = 200
"""The page shows so many of the period's calls, and counts all; the CSV holds all."""


@dataclass(slots=True)
class Summary:
    """What the report's head says of all its calls."""

    total: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    open: int = 0
    talk_seconds: float = 0.0
    by_branch: dict[str, Counter[str]] = field(default_factory=dict)
    by_hour: dict[int, Counter[str]] = field(default_factory=dict)
    rows: list[CallRow] = field(default_factory=list)

    @property
    def answered_percent(self) -> int:
        """The share of answered calls among those of which it is known whether they were."""
        known = self.outcomes["answered"] + self.not_answered
        return round(100 * self.outcomes["answered"] / known) if known else 0

    @property
    def not_answered(self) -> int:
        """Calls that are over and that nobody answered."""
        return self.over - self.outcomes["answered"] - self.outcomes["unsaid"]

    @property
    def over(self) -> int:
        """Calls that are not going on any more."""
        return self.total - self.outcomes["live"]

    @property
    def busiest(self) -> int:
        """Calls of the busiest hour."""
        return max((hour.total() for hour in self.by_hour.values()), default=0)


def summarise(rows: Iterable[CallRow], zone: str) -> Summary:
    """Counts as the rows come by; keeps only those that the page shows."""
    sums = Summary()
    for row in rows:
        kind = (row.disposition or "unsaid") if row.state == "ended" else "live"
        sums.total += 1
        sums.outcomes[kind] += 1
        sums.open += row.open
        sums.talk_seconds += row.talk_seconds or 0.0
        share = kind if kind in ("answered", "unsaid") else "other"
        if kind != "live":
            sums.by_branch.setdefault(row.branch_name, Counter())[share] += 1
            sums.by_hour.setdefault(formats.local(row.started_at, zone).hour, Counter())[share] += 1
        if row.open:
            sums.by_branch.setdefault(row.branch_name, Counter())["open"] += 1
        if len(sums.rows) < ROWS_ON_PAGE:
            sums.rows.append(row)
    return sums


@blueprint.get("/report")
@signed_in
def show() -> Response:
    """The report as a page."""
    period = periods.read(request.args, viewer.timezone, formats.now())
    branch = request.args.get("branch") or None
    with desk() as use:
        sums = summarise(use.report(period.since, period.until, branch), viewer.timezone)
        gaps = gaps_within(use, period)
        address = period.address | ({"branch": branch} if branch else {})
        return page(
            use,
            "report/page.html",
            gaps=gaps,
            sums=sums,
            period=period,
            branch=branch,
            branches=branches(),
            address=address,
        )


@blueprint.get("/report.csv")
@by_token("report")
@signed_in
@needs("export")
def download() -> Response:
    """The report as CSV, UTF-8 with a mark that spreadsheets understand."""
    period = periods.read(request.args, viewer.timezone, formats.now())
    branch = request.args.get("branch") or None
    with desk() as use:
        lines = list(as_csv(use.report(period.since, period.until, branch, export=True), viewer.timezone))
    name = f"calls-{period.first.isoformat()}-{period.last.isoformat()}{f'-{branch}' if branch else ''}.csv"
    return csv_file(name, lines)


def as_csv(rows: Iterable[CallRow], zone: str) -> Iterator[str]:
    """The rows as lines of CSV, the first of them the names of the columns."""
    return csv_lines(_columns(), (_cells(row, zone) for row in rows))


def _columns() -> list[str]:
    return [
        _("Call"),
        _("Exchange"),
        _("Branch"),
        _("Began"),
        _("Direction"),
        _("Outcome"),
        _("Ring seconds"),
        _("Talk seconds"),
        _("Number"),
        _("Customer code"),
        _("Customer"),
        _("Rep in charge"),
        _("Extension"),
        _("Receiving rep"),
        _("Queue"),
        pgettext("calls", "Open"),
        pgettext("column", "Handled by"),
        _("Handled at"),
    ]


def _whole(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f}"


def _cells(row: CallRow, zone: str) -> list[str]:
    who = row.who
    return [
        row.id,
        row.exchange,
        row.branch_name,
        f"{formats.local(row.started_at, zone):%Y-%m-%d %H:%M:%S}",
        str(labels.direction(row.direction)),
        str(labels.outcome(row).text),
        _whole(row.ring_seconds),
        _whole(row.talk_seconds),
        row.number,
        " / ".join(one.code for one in who),
        " / ".join(one.name for one in who),
        " / ".join(one.rep_name for one in who),
        row.extension or "",
        row.receiver_name,
        row.queue or "",
        _("yes") if row.open else _("no"),
        row.handled_by_name,
        f"{formats.local(row.handled_at, zone):%Y-%m-%d %H:%M:%S}" if row.handled_at else "",
    ]
