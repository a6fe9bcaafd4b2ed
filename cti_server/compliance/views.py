"""What the pages of compliance show: plain data, already scoped. Times are epoch seconds, UTC; days are those of the
branch's clocks, as numbers (``business_hours.day_number``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cti_server.compliance.exemptions import Exemption
from cti_server.compliance.rules import Rule
from cti_server.compliance.standing import STANDINGS, Standing

NEED_RECORD: Final = ("overdue", "due", "incomplete")
"""Standings for which somebody has to do something; what a list shows unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class CoverageQuery:
    """What is counted and listed. ``first`` and ``last`` are days, both included; an empty filter holds nothing back.
    ``standing`` chooses the list only: empty for what waits for a record, ``all``, or one of ``STANDINGS``."""

    first: int
    last: int
    branch: str = ""
    rep: str = ""
    confidentiality: int | None = None
    kind: str = ""
    standing: str = ""

    @property
    def listed(self) -> tuple[str, ...]:
        """The standings that the list shows."""
        if self.standing == "all":
            return STANDINGS
        return (self.standing,) if self.standing in STANDINGS else NEED_RECORD


@dataclass(slots=True)
class Tally:
    """How many calls stand how."""

    recorded: int = 0
    due: int = 0
    overdue: int = 0
    incomplete: int = 0
    exempt: int = 0
    unregistered: int = 0

    def add(self, standing: str, n: int) -> None:
        """Counts ``n`` more."""
        setattr(self, standing, getattr(self, standing) + n)

    @property
    def calls(self) -> int:
        """Calls that need a record, or have it."""
        return self.recorded + self.waiting

    @property
    def owed(self) -> int:
        """Of these, those that have it, or whose time is up: what is still due is no failing."""
        return self.calls - self.due

    @property
    def waiting(self) -> int:
        """Calls that need one still."""
        return self.due + self.overdue + self.incomplete

    @property
    def rate(self) -> float | None:
        """Per cent of the calls owed that are recorded; null where none is."""
        return 100.0 * self.recorded / self.owed if self.owed else None


@dataclass(frozen=True, slots=True)
class Age:
    """What is open of some days. ``key``: today | days | week | month | older."""

    key: str
    first: int
    last: int
    waiting: int


@dataclass(slots=True)
class OfRep:
    """The calls of a rep's customers."""

    rep: str
    name: str
    tally: Tally


@dataclass(slots=True)
class Coverage:
    """How the calls of a period stand."""

    total: Tally = field(default_factory=Tally)
    by_day: dict[tuple[str, int], Tally] = field(default_factory=dict)
    """(branch, day)."""
    branches: dict[str, str] = field(default_factory=dict)
    """Branch -> name, of those that have calls or rules to keep."""
    closed: set[tuple[str, int]] = field(default_factory=set)
    """(branch, day) on which it stays closed."""
    by_rep: list[OfRep] = field(default_factory=list)
    """The lowest rate first."""
    by_class: dict[int, Tally] = field(default_factory=dict)
    ages: list[Age] = field(default_factory=list)
    earlier: int = 0
    """What waits for a record from before the period, counted up to ``EARLIER_MOST``."""
    course: list[tuple[int, Tally]] = field(default_factory=list)
    """(day, calls) up to the end of the period, over at least four weeks."""
    target: float = 99.0
    asked: int = 0
    """Exemptions that wait for a decision, counted up to ``EARLIER_MOST``."""
    recount: Recount | None = None

    def of_branch(self, branch: str) -> Tally:
        """All days of a branch."""
        return together(tally for (code, _day), tally in self.by_day.items() if code == branch)

    def between(self, branch: str, first: int, last: int) -> Tally:
        """Some days of a branch."""
        days = (self.by_day.get((branch, day)) for day in range(first, last + 1))
        return together(tally for tally in days if tally is not None)


EARLIER_MOST: Final = 500


def together(tallies: Iterable[Tally]) -> Tally:
    """The sum."""
    made = Tally()
    for tally in tallies:
        for standing in STANDINGS:
            made.add(standing, getattr(tally, standing))
    return made


@dataclass(slots=True)
class StandingRow:
    """A call and how it stands."""

    id: int
    call_id: str
    standing: Standing
    kind: str
    began_at: float
    seconds: float | None
    due_at: float | None
    branch: str
    branch_name: str
    timezone: str
    """The branch's, in which its business hours are."""
    rep: str
    rep_name: str
    confidentiality: int | None
    customer: str | None
    customer_name: str


@dataclass(slots=True)
class StandingPage:
    """One page of the list. ``next`` is where the next one begins; null at the end."""

    rows: list[StandingRow] = field(default_factory=list)
    next: str | None = None


@dataclass(slots=True)
class CallStanding:
    """How one call stands for this viewer, and why. ``standings``: one, unless several customers may have called."""

    call_id: str
    standings: list[StandingRow]
    live: bool
    rules: list[Rule]
    exemptions: list[Exemption]


@dataclass(frozen=True, slots=True)
class Recount:
    """Past calls that have to be looked at again, and how far that is. ``since`` null: all of them."""

    id: int
    why: str
    since: float | None
    asked_at: float
    done: int
