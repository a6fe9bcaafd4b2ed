"""Contact records that a reviewer asks a colleague for: what all pages of it share (spec C6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from flask import Flask, current_app
from flask_babel import lazy_gettext

from cti_server.review.desk_requests import RequestDesk
from cti_server.shared.clock import Clock
from cti_web.labels import Label
from cti_web.viewer import viewer

if TYPE_CHECKING:
    from cti_server.calls.desk import Desk

_ = lazy_gettext

ASKED: Final[dict[str, Label]] = {
    "asked": Label(_("Waiting for the record"), "amber", "clock"),
    "overdue": Label(_("Overdue"), "red", "alert-triangle"),
    "escalated": Label(_("Escalated"), "red", "user-share"),
    "answered": Label(_("Record made"), "green", "circle-check"),
    "withdrawn": Label(_("Withdrawn"), "grey", "minus"),
}


def record_requests(use: Desk) -> RequestDesk:
    """The use cases of asking for records, in the same transaction as the desk's."""
    return RequestDesk(cast(Any, use.work), viewer, cast(Clock, current_app.extensions["yobirin.clock"]))


def register(app: Flask) -> None:
    """Makes the words known to the templates."""
    app.jinja_env.globals.update(ASKED=ASKED)
