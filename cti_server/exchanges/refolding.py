"""Having the records of an exchange folded again from a page: what would change, then the change (spec O1, O3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from cti_server.exchanges.desk import ExchangeDesk
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.viewer import Viewer, needs


@dataclass(slots=True)
class Refolding:
    """One that somebody asked for. ``write``: whether it is to be written, or only shown; ``findings`` (JSON types)
    what came of it, once it is ``done``: ``reason`` where it failed, else counts and the first differences."""

    exchange: str
    by: str
    at: float
    write: bool = False
    done: bool = False
    findings: dict[str, Any] = field(default_factory=dict)


class RefoldShelf(Protocol):
    """Where they are kept; asking for one leaves a row for the daemon."""

    def ask(self, refolding: Refolding) -> int:
        """Keeps it; gives its id."""

    def get(self, number: int) -> Refolding | None:
        """One of them."""


class RefoldDesk:
    """A viewer who has records folded again."""

    def __init__(self, shelf: RefoldShelf, exchanges: ExchangeDesk) -> None:
        self._shelf = shelf
        self._exchanges = exchanges

    @property
    def viewer(self) -> Viewer:
        """For whom."""
        return self._exchanges.viewer

    @needs("exchanges")
    def ask(self, exchange: str, *, write: bool) -> int:
        """Has the daemon do it; gives its id. NotFound outside the viewer's span."""
        entry = self._exchanges.entry(exchange)
        if entry.kind != "smdr" or entry.removed:
            raise Invalid("Only exchanges that write records are folded again here; use cti replay for others")
        return self._shelf.ask(Refolding(exchange, self.viewer.id, self._exchanges.now(), write))

    @needs("exchanges")
    def found(self, number: int) -> Refolding:
        """What came of one so far. NotFound outside the viewer's span."""
        found = self._shelf.get(number)
        if found is None:
            raise NotFound("There is no such folding")
        self._exchanges.entry(found.exchange)
        return found
