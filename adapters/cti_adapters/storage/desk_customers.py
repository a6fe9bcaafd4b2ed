"""The customers as the desk sees them (``cti_server.calls.ports.Customers``): found by prefix and by number, written
through the directory, so that their calls follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import and_, delete, or_, select, true
from sqlalchemy.sql.elements import ColumnElement

from cti_adapters.storage import gate
from cti_adapters.storage.core import chunks
from cti_adapters.storage.desk_calls import CUSTOMER_COLUMNS, as_customer
from cti_adapters.storage.desk_work import WorkRepository
from cti_adapters.storage.directory import Directory, numbers_of
from cti_adapters.storage.directory import as_customer as whole_customer
from cti_adapters.storage.gate import GatedSession
from cti_adapters.storage.mapping import Customer, CustomerNumber, NotCustomer, search_key
from cti_adapters.storage.rematching import Followed
from cti_adapters.storage.schema import not_customers
from cti_server.calls.ports import NamePlace, Sought
from cti_server.shared import people, phone
from cti_server.shared.scope import Span

_HIGHEST: Final = "\U0010ffff"
_PLAN: Final = phone.Plan()


class CustomerRepository:
    """The customers within the scope of a session."""

    def __init__(self, session: GatedSession, work: WorkRepository) -> None:
        self._session = session
        self._work = work
        self._directory = Directory(session)

    # --- found

    def get(self, code: str) -> people.Customer | None:
        """One with its numbers."""
        row = self._session.get(Customer, code)
        return None if row is None else whole_customer(row)

    def some(self, codes: Sequence[str]) -> list[people.Customer]:
        """Several, without numbers and notes, in the order asked for."""
        found: dict[str, people.Customer] = {}
        for some in chunks(dict.fromkeys(codes)):
            for row in self._session.execute(select(*CUSTOMER_COLUMNS).where(Customer.code.in_(some))):
                found[row[0]] = as_customer(row)
        return [found[code] for code in dict.fromkeys(codes) if code in found]

    def by_number(self, sought: Sought, limit: int) -> list[people.Customer]:
        """Those who have this number, with numbers."""
        if sought.whole:
            having = CustomerNumber.e164 == sought.whole
        else:
            key = phone.tail(sought.last)
            having = and_(CustomerNumber.tail >= key, CustomerNumber.tail < key + _HIGHEST)
        query = select(CustomerNumber.customer_code).where(having).distinct().limit(limit)
        found = [self.get(code) for code in self._session.scalars(query)]
        return sorted((one for one in found if one is not None), key=lambda one: (one.kana or one.name, one.code))

    def by_code(self, prefix: str, limit: int) -> list[people.Customer]:
        """Those whose code begins so."""
        query = select(*CUSTOMER_COLUMNS).where(Customer.code >= prefix, Customer.code < prefix + _HIGHEST)
        return [as_customer(row) for row in self._session.execute(query.order_by(Customer.code).limit(limit))]

    def page(self, prefix: str, after: NamePlace | None, limit: int) -> tuple[list[people.Customer], NamePlace | None]:
        """Those whose kana, then those whose name begins so, without numbers. Each phase runs over an index of its own
        (gate.customer_ranges), so that a page costs the same whatever the table's size."""
        key = search_key(prefix)
        found: list[tuple[NamePlace, people.Customer]] = []
        if after is None or after.phase == "kana":
            found = self._phase("kana", Customer.kana_key, key, after, limit + 1)
            after = None
        if key and len(found) <= limit:
            found += self._phase("name", Customer.name_key, key, after, limit + 1 - len(found))
        more = len(found) > limit
        return [one for _place, one in found[:limit]], found[limit - 1][0] if more else None

    def _phase(
        self, phase: str, column: Any, key: str, after: NamePlace | None, limit: int
    ) -> list[tuple[NamePlace, people.Customer]]:
        begins = [column >= key, column < key + _HIGHEST] if key else []
        scope = self._session.scope
        ranges = gate.customer_ranges(scope)
        if phase == "name":
            kana = Customer.kana_key.concat("")  # a filter, not an index: who was listed by kana before
            begins.append(or_(kana < key, kana >= key + _HIGHEST))
            # Names have one index for all; it is short work for a prefix, but for somebody with few customers of many.
            ranges = ranges if scope.span is Span.OWN and not scope.everything else [true()]
        if after is not None:
            begins += [column >= after.key, or_(column > after.key, Customer.code > after.code)]
        found: dict[str, tuple[NamePlace, people.Customer]] = {}
        for one in ranges:
            query = select(column, *CUSTOMER_COLUMNS).where(one, *begins).order_by(column, Customer.code).limit(limit)
            for place, *columns in self._session.execute(query):
                found[columns[0]] = (NamePlace(phase, place, columns[0]), as_customer(columns))
        return sorted(found.values(), key=lambda one: one[0])[:limit]

    # --- written

    def numbers(self, shown: Sequence[str]) -> list[people.CustomerNumber]:
        """Numbers as entered, as they are kept. Raises Invalid for one that can't be a telephone number."""
        return numbers_of(list(shown), _PLAN)

    def add(self, customer: people.Customer) -> None:
        """Registers one; past calls of its numbers are matched. Raises Invalid where the code is taken."""
        self._tell(self._directory.add(customer), customer.created_at)

    def change(self, customer: people.Customer, at: float) -> None:
        """Saves one as it is given; raises Conflict unless ``version`` is the current one. Sights follow."""
        self._tell(self._directory.change(customer, at), at)

    def add_number(self, code: str, number: people.CustomerNumber, at: float) -> None:
        """Gives a customer one more number; past calls of it are matched."""
        self._tell(self._directory.add_number(code, number, at), at)

    def _tell(self, followed: Followed, at: float) -> None:
        self._session.expire_all()
        self._work.told_labels(followed.labels, followed.call_ids, followed.item_ids, at)

    # --- no customers

    def dismiss(self, number: str, branch: str, by: str, at: float) -> None:
        """Marks a number as no customer's for a branch."""
        connection = gate.system(self._session)
        known = select(not_customers.c.at).where(_dismissed(number, branch))
        if connection.execute(known).first() is None:
            self._session.add(NotCustomer(e164=number, branch=branch, by=by, at=at))
            self._session.flush()

    def undismiss(self, number: str, branch: str) -> float | None:
        """Takes it back; returns when it was marked, null if it was not."""
        connection = gate.system(self._session)
        marked = connection.execute(select(not_customers.c.at).where(_dismissed(number, branch))).scalar_one_or_none()
        connection.execute(delete(not_customers).where(_dismissed(number, branch)))
        self._session.expire_all()
        return marked


def _dismissed(number: str, branch: str) -> ColumnElement[bool]:
    return and_(not_customers.c.e164 == number, not_customers.c.branch == branch)
