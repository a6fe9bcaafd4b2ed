"""What is a user's goes to another: items, requests, deals in the transaction in which they leave; customers lot by lot
after it, each with all that carries its label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update

from cti_adapters.storage import outbox
from cti_adapters.storage.audit_chain import append
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import system
from cti_adapters.storage.rematching import move_labels, together
from cti_adapters.storage.schema import customers, items, roles, sights, users
from cti_adapters.storage.schema_phases import deals
from cti_adapters.storage.schema_review import requests
from cti_server.identity.people_ports import Belongings
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Label, Scope

if TYPE_CHECKING:
    from cti_adapters.storage.work import UnitOfWork

HANDOVER_ROW: Final = "hand_over"
"""The kind of the outbox row after which customers follow: `{from, to, by}`, lot by lot."""
LOT: Final = 20
"""Customers of one transaction: each takes some milliseconds with its calls, and a telephone may ring meanwhile."""


class Handover:
    """``cti_server.identity.people_ports.HandoverRows`` over a unit of work of the server itself."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._connection = system(work.session, writes=False)

    def belongings(self, user: str) -> Belongings:
        """What is a user's now."""
        c = customers.c
        by_class = select(c.confidentiality, func.count()).where(c.rep == user).group_by(c.confidentiality)

        def count(table: Any, *which: Any) -> int:
            return int(self._connection.execute(select(func.count()).select_from(table).where(*which)).scalar_one())

        return Belongings(
            {row[0]: row[1] for row in self._connection.execute(by_class)},
            count(items, items.c.assignee == user, items.c.state != "done"),
            count(requests, requests.c.to == user, requests.c.state == "open"),
            count(deals, deals.c.member == user, deals.c.state == "open"),
        )

    def hand_over(self, user: str, to: Scope, by: str, at: float) -> None:
        """Moves items, requests and deals as far as the scope reaches, and has the customers follow."""
        self._items(user, to, by, at)
        waiting = requests.update().where(requests.c.to == user, requests.c.state == "open")
        system(self._work.session).execute(waiting.values(to=to.user))
        open_deals = select(deals.c.id).where(deals.c.member == user, deals.c.state == "open")
        for deal_id in self._connection.execute(open_deals).scalars().all():
            self._deal(deal_id, user, to, by, at)
        outbox.put(self._work, "work", work_body(WorkChanged((), users=(to.user,))), at)
        outbox.put(self._work, HANDOVER_ROW, {"from": user, "to": to.user, "by": by}, at)

    def _items(self, user: str, to: Scope, by: str, at: float) -> None:
        connection = system(self._work.session)
        which = select(items.c.id, items.c.latest_call).where(items.c.assignee == user, items.c.state != "done")
        entries = []
        for item in connection.execute(which).all():
            seen = connection.execute(select(sights).where(sights.c.call_id == item.latest_call)).all()
            labels = [Label(row.kind, row.branch, row.rep, row.confidentiality) for row in seen]
            heir = to.user if any(_reaches(to, user, label) for label in labels) else None
            changed = {"assignee": heir, "handed_by": by if heir else None, "version": items.c.version + 1}
            connection.execute(update(items).where(items.c.id == item.id).values(changed))
            said = {"at": at, "user": by, "act": "handed", "subject_kind": "call", "subject_id": item.latest_call}
            detail = {"users": [heir] if heir else [], "before": user, "left": True}
            codes = dict.fromkeys(row.customer_code for row in seen)
            entries += [{**said, "customer_code": code, "detail": detail} for code in codes]
        append(connection, entries)

    def _deal(self, deal_id: int, user: str, to: Scope, by: str, at: float) -> None:
        deal = self._work.deals.get(deal_id)
        customer = self._work.deals.customer(deal.customer) if deal is not None else None
        if deal is None or customer is None:
            return
        member = self._work.set_up.member(to.user)
        label = Label("customer", customer.branch, customer.rep, customer.confidentiality)
        works = member is not None and deal.phase in member.works and _reaches(to, user, label)
        takes = to.user if works else None
        steps = (*deal.steps[:-1], replace(deal.steps[-1], member=takes))
        self._work.deals.put(replace(deal, member=takes, steps=steps))
        self._work.deals.note(deal, by, at, "deal passed on", {"to": takes, "left": True})


def _reaches(to: Scope, user: str, label: Label) -> bool:
    """Whether the heir sees a record once what was the user's is theirs."""
    return to.admits(replace(label, rep=to.user) if label.rep == user else label)


def move_customers(work: UnitOfWork, user: str, to: str, by: str, at: float) -> bool:
    """One lot of the customers of who left gets another rep in charge: the colleague where their role sees the class
    and they are there, else nobody. Says whether there may be more."""
    connection = system(work.session)
    c = customers.c
    seen = select(roles.c.classes).join(users, users.c.role == roles.c.name).where(users.c.id == to, users.c.active)
    classes = set(connection.execute(seen).scalar_one_or_none() or ())  # none: the colleague is out too by now
    query = select(c.code, c.branch, c.rep, c.confidentiality).where(c.rep == user).order_by(c.code).limit(LOT)
    found = connection.execute(query).all()
    followed, entries = [], []
    for row in found:
        rep = to if row.confidentiality in classes else None
        before = Label("customer", row.branch, row.rep, row.confidentiality)
        changed = update(customers).where(c.code == row.code)
        connection.execute(changed.values(rep=rep, version=c.version + 1))
        followed.append(move_labels(connection, row.code, before, replace(before, rep=rep)))
        said = {"at": at, "user": by, "act": "changed", "subject_kind": "customer", "subject_id": row.code}
        entries.append({**said, "customer_code": row.code, "detail": {"fields": ["rep"], "left": user, "to": rep}})
    append(connection, entries)
    what = together(followed)
    if what.labels:
        outbox.put(work, "work", work_body(WorkChanged(what.labels, users=(to,))), at)
    work.session.expire_all()
    return len(found) == LOT
