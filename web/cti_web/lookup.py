"""Opening a customer from outside by telephone number: ``/lookup?number=`` and ``/go/tel/<number>`` (spec/70).

The answer is always a redirect, so that the number does not stay in the browser's address bar or history.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request, url_for

from cti_web.answers import page
from cti_web.viewer import desk, signed_in

blueprint = Blueprint("lookup", __name__)


@blueprint.get("/lookup")
@signed_in
def by_query() -> Any:
    """``/lookup?number=03-0000-0142``."""
    return _found(request.args.get("number", ""))


@blueprint.get("/go/tel/<number>")
@signed_in
def by_path(number: str) -> Any:
    """``/go/tel/+81300000142``."""
    return _found(number)


def _found(number: str) -> Any:
    with desk() as use:
        people = use.search(number, 20) if sum(one.isdecimal() for one in number) >= 4 else []
    if len(people) == 1:
        return redirect(url_for("customers.card", code=people[0].code), 303)
    if people:
        return redirect(url_for("customers.show", code=[one.code for one in people]), 303)
    return redirect(url_for("lookup.nobody"), 303)


@blueprint.get("/lookup/nobody")
@signed_in
def nobody() -> Any:
    """Nobody whom the viewer may see has the number."""
    with desk() as use:
        return page(use, "customers/choose.html", people=[])
