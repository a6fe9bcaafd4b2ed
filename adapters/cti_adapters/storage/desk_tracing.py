"""The way from the bytes to the screens, for the desk (``cti_server.calls.ports.Tracing``)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import func, or_, select

from cti_adapters.storage.core import chunks
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.holders import as_seat, as_telephone
from cti_adapters.storage.mapping import Delivery as DeliveryRow
from cti_adapters.storage.mapping import Extension, Gap, NotCustomer, Session, UnreadableRow
from cti_adapters.storage.mapping import Seat as SeatRow
from cti_server.calls.views import Gap as GapView
from cti_server.shared.deliveries import Delivery, Told
from cti_server.shared.telephones import Seat, Telephone


class TracingRepository:
    """What is kept of feeds and screens."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def delivery(self, call_id: str) -> Delivery | None:
        """Who was told of a call within the scope; null where that is not kept."""
        row = self._session.scalars(select(DeliveryRow).where(DeliveryRow.call_id == call_id)).one_or_none()
        if row is None:
            return None
        told = {user: Told(*known) for user, known in row.told.items()}
        return Delivery(row.call_id, row.at, told, dict(row.rang), dict(row.away))

    def telephones(self, exchange: str, extensions: Iterable[str], since: float) -> dict[str, Telephone]:
        """Whose the extensions are, and who had them since then; those that are known."""
        wanted = list(extensions)
        sat: dict[str, list[Seat]] = defaultdict(list)
        for some in chunks(wanted):
            query = select(SeatRow).where(SeatRow.exchange == exchange, SeatRow.extension.in_(some))
            for seat in self._session.scalars(query.where(SeatRow.until >= since)):
                sat[seat.extension].append(as_seat(seat))
        found: dict[str, Telephone] = {}
        for some in chunks(wanted):
            entered = select(Extension).where(Extension.exchange == exchange, Extension.extension.in_(some))
            rows = self._session.scalars(entered)
            found.update((row.extension, as_telephone(row, sat[row.extension])) for row in rows)
        return found

    def gap_at(self, exchange: str, at: float) -> GapView | None:
        """The gap in which a moment lies."""
        query = (
            select(Gap)
            .where(Gap.exchange == exchange, Gap.started_at <= at, or_(Gap.ended_at.is_(None), Gap.ended_at >= at))
            .order_by(Gap.started_at.desc())
        )
        row = self._session.scalars(query.limit(1)).one_or_none()
        return None if row is None else GapView(exchange, "", "", row.started_at, row.ended_at, row.reason)

    def unread_between(self, exchange: str, since: float, until: float) -> int:
        """How many pieces could not be read that came then."""
        query = select(func.count()).select_from(UnreadableRow).where(UnreadableRow.exchange == exchange)
        return self._session.scalars(query.where(UnreadableRow.at >= since, UnreadableRow.at <= until)).one()

    def signed_in(self, users: Iterable[str], now: float) -> dict[str, float]:
        """When those who have a session were last seen."""
        found: dict[str, float] = {}
        for some in chunks(users):
            query = select(Session.user, func.max(Session.seen).label("seen"))
            query = query.where(Session.user.in_(some), Session.expires > now).group_by(Session.user)
            found.update((row.user, row.seen) for row in self._session.execute(query))
        return found

    def dismissed(self, number: str, branch: str) -> bool:
        """Whether a branch marked a number as no customer's."""
        query = select(NotCustomer.e164).where(NotCustomer.e164 == number, NotCustomer.branch == branch)
        return self._session.execute(query).first() is not None
