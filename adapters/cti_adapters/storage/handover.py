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
from cti_server.identity.accounts import User
from cti_server.identity.leaving import Belongings
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Label

if TYPE_CHECKING:
    from cti_adapters.storage.work import UnitOfWork

HANDOVER_ROW: Final = "hand_over"
"""The kind of the outbox row after which customers follow: `{from, to, by}`, lot by lot."""
LOT: Final = 20
"""Customers of one transaction: each takes some milliseconds with its calls, and a telephone may ring meanwhile."""


class Handover:
    """``cti_server.identity.ports.HandoverRows`` over a unit of work of the server itself."""

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

    def hand_over(self, user: str, to: User, by: str, at: float) -> None:
        """Moves items, requests and deals, and has the customers follow."""
        connection = system(self._work.session)
        self._items(user, to.id, by, at)
        waiting = requests.update().where(requests.c.to == user, requests.c.state == "open")
        connection.execute(waiting.values(to=to.id))
        for deal_id in connection.execute(select(deals.c.id).where(deals.c.member == user, deals.c.state == "open")):
            self._deal(deal_id[0], to.id, by, at)
        outbox.put(self._work, HANDOVER_ROW, {"from": user, "to": to.id, "by": by}, at)

    def _items(self, user: str, to: str, by: str, at: float) -> None:
        connection = system(self._work.session)
        which = (items.c.assignee == user, items.c.state != "done")
        found = connection.execute(select(items.c.id, items.c.latest_call).where(*which)).all()
        changed = {"assignee": to, "handed_by": by, "version": items.c.version + 1}
        connection.execute(update(items).where(*which).values(changed))
        entries = []
        for item in found:
            codes = select(sights.c.customer_code).where(sights.c.call_id == item.latest_call)
            said = {"at": at, "user": by, "act": "handed", "subject_kind": "call", "subject_id": item.latest_call}
            detail = {"users": [to], "before": user, "left": True}
            entries += [{**said, "customer_code": code, "detail": detail} for (code,) in connection.execute(codes)]
        append(connection, entries)

    def _deal(self, deal_id: int, to: str, by: str, at: float) -> None:
        deal = self._work.deals.get(deal_id)
        member = self._work.set_up.member(to)
        if deal is None:
            return
        takes = to if member is not None and deal.phase in member.works else None
        steps = (*deal.steps[:-1], replace(deal.steps[-1], member=takes))
        self._work.deals.put(replace(deal, member=takes, steps=steps))
        self._work.deals.note(deal, by, at, "deal passed on", {"to": takes, "left": True})


def move_customers(work: UnitOfWork, user: str, to: str, by: str, at: float) -> bool:
    """One lot of the customers of who left gets another rep in charge: the colleague where their role sees the class,
    else nobody. Says whether there may be more."""
    connection = system(work.session)
    c = customers.c
    seen = select(roles.c.classes).join(users, users.c.role == roles.c.name).where(users.c.id == to)
    classes = set(connection.execute(seen).scalar_one())
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
