"""The directory of customers as it is written: numbers normalised, past calls following (spec C3)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from cti_adapters.storage import mapping
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import search_key
from cti_adapters.storage.rematching import Followed, move_labels, rematch, together
from cti_adapters.storage.schema import customers
from cti_server.shared import phone
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.people import Customer, CustomerNumber

CLASSES = (1, 2, 3)


def numbers_of(shown: list[str], plan: phone.Plan) -> list[CustomerNumber]:
    """Numbers as entered -> as they are kept, in order and without doubles. Raises Invalid for one that can't be a
    telephone number."""
    made: dict[str, CustomerNumber] = {}
    for text in shown:
        known = phone.e164(text, plan)
        if known is None:
            raise Invalid(
                f"“{text}” is no telephone number that can be called; write it with its area code (03-1234-5678)",
                "numbers",
                "impossible-number",
            )
        made.setdefault(known, CustomerNumber(known, text, phone.kind(known)))
    return list(made.values())


def as_customer(row: mapping.Customer) -> Customer:
    """The customer that a row holds."""
    return Customer(
        code=row.code,
        name=row.name,
        branch=row.branch,
        rep=row.rep,
        confidentiality=row.confidentiality,
        kana=row.kana,
        address=row.address,
        mail=row.mail,
        language=row.language,
        notes=row.notes,
        numbers=[CustomerNumber(number.e164, number.shown, number.kind) for number in row.numbers],
        created_at=row.created_at,
        version=row.version,
    )


class Directory:
    """Writes customers within a user's scope; their calls and items follow wherever they lie."""

    def __init__(self, session: GatedSession) -> None:
        self._session = session

    def get(self, code: str) -> Customer:
        """One with its numbers. NotFound outside the scope."""
        return as_customer(self._row(code))

    def add(self, customer: Customer) -> Followed:
        """Registers a customer; past calls of its numbers are matched. Raises Invalid where something can't be taken,
        NotAllowed where the customer would lie outside the user's scope."""
        self._check(customer)
        # Asked past the gate: a code that a hidden customer has is taken too. That much a user learns; no more.
        taken = system(self._session).execute(select(customers.c.code).where(customers.c.code == customer.code)).first()
        if taken is not None:
            raise Invalid(f"The customer code {customer.code} is taken; choose another", "code", "code-taken")
        row = mapping.Customer(code=customer.code, created_at=customer.created_at)
        self._fill(row, customer)
        self._session.add(row)
        self._session.flush()
        return rematch(system(self._session), [number.e164 for number in customer.numbers], customer.created_at)

    def change(self, customer: Customer, at: float) -> Followed:
        """Saves a customer as given. Raises Conflict unless ``version`` is the current one."""
        row = self._row(customer.code)
        if row.version != customer.version:
            raise Conflict(
                "Somebody else changed this customer in the meantime; look at it again and repeat your change"
            )
        self._check(customer)
        before, had = row.label, {number.e164 for number in row.numbers}
        self._fill(row, customer)
        self._session.flush()
        connection = system(self._session)
        new = {number.e164 for number in customer.numbers} - had
        return together([move_labels(connection, row.code, before, row.label), rematch(connection, new, at)])

    def add_number(self, code: str, number: CustomerNumber, at: float) -> Followed:
        """Gives a customer one more number; past calls of it are matched."""
        row = self._row(code)
        if all(one.e164 != number.e164 for one in row.numbers):
            row.numbers.append(_number(number, len(row.numbers)))
            self._session.flush()
        return rematch(system(self._session), [number.e164], at)

    def _row(self, code: str) -> mapping.Customer:
        row = self._session.get(mapping.Customer, code)
        if row is None:
            raise NotFound(f"There is no customer {code} that you may see")
        return row

    def _check(self, customer: Customer) -> None:
        checks: Mapping[str, bool] = {
            "code": bool(customer.code.strip())
            and customer.code == customer.code.strip()
            and customer.code.isprintable(),
            "name": bool(customer.name.strip()),
            "confidentiality": customer.confidentiality in CLASSES,
        }
        for field, good in checks.items():
            if not good:
                raise Invalid(_WRONG[field], field, f"wrong-{field}")
        if self._session.get(mapping.Branch, customer.branch) is None:
            raise Invalid(
                f"There is no branch “{customer.branch}”; choose one of the branches", "branch", "wrong-branch"
            )
        if customer.rep is not None and self._session.get(mapping.User, customer.rep) is None:
            raise Invalid(
                f"There is no user “{customer.rep}”; choose the rep in charge from the list", "rep", "wrong-rep"
            )

    def _fill(self, row: mapping.Customer, customer: Customer) -> None:
        row.name, row.kana = customer.name, customer.kana
        row.address, row.mail, row.language, row.notes = (
            customer.address,
            customer.mail,
            customer.language,
            customer.notes,
        )
        row.branch, row.rep, row.confidentiality = customer.branch, customer.rep, customer.confidentiality
        row.name_key = search_key(customer.name)
        row.kana_key = search_key(customer.kana or customer.name)
        kept = {number.e164: number for number in row.numbers}
        numbers = []
        for place, number in enumerate(customer.numbers):
            one = kept.get(number.e164) or _number(number, place)
            one.shown, one.kind, one.place = number.shown, number.kind, place
            numbers.append(one)
        row.numbers = numbers


_WRONG = {
    "code": "A customer needs a code, without spaces at its ends",
    "name": "A customer needs a name",
    "confidentiality": "The class of a customer is 1, 2 or 3 (1 is the most confidential)",
}


def _number(number: CustomerNumber, place: int) -> mapping.CustomerNumber:
    return mapping.CustomerNumber(
        e164=number.e164, shown=number.shown, kind=number.kind, tail=phone.tail(number.e164), place=place
    )
