"""Standing in for an absent colleague (spec/50): the colleague's own customers, calls and handed items are one's own
for a while. The scope rule says what that means (``shared.scope.Scope.stands_in``); decision 022 says why it goes no
further.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cti_server.identity.accounts import Role, User, Viewer
from cti_server.identity.desk_base import Base, looked_after
from cti_server.identity.ports import AccountRows
from cti_server.identity.standing_ports import Absence, StandIn
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.scope import Span

LONGEST_DAYS: Final = 92
LONGEST_NOTE: Final = 200


def stands_in(role: Role, absences: Iterable[Absence]) -> frozenset[tuple[str, int]]:
    """What standing in adds to a scope: of each absent colleague the classes that both may see, and nothing for a role
    that handles no calls."""
    if "handle" not in role.rights:
        return frozenset()
    return frozenset((one.user, each) for one in absences for each in one.classes & role.classes)


class StandingIn(Base):
    """Naming and ending stand-ins. Each use case opens a transaction and checks in it."""

    def stand_ins(self, viewer: Viewer, user_id: str) -> tuple[Sequence[StandIn], Sequence[tuple[str, str]]]:
        """Those of a user, on either side, that are not over; and who can be named for them. For oneself, or for who
        looks after the user."""
        with self._rows() as rows:
            user = self._own_or_looked_after(rows, viewer, user_id)
            branch = None if user_id != viewer.id and viewer.scope.span is Span.ALL else user.branch
            return rows.stand_ins.of(user_id, self._clock.now()), rows.stand_ins.colleagues(user_id, branch)

    def name_stand_in(self, viewer: Viewer, absent: str, user: str, days: tuple[date, date], note: str = "") -> None:
        """Names one for some days (the first and the last, whole days in the zone of who is away)."""
        with self._rows(write=True) as rows:
            away = self._own_or_looked_after(rows, viewer, absent)
            named = self._can_stand_in(rows, viewer, away, user)
            since, until = self._period(rows, away, days)
            for one in rows.stand_ins.of(absent, since):
                if one.absent == absent and one.since < until:
                    raise Invalid(
                        "Somebody stands in on some of these days already; end that first, or choose other days",
                        "first",
                        "stand-in-twice",
                    )
            for one in rows.stand_ins.of(named.id, since):
                if one.absent == named.id and one.since < until:
                    raise Invalid(
                        "The colleague is away on some of these days; choose somebody else", "user", "stand-in-away"
                    )
            now = self._clock.now()
            rows.stand_ins.add(
                StandIn(0, absent, named.id, since, until, " ".join(note.split())[:LONGEST_NOTE], viewer.id, now)
            )
            told = {"stand_in": named.id, "since": since, "until": until}
            rows.note(now, viewer.id, "stand-in-named", absent, told)
            rows.tell_rights([absent, named.id], now)

    def end_stand_in(self, viewer: Viewer, stand_in: int) -> StandIn:
        """Ends one at once. Who is away may, who stands in, and who looks after one of them. NotFound for others."""
        with self._rows(write=True) as rows:
            found = rows.stand_ins.one(stand_in)
            if found is None:
                raise NotFound("There is no such stand-in")
            if viewer.id not in (found.absent, found.user):
                self._own_or_looked_after(rows, viewer, found.absent)
            now = self._clock.now()
            rows.stand_ins.end(stand_in, now, viewer.id)
            rows.note(now, viewer.id, "stand-in-ended", found.absent, {"stand_in": found.user})
            rows.tell_rights([found.absent, found.user], now)
        return found

    def _own_or_looked_after(self, rows: AccountRows, viewer: Viewer, user_id: str) -> User:
        if user_id == viewer.id:
            return self._existing(rows, user_id)
        if not viewer.may("users"):
            raise NotFound("There is no such user")
        return looked_after(rows, viewer, user_id)

    def _can_stand_in(self, rows: AccountRows, viewer: Viewer, away: User, user_id: str) -> User:
        branch = None if away.id != viewer.id and viewer.scope.span is Span.ALL else away.branch
        if user_id not in {one for one, _name in rows.stand_ins.colleagues(away.id, branch)}:
            raise Invalid(
                "Choose a colleague of the list: somebody who handles calls and may sign in", "user", "no-stand-in"
            )
        user = self._existing(rows, user_id)
        theirs, own = rows.role(user.role), rows.role(away.role)
        if theirs is None or own is None or not theirs.classes & own.classes:
            raise Invalid(
                "The colleague may see none of the classes of these customers; choose somebody else",
                "user",
                "stand-in-blind",
            )
        return user

    def _period(self, rows: AccountRows, away: User, days: tuple[date, date]) -> tuple[float, float]:
        branch = rows.branch(away.branch)
        zone = ZoneInfo(away.timezone or (branch.timezone if branch is not None else "Asia/Tokyo"))
        first, last = days
        if last < first:
            raise Invalid("The last day comes before the first; turn them round", "last", "days-turned")
        if last < datetime.fromtimestamp(self._clock.now(), zone).date():
            raise Invalid("These days are over; choose days to come", "last", "days-over")
        if last - first >= timedelta(days=LONGEST_DAYS):
            raise Invalid(
                "Somebody stands in for three months at most; hand the customers over instead", "last", "days-many"
            )
        return tuple(  # type: ignore[return-value]
            datetime.combine(day, time(), zone).timestamp() for day in (first, last + timedelta(days=1))
        )
