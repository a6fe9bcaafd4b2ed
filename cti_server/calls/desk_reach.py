"""Reaching the customer: the callback draft, the mail, the call back, and the whole number (spec C5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cti_server.calls import showing
from cti_server.calls.desk_base import NO_SUCH_CUSTOMER, one_line
from cti_server.calls.desk_recording import Recording
from cti_server.calls.draft import Occasion, checked_mail, filled, language_of
from cti_server.calls.log import outside_party
from cti_server.calls.ports import DialEntry, HistoryEntry, MailEntry, SeenCall, Task
from cti_server.calls.views import Draft, HistoryRow
from cti_server.shared import phone
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.people import Customer
from cti_server.shared.viewer import needs

DIALLING_SECONDS: Final = 60.0
"""So long a call that was asked for counts as being placed."""
TWICE_SECONDS: Final = 60.0
"""The same mail again within this time is the same button pressed twice."""


class Reach(Recording):
    """From the desk to the customer."""

    # --- drafts and mails

    @needs("handle")
    def draft(self, item_id: int, language: str | None = None) -> Draft:
        """The callback draft of an item, in the customer's language unless another is asked for."""
        task, calls = self._item(item_id)
        return self._draft(task, calls, self._customer_to_write_to(calls), language)

    def _customer_to_write_to(self, calls: Sequence[SeenCall]) -> Customer:
        whose = self._customer_of(calls)
        if whose is None:
            raise Invalid("Choose which customer called before you write to them", "customer", "pick-first")
        customer = self.work.customers.get(whose.code)
        if customer is None:
            raise NotFound(NO_SUCH_CUSTOMER)
        return customer

    def _draft(self, task: Task, calls: Sequence[SeenCall], customer: Customer, language: str | None) -> Draft:
        sent = self.work.records.mail_of_item(task.id)
        if sent is not None and language is None:
            return Draft(sent.subject, sent.body, sent.to, sent.state, sent.problem)
        wanted = language_of(language, customer.language)
        template = self.work.firm.template(self.viewer.branch, wanted) or ("", "")
        branch = self.work.firm.branches().get(customer.branch)
        latest = next((call for call in calls if call.open), calls[0])
        occasion = Occasion(
            customer=customer.name,
            code=customer.code,
            branch=self.viewer.branch_name,
            rep=self.viewer.name,
            at=latest.log.started_at,
            timezone=branch.timezone if branch is not None else self.viewer.timezone,
        )
        subject, body = (filled(text, occasion, wanted) for text in template)
        return Draft(subject, body, customer.mail, task.draft_state)

    @needs("handle")
    def send_mail(self, item_id: int, to: str, subject: str, body: str) -> HistoryRow:
        """Sends the draft: the mail is queued, and is a contact-history record that handles the calls."""
        to, subject, body = checked_mail(to, subject, body)
        _task, calls = self._item(item_id)
        customer = self._customer_to_write_to(calls)
        now = self.clock.now()
        before = self.work.records.mail_of_item(item_id)
        if before is not None and before.history is not None and now - before.at < TWICE_SECONDS:
            row = self.work.records.history(before.history)
            if row is not None and (before.to, before.subject, before.body) == (to, subject, body):
                return self._history([row])[0]
        answered = [call for call in calls if call.open] or list(calls[:1])
        entry = HistoryEntry(
            customer=customer.code,
            item=item_id,
            kind="contact",
            channel="mail",
            result="mail",
            note=subject,
            at=now,
            by=self.viewer.id,
            calls=[call.log.id for call in answered],
        )
        row = self._recorded(entry, answered, item_id)
        own = self.work.firm.colleagues([self.viewer.id]).get(self.viewer.id)
        self.work.records.add_mail(
            MailEntry(
                item=item_id,
                customer=customer.code,
                call=answered[0].log.id,
                user=self.viewer.id,
                to=to,
                reply_to=own.mail if own is not None else "",
                subject=subject,
                body=body,
                at=now,
                history=row.id,
            )
        )
        self._note("mailed", answered, history=row.id)
        return row

    # --- calls

    @needs("handle")
    def dial(self, target: int | str, number: str | None = None) -> int:
        """Asks the exchange to call back: first the viewer's telephone rings, then the other side. ``target`` is an
        item, a call or a customer's code; ``number`` (E.164) one of theirs, the latest call's unless given.

        Returns the id of the request. Raises Invalid where there is nothing to call, or nothing to call from.
        """
        entry = self._dial_entry(target, number)
        running = self.work.records.dial_of_user(self.viewer.id)
        now = self.clock.now()
        if running is not None and running.state in ("asked", "ringing") and now - running.at < DIALLING_SECONDS:
            raise Conflict("A call is being placed for you already; let it ring, or hang up first")
        dial_id = self.work.records.add_dial(entry)
        calls = self.work.calls.get([entry.call]) if entry.call else []
        self._note("dialled", calls, dial=dial_id)
        if entry.customer is not None and not calls:
            self._note_customer("dialled", entry.customer, dial=dial_id)
        return dial_id

    def _dial_entry(self, target: int | str, number: str | None) -> DialEntry:
        calls, customer = self._aim(target)
        allowed = [found for call in calls if (found := outside_party(call.log)) is not None]
        allowed += [one.e164 for one in customer.numbers] if customer is not None else []
        if number is not None and number not in allowed:
            raise NotFound("There is no such number to call")
        to = number or next(iter(allowed), None)
        if to is None:
            raise Invalid("The caller showed no number, so there is none to call back", "number", "no-number")
        exchange, extension = self._telephone(calls[0].log.exchange if calls else None)
        return DialEntry(
            user=self.viewer.id,
            exchange=exchange,
            extension=extension,
            number=to,
            at=self.clock.now(),
            item=target if isinstance(target, int) else (calls[0].item if calls else None),
            call=calls[0].log.id if calls else None,
            customer=customer.code if customer is not None else None,
        )

    def _aim(self, target: int | str) -> tuple[list[SeenCall], Customer | None]:
        """The calls and the customer that an item, a call or a customer's code stands for."""
        if isinstance(target, int):
            _task, calls = self._item(target)
            calls.sort(key=lambda call: not call.open)  # stable: the newest open call first
        else:
            calls = self.work.calls.get([target])
        if not calls:
            customer = None if isinstance(target, int) else self.work.customers.get(target)
            if customer is None:
                raise NotFound("There is nobody to call")
            return [], customer
        whose = self._customer_of(calls)
        return calls, self.work.customers.get(whose.code) if whose is not None else None

    def _telephone(self, exchange: str | None) -> tuple[str, str]:
        """The viewer's telephone: at the exchange that took the call if they have one there."""
        own = list(self.viewer.extensions)
        if not own:
            raise Invalid(
                "You have no telephone at an exchange; ask an administrator to enter your extension, or dial yourself",
                "extension",
                "no-extension",
            )
        return next((one for one in own if one[0] == exchange), own[0])

    def _number_of(self, call: SeenCall, customer: Customer | None) -> str | None:
        numbers = [one.e164 for one in customer.numbers] if customer is not None else []
        return outside_party(call.log) or next(iter(numbers), None)

    def _dial_uri(self, call: SeenCall, customer: Customer | None) -> str:
        """RFC 3966; only where the viewer is shown the whole number."""
        number = self._number_of(call, customer)
        if number is None or not self.viewer.may("handle") or not showing.needs_number(self.viewer, call):
            return ""
        return f"tel:{number}"

    # --- whole numbers

    def reveal(self, target: str, reason: str = "") -> str:
        """The whole number of a call or of a customer (their first), in the reader's format; that it was shown stands
        in the trail. Who doesn't handle calls needs the right to review, and a reason."""
        if not self.viewer.may("handle"):
            self._reviewing()
            reason = one_line(reason, "reason", needed=True)
        calls, customer = self._aim(target)
        number = outside_party(calls[0].log) if calls else _first_number(customer)
        if number is None:
            raise Invalid("There is no number to show", "number", "no-number")
        self._note("revealed", calls, reason=reason)
        if not calls and customer is not None:
            self._note_customer("revealed", customer.code, reason=reason)
        return phone.show(number)

    def _reviewing(self) -> None:
        if not self.viewer.may("audit"):
            raise NotAllowed("Your role shows numbers masked; ask the rep in charge, or an administrator for the right")


def _first_number(customer: Customer | None) -> str | None:
    return customer.numbers[0].e164 if customer is not None and customer.numbers else None
