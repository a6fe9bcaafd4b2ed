"""Imports a file of customers: some thousands at a time, each lot in a transaction of its own, so that telephones and
memory don't notice. Importing a file again changes nothing (spec O5, C3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from sqlalchemy import Connection, bindparam, delete, select, update

from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.core import Within, inserting, upserting
from cti_adapters.storage.customer_file import CustomerFile, Read, Refused
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.mapping import search_key
from cti_adapters.storage.rematching import Followed, move_labels, rematch, together
from cti_adapters.storage.schema import branches, customer_numbers, customers, outbox, users
from cti_adapters.storage.taking_turns import rested
from cti_adapters.storage.work import Database
from cti_server.shared import phone
from cti_server.shared.clock import Clock
from cti_server.shared.notices import WorkChanged
from cti_server.shared.people import Customer
from cti_server.shared.scope import EVERYTHING, Label, Scope

LOT: Final = 1000


@dataclass(slots=True)
class Imported:
    """What came of an import."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    matched_calls: int = 0
    """Past calls that found their customer."""
    unknown_reps: set[str] = field(default_factory=set)
    """Reps in charge who have no account (yet): nobody sees these customers as their own."""
    ignored_columns: list[str] = field(default_factory=list)


def import_customers(
    database: Database,
    stream: TextIO,
    clock: Clock,
    *,
    plans: dict[str, phone.Plan] | None = None,
    scope: Scope = EVERYTHING,
    by: str | None = None,
    progress: Callable[[Imported], None] = lambda done: None,
    refuse: Callable[[Refused, list[str]], None] = lambda row, header: None,
) -> Imported:
    """Imports a text stream of CSV. ``plans``: how each branch writes numbers. ``scope``: rows outside it are refused.
    ``progress`` is called after each lot, ``refuse`` for each row that can't be taken. Raises Invalid where the file is
    none of customers."""
    with database.engine.connect() as connection:
        known = {row.code for row in connection.execute(select(branches.c.code))}
        reps = {row.id for row in connection.execute(select(users.c.id))}
    file = CustomerFile(stream, known, plans or {})
    work = _Import(database, file, scope, reps, clock.now(), refuse)
    work.done.ignored_columns = file.ignored
    with closing(work):
        lot: list[Read] = []
        for row in file.rows():
            work.done.rows += 1
            if isinstance(row, Refused):
                work.refuse(row)
                continue
            lot.append(row)
            if len(lot) == LOT:
                work.write(lot)
                progress(work.done)
                lot = []
        work.write(lot)
        work.finish(by)
    progress(work.done)
    return work.done


class _Codes:
    """The codes of a file, to find those that are there twice: in a database of its own that SQLite keeps on disk where
    it grows, and forgets. A set of a million would take 100 MB."""

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        self._seen.execute("PRAGMA journal_mode=OFF")
        self._seen.execute("PRAGMA synchronous=OFF")
        self._seen.execute("CREATE TABLE seen (code TEXT PRIMARY KEY) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def add(self, code: str) -> bool:
        """Whether the code is new."""
        return self._seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (code,)).rowcount == 1

    def close(self) -> None:
        """Forgets them."""
        self._seen.close()


class _Import:
    """One run."""

    def __init__(
        self,
        database: Database,
        file: CustomerFile,
        scope: Scope,
        reps: set[str],
        now: float,
        refuse: Callable[[Refused, list[str]], None],
    ) -> None:
        self._database = database
        self._engine = database.bulk()
        self._file = file
        self._scope = scope
        self._reps = reps
        self._now = now
        self._refuse = refuse
        self._given = {_COLUMN.get(name, name) for name in file.given}
        self.done = Imported()
        self._codes = _Codes()

    def refuse(self, row: Refused) -> None:
        """Counts and reports a row that can't be taken."""
        self.done.refused += 1
        self._refuse(row, self._file.header)

    def write(self, lot: list[Read]) -> None:
        """Writes one lot."""
        if not lot:
            return
        with rested(), self._engine.begin() as connection:
            known = {row.code: row for row in _KNOWN.rows(connection, {one.customer.code for one in lot})}
            good = self._sifted(lot, known)
            numbers: dict[str, list[Any]] = {code: [] for code in good}
            for row in _NUMBERS.rows(connection, [code for code in good if code in known]):
                numbers[row.customer_code].append(row)
            what = together(self._write(connection, good, known, numbers))
            if what.labels:
                body = work_body(WorkChanged(what.labels))
                connection.execute(outbox.insert(), {"kind": "work", "body": body, "at": self._now})

    def finish(self, by: str | None) -> None:
        """Notes the import in the trail; this commit is synced, and with it all before it."""
        done = self.done
        detail = {"rows": done.rows, "added": done.added, "changed": done.changed, "refused": done.refused}
        entry = {"at": self._now, "user": by, "act": "imported", "subject_kind": "customers", "subject_id": "file"}
        with self._database.engine.execution_options(write=True).begin() as connection:
            append(connection, [{**entry, "customer_code": None, "detail": detail}])

    def close(self) -> None:
        """Lets go of what the run held."""
        self._codes.close()
        self._engine.dispose()

    def _sifted(self, lot: list[Read], known: dict[str, Any]) -> dict[str, Customer]:
        """The customers that may be written, by code."""
        good: dict[str, Customer] = {}
        for one in lot:
            customer, old = one.customer, known.get(one.customer.code)
            if not self._codes.add(customer.code):
                self.refuse(Refused(one.line, f"the customer code {customer.code} was in this file before", one.row))
                continue
            labels = [customer.label]
            if old is not None:
                labels.append(Label("customer", old.branch, old.rep, old.confidentiality))
                if "rep" not in self._given:
                    customer.rep = old.rep
            if not all(self._scope.admits(label) for label in labels):
                self.refuse(Refused(one.line, "this customer would lie outside what you may change", one.row))
                continue
            if customer.rep is not None and customer.rep not in self._reps:
                self.done.unknown_reps.add(customer.rep)
            good[customer.code] = customer
        return good

    def _write(
        self, connection: Connection, good: dict[str, Customer], known: dict[str, Any], numbers: dict[str, list[Any]]
    ) -> list[Followed]:
        new = [customer for code, customer in good.items() if code not in known]
        same: list[Customer] = []
        changed: list[Customer] = []
        renumbered: dict[str, Customer] = {}
        for code, customer in good.items():
            if code not in known:
                continue
            had = [row.e164 for row in numbers[code]]
            if had != [number.e164 for number in customer.numbers]:
                renumbered[code] = customer
            values = self._values(customer)
            differ = any(getattr(known[code], name) != values[name] for name in self._given if name in values)
            (changed if differ or code in renumbered else same).append(customer)
        self.done.added += len(new)
        self.done.changed += len(changed)
        self.done.unchanged += len(same)
        _INSERT.run(connection, [self._values(one) | {"created_at": self._now, "version": 1} for one in new])
        self._update(connection, changed, known)
        self._write_numbers(connection, new, list(renumbered.values()))
        parts = [move_labels(connection, one.code, _label(known[one.code]), one.label) for one in changed]
        fresh = {number.e164 for one in new for number in one.numbers}
        for one in renumbered.values():
            fresh |= {number.e164 for number in one.numbers} - {row.e164 for row in numbers[one.code]}
        matched = rematch(connection, fresh, self._now)
        self.done.matched_calls += len(matched.call_ids)
        return [*parts, matched]

    def _values(self, customer: Customer) -> dict[str, Any]:
        return {
            "code": customer.code,
            "name": customer.name,
            "kana": customer.kana,
            "address": customer.address,
            "mail": customer.mail,
            "language": customer.language,
            "branch": customer.branch,
            "rep": customer.rep,
            "confidentiality": customer.confidentiality,
            "notes": customer.notes,
            "name_key": search_key(customer.name),
            "kana_key": search_key(customer.kana or customer.name),
        }

    def _update(self, connection: Connection, changed: list[Customer], known: dict[str, Any]) -> None:
        """Changes what the file has a column for; the rest stays."""
        rows = []
        for one in changed:
            old, new = known[one.code], self._values(one)
            row = {name: new[name] if name in self._given else getattr(old, name) for name in _CHANGED}
            row["kana_key"] = search_key(row["kana"] or row["name"])
            rows.append({f"b_{name}": value for name, value in (row | {"code": one.code}).items()})
            rows[-1]["b_name_key"] = search_key(row["name"])
        if rows:
            connection.execute(_UPDATE, rows)

    def _write_numbers(self, connection: Connection, new: list[Customer], renumbered: list[Customer]) -> None:
        if renumbered:
            connection.execute(_DROP_NUMBERS, [{"b_code": one.code} for one in renumbered])
        _INSERT_NUMBERS.run(
            connection,
            [
                {
                    "customer_code": one.code,
                    "e164": number.e164,
                    "shown": number.shown,
                    "kind": number.kind,
                    "tail": phone.tail(number.e164),
                    "place": place,
                }
                for one in [*new, *renumbered]
                for place, number in enumerate(one.numbers)
            ],
        )


def _label(row: Any) -> Label:
    return Label("customer", row.branch, row.rep, row.confidentiality)


_COLUMN: Final = {"class": "confidentiality"}
_CHANGED: Final = ("name", "kana", "address", "mail", "language", "branch", "rep", "confidentiality", "notes")
_KNOWN: Final = Within(select(*(customers.c[name] for name in ("code", *_CHANGED))), customers.c.code)
_NUMBERS: Final = Within(
    select(customer_numbers.c.customer_code, customer_numbers.c.e164).order_by(customer_numbers.c.place),
    customer_numbers.c.customer_code,
)
_INSERT: Final = inserting(customers, [column.name for column in customers.c])
_INSERT_NUMBERS: Final = upserting(customer_numbers, [column.name for column in customer_numbers.c])
_DROP_NUMBERS: Final = delete(customer_numbers).where(customer_numbers.c.customer_code == bindparam("b_code"))
_UPDATE: Final = (
    update(customers)
    .where(customers.c.code == bindparam("b_code"))
    .values(
        {name: bindparam(f"b_{name}") for name in (*_CHANGED, "name_key", "kana_key")}
        | {"version": customers.c.version + 1}
    )
)
