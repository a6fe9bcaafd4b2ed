"""The cookies that say who somebody is: set, read and taken back in one way."""

from __future__ import annotations

from typing import Final

from flask import Response, current_app, request

SESSION: Final = "yobirin"
"""A session's token; the database holds its SHA-256 only."""
HALF: Final = "yobirin_half"
"""The token of a sign-in that lacks its second step."""

BROWSER: Final = "yobirin_browser"
"""Who has signed in in this browser before, sealed; opens nothing (``identity.devices``)."""

THERE: Final = "yobirin_there"
"""That the sign-in was the firm's own, with what its sign-out wants to see."""


def secure() -> bool:
    """Whether browsers reach the pages by https."""
    return bool(current_app.extensions["yobirin.https"])


def read(name: str) -> str:
    """A cookie's value; empty where there is none."""
    return request.cookies.get(name, "")


def put(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Sets one, out of reach of scripts; until the browser is closed where ``seconds`` is null."""
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="Lax", secure=secure(), path="/")


def drop(response: Response, name: str) -> None:
    """Takes one back."""
    response.delete_cookie(name, httponly=True, samesite="Lax", secure=secure(), path="/")
