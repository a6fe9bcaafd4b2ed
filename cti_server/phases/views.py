"""What the pages of the phases room show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cti_server.phases.choosing import Rule
from cti_server.phases.model import Action, Answer, Deal, Member, Phase, Service, Unit, ValueChange
from cti_server.phases.money import Money
from cti_server.phases.questionnaires import Link, LinkState, Offered
from cti_server.phases.replaying import Replayed
from cti_server.phases.suggesting import Completion, Suggestion
from cti_server.phases.usage import Usage
from cti_server.phases.velocity import Pace


@dataclass(frozen=True, slots=True)
class CustomerLine:
    """Who a deal is with."""

    code: str
    name: str
    kana: str
    branch: str
    branch_name: str
    rep: str | None
    confidentiality: int
    dialable: bool
    """Whether a number is known."""


@dataclass(frozen=True, slots=True)
class DealLine:
    """A deal in a list."""

    id: int
    title: str
    customer: str
    customer_name: str
    service_name: str
    phase_name: str
    member: str | None
    member_name: str
    state: str
    due_at: float
    entered_at: float
    worth: Money | None
    predicted: bool


@dataclass(frozen=True, slots=True)
class StepLine:
    """One phase of a deal's way."""

    phase_name: str
    member_name: str
    at: float


@dataclass(frozen=True, slots=True)
class DealView:
    """Everything about one deal."""

    deal: Deal
    service: Service
    phase: Phase
    customer: CustomerLine
    member_name: str
    names: Mapping[str, str]
    completion: Completion
    suggestion: Suggestion
    usage: Usage | None
    """The customer's use of the service; null where the service tells nothing of it."""
    answers: Mapping[int, Answer]
    drafts: Mapping[int, str]
    actions: Sequence[Action]
    running: Action | None
    """The viewer's action that was begun and not ended."""
    steps: Sequence[StepLine]
    values: Sequence[ValueChange]
    choices: Sequence[Mapping[str, Any]]
    links: Sequence[tuple[Link, LinkState]]
    """Questionnaires for the customer, newest first."""
    offered: Mapping[int, Offered]
    """What the customer answered where an item says something else."""
    may_act: bool
    plain: bool
    """Whether the sums behind a choice are shown to the viewer; else few deals are called few, since they would tell
    of single customers."""


@dataclass(frozen=True, slots=True)
class Mine:
    """What a member sees first."""

    rows: Sequence[DealLine]
    waiting: Sequence[DealLine]
    can_take: bool
    """Whether a customer waits that the viewer could take."""
    member: Member | None
    """The viewer as a member; null where they work no phase."""
    services: Sequence[Service]


@dataclass(frozen=True, slots=True)
class CustomerDeals:
    """A customer's deals, and what it could be offered."""

    rows: Sequence[DealLine]
    services: Sequence[Service]


@dataclass(frozen=True, slots=True)
class SetUpView:
    """What administrators set up."""

    services: Sequence[Service]
    units: Sequence[Unit]
    members: Sequence[Member]
    candidates: Sequence[tuple[str, str]]
    """(user, name) of those who may become members."""


@dataclass(frozen=True, slots=True)
class NextView:
    """Who may take a deal next (S501, S502)."""

    view: DealView
    to: Phase | None
    """The phase to come; null where this was the last one."""
    reasons: Mapping[str, Any]
    """The best with the facts behind each (``reasons.reasons_of``); empty after the last phase."""
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """A phase in the funnel."""

    phase: int
    name: str
    came: int
    decided: int
    handed_on: int
    pace: Pace
    """How long those took that got through."""

    @property
    def inside(self) -> int:
        """How many are in it."""
        return self.came - self.decided


@dataclass(frozen=True, slots=True)
class MemberSum:
    """What a member did in a phase."""

    member: str
    name: str
    phase: int
    came: int
    decided: int
    handed_on: int
    settled: int
    total: int
    """Sum of CLTV, minor units."""


@dataclass(frozen=True, slots=True)
class PathLine:
    """A row of the table of paths."""

    deal: int
    customer: str
    customer_name: str
    source: str
    members: Sequence[tuple[str, str]]
    """(phase, member), by name."""
    state: str
    worth: Money | None


@dataclass(frozen=True, slots=True)
class DryRun:
    """Past deals under another rule."""

    service: Service
    rule: Rule
    deals: int
    phases: Sequence[Replayed]


@dataclass(frozen=True, slots=True)
class ServicePage:
    """A service as its manager sees it."""

    service: Service
    funnel: Sequence[FunnelRow]
    members: Sequence[MemberSum]
    waiting: Sequence[DealLine]
    awaiting: int
    """Proposals that await approval."""
    left: Sequence[DealLine] = ()
    """Open deals of members who are away just now, the most urgent first."""
    back: Mapping[str, float] = field(default_factory=dict)
    """When these members are back (epoch seconds, UTC)."""
