"""What the telephones' use cases need of the outside, and the records that they hand over. Times are epoch seconds,
UTC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from cti_server.shared.telephones import Ending, Seat, Telephone

Kind = Literal["own", "shared", "free"]
"""Whose an extension is: somebody's, everybody's, or nobody's until they take it for the day."""


class Site(NamedTuple):
    """An exchange as the telephones need it."""

    id: str
    name: str
    branch: str


class Person(NamedTuple):
    """One of the firm's people."""

    id: str
    name: str
    branch: str
    active: bool = True


class Place(NamedTuple):
    """Where a page of extensions ends."""

    exchange: str
    extension: str


class Rang(NamedTuple):
    """An extension that nobody entered, and when it rang or talked last."""

    exchange: str
    extension: str
    at: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of extensions is filtered by; empty: not. ``text``: the beginning of an extension, or a part of its
    user's name or reading."""

    exchange: str = ""
    kind: Kind | Literal["", "seated"] = ""
    text: str = ""


class TelephoneRows(Protocol):
    """Extensions and who sits there, within one transaction. Nothing of customers, so that no scope applies; the use
    cases hold each to what exists for their viewer."""

    def sites(self) -> list[Site]:
        """The exchanges, by branch and id."""

    def person(self, user: str) -> Person | None:
        """One of the firm's people."""

    def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Several."""

    def staff(self, branch: str | None) -> list[Person]:
        """Everybody active, of a branch or all, by kana."""

    def telephone(self, exchange: str, extension: str) -> Telephone | None:
        """One with who sits there, and who sat there in the last days; null where it was not entered."""

    def page(
        self, exchanges: Iterable[str], wanted: Wanted, after: Place | None, limit: int, now: float
    ) -> tuple[list[Telephone], Place | None]:
        """By exchange and extension; with those who sit there now."""

    def past(self, exchange: str, extension: str, limit: int) -> list[Seat]:
        """Who had an extension, the latest first; over or not."""

    def rang_lately(self, sites: Iterable[Site], since: float) -> list[Rang]:
        """Extensions that rang or talked since then, and were not entered."""

    def rings_at(self, user: str, own: Iterable[tuple[str, str]], now: float) -> list[tuple[str, str]]:
        """Where a user's calls ring now: the (exchange, extension) that they took for the day, then their own ones
        without those at which somebody else sits."""

    def own(self, user: str) -> list[Telephone]:
        """Those that are a user's own."""

    def seat(self, user: str) -> tuple[Telephone, Seat] | None:
        """Where a user sat down last, if nobody ended it."""

    def over(self, now: float) -> list[Telephone]:
        """Those at which somebody sits whose hour has come, though nobody wrote that down yet."""

    def put(self, telephone: Telephone) -> None:
        """Keeps whose an extension is, and since when."""

    def drop(self, exchange: str, extension: str) -> None:
        """Forgets it."""

    def sit(self, exchange: str, extension: str, seat: Seat) -> int:
        """Keeps that somebody had it; gives the id. Raises Conflict where somebody sits there already."""

    def end(self, seat: Seat, at: float, why: Ending, by: str | None) -> None:
        """Ends it; one whose hour came before is over since then."""

    def lengthen(self, seat: Seat, until: float, at_sign_out: bool) -> None:
        """Keeps another end."""

    def tell(self, body: Mapping[str, Any], at: float) -> None:
        """Leaves a row for the daemon: whose telephone it is changed (kind ``seat``)."""

    def note(
        self, at: float, by: str | None, act: str, exchange: str, extension: str, detail: Mapping[str, Any]
    ) -> None:
        """Adds to the trail what was done."""
