"""Statements that every page asks, built, ruled and compiled once for a scope: to build one and to find its compiled
form again takes SQLAlchemy ten times as long as SQLite takes to answer it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, Final

from cti_adapters.storage import gate
from cti_adapters.storage.core import Asked

SCOPES: Final = 4096
"""Statements that are kept of a kind, over all scopes."""


class Kept:
    """``build(scope, *kind)`` makes the statement, over the labelled classes as any other of a unit of work; the gate's
    rule is put into it here. ``given`` names the parameters that change (see `core.Asked`)."""

    def __init__(self, build: Callable[..., Any], *given: str) -> None:
        def make(*scope_and_kind: Any) -> Asked:
            return Asked(gate.ruled(build(*scope_and_kind), scope_and_kind[0]), given)

        self._asked: Final = lru_cache(maxsize=SCOPES)(make)

    def rows(self, session: gate.GatedSession, *kind: Hashable, **values: Any) -> list[Any]:
        """The rows that the session's scope admits."""
        return list(self._asked(session.scope, *kind).rows(gate.system(session, writes=False), **values))
