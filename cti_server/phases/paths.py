"""The table of paths: who handled a customer in each phase, where it first came from, and what it is worth (spec P4).

Everything that rules know of members is a sum over such rows; ``tallies`` keeps the sums, this is what they must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Path:
    """One deal's way through its service's phases."""

    source: str
    """Its first contact: where the customer came from."""
    members: tuple[str, ...]
    """Who handled it in each phase that it came to, in the order of the phases."""
    passed: int
    """How many phases it got through: all that it came to but the one that it is in, or was lost in."""
    over: bool = False
    """Whether it will never get through the phase that it is in (lost, cancelled in it)."""
    worth: int | None = None
    """CLTV in minor units; 0 where it was lost, null while nothing can be said."""

    def handed_on(self, phase: int) -> bool | None:
        """Whether its member there got it through that phase; null while it is in it, or before."""
        if phase < self.passed:
            return True
        return False if self.over and phase < len(self.members) else None


class Among(NamedTuple):
    """Which paths count: all, those with the same first contact, or those that the same member handled earlier."""

    kind: str = "all"
    name: str = ""
    phase: int = -1

    def has(self, path: Path, before: int) -> bool:
        """Whether a path counts, as what is known of members of the phase ``before`` which it is asked."""
        if self.kind == "all":
            return True
        if self.kind == "source":
            return path.source == self.name
        return self.phase < min(before, len(path.members)) and path.members[self.phase] == self.name


ALL = Among()


def same_source(source: str) -> Among:
    """The paths that began with this first contact."""
    return Among("source", source)


def same_earlier(phase: int, member: str) -> Among:
    """The paths that this member handled in that earlier phase."""
    return Among("earlier", member, phase)


def lots(path: Path, phase: int) -> list[Among]:
    """Every lot of paths that this one counts in, for its member of a phase."""
    return [ALL, same_source(path.source), *(same_earlier(n, path.members[n]) for n in range(phase))]
