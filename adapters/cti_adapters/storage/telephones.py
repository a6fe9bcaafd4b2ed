"""Extensions and who sits there (``cti_server.identity.telephone_ports.TelephoneRows``). Nothing of customers is here,
so that the gate has no rule for it; the use cases hold each to their span."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.core import chunks
from cti_adapters.storage.holders import as_seat, as_telephone
from cti_adapters.storage.mapping import Audit, Exchange, Extension, Outbox, User
from cti_adapters.storage.mapping import Seat as SeatRow
from cti_adapters.storage.schema import calls
from cti_server.identity.telephone_ports import Person, Place, Rang, Site, Wanted
from cti_server.shared.errors import Conflict
from cti_server.shared.telephones import Ending, Seat, Telephone

SEAT_ROW: Final = "seat"
"""Kind of the outbox row that says whose telephone it is from now on."""
TEST_ROW: Final = "pop_up_test"
"""Kind of the outbox row that asks for a test of a user's pop-ups."""
LATELY_MOST: Final = 2_000
"""Calls of a branch that are looked through for extensions that nobody entered."""
RANG_MOST: Final = 20
_OUTSIDE_DIGITS: Final = 7
"""So many digits and more are a number of somebody outside, not an extension."""


def rung(user: str, own: Sequence[tuple[str, str]], seats: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Where a user's calls ring: where they sit, then their own telephones but those at which somebody else does.
    ``seats``: (exchange, extension, user) of those who sit at one of them now."""
    known = list(seats)
    taken = {(exchange, extension) for exchange, extension, by in known if by != user}
    sat = [(exchange, extension) for exchange, extension, by in known if by == user]
    return [*sat, *(one for one in own if one not in taken and one not in sat)]


class TelephoneShelf:
    """What is kept of telephones, over the session of a unit of work."""

    def __init__(self, session: gate.GatedSession) -> None:
        self._session = session

    # --- the firm

    def sites(self) -> list[Site]:
        """The exchanges, by branch and id."""
        rows = self._session.scalars(select(Exchange).order_by(Exchange.branch, Exchange.id))
        return [Site(row.id, row.name or row.id, row.branch) for row in rows]

    def person(self, user: str) -> Person | None:
        """One of the firm's people."""
        return self.people([user]).get(user)

    def people(self, ids: Iterable[str]) -> dict[str, Person]:
        """Several."""
        found: dict[str, Person] = {}
        for some in chunks(ids):
            rows = self._session.scalars(select(User).where(User.id.in_(some)))
            found.update((row.id, Person(row.id, row.name, row.branch, row.active)) for row in rows)
        return found

    def staff(self, branch: str | None) -> list[Person]:
        """Everybody active, of a branch or all, by kana."""
        query = select(User).where(User.active.is_(True)).order_by(User.kana, User.name, User.id)
        if branch is not None:
            query = query.where(User.branch == branch)
        return [Person(row.id, row.name or row.id, row.branch) for row in self._session.scalars(query)]

    # --- reading

    def telephone(self, exchange: str, extension: str) -> Telephone | None:
        """One with who sits there."""
        row = self._session.get(Extension, (exchange, extension))
        return None if row is None else self._whole([row])[0]

    def _whole(self, rows: Sequence[Extension]) -> list[Telephone]:
        """With the seats that nobody ended."""
        sat: dict[tuple[str, str], list[Seat]] = {}
        for some in chunks({row.extension for row in rows}):
            query = select(SeatRow).where(SeatRow.extension.in_(some), SeatRow.ended_at.is_(None))
            for seat in self._session.scalars(query):
                sat.setdefault((seat.exchange, seat.extension), []).append(as_seat(seat))
        return [as_telephone(row, sat.get((row.exchange, row.extension), ())) for row in rows]

    def page(
        self, exchanges: Iterable[str], wanted: Wanted, after: Place | None, limit: int, now: float
    ) -> tuple[list[Telephone], Place | None]:
        """By exchange and extension; with those who sit there now."""
        query = select(Extension).outerjoin(User, User.id == Extension.user)
        query = query.where(Extension.exchange.in_(list(exchanges)), *_conditions(wanted, now))
        if after is not None:
            below = and_(Extension.exchange == after.exchange, Extension.extension > after.extension)
            query = query.where(or_(Extension.exchange > after.exchange, below))
        query = query.order_by(Extension.exchange, Extension.extension).limit(limit + 1)
        rows = list(self._session.scalars(query))
        more = len(rows) > limit
        rows = rows[:limit]
        return self._whole(rows), Place(rows[-1].exchange, rows[-1].extension) if more else None

    def past(self, exchange: str, extension: str, limit: int) -> list[Seat]:
        """Who had an extension, the latest first; over or not."""
        query = select(SeatRow).where(SeatRow.exchange == exchange, SeatRow.extension == extension)
        newest = query.order_by(SeatRow.since.desc(), SeatRow.id.desc()).limit(limit)
        return [as_seat(row) for row in self._session.scalars(newest)]

    def rang_lately(self, sites: Iterable[Site], since: float) -> list[Rang]:
        """Extensions that rang or talked since then, and were not entered. Reads past the gate: what it gives is
        extensions of ours and a time, nothing of who called."""
        wanted = {one.id: one.branch for one in sites}
        latest: dict[tuple[str, str], float] = {}
        connection = gate.system(self._session, writes=False)
        for branch in sorted(set(wanted.values())):
            query = select(calls.c.exchange, calls.c.started_at, calls.c.rang_extensions, calls.c.answered_by_extension)
            query = query.where(calls.c.branch == branch, calls.c.started_at >= since, calls.c.direction == "in")
            for row in connection.execute(query.order_by(calls.c.started_at.desc()).limit(LATELY_MOST)):
                if row.exchange in wanted:
                    for extension in {*row.rang_extensions, row.answered_by_extension or ""}:
                        latest.setdefault((row.exchange, extension), row.started_at)
        return self._not_entered(latest)

    def _not_entered(self, latest: Mapping[tuple[str, str], float]) -> list[Rang]:
        entered: set[tuple[str, str]] = set()
        for some in chunks({extension for _exchange, extension in latest}):
            rows = self._session.execute(
                select(Extension.exchange, Extension.extension).where(Extension.extension.in_(some))
            )
            entered.update((row.exchange, row.extension) for row in rows)
        unknown = [
            Rang(exchange, extension, at)
            for (exchange, extension), at in latest.items()
            if 0 < len(extension) < _OUTSIDE_DIGITS and extension.isdigit() and (exchange, extension) not in entered
        ]
        return sorted(unknown, key=lambda one: -one.at)[:RANG_MOST]

    def rings_at(self, user: str, own: Iterable[tuple[str, str]], now: float) -> list[tuple[str, str]]:
        """Where a user's calls ring now: the (exchange, extension) that they took for the day, then their own ones
        without those at which somebody else sits. One statement: every page of theirs asks it."""
        mine = list(own)
        columns = (SeatRow.exchange, SeatRow.extension, SeatRow.user)
        query = select(*columns).where(SeatRow.ended_at.is_(None), SeatRow.until > now)
        concerned = or_(SeatRow.user == user, SeatRow.extension.in_([extension for _exchange, extension in mine]))
        seats = self._session.execute(query.where(concerned))
        return rung(user, mine, [(row.exchange, row.extension, row.user) for row in seats])

    def own(self, user: str) -> list[Telephone]:
        """Those that are a user's own."""
        query = select(Extension).where(Extension.user == user).order_by(Extension.exchange, Extension.extension)
        return self._whole(list(self._session.scalars(query)))

    def seat(self, user: str) -> tuple[Telephone, Seat] | None:
        """Where a user sat down last, if nobody ended it."""
        query = select(SeatRow).where(SeatRow.user == user, SeatRow.ended_at.is_(None))
        row = self._session.scalars(query).one_or_none()
        telephone = self.telephone(row.exchange, row.extension) if row is not None else None
        return None if row is None or telephone is None else (telephone, as_seat(row))

    # --- writing

    def put(self, telephone: Telephone) -> None:
        """Keeps whose an extension is, and since when."""
        values = {name: getattr(telephone, name) for name in ("exchange", "extension", "user", "shared", "since")}
        self._session.merge(Extension(**values))
        self._session.flush()

    def drop(self, exchange: str, extension: str) -> None:
        """Forgets it."""
        row = self._session.get(Extension, (exchange, extension))
        if row is not None:
            self._session.delete(row)
            self._session.flush()

    def sit(self, exchange: str, extension: str, seat: Seat) -> int:
        """Keeps that somebody had it; gives the id. Raises Conflict where somebody sits there already."""
        names = ("user", "day", "since", "until", "at_sign_out", "ended_at", "ended_why", "ended_by")
        row = SeatRow(exchange=exchange, extension=extension, **{name: getattr(seat, name) for name in names})
        self._session.add(row)
        try:
            self._session.flush()
        except IntegrityError as bad:
            raise Conflict("Somebody else sat down there at the same moment; look at it again") from bad
        return row.id

    def end(self, seat: Seat, at: float, why: Ending, by: str | None) -> None:
        """Ends it."""
        row = self._session.get(SeatRow, seat.id)
        if row is not None and row.ended_at is None:
            row.ended_at, row.ended_why, row.ended_by = at, why, by
            self._session.flush()

    def lengthen(self, seat: Seat, until: float, at_sign_out: bool) -> None:
        """Keeps another end."""
        row = self._session.get(SeatRow, seat.id)
        if row is not None and row.ended_at is None:
            row.until, row.at_sign_out = until, at_sign_out

    def tell(self, body: Mapping[str, Any], at: float) -> None:
        """Leaves a row for the daemon."""
        self._session.add(Outbox(kind=SEAT_ROW, body=dict(body), at=at))

    def note(
        self, at: float, by: str | None, act: str, exchange: str, extension: str, detail: Mapping[str, Any]
    ) -> None:
        """Adds to the trail what was done."""
        subject = {"subject_kind": "extension", "subject_id": f"{exchange}:{extension}"}
        self._session.add(Audit(at=at, user=by, act=act, detail=dict(detail), **subject))

    # --- trying pop-ups

    def ask_for_test(self, user: str, at: float) -> int:
        """Asks the daemon to send a test to a user's screens; gives its number."""
        number = secrets.randbits(48)  # which one, and not how many there were: a browser's numbers hold it
        self._session.add(Outbox(kind=TEST_ROW, body={"user": user, "number": number}, at=at))
        return number

    def test_taken(self, user: str, number: int, since: float) -> bool:
        """Whether the daemon took up a test of this user that was asked for since then."""
        query = select(Outbox).where(Outbox.kind == TEST_ROW, Outbox.at >= since, Outbox.done_at.is_not(None))
        return any(row.body == {"user": user, "number": number} for row in self._session.scalars(query))

    # --- time

    def over(self, now: float) -> list[Telephone]:
        """Those at which somebody sits whose hour has come, though nobody wrote that down yet."""
        query = select(SeatRow.exchange, SeatRow.extension).where(SeatRow.ended_at.is_(None), SeatRow.until <= now)
        found = [self.telephone(row.exchange, row.extension) for row in self._session.execute(query).all()]
        return [one for one in found if one is not None]


def _conditions(wanted: Wanted, now: float) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    text = wanted.text.strip()
    if text:
        named = or_(User.name.contains(text, autoescape=True), User.kana.contains(text, autoescape=True))
        found.append(or_(Extension.extension.startswith(text, autoescape=True), named))
    if wanted.kind == "shared":
        found.append(Extension.shared.is_(True))
    elif wanted.kind == "own":
        found.append(Extension.user.is_not(None))
    elif wanted.kind == "free":
        found.append(and_(Extension.shared.is_(False), Extension.user.is_(None)))
    elif wanted.kind == "seated":
        sits = select(func.count()).where(
            SeatRow.exchange == Extension.exchange,
            SeatRow.extension == Extension.extension,
            SeatRow.ended_at.is_(None),
            SeatRow.until > now,
        )
        found.append(sits.scalar_subquery() > 0)
    return found
