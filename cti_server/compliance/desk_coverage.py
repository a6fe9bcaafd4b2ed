"""How calls stand, for a reviewer: counts, the list, one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from cti_server.compliance.business_hours import day_of
from cti_server.compliance.desk_base import EXPORT_STEP, PAGE, DeskBase
from cti_server.compliance.rules import KINDS, Rule
from cti_server.compliance.versions import in_force
from cti_server.compliance.views import (
    EARLIER_MOST,
    Age,
    CallStanding,
    Coverage,
    CoverageQuery,
    OfRep,
    StandingPage,
    StandingRow,
    Tally,
    together,
)
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.places import cursor_of, place_of
from cti_server.shared.viewer import needs

COURSE_DAYS: Final = 28
"""The plot shows at least so many days."""
LONGEST: Final = 366
_AGES: Final = (("today", 0, 0), ("days", 1, 2), ("week", 3, 7), ("month", 8, 30), ("older", 31, None))
"""Days ago, from and to."""


class CoverageDesk(DeskBase):
    """Reads; the list can be taken away."""

    @needs("audit")
    def coverage(self, query: CoverageQuery, today: int) -> Coverage:
        """The counts of a period, as far as the viewer sees the calls. ``today``: the day on the viewer's clocks."""
        _check(query)
        now, standings = self.clock.now(), self.work.standings
        by_day = standings.tallies(query, "branch-day", now)
        made = Coverage(together(by_day.values()), by_day)
        names = standings.branches()
        made.branches = {code: names.get(code) or code for code in sorted({branch for branch, _day in by_day})}
        made.closed = self._closed(made, query, now)
        by_rep = standings.tallies(query, "rep", now)
        known = standings.names(by_rep)
        reps = [OfRep(rep, known.get(rep, rep), tally) for rep, tally in by_rep.items()]
        made.by_rep = sorted(reps, key=lambda one: (_rate(one.tally), -one.tally.calls, one.rep))
        made.by_class = dict(sorted(standings.tallies(query, "class", now).items()))
        made.ages = list(_ages(made, query, today))
        made.earlier = standings.waiting_before(query, EARLIER_MOST)
        made.course = self._course(query, now)
        made.target = self.work.policies.versions()[-1].policy.target
        made.asked = self.work.exemptions.asked(EARLIER_MOST)
        made.recount = self.work.policies.pending_recount()
        return made

    def _closed(self, made: Coverage, query: CoverageQuery, now: float) -> set[tuple[str, int]]:
        days = [(number, day_of(number)) for number in range(query.first, query.last + 1)]
        found = set()
        for branch in made.branches:
            calendar = self.work.standings.calendar(branch, now)
            found |= {(branch, number) for number, day in days if calendar.opened(day) is None}
        return found

    def _course(self, query: CoverageQuery, now: float) -> list[tuple[int, Tally]]:
        longer = replace(query, first=min(query.first, query.last - COURSE_DAYS + 1))
        return sorted(self.work.standings.tallies(longer, "day", now).items())

    @needs("audit")
    def calls(self, query: CoverageQuery, cursor: str | None = None, limit: int = PAGE) -> StandingPage:
        """The calls that the filters leave."""
        _check(query)
        most = max(1, min(limit, EXPORT_STEP))
        rows, place = self.work.standings.page(query, place_of(cursor), most, self.clock.now())
        return StandingPage(rows, cursor_of(place))

    @needs("audit")
    def calls_for_evidence(self, query: CoverageQuery, most: int) -> list[str]:
        """The ids of the calls that the filters leave, each once; of more than ``most`` one more than that."""
        self.viewer.require("export")
        _check(query)
        found: dict[str, None] = {}
        for row in self._all(query, self.clock.now()):
            found[row.call_id] = None
            if len(found) > most:
                break
        return list(found)

    @needs("export")
    def export_calls(self, query: CoverageQuery) -> Iterator[StandingRow]:
        """All of them, to be taken away; that stands in the trail."""
        self.viewer.require("audit")
        _check(query)
        told = {"from": day_of(query.first).isoformat(), "to": day_of(query.last).isoformat()}
        filters = {"branch": query.branch, "rep": query.rep, "class": query.confidentiality, "kind": query.kind}
        now = self.clock.now()
        detail = told | filters | {"standing": query.standing}
        self.work.standings.note_export(self.viewer.id, now, "call coverage", detail)
        return self._all(query, now)

    def _all(self, query: CoverageQuery, now: float) -> Iterator[StandingRow]:
        place = None
        while True:
            rows, place = self.work.standings.page(query, place, EXPORT_STEP, now)
            yield from rows
            if place is None:
                return

    @needs("audit")
    def standing_of(self, call_id: str) -> CallStanding:
        """How one call stands, by which rule, with its exemptions. NotFound outside the scope."""
        over = self.work.standings.over(call_id)
        if over is None:
            raise NotFound("There is no such call")
        rows = self.work.standings.of_call(call_id, self.clock.now())
        rules = dict.fromkeys(rule for row in rows if (rule := self._rule(row)) is not None)
        return CallStanding(call_id, rows, not over, list(rules), self.work.exemptions.of_call(call_id))

    def _rule(self, row: StandingRow) -> Rule | None:
        version = in_force(self.work.policies.versions(), row.began_at)
        kind = next(one for one in KINDS if one == row.kind)
        return version.policy.rule_for(kind, row.seconds, row.branch, row.confidentiality)


def _check(query: CoverageQuery) -> None:
    if query.last - query.first >= LONGEST:
        raise Invalid("The period is longer than a year; choose a shorter one", "from", "period-long")


def _rate(tally: Tally) -> float:
    return 101.0 if tally.rate is None else tally.rate


def _ages(made: Coverage, query: CoverageQuery, today: int) -> Iterator[Age]:
    for key, newest, oldest in _AGES:
        first = query.first if oldest is None else max(query.first, today - oldest)
        last = min(query.last, today - newest)
        if first <= last:
            n = sum(tally.waiting for (_branch, day), tally in made.by_day.items() if first <= day <= last)
            yield Age(key, first, last, n)
