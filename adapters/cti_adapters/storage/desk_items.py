"""The worklist (the reading half of ``cti_server.calls.ports.Work``).

An item is *mine* where it was given to me; or nobody was given it and I am the rep in charge, or it is of an
unregistered caller of my branch and I may handle it. Everything else that I see is the team's. A waiting item comes
back by itself when its time has come: lists compare the time, no job is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, cast

from sqlalchemy import BindParameter, Select, and_, bindparam, func, or_, select, union
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.core import chunks
from cti_adapters.storage.desk_calls import below, within
from cti_adapters.storage.kept import Kept
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
        values: dict[str, Any] = {"since": since, "until": until, "now": now, "most": limit + 1}
        if after is not None:
            values |= {"at": after.at, "key": after.key}
        kind = tab, since is not None, until is not None, after is not None
        found: dict[int, Place] = {}
        rows: set[tuple[float, str, int]] = set()
        for number in range(len(_ranges(self._scope, tab))):
            rows.update(tuple(row) for row in _PAGE.rows(self._session, number, *kind, **values))
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
        most = COUNTED_MOST

        def calls(tab: Tab) -> int:
            return self._count(tab, "call_id", since, until, now, most)

        return Counts(
            handled=calls("done"),
            open=calls("open"),
            waiting=calls("waiting"),
            team=calls("team"),
            bell=self._count("open", "item_id", None, None, now, min(BELL_MOST, most)),
        )

    def _count(self, tab: Tab, what: str, since: float | None, until: float | None, now: float, most: int) -> int:
        """Distinct values over the ranges of a tab, at most so many of each range; of what is done, the viewer's."""
        if not _ranges(self._scope, "open" if tab == "done" else tab):
            return 0
        values = {"since": since, "until": until, "now": now, "most": most}
        (row,) = _COUNT.rows(self._session, tab, what, since is not None, until is not None, **values)
        return min(int(row[0]), most)

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


# --- the statements, for a scope


def _ranges(scope: Scope, tab: Tab) -> list[ColumnElement[bool]]:
    """Index ranges that together cover a tab."""
    if tab == "done":
        return [and_(one, Sight.handled.is_(True)) for one in gate.ranges(scope)]
    if tab != "team":
        return [and_(one, Sight.open.is_(True)) for one in _mine(scope)]
    other = aliased(Sight)
    mine = or_(other.rep == scope.user, *gate.standing_in(scope, other))
    if _deals_with_nobody(scope):
        mine = or_(mine, and_(other.branch == scope.branch, other.tier == gate.UNREGISTERED))
    is_mine = select(other.id).where(other.item_id == Item.id, mine).correlate(Item).exists()
    others = or_(
        and_(Item.assignee.is_not(None), Item.assignee.not_in(_hands(scope))),
        and_(Item.assignee.is_(None), ~is_mine),
    )
    return [and_(one, Sight.open.is_(True), others) for one in gate.ranges(scope)]


def _mine(scope: Scope) -> list[ColumnElement[bool]]:
    """Index ranges of what is mine, open or not."""
    free_or_mine = or_(Item.assignee.is_(None), Item.assignee.in_(_hands(scope)))
    tiers = [one for one in gate.tiers(scope) if one not in (gate.INTERNAL, gate.UNREGISTERED)]
    found = [and_(Sight.rep == scope.user, Sight.tier == one, free_or_mine) for one in tiers]
    if _deals_with_nobody(scope):
        found.append(and_(Sight.branch == scope.branch, Sight.tier == gate.UNREGISTERED, free_or_mine))
    found += [and_(one, free_or_mine) for one in gate.standing_in(scope, Sight)]
    return [*found, *(Item.assignee == one for one in _hands(scope))]


def _hands(scope: Scope) -> list[str]:
    """Whose handed items are mine: the user's, and those of whom they stand in for."""
    return [scope.user, *sorted(scope.absent)]


def _stands(tab: Tab) -> ColumnElement[bool]:
    """Which state of an item belongs on a tab."""
    if tab == "done":
        return Item.state == "done"
    if tab == "waiting":
        return and_(Item.state == "waiting", Item.snoozed_until > _NOW)
    return or_(Item.state == "open", and_(Item.state == "waiting", Item.snoozed_until <= _NOW))


def _newer(tab: Tab, until: Any) -> ColumnElement[bool]:
    """Whether the item has a newer call in the period that the user sees: then it stands there, not here."""
    other = aliased(Sight)
    later = or_(
        other.started_at > Sight.started_at,
        and_(other.started_at == Sight.started_at, other.call_id > Sight.call_id),
    )
    query = select(other.id).where(other.item_id == Sight.item_id, later, *within(other.started_at, None, until))
    return (query if tab == "done" else query.where(other.open.is_(True))).correlate(Sight).exists()


def _page(scope: Scope, number: int, tab: Tab, since: bool, until: bool, after: bool) -> Select[float, str, int | None]:
    """The newest of one of the ranges of a tab: (time, call, item)."""
    end = _UNTIL if until else None
    place = Place(cast(Any, _AT), cast(Any, _KEY)) if after else None
    return (
        select(Sight.started_at, Sight.call_id, Sight.item_id)
        .join(Item, Item.id == Sight.item_id)
        .where(
            _ranges(scope, tab)[number],
            _stands(tab),
            *within(Sight.started_at, _SINCE if since else None, end),
            ~_newer(tab, end),
            *below(Sight.started_at, Sight.call_id, place),
        )
        .distinct()
        .order_by(Sight.started_at.desc(), Sight.call_id.desc())
        .limit(_MOST)
    )


def _counted(scope: Scope, tab: Tab, what: str, since: bool, until: bool) -> Select[Any]:
    """How many distinct values over the ranges of a tab."""
    ranges = _mine(scope) if tab == "done" else _ranges(scope, tab)
    stands = Sight.handled.is_(True) if tab == "done" else _stands(tab)
    period = within(Sight.started_at, _SINCE if since else None, _UNTIL if until else None)
    value = getattr(Sight, what).label("it")
    parts = []
    for one in ranges:
        part = select(value).join(Item, Item.id == Sight.item_id).where(one, stands, *period).distinct()
        parts.append(select(part.limit(_MOST).subquery()))
    every = union(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return select(func.count()).select_from(every)


_NOW: Final[BindParameter[Any]] = bindparam("now", 0.0)
_SINCE: Final[BindParameter[Any]] = bindparam("since", 0.0)
_UNTIL: Final[BindParameter[Any]] = bindparam("until", 0.0)
_AT: Final[BindParameter[Any]] = bindparam("at", 0.0)
_KEY: Final[BindParameter[Any]] = bindparam("key", "")
_MOST: Final[BindParameter[Any]] = bindparam("most", 0)
_PAGE: Final = Kept(_page, "now", "since", "until", "at", "key", "most")
_COUNT: Final = Kept(_counted, "now", "since", "until", "most")
