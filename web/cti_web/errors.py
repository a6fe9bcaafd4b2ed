"""From a domain error to a status and a designed page: one table. A fragment (htmx) gets the same as a short notice.

Templates: ``error.html`` (a whole page) and ``error_fragment.html``, both given ``status``, ``title`` and ``message``.
"""

from __future__ import annotations

import logging
import traceback
from typing import cast

from flask import Flask, Response, make_response, render_template, request
from flask_babel import lazy_gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable, YobirinError
from cti_web import bearer, sentences

log = logging.getLogger(__name__)

STATUS: dict[type[YobirinError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    Invalid: 422,
    Conflict: 409,
    Unavailable: 503,
}

TITLES = {
    400: lazy_gettext("This request can't be read"),
    401: lazy_gettext("Please sign in"),
    403: lazy_gettext("Your role does not allow this"),
    404: lazy_gettext("There is no such page"),
    405: lazy_gettext("There is no such page"),
    409: lazy_gettext("Somebody else changed this in the meantime"),
    413: lazy_gettext("That is too large"),
    422: lazy_gettext("Something in what you entered does not fit"),
    429: lazy_gettext("Too many attempts"),
    500: lazy_gettext("Something went wrong on our side"),
    503: lazy_gettext("Not available just now"),
}

MESSAGES = {
    400: lazy_gettext("The page you came from is too old. Go back, load it again and repeat what you did."),
    403: lazy_gettext("Ask an administrator for the authority you need."),
    404: lazy_gettext("It does not exist, or it is not yours to see."),
    405: lazy_gettext("It does not exist, or it is not yours to see."),
    409: lazy_gettext("Look at it again, then repeat your change."),
    413: lazy_gettext("At most 32 MB can be sent at once."),
    500: lazy_gettext("It has been recorded. Nothing that was saved is lost; try again, or go back to the desk."),
    503: lazy_gettext("Nothing is lost. Try again in a moment."),
}


def status_of(error: YobirinError) -> int:
    """The HTTP status of a domain error."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def register(app: Flask) -> None:
    """Puts the table to work."""
    app.register_error_handler(YobirinError, _domain)
    app.register_error_handler(CSRFError, lambda _: page(400))
    app.register_error_handler(HTTPException, lambda error: page(error.code or 500, of=error))
    app.register_error_handler(Exception, _unexpected)


def _domain(error: YobirinError) -> Response:
    status = status_of(error)
    if status == 404:
        return page(404)  # always the same words: what is missing and what is out of scope can't be told apart
    return page(status, sentences.said(error))


def _unexpected(error: Exception) -> Response:
    # Where, not what: an exception's text may hold a name or a number, and those are for nobody who reads logs.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s on %s failed: %s\n%s", request.method, request.endpoint, type(error).__name__, where)
    log.debug("what it said", exc_info=error)
    return page(500)


def page(status: int, message: str = "", of: HTTPException | None = None) -> Response:
    """The error as a page, or as a fragment where a fragment was asked for."""
    if of is not None and of.response is not None:
        return cast(Response, of.response)
    title = TITLES.get(status, TITLES[500 if status >= 500 else 400])
    if bearer.asks_for_json():
        return bearer.problem(None, status, str(title), message or str(MESSAGES.get(status, "")))
    fragment = "HX-Request" in request.headers
    template = "error_fragment.html" if fragment else "error.html"
    text = message or MESSAGES.get(status, "")
    response = make_response(render_template(template, status=status, title=title, message=text), status)
    if status == 503:
        response.headers["Retry-After"] = "2"
    return response
