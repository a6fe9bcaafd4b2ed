"""Trials of required items: such a one becomes optional for half of the members, so that the need for it is tested
(spec P6). Pure.

Halves are drawn by member or by unit, and it is these that are independent of each other: their customers resemble
each other, so that a difference is as sure as the number of members (units) makes it, not that of deals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from random import Random
from typing import Final, Literal, NamedTuple, Protocol

from cti_server.phases.intervals import Interval, Ratio, between_ratios, ratio
from cti_server.phases.model import Member, Phase, Service
from cti_server.phases.velocity import DAY
from cti_server.phases.views import DealLine

State = Literal["running", "required", "optional", "undone"]
"""How it ended: the item stays required, it became optional, or all is as if there had been no trial."""
Verdict = Literal["few", "open", "more", "less"]
"""``few``: can't be told yet; ``open``: no difference is shown; ``more``, ``less``: where it is optional."""
FEWEST: Final = 10
"""With fewer deals in a half nothing is said."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An item that is required of one half of a phase's members, and optional for the other."""

    id: int
    proposal: int
    service: int
    phase: int
    item: int
    title: str
    seed: int
    by_unit: bool
    state: State
    started_at: float
    started_by: str | None
    """Null: by itself, as the service says."""
    ended_at: float | None = None
    ended_by: str | None = None
    reason: str = ""
    version: int = 1


class Place(NamedTuple):
    """Where a member stands in a trial. ``cluster``: whom they were drawn together with."""

    cluster: str
    optional: bool


class Sums(NamedTuple):
    """What became of the deals that came to a member in the phase since the trial began, of customers of a branch and
    class."""

    member: str
    branch: str
    tier: int
    came: int
    decided: int
    handed_on: int
    timed: int
    took: int
    """Seconds."""
    settled: int
    total: int
    """CLTV, minor units."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that the halves are compared in."""

    optional: Ratio
    required: Ratio
    of_optional: int
    """Deals that it was measured over."""
    of_required: int
    most: float = inf
    """A difference can't be larger."""

    @property
    def difference(self) -> Interval:
        """Where it is optional, less where it is required."""
        found = between_ratios(self.optional, self.required)
        return Interval(found.value, max(-self.most, found.low), min(self.most, found.high))

    @property
    def known(self) -> bool:
        """Whether there is enough to tell something: enough deals, and an interval that leaves something out."""
        found = self.difference
        return min(self.of_optional, self.of_required) >= FEWEST and (found.low > -self.most or found.high < self.most)

    @property
    def verdict(self) -> Verdict:
        """What the difference says."""
        if not self.known:
            return "few"
        if self.difference.sign == 0:
            return "open"
        return "more" if self.difference.sign > 0 else "less"


@dataclass(frozen=True, slots=True)
class Compared:
    """Both halves."""

    came: tuple[int, int]
    """Deals that came to the phase since: where it is optional, where it is required."""
    rate: Measure
    """The share handed on, of those decided."""
    days: Measure
    """Days in the phase, of those handed on."""
    worth: Measure
    """CLTV, of those of which it is known; minor units."""


def halves(members: Iterable[Member], by_unit: bool, seed: int) -> dict[str, Place]:
    """Who is in which half: drawn by chance, the same for the same seed. A member without a unit stands alone."""
    cluster = {one.user: f"unit {one.unit}" if by_unit and one.unit is not None else one.user for one in members}
    drawn = sorted(set(cluster.values()))
    Random(f"trial {seed}").shuffle(drawn)
    optional = set(drawn[: len(drawn) // 2])
    return {user: Place(name, name in optional) for user, name in cluster.items()}


def as_tried(phase: Phase, item: int) -> Phase:
    """A phase as it is for the half for which an item is optional."""
    items = tuple(replace(one, required=False) if one.id == item else one for one in phase.items)
    return replace(phase, items=items)


def compared(places: Mapping[str, Place], sums: Sequence[Sums]) -> Compared:
    """The halves beside each other. Members who joined later are in neither."""
    known = [one for one in sums if one.member in places]

    def measure(above: str, below: str, unit: float = 1, most: float = inf) -> Measure:
        found = []
        for optional in (True, False):
            clusters: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
            for one in known:
                place = places[one.member]
                if place.optional is optional:
                    clusters[place.cluster][0] += getattr(one, above) / unit
                    clusters[place.cluster][1] += getattr(one, below)
            found.append([(total, number) for total, number in clusters.values()])
        counts = [int(sum(number for _total, number in half)) for half in found]
        return Measure(ratio(found[0]), ratio(found[1]), counts[0], counts[1], most)

    came = [sum(one.came for one in known if places[one.member].optional is half) for half in (True, False)]
    return Compared(
        came=(came[0], came[1]),
        rate=measure("handed_on", "decided", most=1),
        days=measure("took", "timed", DAY),
        worth=measure("total", "settled"),
    )


class TrialShelf(Protocol):
    """Trials; their sums within the scope."""

    def start(self, trial: Trial, places: Mapping[str, Place]) -> int:
        """Begins one; gives its id."""

    def put(self, trial: Trial) -> None:
        """Saves what became of one; Conflict where somebody else did. One that ended keeps its sums as they are now,
        of everybody's customers; one that runs again has none."""

    def get(self, trial_id: int) -> Trial | None:
        """One of them."""

    def running(self, phase_id: int) -> Trial | None:
        """The one that runs in a phase."""

    def of_service(self, service_id: int, limit: int) -> list[Trial]:
        """A service's: those that run, then the newest."""

    def of_proposal(self, proposal_id: int) -> Trial | None:
        """The newest one that was begun by a proposal."""

    def places(self, trial_id: int) -> dict[str, Place]:
        """Who is in which half."""

    def optional_for(self, phase_id: int, member: str | None) -> int | None:
        """The item that a running trial makes optional for a member in a phase; null where there is none."""

    def deals(self, trial: Trial, optional: bool, limit: int) -> list[DealLine]:
        """The deals that came to a half since it began, as far as the scope reaches and as they stand now; newest
        first."""

    def sums(self, trial: Trial) -> list[Sums]:
        """What became of the deals within the scope: as it is now, or as it was when the trial ended."""


@dataclass(frozen=True, slots=True)
class TrialLine:
    """A trial in a list, over the viewer's customers."""

    trial: Trial
    phase_name: str
    compared: Compared


@dataclass(frozen=True, slots=True)
class TrialView:
    """Everything about a trial."""

    trial: Trial
    service: Service
    phase_name: str
    compared: Compared
    optional: Collection[str]
    """Names of the members for whom it is optional."""
    required: Collection[str]
    names: Mapping[str, str]
    partly: bool
