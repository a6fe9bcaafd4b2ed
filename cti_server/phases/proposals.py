"""Proposals to change a phase, as they are kept, shown and asked for (spec P5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from cti_server.phases.learning import Finding, Kind, Line, Passed, Shares
from cti_server.phases.model import Service
from cti_server.phases.views import DealLine

State = Literal["open", "approved", "rejected", "undone", "void"]
"""``open``: awaits approval; ``undone``: approved, and taken back; ``void``: somebody changed the phase meanwhile, so
that there is nothing left to approve."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change to a phase that past deals speak for. Its evidence is that of when it was made."""

    id: int
    service: int
    phase: int
    kind: Kind
    item: int | None
    title: str
    action: str
    before: str
    best: tuple[str, ...]
    state: State
    made_at: float
    made_by: str | None
    """Who had it looked for; null: the server, at night."""
    decided_at: float | None = None
    decided_by: str | None = None
    """Null where it holds at once."""
    reason: str = ""
    version: int = 1

    @property
    def said(self) -> str:
        """What its evidence counts for it."""
        return self.action if self.kind == "action" else "yes"


@dataclass(frozen=True, slots=True)
class BestLine:
    """One of the best members in the evidence."""

    name: str
    hits: int
    deals: int


@dataclass(frozen=True, slots=True)
class ProposalLine:
    """A proposal in a list, with its evidence over the viewer's customers."""

    proposal: Proposal
    phase_name: str
    shares: Shares
    days: float | None
    """Of a trial: how long the item took; null where no deal is in it."""


@dataclass(frozen=True, slots=True)
class ProposalView:
    """Everything about a proposal."""

    proposal: Proposal
    service: Service
    phase_name: str
    shares: Shares
    days: float | None
    """Of a trial: how long the item took; null where no deal is in it."""
    trial: int | None
    """The trial that it began."""
    best: Sequence[BestLine]
    kinds: Sequence[tuple[str, int, int]]
    """Of an action: (kind, deals of the best, of the others) for each that was used."""
    names: Mapping[str, str]
    partly: bool
    """Whether the viewer sees a part of the customers only."""


class LearningShelf(Protocol):
    """Proposals. What they are made of is over everybody's deals; what is shown of it is within the scope."""

    def passed(self, service: Service, phase: int) -> list[Passed]:
        """The deals, of the newest of a service, that got through a phase; of everybody's customers."""

    def hold(self) -> None:
        """Takes the write lock; what was read before is read afresh."""

    def known(self, service: int, finding: Finding) -> tuple[Proposal, list[Line]] | None:
        """The newest proposal of the same, with all of its evidence."""

    def add(self, proposal: Proposal, lines: Sequence[Line]) -> int:
        """Keeps one with its evidence; gives its id."""

    def put(self, proposal: Proposal) -> None:
        """Saves what became of one; Conflict where somebody else did."""

    def proposal(self, proposal_id: int) -> Proposal | None:
        """One of them."""

    def awaiting(self, service: int) -> list[Proposal]:
        """A service's that await approval."""

    def of_service(self, service: int, limit: int) -> list[Proposal]:
        """A service's: those that await approval, then the newest."""

    def lines(self, proposal_id: int) -> list[Line]:
        """The evidence of one, over customers within the scope."""

    def deals(self, proposal: Proposal, of_best: bool, hit: bool, limit: int) -> list[DealLine]:
        """Deals behind a number of its evidence, as far as the scope reaches and as they stand now; newest first."""
