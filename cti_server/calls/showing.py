"""From records to views: who may read which number, and the rows that pages show. Pure.

Masking follows one rule, ``Scope.needs_number``: whoever needs not know a whole number gets it masked, and the name
that the exchange showed with it not at all. The id of a call and its Linkedids carry no number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cti_server.calls.log import CallLog, shown_party
from cti_server.calls.ports import Colleague, SeenCall, Task
from cti_server.calls.views import CallRow, ItemRow, Match, Who
from cti_server.shared import phone
from cti_server.shared.people import Branch, Customer
from cti_server.shared.viewer import Viewer

SHOWN_DIGITS: Final = 4
"""How many of the last digits a masked number shows (phone.show)."""
_OUTSIDE_DIGITS: Final = 7
"""So many digits and more are a number of somebody outside, not an extension."""


@dataclass(frozen=True, slots=True)
class Names:
    """How codes and ids are called."""

    branches: Mapping[str, Branch]
    colleagues: Mapping[str, Colleague]

    def branch(self, code: str) -> str:
        """A branch's name; its code where it has none."""
        found = self.branches.get(code)
        return (found.name if found else "") or code

    def person(self, user: str | None) -> str:
        """A colleague's name; the id where there is none."""
        if user is None:
            return ""
        found = self.colleagues.get(user)
        return (found.name if found else "") or user

    def person_who_sees(self, user: str | None, call: SeenCall) -> str:
        """The name of a colleague who did something with a call, where they could do so for a candidate that the
        viewer sees too. Somebody who sees only others is not named: the name would say that there are others."""
        found = self.colleagues.get(user) if user is not None else None
        if found is None or not any(found.scope.admits(label) for label in call.labels):
            return ""
        return self.person(user)


def attached(call: SeenCall) -> Customer | None:
    """Whose the call is, as far as the viewer can tell: the candidate that was picked, else the only one whose number
    it is. Null while several stand, or where the match is only probable."""
    for sighting in call.sightings:
        if sighting.customer is not None and sighting.customer.code == call.picked:
            return sighting.customer
    exact = [one.customer for one in call.sightings if one.match == "exact" and one.customer is not None]
    return exact[0] if len(exact) == 1 else None


def match_of(call: SeenCall) -> Match:
    """How sure it is who the caller is, by what the viewer sees alone."""
    return call.sightings[0].match


def needs_number(viewer: Viewer, call: SeenCall) -> bool:
    """Whether the viewer is shown whole numbers of a call: as the rule says, or because they took the call."""
    took = viewer.scope.may_handle and call.receiver == viewer.id
    return took or any(viewer.scope.needs_number(label) for label in call.labels)


def who(customer: Customer, match: Match, names: Names, *, is_attached: bool = False) -> Who:
    """A customer as the viewer may see it."""
    return Who(
        code=customer.code,
        name=customer.name,
        kana=customer.kana,
        branch=customer.branch,
        branch_name=names.branch(customer.branch),
        rep=customer.rep,
        rep_name=names.person(customer.rep),
        confidentiality=customer.confidentiality,
        match=match,
        mail=customer.mail,
        language=customer.language,
        attached=is_attached,
    )


def candidates(call: SeenCall, names: Names) -> list[Who]:
    """The candidates of a call."""
    sure = attached(call)
    return [
        who(one.customer, one.match, names, is_attached=one.customer is sure)
        for one in call.sightings
        if one.customer is not None
    ]


def call_row(call: SeenCall, viewer: Viewer, names: Names, *, asks_who: bool = False) -> CallRow:
    """A call in a list."""
    log, whole = call.log, needs_number(viewer, call)
    number = log.caller_number if log.direction == "internal" else shown_party(log)
    masked = bool(number) and log.direction != "internal" and not whole
    return CallRow(
        id=log.id,
        exchange=log.exchange,
        branch=log.branch,
        branch_name=names.branch(log.branch),
        direction=log.direction,
        state=log.state,
        disposition=log.disposition,
        started_at=log.started_at,
        answered_at=log.answered_at,
        ended_at=log.ended_at,
        talk_seconds=log.talk_seconds,
        ring_seconds=log.ring_seconds,
        number=phone.show(number, masked=masked),
        number_masked=masked,
        caller_name=log.caller_name if whole or log.direction == "internal" else None,
        dialed_number=_dialed(log, whole),
        queue=log.queue,
        extension=_extension(log),
        receiver_name=names.person(call.receiver),
        asks_who=asks_who,
        who=candidates(call, names),
        match=match_of(call),
        open=call.open,
        handled_by_name=names.person_who_sees(call.handled_by, call),
        handled_at=call.handled_at,
        item=call.item,
        marks=list(log.marks),
    )


def _extension(log: CallLog) -> str | None:
    talked = log.talking_extension or log.answered_by_extension or log.final_extension
    if talked:
        return talked
    rang = log.ringing_extensions or log.rang_extensions
    return ", ".join(rang) or None


def _dialed(log: CallLog, whole: bool) -> str | None:
    return log.dialed_number if log.direction != "out" or whole else phone.show(log.dialed_number, masked=True) or None


def blanked(log: CallLog) -> CallLog:
    """The entry for somebody who need not know whole numbers: masked wherever one may stand."""

    def mask(number: str | None) -> str | None:
        return phone.show(number, masked=True) or None

    def mask_outside(number: str) -> str:
        return phone.show(number, masked=True) if sum(map(str.isdigit, number)) >= _OUTSIDE_DIGITS else number

    ours = log.direction in ("out", "internal")  # one of our extensions called
    return replace(
        log,
        caller_number=mask_outside(log.caller_number or "") or None if ours else mask(log.caller_number),
        caller_name=log.caller_name if log.direction == "internal" else None,
        dialed_number=_dialed(log, whole=False),
        presented_number=mask(log.presented_number),
        party_e164=mask(log.party_e164),
        answered_by_number=mask(log.answered_by_number),
        final_extension=mask_outside(log.final_extension) if log.final_extension else None,
        transferred_to=[mask_outside(number) for number in log.transferred_to],
        recording=None,
    )


def item_row(
    task: Task, latest: CallRow, calls: int, viewer: Viewer, assignee_name: str, snooze_reason: Callable[[], str]
) -> ItemRow:
    """One thing to do. What the viewer was handed by a colleague says so."""
    handed = task.assignee in (viewer.id, *viewer.scope.absent) and task.state != "done"
    return ItemRow(
        id=task.id,
        kind="handed" if handed else task.kind,
        latest=latest,
        calls=calls,
        due_at=task.due_at,
        snoozed_until=task.snoozed_until,
        snooze_reason=snooze_reason() if task.snooze_reason else "",
        assignee=task.assignee if assignee_name else None,
        assignee_name=assignee_name,
    )
