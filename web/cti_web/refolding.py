"""Folding an exchange's records again: what would change, then the change, both done by the daemon (spec O1, O3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Blueprint, Response, request
from flask_babel import LazyString, lazy_gettext

from cti_server.exchanges.refolding import RefoldDesk
from cti_web import formats
from cti_web.answers import asked_for, fragment, page
from cti_web.exchange_settings import managing
from cti_web.labels import Label
from cti_web.viewer import desk, needs, signed_in

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

blueprint = Blueprint("refolding", __name__)

_ = lazy_gettext

ANSWERED_WITHIN: Final = 900.0
"""One that takes longer has nobody who does it."""
WHATS: Final[dict[str, Label]] = {
    "added": Label(_("added"), "green"),
    "changed": Label(_("changed"), "blue"),
    "taken-away": Label(_("taken away"), "red"),
}
REASONS: Final[dict[str, LazyString]] = {
    "broken-off": _("It was broken off, since the server was ended; begin again."),
    "not-running": _("This exchange does not run just now."),
    "nothing-yet": _("Nothing of this exchange has been read yet."),
    "failed": _("It could not be done: %(error)s"),
}


def managing_foldings(use: Desk) -> RefoldDesk:
    """The use cases, in the same transaction as the desk's."""
    return RefoldDesk(cast(Any, use.work).refoldings, managing(use))


@blueprint.post("/admin/exchanges/<exchange>/fold-again")
@signed_in
@needs("exchanges")
def ask(exchange: str) -> Response:
    """Has it done: looked at, or with ``write`` done."""
    with desk() as use:
        number = managing_foldings(use).ask(exchange, write=request.form.get("write") == "yes")
    with desk() as use:
        return _shown(use, number)


@blueprint.get("/admin/foldings/<int:folding>")
@signed_in
@needs("exchanges")
def found(folding: int) -> Response:
    """What came of it so far; fetched until it is done."""
    with desk() as use:
        return _shown(use, folding)


def _shown(use: Desk, number: int) -> Response:
    asked = managing_foldings(use).found(number)
    late = not asked.done and formats.now() - asked.at > ANSWERED_WITHIN
    values = {"number": number, "asked": asked, "it": asked.findings, "late": late, "whats": WHATS}
    values["problem"] = _problem(asked.findings)
    if asked_for() or "HX-Request" in request.headers:
        answer = fragment("exchanges/folding.html", **values)
        if asked.done and asked.write:
            answer.headers["HX-Trigger"] = "y:work"
        return answer
    return page(use, "exchanges/folding_page.html", **values)


def _problem(findings: dict[str, Any]) -> str:
    code = findings.get("reason", "")
    return str(REASONS[code]) % {"error": findings.get("error", "")} if code in REASONS else ""
