"""What the review room needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cti_server.review.policy import ReviewPolicy
from cti_server.review.requests import Schedule
from cti_server.review.views import ClaimQuery, ClaimRow, RequestQuery, RequestView
from cti_server.shared.places import Place
from cti_server.shared.scope import Label

PAGE: Final = 50
"""Rows of a list at a time."""


class Claims(Protocol):
    """The claims within the scope."""

    def get(self, claim_id: int) -> ClaimRow | None:
        """One of them."""

    def page(self, query: ClaimQuery, after: Place | None, limit: int) -> tuple[list[ClaimRow], Place | None]:
        """Newest first; the place is null at the end."""

    def settle(self, claim_id: int, by: str, at: float, reason: str) -> None:
        """Says why there is no call."""

    def unsettle(self, claim_id: int) -> None:
        """Takes it back."""

    def note(self, claim_id: int, customer: str, by: str, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the customer's trail what was done with a claim."""

    def note_export(self, by: str, at: float, what: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail that a list was taken away."""


@dataclass(frozen=True, slots=True)
class About:
    """Whose a call may be, of those that the viewer sees: the best first. ``picked``: it is surely theirs."""

    label: Label
    customer: str | None
    name: str
    picked: bool


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A record that is to be asked for."""

    call: str
    about: About
    to: str
    by: str
    at: float
    note: str
    plan: Schedule


class Requests(Protocol):
    """Contact records that were asked for, within the scope."""

    def whose(self, call_id: str) -> list[About]:
        """Whose a call may be; empty where there is no such call."""

    def able(self, label: Label, call_id: str) -> list[tuple[str, str]]:
        """(user, name) of the colleagues who may handle calls of this label: the rep in charge first, then who took
        the call."""

    def deadline(self, branch: str, since: float, hours: float) -> float:
        """When so many business hours of a branch have gone by."""

    def add(self, new: NewRequest) -> int | None:
        """Keeps it, and tells the screens. Null where the call's record is asked for already."""

    def get(self, request_id: int, now: float) -> RequestView | None:
        """One of them."""

    def of_call(self, call_id: str, now: float) -> Sequence[RequestView]:
        """Those about a call, the newest first."""

    def page(
        self, query: RequestQuery, after: Place | None, limit: int, now: float
    ) -> tuple[list[RequestView], Place | None]:
        """Newest first; the place is null at the end."""

    def waiting_for(self, users: Sequence[str], branch: str | None, limit: int, now: float) -> Sequence[RequestView]:
        """Those that wait for one of some users, and of a branch those that were escalated; what is due first first."""

    def count_waiting_for(self, users: Sequence[str], branch: str | None) -> int:
        """How many they are."""

    def withdraw(self, request_id: int, by: str, at: float) -> None:
        """It is not asked for any more."""


class ReviewWork(Protocol):
    """One transaction, seen through one scope."""

    @property
    def claims(self) -> Claims:
        """The claims."""

    @property
    def requests(self) -> Requests:
        """The records that were asked for."""

    @property
    def policy(self) -> ReviewPolicy:
        """What the settings say."""
