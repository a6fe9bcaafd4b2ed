"""The worklist (the reading half of ``cti_server.calls.ports.Work``).

An item is *mine* where it was given to me; or nobody was given it and I am the rep in charge, or it is of an
unregistered caller of my branch and I may handle it. Everything else that I see is the team's. A waiting item comes
back by itself when its time has come: lists compare the time, no job is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

from sqlalchemy import and_, func, or_, select, union
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.core import chunks
from cti_adapters.storage.desk_calls import below, within
from cti_adapters.storage.mapping import Item, Sight
from cti_server.calls.ports import ItemState, Place, Task, TaskPlace
from cti_server.calls.views import Counts, Tab
from cti_server.shared.scope import Scope

COUNTED_MOST: Final = 500
BELL_MOST: Final = 100
DONE_SECONDS: Final = 7 * 86_400.0
"""How far back what is done is listed where no period was chosen."""
_OF_CUSTOMER_MOST: Final = 100


class Worklist:
    """Lists and counts of items within the scope of a session."""

    def __init__(self, session: gate.GatedSession) -> None:
        self._session = session
        self._scope = session.scope

    def get(self, item: int) -> Task | None:
        """The item, if it exists for the user."""
        row = self._session.scalars(select(Item).where(Item.id == item)).one_or_none()
        return None if row is None else as_task(row)

    def page(
        self, tab: Tab, since: float | None, until: float | None, after: Place | None, limit: int, now: float
    ) -> tuple[list[TaskPlace], Place | None]:
        """A tab of the worklist, newest first. An item stands where the newest of its calls does."""
        if tab == "done" and since is None:
            since = (until if until is not None else now) - DONE_SECONDS
        period = within(Sight.started_at, since, until)
        ranges = _done_ranges(self._scope) if tab == "done" else self._open_ranges(tab)
        newer = self._newer(tab == "done", until)
        found: dict[int, Place] = {}
        rows: set[tuple[float, str, int]] = set()
        for one in ranges:
            query = (
                select(Sight.started_at, Sight.call_id, Sight.item_id)
                .join(Item, Item.id == Sight.item_id)
                .where(one, _stands(tab, now), *period, ~newer, *below(Sight.started_at, Sight.call_id, after))
                .distinct()
                .order_by(Sight.started_at.desc(), Sight.call_id.desc())
                .limit(limit + 1)
            )
            rows.update(cast("tuple[float, str, int]", tuple(row)) for row in self._session.execute(query))
        for at, call_id, item in sorted(rows, reverse=True):
            found.setdefault(item, Place(at, call_id))
        places = list(found.items())
        more = len(places) > limit
        return self._placed(places[:limit], done=tab == "done"), places[limit - 1][1] if more else None

    def of_customer(self, code: str) -> list[TaskPlace]:
        """What is open about a customer."""
        query = (
            select(Sight.started_at, Sight.call_id, Sight.item_id)
            .where(Sight.customer_code == code, Sight.open.is_(True), Sight.item_id.is_not(None))
            .order_by(Sight.started_at.desc(), Sight.call_id.desc())
            .limit(_OF_CUSTOMER_MOST)
        )
        found: dict[int, Place] = {}
        for at, call_id, item in self._session.execute(query):
            found.setdefault(cast(int, item), Place(at, call_id))
        return self._placed(list(found.items()), done=False)

    def counts(self, since: float | None, until: float | None, now: float) -> Counts:
        """Calls handled and open, each counted up to ``COUNTED_MOST``; ``bell`` is items."""
        period = within(Sight.started_at, since, until)
        mine = self._open_ranges("open")
        most, calls = COUNTED_MOST, Sight.call_id
        return Counts(
            handled=self._count(calls, self._mine_anyway(), [Sight.handled.is_(True), *period], most),
            open=self._count(calls, mine, [_stands("open", now), *period], most),
            waiting=self._count(calls, mine, [_stands("waiting", now), *period], most),
            team=self._count(calls, self._open_ranges("team"), [_stands("team", now), *period], most),
            bell=self._count(Sight.item_id, mine, [_stands("open", now)], min(BELL_MOST, most)),
        )

    def _count(
        self,
        what: Any,
        ranges: Sequence[ColumnElement[bool]],
        conditions: Sequence[ColumnElement[bool]],
        most: int,
    ) -> int:
        """Distinct values over ranges, at most so many of each."""
        parts = []
        for one in ranges:
            part = select(what.label("it")).join(Item, Item.id == Sight.item_id).where(one, *conditions).distinct()
            parts.append(select(part.limit(most).subquery()))
        if not parts:
            return 0
        every = union(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
        counted = self._session.execute(select(func.count()).select_from(every)).scalar_one()
        return min(counted, most)

    def _placed(self, places: Sequence[tuple[int, Place]], *, done: bool) -> list[TaskPlace]:
        """The items with how many of their calls the list is about."""
        tasks: dict[int, Task] = {}
        counts: dict[int | None, int] = {}
        counted = select(Sight.item_id, func.count(Sight.call_id.distinct()))
        for some in chunks(item for item, _place in places):
            tasks.update((row.id, as_task(row)) for row in self._session.scalars(select(Item).where(Item.id.in_(some))))
            query = counted.where(Sight.item_id.in_(some), *([] if done else [Sight.open.is_(True)]))
            for item, count in self._session.execute(query.group_by(Sight.item_id)):
                counts[item] = count
        return [TaskPlace(tasks[item], place.key, counts.get(item, 0)) for item, place in places if item in tasks]

    def _newer(self, done: bool, until: float | None) -> ColumnElement[bool]:
        """Whether the item has a newer call in the period that the user sees: then it stands there, not here."""
        other = aliased(Sight)
        later = or_(
            other.started_at > Sight.started_at,
            and_(other.started_at == Sight.started_at, other.call_id > Sight.call_id),
        )
        query = select(other.id).where(other.item_id == Sight.item_id, later, *within(other.started_at, None, until))
        return (query if done else query.where(other.open.is_(True))).correlate(Sight).exists()

    # --- whose

    def _mine_anyway(self) -> list[ColumnElement[bool]]:
        """Index ranges of what is mine, open or not."""
        scope = self._scope
        free_or_mine = or_(Item.assignee.is_(None), Item.assignee == scope.user)
        tiers = [one for one in gate.tiers(scope) if one not in (gate.INTERNAL, gate.UNREGISTERED)]
        found = [and_(Sight.rep == scope.user, Sight.tier == one, free_or_mine) for one in tiers]
        if _deals_with_nobody(scope):
            found.append(and_(Sight.branch == scope.branch, Sight.tier == gate.UNREGISTERED, free_or_mine))
        return [*found, Item.assignee == scope.user]

    def _open_ranges(self, tab: Tab) -> list[ColumnElement[bool]]:
        """Index ranges of the open sights of a tab."""
        if tab != "team":
            return [and_(one, Sight.open.is_(True)) for one in self._mine_anyway()]
        other = aliased(Sight)
        mine = other.rep == self._scope.user
        if _deals_with_nobody(self._scope):
            mine = or_(mine, and_(other.branch == self._scope.branch, other.tier == gate.UNREGISTERED))
        is_mine = select(other.id).where(other.item_id == Item.id, mine).correlate(Item).exists()
        others = or_(
            and_(Item.assignee.is_not(None), Item.assignee != self._scope.user),
            and_(Item.assignee.is_(None), ~is_mine),
        )
        return [and_(one, Sight.open.is_(True), others) for one in gate.ranges(self._scope)]


_KINDS: Final[dict[str, Literal["missed", "answered", "unregistered"]]] = {
    "missed": "missed",
    "answered": "answered",
    "unregistered": "unregistered",
}


def as_task(row: Item) -> Task:
    """The item that a row holds."""
    return Task(
        id=row.id,
        kind=_KINDS.get(row.kind, "answered"),
        branch=row.branch,
        state=cast(ItemState, row.state),
        due_at=row.due_at,
        snoozed_until=row.snoozed_until,
        snooze_reason=row.snooze_reason,
        snoozed_by=row.snoozed_by,
        assignee=row.assignee,
        handed_by=row.handed_by,
        hand_note=row.hand_note,
        picked=row.customer_code,
        draft_state=row.draft_state,
    )


def _deals_with_nobody(scope: Scope) -> bool:
    """Whether unregistered callers of the own branch are this user's work."""
    return bool(scope.may_handle and gate.UNREGISTERED in gate.tiers(scope))


def _done_ranges(scope: Scope) -> list[ColumnElement[bool]]:
    return [and_(one, Sight.handled.is_(True)) for one in gate.ranges(scope)]


def _stands(tab: Tab, now: float) -> ColumnElement[bool]:
    """Which state of an item belongs on a tab."""
    if tab == "done":
        return Item.state == "done"
    if tab == "waiting":
        return and_(Item.state == "waiting", Item.snoozed_until > now)
    return or_(Item.state == "open", and_(Item.state == "waiting", Item.snoozed_until <= now))
