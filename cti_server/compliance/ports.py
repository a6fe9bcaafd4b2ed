"""What the compliance room needs of the outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from cti_server.compliance.business_hours import Calendar
from cti_server.compliance.erasing import ErasureShelf
from cti_server.compliance.exemptions import Exemption, State
from cti_server.compliance.saved_views import SavedView
from cti_server.compliance.trail_pages import TrailShelf
from cti_server.compliance.versions import Version
from cti_server.compliance.views import CoverageQuery, Recount, StandingRow, Tally
from cti_server.shared.places import Place

By = Literal["branch-day", "day", "rep", "class"]


class Standings(Protocol):
    """How calls stand, and the counts of it, within the scope."""

    def tallies(self, query: CoverageQuery, by: By, now: float) -> dict[Any, Tally]:
        """The counts of a period: by (branch, day), day, rep or class."""

    def waiting_before(self, query: CoverageQuery, most: int) -> int:
        """What waits for a record from days before the period, up to ``most``."""

    def page(
        self, query: CoverageQuery, after: Place | None, limit: int, now: float
    ) -> tuple[list[StandingRow], Place | None]:
        """The calls; those that wait for a record the oldest first, else the newest first. The place is null at the
        end."""

    def of_call(self, call_id: str, now: float) -> list[StandingRow]:
        """How one call stands."""

    def over(self, call_id: str) -> bool | None:
        """Whether a call is over; null where there is none."""

    def calendar(self, branch: str, now: float) -> Calendar:
        """The business hours of a branch as they are now."""

    def note_export(self, by: str, at: float, what: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail that a list was taken away."""

    def branches(self) -> dict[str, str]:
        """All branches: code -> name."""

    def names(self, users: Iterable[str]) -> dict[str, str]:
        """User -> name."""


class Policies(Protocol):
    """The rules, by version."""

    def versions(self) -> list[Version]:
        """All of them by number, that of a new installation first."""

    def add(self, version: Version) -> None:
        """Keeps a new version. Raises Conflict where somebody else saved one meanwhile."""

    def ask_recount(self, since: float, at: float) -> None:
        """Past calls have to be looked at again."""

    def pending_recount(self) -> Recount | None:
        """The first that isn't finished."""

    def note(self, by: str, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail what was done with the rules."""


class Exemptions(Protocol):
    """Exemptions of the calls within the scope."""

    def get(self, exemption_id: int) -> Exemption | None:
        """One of them."""

    def of_call(self, call_id: str) -> list[Exemption]:
        """The latest first."""

    def page(self, state: str, after: Place | None, limit: int) -> tuple[list[Exemption], Place | None]:
        """The latest first; an empty state: all."""

    def asked(self, most: int) -> int:
        """How many wait for a decision, up to ``most``."""

    def ask(self, call_id: str, reason: str, by: str, at: float) -> int:
        """Keeps a new one."""

    def decide(self, exemption_id: int, state: State, by: str, at: float, answer: str) -> None:
        """Approves, refuses or takes it back; the call stands otherwise from now on."""

    def note(self, call_id: str, by: str, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the call's trail."""


class SavedViews(Protocol):
    """Filters under a name."""

    def all(self) -> list[SavedView]:
        """The user's own and those that are shared, by name."""

    def save(self, view: SavedView, at: float) -> int:
        """Keeps one; that of the same user and name is replaced."""

    def delete(self, view_id: int) -> None:
        """Forgets one."""


class ComplianceWork(Protocol):
    """One transaction, seen through one scope."""

    @property
    def standings(self) -> Standings:
        """How calls stand."""

    @property
    def policies(self) -> Policies:
        """The rules."""

    @property
    def exemptions(self) -> Exemptions:
        """Exemptions."""

    @property
    def trail_pages(self) -> TrailShelf:
        """The audit trail."""

    @property
    def erasures(self) -> ErasureShelf:
        """Who is to be erased, and legal holds."""

    @property
    def saved_views(self) -> SavedViews:
        """Saved filters."""
