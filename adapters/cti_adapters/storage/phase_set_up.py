"""Services with their phases, and members (``cti_server.phases.ports.SetUp``): nothing of customers, so that no scope
applies."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import time
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Text, func, select
from sqlalchemy import cast as as_type

from cti_adapters.storage.desk_firm import FirmRepository
from cti_adapters.storage.gate import GatedSession, system
from cti_adapters.storage.mapping import Audit, User
from cti_adapters.storage.mapping_phases import ItemRow, MemberRow, PhaseRow, PlanRow, ServiceRow, UnitRow
from cti_adapters.storage.schema_phases import deals
from cti_server.phases.availability import Absence, Hours, Staffing
from cti_server.phases.choosing import Rule
from cti_server.phases.cltv import Terms
from cti_server.phases.model import ActionKind, InputItem, ItemKind, Member, Phase, Plan, Service, Unit
from cti_server.phases.money import Money
from cti_server.shared.errors import Conflict, NotFound

_TIME: Final = "%H:%M"


class PhaseSetUp:
    """``cti_server.phases.ports.SetUp``."""

    def __init__(self, session: GatedSession, firm: FirmRepository) -> None:
        self._session = session
        self._firm = firm
        self._known: dict[int, Service] = {}

    # --- services

    def services(self) -> list[Service]:
        """All of them, by name."""
        return [_service(row) for row in self._session.scalars(select(ServiceRow).order_by(ServiceRow.name))]

    def service(self, service_id: int) -> Service | None:
        """One of them; read once per unit of work, unless it is changed there."""
        if service_id not in self._known:
            row = self._session.get(ServiceRow, service_id)
            if row is None:
                return None
            self._known[service_id] = _service(row)
        return self._known[service_id]

    def save_service(self, service: Service) -> int:
        """Adds (id 0) or changes one, without its phases and plans. Conflict unless the version is current."""
        row = self._session.get(ServiceRow, service.id) if service.id else ServiceRow(past={})
        if row is None:
            raise NotFound("There is no such service")
        if service.id and row.version != service.version:
            raise Conflict("Somebody else changed this service in the meantime; look at it again")
        terms = service.terms
        row.name, row.currency = service.name, terms.currency
        row.months, row.success_days = _written(terms.months), _written(terms.success_days)
        row.factor, row.by_success_days = str(terms.factor), terms.by_success_days
        row.rule, row.earlier, row.shown = str(service.rule), service.earlier, service.shown
        row.complete_at, row.patience = service.complete_at, service.patience
        row.learn_from, row.at_once = service.learn_from, service.at_once
        row.try_after, row.by_unit = service.try_after, service.by_unit
        self._session.add(row)
        self._flush()
        return row.id

    def save_phase(self, service_id: int, phase: Phase) -> int:
        """Adds (id 0: at the end) or changes one, without its items."""
        row = self._session.get(PhaseRow, phase.id) if phase.id else None
        if row is None:
            last = max((one.place for one in self._row(service_id).phases), default=-1)
            row = PhaseRow(service_id=service_id, place=last + 1)
        row.name, row.action, row.contract = phase.name, phase.action, phase.contract
        row.target_days, row.learned = phase.target_days, phase.learned
        row.intro_ja, row.intro_en = phase.intro_ja, phase.intro_en
        return self._added(row)

    def move_phase(self, service_id: int, phase_id: int, by: int) -> None:
        """Puts a phase earlier (-1) or later (1) in the order."""
        kept = [one for one in self._row(service_id).phases if not one.retired]
        kept.sort(key=lambda one: one.place)
        at = next(place for place, one in enumerate(kept) if one.id == phase_id)
        to = max(0, min(at + by, len(kept) - 1))
        kept[at].place, kept[to].place = kept[to].place, kept[at].place
        self._flush()

    def remove_phase(self, phase_id: int) -> None:
        """Takes one out of the order; deals that were in it keep it in their past."""
        row = self._session.get(PhaseRow, phase_id)
        if row is not None:
            row.retired = True
            self._flush()

    def save_item(self, item: InputItem) -> int:
        """Adds (id 0) or changes an input item."""
        row = self._session.get(ItemRow, item.id) if item.id else None
        if row is None:
            row = ItemRow(phase_id=item.phase)
        row.title, row.kind, row.required = item.label, item.kind, item.required
        row.size, row.choices, row.retired = item.size, list(item.choices), item.retired
        row.place, row.to_customer = item.place, item.to_customer
        row.asked_ja, row.asked_en = item.asked_ja, item.asked_en
        return self._added(row)

    def save_plan(self, service_id: int, plan: Plan) -> int:
        """Adds a plan."""
        return self._added(PlanRow(service_id=service_id, name=plan.name, price=plan.price.minor))

    def remove_plan(self, plan_id: int) -> None:
        """Takes one away; contracts keep their price."""
        row = self._session.get(PlanRow, plan_id)
        if row is not None:
            row.retired = True
            self._flush()

    def _added(self, row: PhaseRow | ItemRow | PlanRow) -> int:
        """Keeps a part of a service; the service is read afresh with it."""
        self._session.add(row)
        self._flush()
        added = row.id
        self._session.expire_all()
        return added

    def afresh(self) -> None:
        """Services are read again."""
        self._known.clear()

    def _flush(self) -> None:
        self._session.flush()
        self._known.clear()

    def _row(self, service_id: int) -> ServiceRow:
        row = self._session.get(ServiceRow, service_id)
        if row is None:
            raise NotFound("There is no such service")
        return row

    # --- people

    def units(self) -> list[Unit]:
        """The teams, by name."""
        rows = self._session.scalars(select(UnitRow).order_by(UnitRow.name))
        return [Unit(row.id, row.name, frozenset(row.phases)) for row in rows]

    def save_unit(self, unit: Unit) -> int:
        """Adds (id 0) or changes one."""
        row = self._session.get(UnitRow, unit.id) if unit.id else None
        if row is None:
            row = UnitRow()
            self._session.add(row)
        row.name, row.phases = unit.name, sorted(unit.phases)
        self._session.flush()
        return row.id

    def members(self) -> list[Member]:
        """Everybody who works phases, by name."""
        return self._members(list(self._session.scalars(select(MemberRow))))

    def absent(self, at: float) -> list[Member]:
        """The members who are away at a moment."""
        rows = self._session.scalars(select(MemberRow).where(as_type(MemberRow.absences, Text) != "[]"))
        return [one for one in self._members(list(rows)) if one.staffing.back_at(at) is not None]

    def member(self, user: str) -> Member | None:
        """One of them."""
        return self.members_of({user}).get(user)

    def members_of(self, users: Collection[str]) -> dict[str, Member]:
        """Some of them."""
        rows = self._session.scalars(select(MemberRow).where(MemberRow.user.in_(users))) if users else ()
        return {one.user: one for one in self._members(list(rows))}

    def _members(self, rows: list[MemberRow]) -> list[Member]:
        units = {unit.id: unit for unit in self.units()}
        people = self._firm.colleagues(row.user for row in rows)
        branches = self._firm.branches()
        found = []
        for row in rows:
            known = people.get(row.user)
            zone = branches[known.branch].timezone if known and known.branch in branches else "UTC"
            own, unit = frozenset(row.phases), units.get(row.unit_id or 0)
            may = known is not None and known.active and known.scope.may_handle
            found.append(
                Member(
                    user=row.user,
                    name=known.name if known else row.user,
                    staffing=_staffing(row, zone),
                    phases=own,
                    unit=row.unit_id,
                    works=own | (unit.phases if unit else frozenset()),
                    scope=known.scope if known and may else None,
                )
            )
        return sorted(found, key=lambda one: (one.name, one.user))

    def save_member(self, member: Member) -> None:
        """Adds or changes one."""
        row = self._session.get(MemberRow, member.user) or MemberRow(user=member.user)
        staffing = member.staffing
        row.unit_id, row.phases, row.capacity = member.unit, sorted(member.phases), staffing.capacity
        week = staffing.hours.week if staffing.hours else {}
        row.week = {str(day): [f"{since:{_TIME}}", f"{until:{_TIME}}"] for day, (since, until) in week.items()}
        row.absences = [list(one) for one in staffing.absences]
        self._session.add(row)
        self._session.flush()

    def remove_member(self, user: str) -> None:
        """They work no phase any more; their deals stay theirs."""
        row = self._session.get(MemberRow, user)
        if row is not None:
            self._session.delete(row)
            self._session.flush()

    def candidates(self) -> list[tuple[str, str]]:
        """(user, name) of those who may handle customers."""
        return self._firm.people(None)

    def zone_of(self, user: str) -> str:
        """The zone of somebody's branch."""
        branch = self._session.scalar(select(User.branch).where(User.id == user))
        if branch is None:
            raise NotFound("There is no such colleague")
        return self._firm.branches()[branch].timezone

    def open_in(self, phase_id: int) -> int:
        """How many open deals are in a phase, of everybody's."""
        query = select(func.count()).where(deals.c.phase_id == phase_id, deals.c.state == "open")
        return system(self._session, writes=False).execute(query).scalar_one()

    def note(self, by: str | None, at: float, act: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail; ``by`` null: the server itself."""
        self._session.add(
            Audit(at=at, user=by, act=act, subject_kind="phases", subject_id=subject, detail=dict(detail))
        )


def _service(row: ServiceRow) -> Service:
    def decimal(text: str) -> Decimal | None:
        return Decimal(text) if text else None

    phases = sorted((one for one in row.phases if not one.retired), key=lambda one: one.place)
    return Service(
        id=row.id,
        name=row.name,
        terms=Terms(
            row.currency, decimal(row.months), Decimal(row.factor), row.by_success_days, decimal(row.success_days)
        ),
        phases=tuple(_phase(one) for one in phases),
        plans=tuple(Plan(one.id, one.name, Money(one.price, row.currency)) for one in row.plans if not one.retired),
        rule=Rule(row.rule),
        earlier=row.earlier,
        shown=row.shown,
        complete_at=row.complete_at,
        patience=row.patience,
        learn_from=row.learn_from,
        at_once=row.at_once,
        try_after=row.try_after,
        by_unit=row.by_unit,
        version=row.version,
    )


def _phase(row: PhaseRow) -> Phase:
    items = tuple(
        InputItem(
            id=one.id,
            phase=row.id,
            label=one.title,
            kind=cast(ItemKind, one.kind),
            required=one.required,
            size=one.size,
            choices=tuple(one.choices),
            place=one.place,
            asked_ja=one.asked_ja,
            asked_en=one.asked_en,
            to_customer=one.to_customer,
        )
        for one in sorted(row.items, key=lambda one: (one.place, one.id))
        if not one.retired
    )
    action = cast(ActionKind, row.action)
    target, learned = row.target_days, row.learned
    return Phase(row.id, row.name, action, row.contract, items, target, learned, row.intro_ja, row.intro_en)


def _staffing(row: MemberRow, zone: str) -> Staffing:
    week = {
        int(day): (time.fromisoformat(since), time.fromisoformat(until)) for day, (since, until) in row.week.items()
    }
    absences = tuple(Absence(since, until) for since, until in row.absences)
    return Staffing(row.capacity, Hours(zone, week) if week else None, absences)


def _written(value: Decimal | None) -> str:
    return "" if value is None else str(value)
