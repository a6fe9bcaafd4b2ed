"""The audit trail in pages (``cti_server.compliance.trail_pages.TrailShelf``), within the scope. It may have ten
million entries, and a filter may meet none of them: each page looks through so many and says how far it came."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, User
from cti_adapters.storage.schema import audit
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
        wanted = select(Audit).where(Audit.id < top, Audit.id >= bottom)
        if query.area:
            wanted = wanted.where(Audit.subject_kind == query.area)
        if query.login:
            wanted = wanted.where(Audit.user == self._user(query.login))
        rows = list(self._session.scalars(wanted.order_by(Audit.id.desc()).limit(limit + 1)))
        names = {one: known.name for one, known in self._firm.colleagues({r.user for r in rows if r.user}).items()}
        lines = [_line(row, names) for row in rows[:limit]]
        if len(rows) > limit:
            return TrailPage(lines, lines[-1].id)
        more = self._at_or_before(bottom - 1)
        if more is None or more < query.since:
            return TrailPage(lines)
        return TrailPage(lines, bottom, more)

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


def _line(row: Audit, names: dict[str, str]) -> TrailLine:
    shown = {} if row.subject_kind in _ON_THEIR_PAGES else dict(row.detail or {})
    by = row.user or ""
    return TrailLine(
        row.id,
        row.at,
        by,
        names.get(by, by),
        row.act,
        row.subject_kind,
        row.subject_id,
        row.salt is None,
        {} if row.subject_kind == "audit" and "entries" in shown else shown,
    )
