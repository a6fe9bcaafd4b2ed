"""What the review room needs of the outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from cti_server.review.views import ClaimQuery, ClaimRow


class Place(NamedTuple):
    """Where a page of a list ends: the next one begins below it."""

    at: float
    id: int


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


class ReviewWork(Protocol):
    """One transaction, seen through one scope."""

    @property
    def claims(self) -> Claims:
        """The claims."""
