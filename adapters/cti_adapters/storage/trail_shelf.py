"""The audit trail in pages (``cti_server.compliance.trail_pages.TrailShelf``), within the scope. It may have ten
million entries, and a filter may meet none of them: each page looks through so many and says how far it came."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Sight, User
from cti_adapters.storage.schema import audit, sights
from cti_server.compliance.trail_pages import TrailLine, TrailPage, TrailQuery

WINDOW: Final = 10_000
"""Entries that one page looks through at most."""
_ON_THEIR_PAGES: Final = ("call", "customer")


class TrailRows:
    """Entries by their number, which grows with time."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm

    def page(self, query: TrailQuery, after: int | None, limit: int) -> TrailPage:
        """Entries before one (null: from the end of the period)."""
        top = after if after is not None else self._first_from(query.until)
        bottom = max(self._first_from(query.since), top - WINDOW)
        within = (Audit.at >= query.since, Audit.at < query.until)  # a clock may have been set back
        wanted = select(Audit).where(Audit.id < top, Audit.id >= bottom, *within)
        if query.area:
            wanted = wanted.where(Audit.subject_kind == query.area)
        if query.login:
            wanted = wanted.where(Audit.user == self._user(query.login))
        rows = list(self._session.scalars(wanted.order_by(Audit.id.desc()).limit(limit + 1)))
        names = {one: known.name for one, known in self._firm.colleagues({r.user for r in rows if r.user}).items()}
        partly = self._partly([row.subject_id for row in rows if row.subject_kind == "call"])
        lines = [_line(row, names, partly) for row in rows[:limit]]
        last = lines[-1].id if lines else 0
        if query.login:  # that one of them did it is not told either
            lines = [one for one in lines if not one.hidden]
        if len(rows) > limit:
            return TrailPage(lines, last)
        more = self._at_or_before(bottom - 1)
        if more is None or more < query.since:
            return TrailPage(lines)
        return TrailPage(lines, bottom, more)

    def _partly(self, calls: list[str]) -> frozenset[str]:
        """Those of these calls that have a candidate whom the reader does not see."""
        mine = select(Sight.call_id, func.count(Sight.id)).where(Sight.call_id.in_(calls)).group_by(Sight.call_id)
        seen = {row[0]: row[1] for row in self._session.execute(mine)}
        c = sights.c
        every = select(c.call_id, func.count()).where(c.call_id.in_(calls)).group_by(c.call_id)
        found = system(self._session, writes=False).execute(every).all()
        return frozenset(call for call, count in found if seen.get(call, 0) < count)

    def _user(self, login: str) -> str:
        return self._session.scalars(select(User.id).where(User.login == login.strip())).first() or ""

    def _first_from(self, at: float) -> int:
        """The number of the first entry from a moment on; of the one to come where there is none. By halving: times
        have no index of their own."""
        connection = system(self._session, writes=False)
        low, high = connection.execute(select(func.min(audit.c.id), func.max(audit.c.id))).one()
        if low is None:
            return 0
        high += 1
        while low < high:
            middle = (low + high) // 2
            found = self._at_or_before(middle)
            if found is None or found < at:
                low = middle + 1
            else:
                high = middle
        return int(low)

    def _at_or_before(self, number: int) -> float | None:
        """When the entry of this number was made, or the one before."""
        query = select(audit.c.at).where(audit.c.id <= number).order_by(audit.c.id.desc()).limit(1)
        found = system(self._session, writes=False).execute(query).scalar()
        return None if found is None else float(found)


def _line(row: Audit, names: dict[str, str], partly: frozenset[str]) -> TrailLine:
    shown = {} if row.subject_kind in _ON_THEIR_PAGES else dict(row.detail or {})
    hidden = row.subject_kind == "call" and row.subject_id in partly
    by = "" if hidden else row.user or ""
    return TrailLine(
        row.id,
        row.at,
        by,
        names.get(by, by),
        row.act,
        row.subject_kind,
        row.subject_id,
        row.salt is None,
        hidden,
        {} if row.subject_kind == "audit" and "entries" in shown else shown,
    )
