"""What the exchanges are set to: the settings file's entries as the server read them, and what pages saved.

:func:`merged_exchanges` is the one place that says which exchanges there are; whoever needs them asks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from cti_adapters.secret_folder import SecretFolder
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, Branch, Exchange, ExchangeSetting, ExchangeTest, Outbox, User
from cti_adapters.storage.profile_shelf import own_profiles
from cti_adapters.storage.schema import exchange_settings, exchange_tests
from cti_adapters.storage.schema_usage import usage_sources
from cti_server.exchanges.ports import Test
from cti_server.exchanges.saved import Merged, SavedExchange, State, merged
from cti_server.settings import ExchangeSettings, Settings
from cti_server.shared import people
from cti_server.shared.errors import Conflict

SETTINGS_ROW: Final = "exchange_settings"
TEST_ROW: Final = "exchange_test"
"""Kinds of outbox rows."""
CHANGED_MEANWHILE: Final = "Somebody else changed this exchange in the meantime; look at it again"


def merged_exchanges(connection: Connection, settings: Settings) -> Merged:
    """The exchanges of a settings file together with what pages saved about them, each with the profile that was
    saved where its make is one."""
    rows = connection.execute(select(exchange_settings).order_by(exchange_settings.c.exchange)).mappings()
    found = merged(settings.exchanges, [_saved(row) for row in rows], SecretFolder(settings.data_dir).path)
    own = own_profiles(connection)
    return found._replace(exchanges=tuple(with_own(one, own) for one in found.exchanges))


def with_own(exchange: ExchangeSettings, own: Mapping[str, str]) -> ExchangeSettings:
    """An exchange with the text of its profile, where it is among those that were saved."""
    return exchange.with_own_profile(own[exchange.profile]) if exchange.profile in own else exchange


def put_base(connection: Connection, entries: Iterable[ExchangeSettings]) -> None:
    """Writes down what the settings file says, for the pages."""
    bases: dict[str, dict[str, Any] | None] = {
        one.id: one.model_dump(mode="json", exclude_unset=True) for one in entries
    }
    table = exchange_settings
    known = {row.exchange: row.base for row in connection.execute(select(table.c.exchange, table.c.base))}
    for id in bases.keys() - known.keys():
        connection.execute(insert(table), {"exchange": id, "base": bases[id]})
    for id, base in known.items():
        if base != bases.get(id):
            connection.execute(update(table).where(table.c.exchange == id).values(base=bases.get(id)))


def named_secrets(connection: Connection) -> set[str]:
    """The names of the secrets that something still needs."""
    named: set[str] = set()
    for secret, before in connection.execute(select(exchange_settings.c.secret, exchange_settings.c.before)):
        named |= {secret, (before or {}).get("secret", "")}
    waiting = select(exchange_tests.c.secret).where(exchange_tests.c.done.is_(False))
    used = select(usage_sources.c.secret)
    return named.union(connection.scalars(waiting), connection.scalars(used)) - {""}


class ExchangeShelf:
    """``cti_server.exchanges.ports.Shelf`` over a unit of work. Nothing of customers is here, so that the gate has no
    rule for it; the use cases hold each to their branch."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def all(self) -> list[SavedExchange]:
        """Every exchange that the file or a page names, or named, by id."""
        rows = self._session.scalars(select(ExchangeSetting).order_by(ExchangeSetting.exchange))
        return [_saved(vars(row)) for row in rows]

    def get(self, exchange: str) -> SavedExchange | None:
        """One of them."""
        row = self._session.get(ExchangeSetting, exchange)
        return None if row is None else _saved(vars(row))

    def running(self, exchange: str, settings: Settings) -> ExchangeSettings | None:
        """An exchange as the server runs it: the file's entry with what pages saved. Null where it can't be used."""
        found = merged_exchanges(system(self._session, writes=False), settings).exchanges
        return next((one for one in found if one.id == exchange), None)

    def put(self, exchange: str, state: State, before: State | None, version: int, by: str, at: float) -> None:
        """Keeps a change: ``version`` is the one that it makes. Raises Conflict where that exists already."""
        row = self._session.get(ExchangeSetting, exchange)
        if row is None:
            row = ExchangeSetting(exchange=exchange, base=None)
            self._session.add(row)
        values = state._asdict() | {"version": version, "by": by, "at": at}
        values["before"] = None if before is None else before._asdict()
        for name, value in values.items():
            setattr(row, name, value)
        self._session.add(Outbox(kind=SETTINGS_ROW, body={"exchange": exchange}, at=at))
        try:
            self._session.flush()
        except (StaleDataError, IntegrityError) as bad:
            raise Conflict(CHANGED_MEANWHILE) from bad

    def show(self, settings: ExchangeSettings) -> None:
        """Puts an exchange on the pages that is new there; the daemon says soon how it really is."""
        row = self._session.get(Exchange, settings.id)
        if row is None:
            row = Exchange(id=settings.id, state="starting")
            self._session.add(row)
        row.name, row.kind, row.branch = settings.name, settings.kind, settings.branch

    def hide(self, exchange: str) -> None:
        """Takes one off the pages."""
        row = self._session.get(Exchange, exchange)
        if row is not None:
            self._session.delete(row)

    def add_test(self, test: Test) -> int:
        """Asks the daemon for a test; gives its id."""
        row = ExchangeTest(**{name: getattr(test, name) for name in Test.__slots__})
        self._session.add(row)
        self._session.flush()
        self._session.add(Outbox(kind=TEST_ROW, body={"test": row.id}, at=test.at))
        return row.id

    def test(self, test_id: int) -> Test | None:
        """A test that was asked for."""
        row = self._session.get(ExchangeTest, test_id)
        return None if row is None else Test(**{name: getattr(row, name) for name in Test.__slots__})

    def end_test(self, test_id: int, findings: Mapping[str, Any]) -> None:
        """Keeps what a test found, and forgets what was tested."""
        row = self._session.get(ExchangeTest, test_id)
        if row is not None:
            row.findings, row.done, row.secret = dict(findings), True, ""

    def branches(self) -> dict[str, people.Branch]:
        """The firm's branches by code."""
        rows = self._session.scalars(select(Branch).order_by(Branch.code))
        return {row.code: people.Branch(row.code, row.name, row.timezone) for row in rows}

    def person(self, user: str) -> str:
        """The name of one of the firm's people."""
        row = self._session.get(User, user)
        return user if row is None else row.name or user

    def note(self, exchange: str, user: str, act: str, at: float, detail: Mapping[str, Any]) -> None:
        """Adds to the trail what was done to an exchange."""
        entry = Audit(at=at, user=user, act=act, subject_kind="exchange", subject_id=exchange, detail=dict(detail))
        self._session.add(entry)


def _saved(row: Mapping[Any, Any]) -> SavedExchange:
    before = row["before"]
    return SavedExchange(
        id=row["exchange"],
        base=row["base"],
        now=State(row["saved"], row["secret"], row["paused"], row["removed"]),
        version=row["version"],
        by=row["by"],
        at=row["at"],
        before=None if before is None else State(**before),
    )
