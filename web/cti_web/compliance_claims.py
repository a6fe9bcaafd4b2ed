"""Claims without a call: records that say "telephone" though no exchange saw a call of that customer (spec C6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Flask, Response, current_app, request, url_for
from flask_babel import gettext, lazy_gettext

from cti_server.review.desk import ReviewDesk
from cti_server.review.views import ClaimQuery, ClaimRow
from cti_server.shared.clock import Clock
from cti_web import formats, labels, periods
from cti_web.answers import Undo, asked_for, done, fragment, page
from cti_web.choices import branches, reps
from cti_web.csv_files import csv_file, csv_lines
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in, viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("compliance_claims", __name__)

_ = lazy_gettext

CLAIMS: Final[dict[str, Label]] = {
    "open": Label(_("No call was seen"), "red", "phone-off"),
    "away": Label(_("The exchange was away then"), "amber", "plug-connected-x"),
    "explained": Label(_("The call was found later"), "green", "phone-check"),
    "settled": Label(_("Settled"), "green", "circle-check"),
}


def reviewing(use: Desk) -> ReviewDesk:
    """The reviewer's use cases, in the same transaction as the desk's."""
    return ReviewDesk(cast(Any, use.work), viewer, cast(Clock, current_app.extensions["yobirin.clock"]))


@blueprint.get("/compliance/claims")
@signed_in
@needs("audit")
def show() -> Response:
    """The claims of a period, newest first. Every filter stands in the address."""
    period, query, address = _asked()
    with desk() as use:
        found = reviewing(use).claims(query, request.args.get("after"))
        values: dict[str, Any] = {"claims": found, "period": period, "query": query, "address": address}
        if asked_for() == "y-more":
            return fragment("compliance/claim_rows.html", **values)
        if asked_for() == "y-results":
            return fragment("compliance/claim_list.html", **values)
        return page(use, "compliance/claims.html", branches=branches(), reps=reps(use), **values)


@blueprint.get("/compliance/claims.csv")
@signed_in
@needs("export")
def download() -> Response:
    """The same rows as CSV."""
    period, query, _address = _asked()
    with desk() as use:
        rows = list(reviewing(use).export_claims(query))
    name = f"claims-{period.first.isoformat()}-{period.last.isoformat()}.csv"
    return csv_file(name, csv_lines(_columns(), (_cells(row) for row in rows)))


@blueprint.post("/compliance/claims/<int:claim>/settle")
@signed_in
@needs("audit")
def settle(claim: int) -> Response:
    """Says why there is no call."""
    with desk() as use:
        reviewing(use).settle_claim(claim, request.form.get("reason", ""))
        undo = Undo(url_for("compliance_claims.unsettle", claim=claim))
        return done(gettext("Settled"), then=url_for("compliance_claims.show"), undo=undo)


@blueprint.post("/compliance/claims/<int:claim>/unsettle")
@signed_in
@needs("audit")
def unsettle(claim: int) -> Response:
    """Takes it back."""
    with desk() as use:
        reviewing(use).unsettle_claim(claim)
        return done(gettext("It waits again"), then=url_for("compliance_claims.show"))


def _asked() -> tuple[periods.Period, ClaimQuery, dict[str, str]]:
    """The period (30 days unless chosen), the filters, and both as they stand in an address."""
    asked = request.args
    chosen = asked if {"period", "from", "to"} & asked.keys() else periods.MONTH
    period = periods.read(chosen, viewer.timezone, formats.now())
    filters = {name: asked[name] for name in ("state", "branch", "by") if asked.get(name)}
    query = ClaimQuery(period.since, period.until, **filters)
    return period, query, period.address | filters


def _columns() -> list[str]:
    words = [gettext("Recorded"), gettext("Recorded by"), gettext("Customer code"), gettext("Customer")]
    words += [gettext("Branch"), gettext("Rep in charge"), gettext("Kind"), gettext("Result"), gettext("Note")]
    return [*words, gettext("State"), gettext("Exchange"), gettext("Call"), gettext("Reason")]


def _cells(row: ClaimRow) -> list[str]:
    kind = labels.HISTORY_KINDS.get(row.kind)
    made = f"{formats.local(row.at, viewer.timezone):%Y-%m-%d %H:%M:%S}"
    who = [made, row.by_name, row.customer, row.customer_name, row.branch_name, row.rep_name]
    what = [str(kind.text) if kind else row.kind, str(labels.result(row.result)), row.note]
    return [*who, *what, str(CLAIMS[row.state].text), row.exchange, row.call_id, row.reason]


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.globals.update(CLAIMS=CLAIMS)
