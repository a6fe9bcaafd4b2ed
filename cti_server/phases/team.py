"""Those who may take a customer just now (``choosing.Staff``). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from cti_server.phases.availability import Obstacle
from cti_server.phases.model import Member, Service
from cti_server.phases.ports import Held
from cti_server.shared.scope import Label

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Team:
    """The members, for one customer at one moment."""

    members: Mapping[str, Member]
    service: Service
    holding: Held
    held: Mapping[str, int]
    at: float
    """Epoch seconds, UTC."""

    def working(self, phase: int) -> Collection[str]:
        """The members who work a phase (by its place)."""
        wanted = self.service.phases[phase].id
        return [user for user, member in self.members.items() if wanted in member.works]

    def obstacle(self, member: str, phase: int) -> Obstacle | None:
        """Why a member can't take another customer in this phase."""
        known = self.members.get(member)
        if known is None or self.service.phases[phase].id not in known.works:
            return "phase"
        if not may_see(known, self.holding):
            return "scope"
        return known.staffing.obstacle(self.held.get(member, 0), self.at, self.service.patience * HOUR)

    def load(self, member: str) -> tuple[int, int]:
        """How many customers they hold, and can."""
        return self.held.get(member, 0), max(1, self.members[member].staffing.capacity)


def may_see(member: Member, holding: Held) -> bool:
    """Whether a member sees the customer, or may become its rep in charge: that takes it from who is, so not while
    another open deal of the customer's is somebody else's."""
    if member.scope is None:
        return False
    if member.scope.admits(holding.label):
        return True
    given: Label = replace(holding.label, rep=member.user)
    return member.scope.admits(given) and not set(holding.others) - {member.user}


def by_user(members: Sequence[Member]) -> dict[str, Member]:
    """Members by id."""
    return {member.user: member for member in members}
