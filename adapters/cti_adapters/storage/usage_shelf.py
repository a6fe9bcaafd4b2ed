"""Customers' use of services in the database (``cti_server.phases.usage.UsageShelf``), within the scope."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import delete, select, tuple_

from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Customer
from cti_adapters.storage.mapping_phases import DealRow
from cti_adapters.storage.mapping_usage import ReadingRow, SourceRow, UsageRuleRow
from cti_adapters.storage.phase_deals import DealShelf
from cti_adapters.storage.schema_usage import usage_readings
from cti_server.phases.model import Deal
from cti_server.phases.usage import Index, Outcome, Reading, Source, Told, UsageRule, as_json
from cti_server.shared.errors import Conflict

AT_ONCE: Final = 200
"""Keys of one query: SQLite bounds how many values a statement has."""


class UsageRows:
    """Sources, rules and readings."""

    def __init__(self, session: GatedSession, deals: DealShelf) -> None:
        self._session = session
        self._deals = deals

    # --- set up

    def source(self, service: int) -> Source | None:
        """Where a service's use is known from."""
        row = self._session.get(SourceRow, service)
        return None if row is None else _source(row)

    def sources(self) -> list[Source]:
        """All of them."""
        return [_source(row) for row in self._session.scalars(select(SourceRow).order_by(SourceRow.service_id))]

    def put_source(self, source: Source) -> None:
        """Adds or changes one; Conflict unless the version is current."""
        row = self._session.get(SourceRow, source.service)
        if (row.version if row is not None else 0) != source.version:
            raise Conflict("Somebody else changed this in the meantime; look at it again")
        if row is None:
            row = SourceRow(service_id=source.service, outcome={})
            self._session.add(row)
        row.indexes = [[one.key, one.label] for one in source.indexes]
        row.address, row.secret, row.every_hours = source.address, source.secret, source.every_hours
        row.latest, row.version = source.latest, source.version + 1
        self._session.flush()

    def outcome(self, service: int, outcome: Outcome, *, asked: bool, latest: float | None) -> None:
        """Keeps what came of a time that readings were asked for, or told."""
        row = self._session.get(SourceRow, service)
        if row is None:
            return
        row.outcome = as_json(outcome)
        if asked:
            row.asked_at = outcome.at
        if outcome.kept or outcome.same:
            row.heard_at = outcome.at
        if latest is not None:
            row.latest = latest

    def rules(self, service: int) -> list[UsageRule]:
        """A service's, in the order in which they were made."""
        query = select(UsageRuleRow).where(UsageRuleRow.service_id == service).order_by(UsageRuleRow.id)
        return [
            UsageRule(
                row.id,
                row.service_id,
                row.index_key,
                cast(Any, row.measure),
                cast(Any, row.side),
                Decimal(row.threshold),
                row.days,
                cast(Any, row.advice),
                row.topic,
            )
            for row in self._session.scalars(query)
        ]

    def add_rule(self, rule: UsageRule) -> int:
        """Keeps a new one; gives its id."""
        row = UsageRuleRow(
            service_id=rule.service,
            index_key=rule.index,
            measure=rule.measure,
            side=rule.side,
            threshold=f"{rule.threshold:f}",
            days=rule.days,
            advice=rule.advice,
            topic=rule.topic,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def remove_rule(self, rule: int) -> None:
        """Takes one away."""
        row = self._session.get(UsageRuleRow, rule)
        if row is not None:
            self._session.delete(row)

    # --- readings

    def readings(self, service: int, customers: Sequence[str]) -> dict[str, dict[str, list[Reading]]]:
        """Customer -> index -> readings, the oldest first."""
        found: dict[str, dict[str, list[Reading]]] = {}
        for lot in _lots(customers):
            query = select(ReadingRow).where(ReadingRow.service_id == service, ReadingRow.customer_code.in_(lot))
            for row in self._session.scalars(
                query.order_by(ReadingRow.customer_code, ReadingRow.index_key, ReadingRow.at)
            ):
                by_index = found.setdefault(row.customer_code, {})
                by_index.setdefault(row.index_key, []).append(Reading(row.at, Decimal(row.value)))
        return found

    def seen(self, customers: Sequence[str]) -> set[str]:
        """Those of these codes that are customers within the scope."""
        found: set[str] = set()
        for lot in _lots(customers):
            found.update(self._session.scalars(select(Customer.code).where(Customer.code.in_(lot))))
        return found

    def keep(self, service: int, told: Sequence[Told]) -> list[Told]:
        """Keeps readings; gives those that are new or other than what was known of the moment. The customers lie within
        the scope (``seen``). Of two of one moment the later one in the message holds."""
        last = {(one.customer, one.index, one.reading.at): one for one in told}
        c = usage_readings.c
        connection = system(self._session)
        new = []
        for lot in _lots(list(last)):
            query = select(c.customer_code, c.index_key, c.at, c.value).where(
                c.service_id == service, tuple_(c.customer_code, c.index_key, c.at).in_(lot)
            )
            known = {(row[0], row[1], row[2]): Decimal(row[3]) for row in connection.execute(query)}
            changed = [last[key] for key in lot if known.get(key) != last[key].reading.value]
            if not changed:
                continue
            keys = [(one.customer, one.index, one.reading.at) for one in changed]
            gone = delete(usage_readings).where(
                c.service_id == service, tuple_(c.customer_code, c.index_key, c.at).in_(keys)
            )
            connection.execute(gone)
            connection.execute(usage_readings.insert(), [_row(service, one) for one in changed])
            new += changed
        return new

    def open_deals(self, service: int, customers: Sequence[str]) -> list[Deal]:
        """The open deals of these customers in a service."""
        found = []
        for lot in _lots(customers):
            query = select(DealRow.id).where(
                DealRow.customer_code.in_(lot), DealRow.state == "open", DealRow.service_id == service
            )
            found += [self._deals.get(deal) for deal in self._session.scalars(query.order_by(DealRow.id)).all()]
        return [deal for deal in found if deal is not None]


def _lots(keys: Sequence[Any]) -> list[Sequence[Any]]:
    return [keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE)]


def _row(service: int, told: Told) -> dict[str, Any]:
    return {
        "service_id": service,
        "customer_code": told.customer,
        "index_key": told.index,
        "at": told.reading.at,
        "value": f"{told.reading.value:f}",
    }


def _source(row: SourceRow) -> Source:
    return Source(
        service=row.service_id,
        indexes=tuple(Index(key, label) for key, label in row.indexes),
        address=row.address,
        secret=row.secret,
        every_hours=row.every_hours,
        asked_at=row.asked_at,
        heard_at=row.heard_at,
        latest=row.latest,
        outcome=Outcome(**row.outcome | {"first": tuple(row.outcome["first"])}) if row.outcome else None,
        version=row.version,
    )
