"""How a page answers: as a whole page, as the fragment that htmx asked for, or as *done, and it can be undone*."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Response, flash, make_response, redirect, render_template, request
from flask_babel import get_locale

from cti_server.calls.views import Counts, Gap
from cti_web import formats, periods
from cti_web.record_requests import record_requests
from cti_web.viewer import viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk


def wants_fragment() -> bool:
    """Whether htmx asked for a part of a page (not for a whole one by a link that it follows, or by *back*)."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and "HX-Boosted" not in headers
        and "HX-History-Restore-Request" not in headers
    )


def asked_for() -> str:
    """The id of the element that htmx will fill; empty for a whole page."""
    return request.headers.get("HX-Target", "") if wants_fragment() else ""


def counts_of_today(desk: Desk) -> Counts:
    """The viewer's counts of today."""
    period = periods.read(periods.NOTHING, viewer.timezone, formats.now())
    return desk.counts(period.since, period.until)


def gaps_within(desk: Desk, period: periods.Period) -> list[Gap]:
    """The gaps of the exchanges that a list of the period has to tell of."""
    now = formats.now()
    return [gap for gap in desk.gaps() if gap.started_at < period.until and (gap.ended_at or now) >= period.since]


def page(desk: Desk, template: str, **values: Any) -> Response:
    """A whole page, with what its frame shows (the bell, the badges)."""
    values.setdefault("counts", counts_of_today(desk))
    values.setdefault("asked_count", record_requests(desk).count())
    return private(render_template(template, **values))


def fragment(template: str, **values: Any) -> Response:
    """A part of a page."""
    return private(render_template(template, **values))


def private(body: str, status: int = 200) -> Response:
    """An answer that no cache keeps: every page is one viewer's own."""
    response = make_response(body, status)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "HX-Request, Cookie"
    response.headers["Content-Language"] = str(get_locale())
    return response


class Undo:
    """What takes an act back: a POST with these fields."""

    def __init__(self, url: str, **fields: str | int | list[str]) -> None:
        self.url = url
        self.fields: Mapping[str, str] = {
            name: ",".join(value) if isinstance(value, list) else str(value) for name, value in fields.items()
        }


def done(text: str, *, then: str, undo: Undo | None = None, body: Response | None = None) -> Response:
    """An act was done. With htmx: ``body`` (or nothing) is shown, lists and counts are fetched again, and the bar says
    ``text`` with *undo*. Without: on to the page ``then``, which says the same."""
    said = {"text": text} | ({"url": undo.url, "fields": dict(undo.fields)} if undo else {})
    if not wants_fragment():
        flash(json.dumps(said), "said")
        return make_response(redirect(then, 303))
    response = body or private("", 200 if body else 204)
    response.headers["HX-Trigger"] = json.dumps({"y:said": said, "y:work": {}})
    return response
