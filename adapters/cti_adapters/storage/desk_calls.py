"""The calls as the desk sees them (``cti_server.calls.ports.Calls``).

Lists run over ``sights`` in index ranges (gate.ranges) or over one index of ``calls``, newest first, in blocks; what
else is asked for is filtered block by block. So a page costs the same in a table of any size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.call_rows import as_log
from cti_adapters.storage.core import chunks, upserting
from cti_adapters.storage.mapping import Call, Customer, NotCustomer, Sight
from cti_adapters.storage.mapping import Taken as TakenRow
from cti_adapters.storage.schema import corrections, taken
from cti_server.calls.ports import BoardNumbers, Place, SeenCall, Sighting, Sought
from cti_server.calls.views import CallQuery, Match, Taken
from cti_server.shared import people, phone
from cti_server.shared.errors import NotFound
from cti_server.shared.scope import Span

BLOCK: Final = 400
"""Calls looked at in one step where a list is filtered."""
BLOCKS: Final = 25
"""Steps at most for one page; then the page ends with what was found and says where to go on."""
BOARD_MOST: Final = 5_000
_TAKEN: Final = upserting(taken, ["user", "call_id", "started_at", "extension", "talk_seconds"])
_HIGHEST: Final = "\U0010ffff"

_Block = Callable[[Place | None, int], list[Place]]


def below(at: Any, key: Any, place: Place | None) -> list[ColumnElement[bool]]:
    """The keyset condition: older than the place."""
    return [] if place is None else [at <= place.at, or_(at < place.at, key < place.key)]


def within(at: Any, since: Any, until: Any) -> list[ColumnElement[bool]]:
    """The period (null: open at that end); its end is the first moment that is out."""
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(at >= since)
    if until is not None:
        conditions.append(at < until)
    return conditions


def newest(groups: Iterable[Sequence[Place]], limit: int) -> list[Place]:
    """The newest of several lists, each of them once."""
    return sorted({place for group in groups for place in group}, reverse=True)[:limit]


class CallRepository:
    """The calls within the scope of a session."""

    def __init__(self, session: gate.GatedSession) -> None:
        self._session = session
        self._scope = session.scope

    # --- by key

    def get(self, call_ids: Sequence[str]) -> list[SeenCall]:
        """Those of them that exist, in the order asked for."""
        wanted = list(dict.fromkeys(call_ids))
        sightings = self._sightings(wanted)
        found: dict[str, SeenCall] = {}
        for some in chunks(wanted):
            for row in self._session.scalars(select(Call).where(Call.id.in_(some))):
                if row.id in sightings:
                    found[row.id] = _seen(row, sightings[row.id])
        return [found[call_id] for call_id in wanted if call_id in found]

    def _sightings(self, call_ids: Sequence[str]) -> dict[str, list[Sighting]]:
        found: dict[str, list[Sighting]] = defaultdict(list)
        for some in chunks(call_ids):
            query = (
                select(Sight, *CUSTOMER_COLUMNS)
                .outerjoin(Customer, Customer.code == Sight.customer_code)
                .where(Sight.call_id.in_(some))
                .order_by(Sight.rank)
            )
            for sight, *columns in self._session.execute(query):
                customer = as_customer(columns) if columns[0] is not None else None
                if sight.customer_code is not None and customer is None:
                    continue  # of an erased customer there is no code: the call is seen as theirs was
                match = "erased" if sight.kind == "customer" and customer is None else sight.match
                found[sight.call_id].append(Sighting(sight.label, cast(Match, match), customer))
        for group in found.values():
            group.sort(
                key=lambda one: (one.customer is None, not self._scope.owns(one.label))
            )  # stable: own customers first
        return found

    # --- lists

    def page(
        self, query: CallQuery, sought: Sought | None, after: Place | None, limit: int
    ) -> tuple[list[SeenCall], Place | None]:
        """Newest first; the place is null at the end, or where to go on."""
        block, conditions = self._driver(query, sought)
        return self._collect(block, conditions, after, limit)

    def unregistered(self, after: Place | None, limit: int) -> tuple[list[SeenCall], Place | None]:
        """Inbound calls of callers who match nobody and were not marked as no customer, newest first."""
        dismissed = (
            select(NotCustomer.e164).where(NotCustomer.branch == Call.branch, NotCustomer.e164 == _PARTY).exists()
        )
        return self._collect(self._by_sights(self._nobody()), [Call.direction == "in", ~dismissed], after, limit)

    def live(self, limit: int) -> list[SeenCall]:
        """Those not over yet, newest first."""
        query = select(Call.id).where(Call.state != "ended").order_by(Call.started_at.desc(), Call.id.desc())
        return self.get(list(self._session.scalars(query.limit(limit))))

    def of_item(self, item: int, limit: int) -> list[SeenCall]:
        """The calls of an item, newest first."""
        return self.get(self._ids_of(Sight.item_id == item, limit))

    def of_customer(self, code: str, limit: int) -> list[SeenCall]:
        """The calls that may be a customer's, newest first."""
        return self.get(self._ids_of(Sight.customer_code == code, limit))

    # --- who took it

    def receive(self, call: SeenCall, user: str | None, by: str, at: float, why: str) -> None:
        """Keeps who took a call, as a recorded correction by ``by``; whoever took it finds it among those that they
        took."""
        row = self._session.get(Call, call.log.id)
        if row is None:
            raise NotFound("There is no such call")
        before, row.receiver = row.receiver, user
        connection = gate.system(self._session)
        if before is not None:
            connection.execute(delete(taken).where(taken.c.user == before, taken.c.call_id == row.id))
        if user is not None:
            values = {"user": user, "call_id": row.id, "started_at": row.started_at}
            values |= {"extension": call.log.answered_by_extension or "", "talk_seconds": row.talk_seconds}
            _TAKEN.run(connection, [values])
        said = {"call_id": row.id, "at": at, "by": by, "why": why, "what": "changed"}
        connection.execute(insert(corrections), said | {"fields": {"receiver": [before, user]}})

    def _ids_of(self, condition: ColumnElement[bool], limit: int) -> list[str]:
        query = select(Sight.started_at, Sight.call_id).where(condition).distinct()
        newest_first = query.order_by(Sight.started_at.desc(), Sight.call_id.desc()).limit(limit)
        return [call_id for _at, call_id in self._session.execute(newest_first)]

    def _collect(
        self, block: _Block, conditions: Sequence[ColumnElement[bool]], after: Place | None, limit: int
    ) -> tuple[list[SeenCall], Place | None]:
        """Reads blocks until a page is full, the list ends, or enough was looked at."""
        found: list[Place] = []
        size = BLOCK if conditions else limit + 1
        for _ in range(BLOCKS):
            places = block(after, size)
            kept = self._filtered(places, conditions)
            found += [place for place in places if place.key in kept]
            if len(found) > limit:
                return self._load(found[:limit]), found[limit - 1]
            if len(places) < size:
                return self._load(found), None
            after = places[-1]
        return self._load(found), after

    def _load(self, places: Sequence[Place]) -> list[SeenCall]:
        return self.get([place.key for place in places])

    def _filtered(self, places: Sequence[Place], conditions: Sequence[ColumnElement[bool]]) -> set[str]:
        ids = [place.key for place in places]
        if not conditions:
            return set(ids)
        return {
            call_id
            for some in chunks(ids)
            for call_id in self._session.scalars(select(Call.id).where(Call.id.in_(some), *conditions))
        }

    # --- which index a list runs over

    def _driver(self, query: CallQuery, sought: Sought | None) -> tuple[_Block, list[ColumnElement[bool]]]:
        """The narrowest index for what is asked, and the conditions that are left for the filter."""
        period = within(Sight.started_at, query.since, query.until)
        asked, of_sight = self._conditions(query), self._sight_conditions(query)
        if sought is not None:
            number = Call.party_e164 == sought.whole if sought.whole else _ends_with(sought.last)
            return self._by_calls(number, query), asked + _of_one_sight(of_sight)
        if of_sight:
            left = _of_one_sight(of_sight) if len(of_sight) > 1 else []
            return self._by_sights(self._sight_ranges(query), period), asked + left
        if query.branch is not None:
            others = self._conditions(replace(query, branch=None))
            return self._by_calls(Call.branch == query.branch, query), others
        return self._by_sights(gate.ranges(self._scope), period), asked

    def _sight_ranges(self, query: CallQuery) -> list[ColumnElement[bool]]:
        """The index ranges of one of the things that are asked of a sight, the narrowest."""
        if query.customer is not None:
            return [Sight.customer_code == query.customer]
        if query.rep is not None:
            tiers = [one for one in gate.tiers(self._scope) if one != gate.UNREGISTERED]
            return [and_(Sight.rep == query.rep, Sight.tier == one) for one in tiers]
        if query.unregistered:
            return self._nobody()
        return [and_(one, Sight.tier != gate.UNREGISTERED) for one in gate.ranges(self._scope)]

    def _nobody(self) -> list[ColumnElement[bool]]:
        """The index range of unregistered callers, if the scope has any."""
        if gate.UNREGISTERED not in gate.tiers(self._scope):
            return []
        nobody = Sight.tier == gate.UNREGISTERED
        everywhere = self._scope.everything or self._scope.span is Span.ALL
        return [nobody if everywhere else and_(Sight.branch == self._scope.branch, nobody)]

    def _conditions(self, query: CallQuery) -> list[ColumnElement[bool]]:
        """What is asked of a call itself, beyond the period."""
        return [
            column == value
            for column, value in (
                (Call.branch.concat(""), query.branch),  # a filter, not an index: the block says which calls
                (Call.direction, query.direction),
                (Call.disposition, query.outcome),
                (Call.handled, query.handled),
            )
            if value is not None
        ]

    def _sight_conditions(self, query: CallQuery) -> list[ColumnElement[bool]]:
        """What is asked of a sight of a call."""
        asked: list[ColumnElement[bool]] = []
        if query.customer is not None:
            asked.append(Sight.customer_code == query.customer)
        if query.rep is not None:
            asked.append(Sight.rep == query.rep)
        if query.unregistered is not None:
            nobody = Sight.tier == gate.UNREGISTERED
            asked.append(nobody if query.unregistered else ~nobody)
        return asked

    def _by_sights(self, ranges: Sequence[ColumnElement[bool]], more: Sequence[ColumnElement[bool]] = ()) -> _Block:
        at, key = Sight.started_at, Sight.call_id

        def block(after: Place | None, size: int) -> list[Place]:
            groups = []
            for one in ranges:
                rows = select(at, key).where(one, *more, *below(at, key, after)).distinct()
                rows = rows.order_by(at.desc(), key.desc()).limit(size)
                groups.append([Place(*row) for row in self._session.execute(rows)])
            return newest(groups, size)

        return block

    def _by_calls(self, condition: ColumnElement[bool], query: CallQuery) -> _Block:
        at, key = Call.started_at, Call.id
        more = within(at, query.since, query.until)

        def block(after: Place | None, size: int) -> list[Place]:
            rows = select(at, key).where(condition, *more, *below(at, key, after))
            rows = rows.order_by(at.desc(), key.desc()).limit(size)
            return [Place(*row) for row in self._session.execute(rows)]

        return block

    # --- others

    def taken(self, since: float, limit: int) -> list[Taken]:
        """Calls that the user took and may not see."""
        seen = select(Sight.id).where(Sight.call_id == TakenRow.call_id).exists()
        query = (
            select(TakenRow.started_at, TakenRow.extension, TakenRow.talk_seconds)
            .where(TakenRow.user == self._scope.user, TakenRow.started_at >= since, ~seen)
            .order_by(TakenRow.started_at.desc())
            .limit(limit)
        )
        return [Taken(*row) for row in self._session.execute(query)]

    def board(self, branch: str, since: float) -> BoardNumbers:
        """What the board of a branch counts from ``since``: the branch's customers per rep, its exchange's calls."""
        in_branch = [and_(Sight.branch == branch, Sight.tier == one) for one in gate.tiers(self._scope) if one]
        waiting: dict[str | None, set[str]] = defaultdict(set)
        done: dict[str | None, set[str]] = defaultdict(set)
        for one in in_branch:
            for found, more in ((waiting, [Sight.open.is_(True)]), (done, [Sight.handled, Sight.started_at >= since])):
                query = select(Sight.rep, Sight.call_id).where(one, *more).order_by(Sight.started_at.desc())
                for rep, call_id in self._session.execute(query.limit(BOARD_MOST)):
                    found[rep].add(call_id)
        reps = sorted(waiting.keys() | done.keys(), key=lambda rep: (rep is None, -len(waiting[rep]), rep or ""))
        received = select(Call.answered, func.count()).where(
            Call.branch == branch, Call.started_at >= since, Call.direction == "in", Call.state == "ended"
        )
        ended: dict[bool | None, int] = {}
        for answered, count in self._session.execute(received.group_by(Call.answered)):
            ended[answered] = count
        return BoardNumbers(
            [(rep, len(waiting[rep]), len(done[rep])) for rep in reps], ended.get(True, 0), ended.get(False, 0)
        )


CUSTOMER_COLUMNS: Final = (
    Customer.code,
    Customer.name,
    Customer.kana,
    Customer.branch,
    Customer.rep,
    Customer.confidentiality,
    Customer.mail,
    Customer.language,
)
"""What lists show of a customer (as_customer)."""

_PARTY: Final = func.coalesce(Call.party_e164, Call.caller_number)


def as_customer(columns: Sequence[Any]) -> people.Customer:
    """A customer from ``CUSTOMER_COLUMNS``."""
    code, name, kana, branch, rep, confidentiality, mail, language = columns
    return people.Customer(code, name, branch, rep, confidentiality, kana, "", mail, language)


def _of_one_sight(asked: Sequence[ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    """That one and the same sight of a call is all that."""
    return [select(Sight.id).where(Sight.call_id == Call.id, *asked).exists()] if asked else []


def _ends_with(digits: str) -> ColumnElement[bool]:
    key = phone.tail(digits)
    return and_(Call.party_tail >= key, Call.party_tail < key + _HIGHEST)


def _seen(row: Call, sightings: list[Sighting]) -> SeenCall:
    return SeenCall(
        log=as_log(row),
        sightings=sightings,
        item=row.item_id,
        open=row.open,
        handled=row.handled,
        handled_by=row.handled_by,
        handled_at=row.handled_at,
        picked=row.customer_code,
        receiver=row.receiver,
    )
