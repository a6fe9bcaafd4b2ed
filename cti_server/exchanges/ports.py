"""What looking after exchanges needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cti_server.exchanges.saved import SavedExchange, State
from cti_server.settings import ExchangeSettings
from cti_server.shared.people import Branch


@dataclass(slots=True)
class Test:
    """A test of a connection that somebody asked for. ``exchange`` is empty for settings that are not saved yet;
    ``settings`` is what is tested, without the secret; ``findings`` what was found, once it is ``done``."""

    exchange: str
    branch: str
    by: str
    at: float
    settings: dict[str, Any]
    secret: str = ""
    done: bool = False
    findings: dict[str, Any] = field(default_factory=dict)


class Shelf(Protocol):
    """Where the settings of exchanges are kept. Every change leaves a row for the daemon."""

    def all(self) -> list[SavedExchange]:
        """Every exchange that the file or a page names, or named, by id."""

    def get(self, exchange: str) -> SavedExchange | None:
        """One of them."""

    def put(self, exchange: str, state: State, before: State | None, version: int, by: str, at: float) -> None:
        """Keeps a change: ``version`` is the one that it makes. Raises Conflict where that exists already."""

    def show(self, settings: ExchangeSettings) -> None:
        """Puts an exchange on the pages that is new there; the daemon says soon how it really is."""

    def hide(self, exchange: str) -> None:
        """Takes one off the pages."""

    def add_test(self, test: Test) -> int:
        """Asks the daemon for a test; gives its id."""

    def test(self, test_id: int) -> Test | None:
        """A test that was asked for."""

    def branches(self) -> dict[str, Branch]:
        """The firm's branches by code."""

    def person(self, user: str) -> str:
        """The name of one of the firm's people."""

    def note(self, exchange: str, user: str, act: str, at: float, detail: Mapping[str, Any]) -> None:
        """Adds to the trail what was done to an exchange."""


class Secrets(Protocol):
    """The folder in which secrets are kept that were typed on a page; only the server may read it."""

    def keep(self, purpose: str, secret: str) -> str:
        """Keeps a secret in a file of its own; gives the file's name."""

    def path(self, name: str) -> str:
        """Where the secret of that name lies."""

    def beside(self, path: str) -> bool:
        """Whether a path lies in the server's own data folder, which no exchange is read from."""

    def readable(self, path: str) -> bool:
        """Whether a path lies in a folder from which pages may have records read, whatever links lead there."""

    def folders(self) -> Sequence[str]:
        """These folders."""

    def within(self, path: str) -> str:
        """The path of a file of the folder, given its name or whole path. Raises Invalid for one outside of it."""
