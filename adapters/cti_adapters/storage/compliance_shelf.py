"""How calls stand, for the reviewer (``cti_server.compliance.ports.Standings``), within the scope of a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import and_, case, func, select
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.compliance_rows import CoverageRow, StandingRow
from cti_adapters.storage.core import chunks
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Call, Customer
from cti_adapters.storage.policy_rows import ZONE, InForce
from cti_adapters.storage.schema_compliance import standings
from cti_server.compliance import views
from cti_server.compliance.business_hours import Calendar
from cti_server.compliance.ports import By
from cti_server.compliance.standing import WAITING, shown
from cti_server.compliance.views import NEED_RECORD, CoverageQuery, Tally
from cti_server.shared.places import Place

_DAY: Final = 86400.0
_ZONES_WEST, _ZONES_EAST = 14 * 3600.0, 12 * 3600.0
"""How far a day of some zone's clocks reaches beyond that of UTC: before it, and after."""
_BY: Final[dict[By, tuple[str, ...]]] = {
    "branch-day": ("branch", "day"),
    "day": ("day",),
    "rep": ("rep",),
    "class": ("tier",),
}


class StandingShelf:
    """The counts come from ``coverage``, whose size goes with the firm's, the list from ``standings``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm
        self._in_force: InForce | None = None

    # --- counts

    def tallies(self, query: CoverageQuery, by: By, now: float) -> dict[Any, Tally]:
        """The counts of a period. Which open calls of the present hour are overdue the rows themselves say."""
        hour = int(now // 3600)
        keys = [getattr(CoverageRow, name) for name in _BY[by]]
        phase = case(
            (CoverageRow.state != "open", CoverageRow.state), (CoverageRow.due_hour < hour, "overdue"), else_="due"
        )
        counted = select(*keys, phase, func.sum(CoverageRow.n)).where(*_asked(CoverageRow, query))
        made: dict[Any, Tally] = {}
        for *key, standing, n in self._session.execute(counted.group_by(*keys, phase)):
            made.setdefault(_key(key), Tally()).add(standing, int(n))
        columns = [getattr(StandingRow, name) for name in _BY[by]]
        late = select(*columns, func.count()).where(StandingRow.state == "open", *_asked(StandingRow, query))
        late = late.where(StandingRow.due_at >= hour * 3600.0, StandingRow.due_at <= now).group_by(*columns)
        for *key, n in self._session.execute(late):
            made[_key(key)].add("overdue", n)
            made[_key(key)].add("due", -n)
        return made

    def waiting_before(self, query: CoverageQuery, most: int) -> int:
        """What waits for a record from days before the period, up to ``most``."""
        n = 0
        for group in self._groups(query):
            for state in WAITING:
                before = [
                    group,
                    StandingRow.state == state,
                    StandingRow.day < query.first,
                    *_filters(StandingRow, query),
                ]
                some = select(StandingRow.id).where(*before).order_by(StandingRow.started_at).limit(most - n).subquery()
                n += self._session.execute(select(func.count()).select_from(some)).scalar_one()
                if n >= most:
                    return most
        return n

    # --- the calls

    def page(
        self, query: CoverageQuery, after: Place | None, limit: int, now: float
    ) -> tuple[list[views.StandingRow], Place | None]:
        """Those that wait for a record the oldest first, else the newest first."""
        wanted = query.listed
        rising = set(wanted) <= set(NEED_RECORD)
        at, number = StandingRow.started_at, StandingRow.id
        asked = _asked(StandingRow, query)
        asked += [at >= query.first * _DAY - _ZONES_WEST, at < (query.last + 1) * _DAY + _ZONES_EAST]
        if after is not None:
            beyond = at > after.at if rising else at < after.at
            asked.append(beyond | ((at == after.at) & (number > after.id if rising else number < after.id)))
        order = (at, number) if rising else (at.desc(), number.desc())
        found: dict[int, StandingRow] = {}
        for group in self._groups(query):
            for state in _states(wanted, now):
                some = select(StandingRow).where(group, state, *asked).order_by(*order).limit(limit + 1)
                found |= {row.id: row for row in self._session.scalars(some)}
        rows = sorted(found.values(), key=lambda row: (row.started_at, row.id), reverse=not rising)
        more = len(rows) > limit
        shown_rows = self._shown(rows[:limit], now)
        return shown_rows, Place(rows[limit - 1].started_at, rows[limit - 1].id) if more else None

    def _groups(self, query: CoverageQuery) -> list[ColumnElement[bool]]:
        """Ranges of one index each that together hold all that the scope and the filters admit."""
        scope = self._session.scope
        if not query.rep and not query.branch:
            return gate.ranges(scope, standings)
        one = standings.c.rep == query.rep if query.rep else standings.c.branch == query.branch
        return [and_(one, standings.c.tier == tier) for tier in gate.tiers(scope)]

    def of_call(self, call_id: str, now: float) -> list[views.StandingRow]:
        """How one call stands."""
        mine = select(StandingRow).where(StandingRow.call_id == call_id).order_by(StandingRow.id)
        return self._shown(list(self._session.scalars(mine)), now)

    def over(self, call_id: str) -> bool | None:
        """Whether a call is over; null where there is none."""
        state = self._session.execute(select(Call.state).where(Call.id == call_id)).scalar_one_or_none()
        return None if state is None else state == "ended"

    def _shown(self, rows: Sequence[StandingRow], now: float) -> list[views.StandingRow]:
        branches = self._firm.branches()
        names = self.names({row.rep for row in rows})
        customers = self._customers({row.customer_code for row in rows if row.customer_code})
        return [
            views.StandingRow(
                id=row.id,
                call_id=row.call_id,
                standing=shown(row.state, row.due_at, now),
                kind=row.kind,
                began_at=row.started_at,
                seconds=row.seconds,
                due_at=row.due_at,
                branch=row.branch,
                branch_name=branches[row.branch].name if row.branch in branches else row.branch,
                timezone=branches[row.branch].timezone if row.branch in branches else ZONE,
                rep=row.rep,
                rep_name=names.get(row.rep, row.rep),
                confidentiality=row.tier if row.tier != gate.UNREGISTERED else None,
                customer=row.customer_code,
                customer_name=customers.get(row.customer_code or "", ""),
            )
            for row in rows
        ]

    def _customers(self, codes: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for some in chunks(codes):
            query = select(Customer.code, Customer.name).where(Customer.code.in_(some))
            found.update((code, name) for code, name in self._session.execute(query))
        return found

    # --- the firm

    def calendar(self, branch: str, now: float) -> Calendar:
        """The business hours of a branch as they are now."""
        if self._in_force is None:
            self._in_force = InForce(system(self._session, writes=False))
        return self._in_force.calendar(self._in_force.version(now), branch)

    def branches(self) -> dict[str, str]:
        """All branches: code -> name."""
        return {code: one.name for code, one in self._firm.branches().items()}

    def names(self, users: Iterable[str]) -> dict[str, str]:
        """User -> name."""
        return {user: one.name for user, one in self._firm.colleagues({user for user in users if user}).items()}

    def note_export(self, by: str, at: float, what: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail that a list was taken away."""
        entry = Audit(at=at, user=by, act="exported", subject_kind="export", subject_id=what, detail=dict(detail))
        self._session.add(entry)


def _key(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else tuple(parts)


def _asked(row: type[CoverageRow] | type[StandingRow], query: CoverageQuery) -> list[ColumnElement[bool]]:
    """The period and the filters over either table."""
    day = cast(Any, row.day)
    return [day >= query.first, day <= query.last, *_filters(row, query)]


def _filters(row: type[CoverageRow] | type[StandingRow], query: CoverageQuery) -> list[ColumnElement[bool]]:
    asked: list[Any] = []
    if query.branch:
        asked.append(row.branch == query.branch)
    if query.rep:
        asked.append(row.rep == query.rep)
    if query.confidentiality is not None:
        asked.append(row.tier == query.confidentiality)
    if query.kind:
        asked.append(row.kind == query.kind)
    return asked


def _states(wanted: Iterable[str], now: float) -> list[ColumnElement[bool]]:
    """What is kept of the standings that are shown."""
    chosen, made = set(wanted), []
    is_open = StandingRow.state == "open"
    if {"due", "overdue"} <= chosen:
        made.append(is_open)
    elif "overdue" in chosen:
        made.append(and_(is_open, StandingRow.due_at <= now))
    elif "due" in chosen:
        made.append(and_(is_open, StandingRow.due_at > now))
    made += [StandingRow.state == one for one in sorted(chosen - {"due", "overdue"})]
    return made
