"""What is known of each member from past deals, kept as sums, so that a choice costs the same however many deals there
were and one deal's change touches a handful of them. Pure; one ``Book`` per service."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from cti_server.phases.paths import Among, Path, lots


@dataclass(slots=True)
class Tally:
    """The deals of one member (or of all) in one phase, among one lot of paths."""

    decided: int = 0
    """Got through the phase, or over in it."""
    handed_on: int = 0
    settled: int = 0
    """Whose worth is known: lost ones (0), and those with a contract."""
    total: int = 0
    """Sum of CLTV, minor units."""

    @property
    def settled_on(self) -> int:
        """Those handed on whose worth is known."""
        return self.settled - (self.decided - self.handed_on)

    def add(self, more: Tally, sign: int) -> None:
        """Counts some more (or takes them out again, with ``sign`` -1)."""
        self.decided += sign * more.decided
        self.handed_on += sign * more.handed_on
        self.settled += sign * more.settled
        self.total += sign * more.total


def counted(path: Path, phase: int) -> Tally:
    """What one path adds for its member of a phase."""
    on, worth = path.handed_on(phase), path.worth
    return Tally(on is not None, bool(on), worth is not None, worth or 0)


Score = Callable[[Tally, Tally], int]
"""What a member's tally is good for, given the one of all members."""
_EMPTY: Final = Tally()


class Standing:
    """The tallies of one phase among one lot of paths, and members in the order of a score.

    An order is kept as things change. A score that looks at all members' tally too moves with every change; such an
    order is made afresh after as many changes as it has members, and a bit old in between: it only says who is worth a
    closer look.
    """

    def __init__(self) -> None:
        self.whole = Tally()
        self.of: dict[str, Tally] = {}
        self._orders: dict[Score, _Order] = {}

    def tally(self, member: str) -> Tally:
        """A member's, which may be empty. Not to be changed."""
        return self.of.get(member, _EMPTY)

    def join(self, member: str) -> None:
        """Enters a member who has no past yet."""
        if member not in self.of:
            self.of[member] = Tally()
            for order in self._orders.values():
                order.put(member, self.of[member], self.whole)

    def add(self, member: str, more: Tally, sign: int) -> None:
        """Counts one of a member's paths in or out."""
        self.join(member)
        self.of[member].add(more, sign)
        self.whole.add(more, sign)
        for order in self._orders.values():
            order.put(member, self.of[member], self.whole)
            if order.old >= len(self.of):
                order.afresh(self.of, self.whole)

    def best(self, score: Score) -> Iterator[tuple[int, str]]:
        """(score, member), the best first."""
        order = self._orders.get(score)
        if order is None:
            order = self._orders[score] = _Order(score)
            order.afresh(self.of, self.whole)
        return order.walk()


class _Order:
    """Members sorted by a score."""

    def __init__(self, score: Score) -> None:
        self.score = score
        self.scores: dict[str, int] = {}
        self.row: list[tuple[int, str]] = []
        self.old = 0

    def put(self, member: str, tally: Tally, whole: Tally) -> None:
        """Puts a member where its score belongs now."""
        self.old += 1
        before, now = self.scores.get(member), self.score(tally, whole)
        if before == now:
            return
        if before is not None:
            del self.row[bisect_left(self.row, (-before, member))]
        self.scores[member] = now
        insort(self.row, (-now, member))

    def afresh(self, of: dict[str, Tally], whole: Tally) -> None:
        """Sorts all of them again."""
        self.old = 0
        self.scores = {member: self.score(tally, whole) for member, tally in of.items()}
        self.row = sorted((-score, member) for member, score in self.scores.items())

    def walk(self) -> Iterator[tuple[int, str]]:
        """The best first."""
        return ((-negative, member) for negative, member in self.row)


class Book:
    """All that rules know of a service's members."""

    def __init__(self) -> None:
        self._standings: dict[tuple[int, Among], Standing] = {}
        self._none: Final = Standing()

    def standing(self, phase: int, among: Among) -> Standing:
        """Who did how well in a phase, among these paths; empty where there are none. Not to be changed."""
        return self._standings.get((phase, among), self._none)

    def join(self, phase: int, member: str, among: Among) -> None:
        """Enters a member who works a phase from now on."""
        self._standings.setdefault((phase, among), Standing()).join(member)

    def load(self, phase: int, among: Among, member: str, more: Tally) -> None:
        """Adds sums that were kept elsewhere."""
        self._standings.setdefault((phase, among), Standing()).add(member, more, 1)

    def change(self, before: Path | None, now: Path | None) -> None:
        """A deal's path is another one now; null: it was not there, or is not any more."""
        for path, sign in ((before, -1), (now, 1)):
            if path is not None:
                self._count(path, sign)

    def _count(self, path: Path, sign: int) -> None:
        for phase, member in enumerate(path.members):
            more = counted(path, phase)
            for among in lots(path, phase):
                standing = self._standings.get((phase, among))
                if standing is None:
                    standing = self._standings[phase, among] = Standing()
                standing.add(member, more, sign)
