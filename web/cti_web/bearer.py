"""API tokens at the door: ``Authorization: Bearer`` (RFC 6750) in place of a session, and what is refused as a problem
in JSON (RFC 9457). A token opens only what says so, reads only, and never makes a cookie."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast

from flask import Flask, Response, g, jsonify, request

from cti_server.identity.token_ports import TokenScope
from cti_server.identity.tokens import OutOfScope, TokenRefused, TokenUse
from cti_server.shared.errors import NotAllowed, Unavailable, YobirinError
from cti_web import sentences

API: Final = "/api/"

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


class Tokens(Protocol):
    """What the door needs of the identity room."""

    def use(self, text: str, scope: TokenScope | None, address: str) -> TokenUse:
        """Raises TokenRefused, OutOfScope or Unavailable."""


def by_token(scope: TokenScope | None = None) -> Callable[[Callable[_Args, _Result]], Callable[_Args, _Result]]:
    """Says of a page that an API token opens it: one with this scope, or (null) any."""

    def decorate(view: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
        cast(Any, view).token_scope = (scope,)
        return view

    return decorate


def brought() -> str | None:
    """The token that the request brings; null where it brings none."""
    kind, _space, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else None


def asks_for_json() -> bool:
    """Whether a program asks, which reads no page."""
    return request.path.startswith(API) or brought() is not None


def let_in(app: Flask, tokens: Tokens) -> Response | None:
    """Who a program that brings a token reads for; a refusal where it may not."""
    opens = getattr(app.view_functions.get(request.endpoint or ""), "token_scope", None)
    text = brought()
    if text is None:
        return problem(TokenRefused("Bring an API token: Authorization: Bearer yob_…", "token", "token-missing"))
    if opens is None:
        return problem(NotAllowed("No API token opens this address; docs/api.md names those that do"))
    try:
        use = tokens.use(text, opens[0], request.remote_addr or "")
    except YobirinError as refused:
        return problem(refused)
    g.viewer, g.token = use.viewer, use.token
    return None


def problem(error: YobirinError | None, status: int = 0, title: str = "", detail: str = "") -> Response:
    """The refusal, so that a program can tell what is wrong and a person what to do."""
    more: dict[str, Any] = {}
    if isinstance(error, TokenRefused):
        status = 401
    elif isinstance(error, Unavailable):
        status = 429 if brought() is not None and not g.get("viewer") else 503
    elif isinstance(error, NotAllowed):
        status = 403
        more = {"scope": error.scope} if isinstance(error, OutOfScope) else {}
    said = (sentences.said(error) or str(error)) if error is not None else detail
    body = {"type": "about:blank", "title": title or HTTPStatus(status).phrase, "status": status, "detail": said} | more
    response = jsonify(body)
    response.status_code = status
    response.content_type = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    if status == 401:
        told = ', error="invalid_token"' if brought() is not None else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="Yobirin"{told}'
    elif isinstance(error, OutOfScope):
        response.headers["WWW-Authenticate"] = (
            f'Bearer realm="Yobirin", error="insufficient_scope", scope="{error.scope}"'
        )
    elif status in (429, 503):
        response.headers["Retry-After"] = "2" if status == 503 else "60"
    return response
