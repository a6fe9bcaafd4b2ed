"""Deals within the scope (``cti_server.phases.ports.Deals``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update

from cti_adapters.storage import phase_sums
from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.desk_notices import work_body
from cti_adapters.storage.gate import GatedSession, system, tier
from cti_adapters.storage.mapping import Audit, Customer, CustomerNumber, Outbox
from cti_adapters.storage.mapping_phases import DealRow, PhaseRow, ServiceRow, StepRow
from cti_adapters.storage.phase_set_up import PhaseSetUp
from cti_adapters.storage.rematching import move_labels
from cti_adapters.storage.schema import customers
from cti_adapters.storage.schema_phases import deals, services
from cti_server.phases.choosing import Question
from cti_server.phases.cltv import Contract, Past
from cti_server.phases.model import Deal, Member, NewDeal, Service, Size, State, Step
from cti_server.phases.money import Money
from cti_server.phases.ports import Held
from cti_server.phases.tallies import Book
from cti_server.phases.team import may_see
from cti_server.phases.velocity import Again, Pace
from cti_server.phases.views import CustomerLine, DealLine
from cti_server.shared.errors import Conflict
from cti_server.shared.notices import WorkChanged
from cti_server.shared.scope import Label

REVALUE_ROW: Final = "revalue"
"""The kind of the outbox row after which contracts are valued anew: `{service, by, after}`, lot by lot."""
LOOK_AT: Final = 200
"""So many waiting deals are looked at for one that somebody may take."""


class DealShelf:
    """The deals, and who they are with."""

    def __init__(self, session: GatedSession, firm: FirmRepository, set_up: PhaseSetUp) -> None:
        self._session = session
        self._firm = firm
        self.set_up = set_up

    # --- read

    def get(self, deal_id: int) -> Deal | None:
        """One of them."""
        row = self._session.scalars(select(DealRow).where(DealRow.id == deal_id)).one_or_none()
        return None if row is None else self._deal(row)

    def customer(self, code: str) -> CustomerLine | None:
        """Who a deal is with."""
        row = self._session.get(Customer, code)
        if row is None:
            return None
        numbered = self._session.scalars(
            select(CustomerNumber.e164).where(CustomerNumber.customer_code == code).limit(1)
        ).first()
        branch = self._firm.branches().get(row.branch)
        return CustomerLine(
            code=row.code,
            name=row.name,
            kana=row.kana,
            branch=row.branch,
            branch_name=branch.name if branch else row.branch,
            rep=row.rep,
            confidentiality=row.confidentiality,
            dialable=numbered is not None,
        )

    def branch_day(self, code: str, at: float) -> date:
        """The day that it is in a customer's branch."""
        row = self._session.get(Customer, code)
        branch = self._firm.branches().get(row.branch if row else "")
        return datetime.fromtimestamp(at, ZoneInfo(branch.timezone if branch else "UTC")).date()

    def of_customer(self, code: str) -> list[DealLine]:
        """A customer's deals, newest first."""
        return self._lines(DealRow.customer_code == code, order=[DealRow.id.desc()], limit=50)

    def of_member(self, user: str, limit: int) -> list[DealLine]:
        """A member's open deals, the most urgent first."""
        order = [DealRow.due_at, DealRow.id]
        return self._lines(DealRow.member == user, DealRow.state == "open", order=order, limit=limit)

    def of_members(self, service: int, users: Collection[str], limit: int) -> list[DealLine]:
        """A service's open deals that some members have, the most urgent first."""
        if not users:
            return []
        wanted = [DealRow.service_id == service, DealRow.member.in_(users), DealRow.state == "open"]
        return self._lines(*wanted, order=[DealRow.due_at, DealRow.id], limit=limit)

    def count_of(self, user: str) -> int:
        """How many open deals a member has, within the scope."""
        query = select(func.count(DealRow.id)).where(DealRow.member == user, DealRow.state == "open")
        return self._session.execute(query).scalar_one()

    def waiting(self, phases: Iterable[int], limit: int) -> list[DealLine]:
        """Open deals that have no member, the longest waiting first."""
        wanted = [DealRow.state == "open", DealRow.member.is_(None), DealRow.phase_id.in_(list(phases))]
        return self._lines(*wanted, order=[DealRow.entered_at, DealRow.id], limit=limit)

    def next_waiting(self, phases: Iterable[int], member: Member) -> int | None:
        """The deal that a member who has time should take, also where it lies outside what they see so far: the longest
        waiting of those that they could see as the customer's rep in charge."""
        c = deals.c
        query = (
            select(c.id, c.branch, c.confidentiality, c.rep, c.customer_code)
            .where(c.state == "open", c.member.is_(None), c.phase_id.in_(list(phases)))
            .order_by(c.entered_at, c.id)
            .limit(LOOK_AT)
        )
        for deal, branch, confidentiality, rep, code in system(self._session, writes=False).execute(query).all():
            held = Held(Label("customer", branch, rep, confidentiality), self._others(code, deal))
            if may_see(member, held):
                return int(deal)
        return None

    def lines(self, ids: Collection[int]) -> list[DealLine]:
        """Some deals, newest first."""
        return self._lines(DealRow.id.in_(ids), order=[DealRow.id.desc()], limit=max(1, len(ids)))

    # --- written

    def add(self, deal: NewDeal, phase: int, at: float) -> int:
        """Opens one that waits for a member."""
        label = self._label(deal.customer)
        row = DealRow(
            service_id=deal.service,
            **whose(deal.customer, label),
            title=deal.title,
            size=deal.size,
            source=deal.source,
            phase_id=phase,
            first_contact=deal.first_contact.isoformat(),
            opened_at=at,
            entered_at=at,
            due_at=at,
            state="open",
            steps=[StepRow(place=0, phase_id=phase, member=None, at=at)],
        )
        self._session.add(row)
        self._session.flush()
        phase_sums.change(system(self._session), None, phase_sums.counted_row(row, row.steps))
        return row.id

    def put(self, deal: Deal) -> None:
        """Saves one, and what is known of its members; Conflict where somebody else did."""
        row = self._row(deal.id)
        if row.version != deal.version:
            raise Conflict("Somebody else changed this deal in the meantime; look at it again")
        before = phase_sums.counted_row(row, row.steps)
        for name, kept in kept_of(deal).items():
            setattr(row, name, kept)
        for place, step in enumerate(deal.steps):
            if place == len(row.steps):
                row.steps.append(StepRow(place=place))
            there = row.steps[place]
            there.phase_id, there.member, there.at = step.phase, step.member, step.at
        del row.steps[len(deal.steps) :]
        self._session.flush()
        phase_sums.change(system(self._session), before, phase_sums.counted_row(row, row.steps))

    def give(self, deal: Deal, at: float) -> bool:
        """Makes a deal's member the customer's rep in charge, where they could not see it otherwise; says whether it
        did. What the customer's calls show follows."""
        return deal.member is not None and self._give(deal.customer, deal.member, at)

    def reach(self, deal_id: int, user: str, at: float) -> None:
        """Makes somebody the rep in charge of the customer of a deal that waits, so that they see it."""
        query = select(deals.c.customer_code).where(deals.c.id == deal_id)
        self._give(system(self._session).execute(query).scalar_one(), user, at)

    def _give(self, code: str, user: str, at: float) -> bool:
        label = self._label(code)
        member = self._firm.colleagues([user]).get(user)
        if member is None or member.scope.admits(label):
            return False
        connection = system(self._session)
        changed = update(customers).where(customers.c.code == code)
        connection.execute(changed.values(rep=user, version=customers.c.version + 1))
        followed = move_labels(connection, code, label, replace(label, rep=user))
        self._session.expire_all()
        self._session.add(Outbox(kind="work", body=work_body(WorkChanged(followed.labels, users=(user,))), at=at))
        return True

    def past(self, service: int) -> Past:
        """The contracts of a service so far, of everybody's customers."""
        query = select(services.c.past).where(services.c.id == service)
        return Past(**system(self._session, writes=False).execute(query).scalar_one())

    def past_changes(self, service: int, before: Contract | None, now: Contract | None) -> None:
        """A contract of a service is another one now."""
        if before == now:
            return
        past = self.past(service)
        past = past.minus(before) if before else past
        past = past.plus(now) if now else past
        kept = {name: getattr(past, name) for name in Past.__slots__}
        system(self._session).execute(update(services).where(services.c.id == service).values(past=kept))

    # --- what choices are made of

    def book(self, service: Service, question: Question) -> Book:
        """What is known of the members of a phase, over everybody's customers."""
        return phase_sums.book(system(self._session, writes=False), service, question)

    def pace(self, phase_id: int) -> Pace:
        """How long deals took for a phase, over everybody's customers."""
        return phase_sums.pace(system(self._session, writes=False), phase_id)

    def held(self, users: Collection[str]) -> dict[str, int]:
        """How many open deals each member has."""
        c = deals.c
        query = select(c.member, func.count()).where(c.state == "open", c.member.in_(list(users))).group_by(c.member)
        return {row[0]: row[1] for row in system(self._session, writes=False).execute(query)}

    def with_contract(self, service: int, after: int, limit: int) -> list[Deal]:
        """A service's deals that have a contract, by id, after one."""
        wanted = (DealRow.service_id == service, DealRow.id > after, DealRow.start != "")
        query = select(DealRow).where(*wanted, DealRow.customer_code != "")  # empty: the customer was erased
        return [self._deal(row) for row in self._session.scalars(query.order_by(DealRow.id).limit(limit))]

    def ask_revaluing(self, service: int, by: str, at: float) -> None:
        """Has the server value all contracts of a service anew."""
        body = {"service": service, "by": by, "after": 0}
        self._session.add(Outbox(kind=REVALUE_ROW, body=body, at=at))

    def holding(self, deal: Deal) -> Held:
        """Who else has to go on seeing the customer."""
        return Held(self._label(deal.customer), self._others(deal.customer, deal.id))

    def _others(self, code: str, deal_id: int) -> frozenset[str]:
        c = deals.c
        query = select(c.member).where(c.customer_code == code, c.state == "open", c.id != deal_id)
        found = system(self._session, writes=False).execute(query.where(c.member.is_not(None)))
        return frozenset(str(member) for member in found.scalars())

    def names(self, users: Iterable[str | None]) -> dict[str, str]:
        """Names by id."""
        known = self._firm.colleagues(user for user in users if user)
        return {user: one.name for user, one in known.items()}

    def looked(self, deal: Deal, by: str, at: float, again_after: float) -> None:
        """Adds to the customer's trail that somebody looked, unless they did within so many seconds."""
        about = {"subject_kind": "customer", "subject_id": deal.customer}
        since = [Audit.user == by, Audit.act == "opened", Audit.at >= at - again_after]
        seen = select(Audit.id).where(*(getattr(Audit, name) == value for name, value in about.items()), *since)
        if self._session.scalars(seen.limit(1)).first() is None:
            entry = Audit(at=at, user=by, act="opened", customer_code=deal.customer, detail={"deal": deal.id}, **about)
            self._session.add(entry)

    def note(self, deal: Deal, by: str | None, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the customer's trail, and tells the screens."""
        about = {"subject_kind": "customer", "subject_id": deal.customer, "customer_code": deal.customer}
        self._session.add(Audit(at=at, user=by, act=act, detail={"deal": deal.id, **detail}, **about))
        notice = WorkChanged((self._label(deal.customer),), users=(deal.member,) if deal.member else ())
        self._session.add(Outbox(kind="work", body=work_body(notice), at=at))

    # --- helpers

    def _label(self, code: str) -> Label:
        """A customer's label, past the gate: it may have become another's a moment ago."""
        c = customers.c
        query = select(c.branch, c.rep, c.confidentiality).where(c.code == code)
        branch, rep, confidentiality = system(self._session, writes=False).execute(query).one()
        return Label("customer", branch, rep, confidentiality)

    def _row(self, deal_id: int) -> DealRow:
        return self._session.scalars(select(DealRow).where(DealRow.id == deal_id)).one()

    def _deal(self, row: DealRow) -> Deal:
        service = self.set_up.service(row.service_id)
        currency = service.terms.currency if service else ""

        def day(text: str) -> date | None:
            return date.fromisoformat(text) if text else None

        return Deal(
            id=row.id,
            service=row.service_id,
            customer=row.customer_code,
            title=row.title,
            size=cast(Size, row.size),
            source=row.source,
            phase=row.phase_id,
            member=row.member,
            state=cast(State, row.state),
            opened_at=row.opened_at,
            entered_at=row.entered_at,
            due_at=row.due_at,
            first_contact=date.fromisoformat(row.first_contact),
            steps=tuple(Step(one.phase_id, one.member, one.at) for one in row.steps),
            start=day(row.start),
            end=day(row.end),
            price=None if row.price is None else Money(row.price, currency),
            plan=row.plan_id,
            worth=None if row.worth is None else Money(row.worth, currency),
            predicted=row.predicted,
            closed_at=row.closed_at,
            reason=row.reason,
            through=row.through,
            again=Again(**row.due_made) if row.due_made else None,
            version=row.version,
        )

    def _lines(self, *wanted: Any, order: list[Any], limit: int) -> list[DealLine]:
        query: Any = (
            select(DealRow, Customer.name, ServiceRow.name, ServiceRow.currency, PhaseRow.name)
            .join(Customer, Customer.code == DealRow.customer_code)
            .join(ServiceRow, ServiceRow.id == DealRow.service_id)
            .join(PhaseRow, PhaseRow.id == DealRow.phase_id)
        )
        rows = self._session.execute(query.where(*wanted).order_by(*order).limit(limit)).all()
        names = self.names(row[0].member for row in rows)
        return [
            DealLine(
                id=deal.id,
                title=deal.title,
                customer=deal.customer_code,
                customer_name=customer,
                service_name=service,
                phase_name=phase,
                member=deal.member,
                member_name=names.get(deal.member or "", ""),
                state=deal.state,
                due_at=deal.due_at,
                entered_at=deal.entered_at,
                worth=None if deal.worth is None else Money(deal.worth, currency),
                predicted=deal.predicted,
            )
            for deal, customer, service, currency, phase in rows
        ]


def whose(code: str, label: Label) -> dict[str, Any]:
    """A deal's customer, and the label that the deal is seen by, as its row keeps them."""
    return {
        "customer_code": code,
        "tier": tier("customer", label.confidentiality),
        "branch": label.branch,
        "rep": label.rep,
        "confidentiality": label.confidentiality,
    }


def kept_of(deal: Deal) -> dict[str, Any]:
    """What of a deal may change, as its row keeps it; without its steps."""
    return {
        "phase_id": deal.phase,
        "member": deal.member,
        "state": deal.state,
        "through": deal.through,
        "entered_at": deal.entered_at,
        "due_at": deal.due_at,
        "due_made": asdict(deal.again) if deal.again else {},
        "closed_at": deal.closed_at,
        "reason": deal.reason,
        "title": deal.title,
        "size": deal.size,
        "source": deal.source,
        "first_contact": deal.first_contact.isoformat(),
        "start": deal.start.isoformat() if deal.start else "",
        "end": deal.end.isoformat() if deal.end else "",
        "price": deal.price.minor if deal.price else None,
        "plan_id": deal.plan,
        "worth": deal.worth.minor if deal.worth else None,
        "predicted": deal.predicted,
    }
