"""Customers at the desk: found, read, changed, and made of unregistered callers (spec C3, C5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from cti_server.calls import showing
from cti_server.calls.desk_base import (
    BAD_CURSOR,
    LOOK_SECONDS,
    NO_SUCH_CUSTOMER,
    DeskBase,
    decoded,
    encoded,
    limited,
    one_line,
    several_lines,
)
from cti_server.calls.draft import checked_address
from cti_server.calls.log import outside_party
from cti_server.calls.numbers import sought
from cti_server.calls.ports import NamePlace, SeenCall, Sought
from cti_server.calls.views import CustomerPage, CustomerView, Match, Who
from cti_server.shared import phone
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.people import Customer, CustomerNumber
from cti_server.shared.viewer import needs

LANGUAGES: Final = ("ja", "en")
CODE_LEAST: Final = 4
"""Characters of a code from which on it is found by its beginning."""
SHOWN_MOST: Final = 50
SAME_CALLER_MOST: Final = 1_000


class Customers(DeskBase):
    """Who calls."""

    # --- found

    def search(self, text: str, limit: int = 20) -> list[Who]:
        """Customers by the beginning of their name or kana, by code, or by number: whole in any form, or its last
        four digits (up to eight for those who are shown whole numbers anyway)."""
        wanted = text.strip()
        found: dict[str, tuple[Customer, Match]] = {}
        number = sought(wanted)
        if number is not None:
            match: Match = "exact" if number.whole else "probable"
            for one in self.work.customers.by_number(number, limited(limit)):
                if self._may_find(one, number):
                    found[one.code] = (one, match)
        for one in self._by_text(wanted, limited(limit)):
            found.setdefault(one.code, (one, "exact"))
        names = self._names(users=(one.rep for one, _match in found.values()))
        return [showing.who(one, match, names) for one, match in found.values()][: limited(limit)]

    def _may_find(self, customer: Customer, number: Sought) -> bool:
        """Not those whose masked digits a search would tell one by one."""
        return bool(number.whole) or len(number.last) <= showing.SHOWN_DIGITS or self._whole(customer)

    def _by_text(self, text: str, limit: int) -> list[Customer]:
        if not text:
            return []
        found = self.work.customers.some([text])
        if len(text) >= CODE_LEAST:
            found += self.work.customers.by_code(text, limit)
        if any(sign.isalpha() for sign in text):
            found += self.work.customers.page(text, None, limit)[0]
        return found

    def customers(self, text: str = "", cursor: str | None = None, limit: int = 50) -> CustomerPage:
        """All customers by kana; with ``text`` those that :meth:`search` would find, page by page."""
        after = _name_place(cursor)
        wanted = text.strip()
        first: list[Customer] = []
        if wanted and not any(sign.isalpha() for sign in wanted):
            rows = self.search(wanted, limited(limit))
            return CustomerPage(rows, None)
        if wanted and after is None:
            first = self._by_code(wanted, limited(limit))
        found, following = self.work.customers.page(wanted, after, limited(limit))
        everyone = list({one.code: one for one in [*first, *found]}.values())
        names = self._names(users=(one.rep for one in everyone))
        rows = [showing.who(one, "exact", names) for one in everyone]
        return CustomerPage(rows, encoded(list(following)) if following is not None else None)

    def _by_code(self, text: str, limit: int) -> list[Customer]:
        return self.work.customers.by_code(text, limit) if len(text) >= CODE_LEAST else []

    # --- read

    def customer(self, code: str) -> CustomerView:
        """Everything about one customer. The look is noted."""
        customer = self._customer(code)
        since = self.clock.now() - LOOK_SECONDS
        if not self.work.records.looked("customer", code, self.viewer.id, since):
            self._note_customer("opened", code)
        names = self._names(users=[customer.rep])
        return CustomerView(
            who=showing.who(customer, "exact", names, is_attached=True),
            address=customer.address,
            notes=customer.notes,
            numbers=[self._number(customer, number) for number in customer.numbers],
            history=self._history(
                self.work.records.history_of_customer(code, SHOWN_MOST),
                self.work.records.hand_overs_of_customer(code, SHOWN_MOST),
            ),
            calls=self._rows(self.work.calls.of_customer(code, SHOWN_MOST)),
            open_items=self._item_rows(self.work.work.of_customer(code)),
            version=customer.version,
        )

    def _customer(self, code: str) -> Customer:
        found = self.work.customers.get(code)
        if found is None:
            raise NotFound(NO_SUCH_CUSTOMER)
        return found

    def _whole(self, customer: Customer) -> bool:
        return self.viewer.scope.needs_number(customer.label)

    def _number(self, customer: Customer, number: CustomerNumber) -> tuple[str, str, bool]:
        masked = not self._whole(customer)
        return phone.show(number.e164, masked=masked), number.kind, masked

    # --- changed

    @needs("customers")
    def change_customer(self, code: str, fields: Mapping[str, str], version: int) -> None:
        """Changes the fields that are given; ``numbers`` is one number a line, a masked one standing for itself.

        Raises Conflict where ``version`` is not the current one any more: the page shows both.
        """
        before = self._customer(code)
        if before.version != version:
            raise Conflict("Somebody else changed this customer in the meantime; look at both and save again")
        changed = self._filled(before, fields)
        if "numbers" in fields:
            changed.numbers = self._numbers(before, fields["numbers"])
        names = [name for name in _COMPARED if getattr(before, name) != getattr(changed, name)]
        if not names:
            return
        self.work.customers.change(changed, self.clock.now())
        self._note_customer("changed", code, fields=names)

    def _filled(self, customer: Customer, fields: Mapping[str, str]) -> Customer:
        """The customer with the fields of a form. Raises Invalid naming the field."""
        unknown = fields.keys() - _FIELDS
        if unknown:
            raise Invalid(f"A customer has no field {sorted(unknown)[0]}", sorted(unknown)[0], "unknown-field")
        values = {name: one_line(fields[name], name) for name in _LINES if name in fields}
        made = replace(
            customer,
            name=values.get("name", customer.name),
            kana=values.get("kana", customer.kana),
            address=values.get("address", customer.address),
            branch=values.get("branch", customer.branch),
            notes=several_lines(fields.get("notes", customer.notes), "notes"),
            numbers=list(customer.numbers),
        )
        if not made.name:
            raise Invalid("A customer needs a name", "name", "wrong-name")
        if "mail" in fields:
            made.mail = checked_address(fields["mail"], "mail") if fields["mail"].strip() else ""
        if "rep" in values:
            made.rep = values["rep"] or None
        if "language" in values:
            if values["language"] not in LANGUAGES:
                raise Invalid("Choose one of the languages", "language", "wrong-language")
            made.language = values["language"]
        if "confidentiality" in values:
            if values["confidentiality"] not in ("1", "2", "3"):
                raise Invalid("The class is 1, 2 or 3; 1 is the most confidential", "confidentiality", "wrong-class")
            made.confidentiality = int(values["confidentiality"])
        return made

    def _numbers(self, customer: Customer, text: str) -> list[CustomerNumber]:
        """Numbers as entered, one a line; what is shown of a number that the customer has stands for it."""
        kept = {
            shown: number
            for number in customer.numbers
            for shown in (phone.show(number.e164, masked=True), phone.show(number.e164), number.e164, number.shown)
        }
        found: dict[str, CustomerNumber] = {}
        for line in filter(None, (line.strip() for line in text.splitlines())):
            one = kept.get(line) or self.work.customers.numbers([line])[0]
            found.setdefault(one.e164, one)
        return list(found.values())

    # --- unregistered callers

    @needs("customers")
    @needs("unregistered")
    def register(self, call_id: str, fields: Mapping[str, str]) -> str:
        """Makes a customer of an unregistered caller; returns the code. Past calls of the number are matched."""
        call, number = self._nobody(call_id)
        code = one_line(fields.get("code", ""), "code", needed=True, longest=40)
        blank = Customer(
            code=code,
            name="",
            branch=self.viewer.branch,
            rep=None,
            confidentiality=3,
            created_at=self.clock.now(),
            language=self.viewer.language,
        )
        made = self._filled(blank, {name: text for name, text in fields.items() if name != "code"})
        more = self._numbers(blank, fields.get("numbers", ""))
        own = self.work.customers.numbers([number])
        made.numbers = list({one.e164: one for one in [*own, *more]}.values())
        self.work.customers.add(made)
        self._note("registered", [call], customer=code)
        self._note_customer("registered", code, call=call_id)
        return code

    @needs("customers")
    @needs("unregistered")
    def attach(self, call_id: str, customer_code: str) -> None:
        """Gives an unregistered caller's number to a customer. Past calls of the number are matched."""
        call, number = self._nobody(call_id)
        self._customer(customer_code)
        one = self.work.customers.numbers([number])[0]
        self.work.customers.add_number(customer_code, one, self.clock.now())
        self._note("attached", [call], customer=customer_code)
        self._note_customer("attached", customer_code, call=call_id)

    def _nobody(self, call_id: str) -> tuple[SeenCall, str]:
        """A call of somebody unregistered and its number. Raises Invalid where it is not that."""
        call = self._call(call_id)
        if all(label.kind != "unregistered" for label in call.labels):
            raise Invalid("This caller is registered already", "call", "registered")
        number = outside_party(call.log)
        if number is None:
            raise Invalid("The caller showed no number, so there is none to register", "number", "no-number")
        return call, number

    @needs("handle")
    @needs("unregistered")
    def not_a_customer(self, call_id: str) -> None:
        """Marks a caller as nobody the branch deals with: their calls ask for nothing, now and later."""
        call, number = self._nobody(call_id)
        now = self.clock.now()
        self.work.customers.dismiss(number, call.log.branch, self.viewer.id, now)
        self.work.work.handle(self._with_same_caller(call), self.viewer.id, now)
        self._note("dismissed", [call])

    @needs("handle")
    @needs("unregistered")
    def undo_not_a_customer(self, call_id: str) -> None:
        """Takes it back; the calls that it closed are open again."""
        call, number = self._nobody(call_id)
        marked = self.work.customers.undismiss(number, call.log.branch)
        if marked is None:
            return
        self.work.work.reopen(self._with_same_caller(call), handled_at=marked, at=self.clock.now())
        self._note("undismissed", [call])

    def _with_same_caller(self, call: SeenCall) -> list[str]:
        """The call and the others of its item."""
        others = [] if call.item is None else self.work.calls.of_item(call.item, SAME_CALLER_MOST)
        return list(dict.fromkeys([call.log.id, *(one.log.id for one in others)]))


_LINES: Final = ("name", "kana", "address", "branch", "rep", "language", "confidentiality")
_FIELDS: Final = frozenset((*_LINES, "mail", "notes", "numbers"))
_COMPARED: Final = (*_LINES, "mail", "notes", "numbers")


def _name_place(cursor: str | None) -> NamePlace | None:
    match decoded(cursor):
        case None:
            return None
        case ["kana" | "name" as phase, str() as key, str() as code]:
            return NamePlace(phase, key, code)
    raise Invalid(BAD_CURSOR, "cursor", "bad-cursor")
