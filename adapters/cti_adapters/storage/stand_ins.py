"""Stand-ins in the database. Users are nobody's customers: the gate has no rule for them, the room decides who names
whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, or_, select
from sqlalchemy.orm import aliased

from cti_adapters.storage.core import Within
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Role, User
from cti_adapters.storage.schema import roles, users
from cti_adapters.storage.schema_signin import stand_ins
from cti_adapters.storage.signin_rows import StandInRow
from cti_server.identity.standing_ports import Absence, StandIn

_NOW: Final = Within(
    select(stand_ins.c.absent, users.c.name, stand_ins.c.until, roles.c.classes)
    .join(users, users.c.id == stand_ins.c.absent)
    .join(roles, roles.c.name == users.c.role)
    .where(stand_ins.c.ended_at.is_(None), stand_ins.c.since <= bindparam("now"), stand_ins.c.until > bindparam("now"))
    .order_by(stand_ins.c.id),
    stand_ins.c.user,
)


def absences(connection: Connection, user: str, now: float) -> tuple[Absence, ...]:
    """For whom a user stands in at a moment; asked by every page, and so in one look-up."""
    found: Any = _NOW.rows(connection, [user], now=now)
    return tuple(Absence(row.absent, row.name, row.until, frozenset(row.classes)) for row in found)


def turning(connection: Connection, after: float, now: float) -> list[str]:
    """Whose standing in begins or ends after one moment and until another, on either side: what their screens show has
    to be looked at again."""
    c = stand_ins.c
    begins, ends = (and_(column > after, column <= now) for column in (c.since, c.until))
    query = select(c.absent, c.user).where(c.ended_at.is_(None), or_(begins, ends))
    return sorted({user for row in connection.execute(query) for user in row})


class StandInShelf:
    """See ``cti_server.identity.standing_ports.StandInRows``."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def of(self, user: str, after: float) -> Sequence[StandIn]:
        """Those that a user is in, on either side, and that last beyond then; the earliest first."""
        there = or_(StandInRow.absent == user, StandInRow.user == user)
        return self._found(there, StandInRow.until > after)

    def one(self, stand_in: int) -> StandIn | None:
        """One that was not ended."""
        return next(iter(self._found(StandInRow.id == stand_in)), None)

    def add(self, stand_in: StandIn) -> int:
        """Keeps a new one; gives its id."""
        row = StandInRow(
            absent=stand_in.absent,
            user=stand_in.user,
            since=stand_in.since,
            until=stand_in.until,
            note=stand_in.note,
            made_by=stand_in.made_by,
            made_at=stand_in.made_at,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def end(self, stand_in: int, at: float, by: str | None) -> None:
        """Ends one."""
        row = self._session.get_one(StandInRow, stand_in)
        row.ended_at, row.ended_by = at, by

    def now(self, user: str, now: float) -> Sequence[Absence]:
        """For whom a user stands in at a moment."""
        return absences(self._session.connection(), user, now)

    def standing_for(self, users: Sequence[str], now: float) -> Sequence[str]:
        """Who stands in for one of some users at a moment."""
        query = select(StandInRow.absent, StandInRow.user).where(
            StandInRow.ended_at.is_(None), StandInRow.since <= now, StandInRow.until > now
        )
        absent = set(users)
        return sorted({row.user for row in self._session.execute(query) if row.absent in absent})

    def colleagues(self, user: str, branch: str | None) -> Sequence[tuple[str, str]]:
        """Id and name of other active users who handle calls, of a branch or of all, by name."""
        handling = [role.name for role in self._session.scalars(select(Role)) if "handle" in role.rights]
        query = select(User.id, User.name).where(User.id != user, User.active.is_(True), User.role.in_(handling))
        if branch is not None:
            query = query.where(User.branch == branch)
        return [(row.id, row.name) for row in self._session.execute(query.order_by(User.kana, User.name, User.id))]

    def _found(self, *which: Any) -> Sequence[StandIn]:
        absent, user = aliased(User), aliased(User)
        query = (
            select(StandInRow, absent.name, user.name)
            .join(absent, absent.id == StandInRow.absent)
            .join(user, user.id == StandInRow.user)
            .where(StandInRow.ended_at.is_(None), *which)
            .order_by(StandInRow.since, StandInRow.id)
        )
        return [
            StandIn(
                row.id,
                row.absent,
                row.user,
                row.since,
                row.until,
                row.note,
                row.made_by,
                row.made_at,
                absent_name=absent_name,
                user_name=user_name,
            )
            for row, absent_name, user_name in self._session.execute(query)
        ]
