"""The audit trail of everything, for reviewers (spec/50); one call's has a page of its own."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from cti_server.compliance.trail_pages import AREAS, TrailQuery
from cti_web import audit_words, formats, periods
from cti_web.answers import asked_for, fragment, page
from cti_web.compliance_coverage import reviewing
from cti_web.typed import whole
from cti_web.viewer import desk, needs, signed_in, viewer

blueprint = Blueprint("compliance_audit", __name__)


@blueprint.get("/compliance/audit")
@signed_in
@needs("audit")
def show() -> Response:
    """A period's entries, the latest first. Every filter stands in the address."""
    asked = request.args
    chosen = asked if {"period", "from", "to"} & asked.keys() else periods.WEEK
    period = periods.read(chosen, viewer.timezone, formats.now())
    filters = {name: asked[name].strip() for name in ("area", "by") if asked.get(name, "").strip()}
    area = filters.get("area", "") if filters.get("area") in AREAS else ""
    query = TrailQuery(period.since, period.until, filters.get("by", "")[:200], area)
    with desk() as use:
        found = reviewing(use).trail(query, whole(asked.get("after", "")))
        values: dict[str, Any] = {"found": found, "period": period, "query": query, "address": period.address | filters}
        values |= {"areas": audit_words.AREAS, "act_of": audit_words.act, "told": audit_words.told}
        if asked_for() == "y-more":
            return fragment("compliance/audit_rows.html", **values)
        if asked_for() == "y-results":
            return fragment("compliance/audit_list.html", **values)
        return page(use, "compliance/audit.html", **values)
