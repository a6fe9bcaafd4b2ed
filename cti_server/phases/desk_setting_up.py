"""Set-up by an administrator: services with plans, phases and input items; units and members. A running set-up can be
changed: deals keep what they had."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from cti_server.phases.availability import Staffing
from cti_server.phases.desk_base import PhaseBase, one_line
from cti_server.phases.model import ITEM_KINDS, OFFERED, SIZES, InputItem, Member, Phase, Plan, Service, Unit
from cti_server.phases.money import DIGITS, Money, same_currency
from cti_server.phases.views import SetUpView
from cti_server.shared.errors import Conflict, Invalid, NotFound
from cti_server.shared.viewer import needs

DEFAULT_PHASES = 3
LONGEST = 100
LONGEST_QUESTION = 300
LONGEST_INTRO = 1000


class SettingUp(PhaseBase):
    """Setting up."""

    @needs("phases")
    def set_up(self) -> SetUpView:
        """Everything that is set up."""
        shelf = self.work.set_up
        return SetUpView(shelf.services(), shelf.units(), shelf.members(), shelf.candidates())

    @needs("phases")
    def set_up_service(self, service_id: int) -> Service:
        """One service."""
        return self._service(service_id)

    @needs("phases")
    def save_service(self, service: Service) -> int:
        """Adds (id 0) or changes a service: how it predicts and how it chooses."""
        if service.terms.currency not in DIGITS:
            raise Invalid("This currency is not known here; use one of the list", "currency", "currency-unknown")
        if not 1 <= service.shown <= 10:
            raise Invalid("Between 1 and 10 members can be shown", "shown", "shown-wrong")
        if not 1 <= service.complete_at <= 100:
            raise Invalid("A phase is complete at 1 to 100 per cent", "complete_at", "complete-wrong")
        if not 0 <= service.patience <= 24 * 31:
            raise Invalid("A customer can wait for up to 31 days", "patience", "patience-wrong")
        if not 0 <= service.learn_from <= 20:
            raise Invalid("Proposals can be made from up to 20 members; 0 makes none", "learn_from", "learn-wrong")
        if service.try_after is not None and not 1 <= service.try_after <= 365:
            raise Invalid("Items are tried as optional from 1 to 365 days on", "try_after", "try-wrong")
        known = [one for one in self.work.set_up.services() if one.id == service.id]
        if known and known[0].terms.currency != service.terms.currency:
            raise Invalid("A service keeps its currency; add another service", "currency", "currency-fixed")
        name = self._free_name(service)
        saved = self.work.set_up.save_service(replace(service, name=name))
        if known and known[0].terms != service.terms:
            self.work.deals.ask_revaluing(saved, self.viewer.id, self.clock.now())
        self._note("service changed" if service.id else "service added", name, {"service": saved})
        return saved

    def _free_name(self, service: Service) -> str:
        name = one_line(service.name, "name", LONGEST)
        if any(one.name == name and one.id != service.id for one in self.work.set_up.services()):
            raise Invalid("Another service has this name; choose another", "name", "name-taken")
        return name

    @needs("phases")
    def add_service(self, service: Service, phases: Collection[str]) -> int:
        """A new service with its phases in order; the contract is signed at the end of the last but one."""
        names = [one_line(one, "name", LONGEST) for one in phases]
        if not names:
            raise Invalid("A service needs a phase at least", "phases", "no-phases")
        service_id = self.save_service(service)
        for place, name in enumerate(names):
            contract = place == max(0, len(names) - 2)
            self.work.set_up.save_phase(service_id, Phase(0, name, contract=contract))
        return service_id

    @needs("phases")
    def save_phase(self, service_id: int, phase: Phase) -> int:
        """Adds a phase (id 0) at the end, or changes one."""
        service = self._service(service_id)
        if phase.id and phase.id not in [one.id for one in service.phases]:
            raise NotFound("There is no such phase")
        if phase.action not in OFFERED:
            raise Invalid("Choose one of the actions", "action", "kind-wrong")
        if phase.target_days is not None and not 1 <= phase.target_days <= 3650:
            raise Invalid("A target is between 1 and 3,650 days", "target_days", "target-wrong")
        known = next((one for one in service.phases if one.id == phase.id), None)
        learned = known is not None and known.learned and known.action == phase.action
        if max(len(phase.intro_ja), len(phase.intro_en)) > LONGEST_INTRO:
            raise Invalid("An introduction has at most 1,000 characters; shorten it", "intro", "intro-long")
        named = replace(phase, name=one_line(phase.name, "name", LONGEST), learned=learned)
        if phase.contract:
            for other in service.phases:
                if other.contract and other.id != phase.id:
                    self.work.set_up.save_phase(service_id, replace(other, contract=False))
        saved = self.work.set_up.save_phase(service_id, named)
        self._note("phase changed" if phase.id else "phase added", service.name, {"phase": named.name})
        return saved

    @needs("phases")
    def move_phase(self, service_id: int, phase_id: int, by: int) -> None:
        """Puts a phase earlier or later. Deals stay in the phase that they are in."""
        service = self._service(service_id)
        phase = service.phase(phase_id)
        self.work.set_up.move_phase(service_id, phase_id, 1 if by > 0 else -1)
        self._note("phase moved", service.name, {"phase": phase.name})

    @needs("phases")
    def remove_phase(self, service_id: int, phase_id: int) -> None:
        """Takes a phase out of the order, where no open deal is in it."""
        service = self._service(service_id)
        phase = service.phase(phase_id)
        if self.work.set_up.open_in(phase_id):
            raise Conflict("Open deals are in this phase; move them on first")
        if len(service.phases) == 1:
            raise Conflict("A service needs a phase at least")
        self.work.set_up.remove_phase(phase_id)
        self._note("phase removed", service.name, {"phase": phase.name})

    @needs("phases")
    def save_item(self, service_id: int, item: InputItem) -> int:
        """Adds (id 0), changes or retires an input item. What deals hold of it stays theirs; one that becomes required
        is asked of deals that are in the phase."""
        service = self._service(service_id)
        if item.phase not in [one.id for one in service.phases]:
            raise NotFound("There is no such phase")
        if item.kind not in ITEM_KINDS:
            raise Invalid("Choose one of the kinds of input items", "kind", "item-kind")
        if item.size and item.size not in SIZES:
            raise Invalid("Choose whether the deal is small or large", "size", "size-wrong")
        choices = tuple(dict.fromkeys(one.strip() for one in item.choices if one.strip()))
        if item.kind == "choice" and len(choices) < 2:
            raise Invalid("A list to choose from needs two entries at least", "choices", "choices-few")
        if max(len(item.asked_ja), len(item.asked_en)) > LONGEST_QUESTION:
            raise Invalid("A question has at most 300 characters; shorten it", "asked", "asked-long")
        if not 0 <= item.place <= 999:
            raise Invalid("The order is a number from 0 to 999", "place", "place-wrong")
        named = replace(item, label=one_line(item.label, "label", LONGEST), choices=choices)
        saved = self.work.set_up.save_item(named)
        self._note("input item changed" if item.id else "input item added", service.name, {"item": named.label})
        return saved

    @needs("phases")
    def add_plan(self, service_id: int, name: str, price: Money) -> int:
        """Adds a plan."""
        service = self._service(service_id)
        same_currency(price, service.terms.currency)
        if price.minor < 0:
            raise Invalid("A price can't be less than 0", "price", "price-negative")
        saved = self.work.set_up.save_plan(service_id, Plan(0, one_line(name, "name", LONGEST), price))
        self._note("plan added", service.name, {"plan": name, "price": str(price.amount)})
        return saved

    @needs("phases")
    def remove_plan(self, service_id: int, plan_id: int) -> None:
        """Takes a plan away; contracts keep their price."""
        service = self._service(service_id)
        plan = next((one for one in service.plans if one.id == plan_id), None)
        if plan is None:
            raise NotFound("There is no such plan")
        self.work.set_up.remove_plan(plan_id)
        self._note("plan removed", service.name, {"plan": plan.name})

    @needs("phases")
    def save_unit(self, unit: Unit) -> int:
        """Adds (id 0) or changes a unit: its members work its phases."""
        name = one_line(unit.name, "name", LONGEST)
        if any(one.name == name and one.id != unit.id for one in self.work.set_up.units()):
            raise Invalid("Another unit has this name; choose another", "name", "name-taken")
        saved = self.work.set_up.save_unit(replace(unit, name=name, phases=unit.phases & self._phases()))
        self._note("unit changed" if unit.id else "unit added", name, {})
        return saved

    @needs("phases")
    def save_member(self, user: str, unit: int | None, phases: Collection[int], staffing: Staffing) -> int:
        """Who works which phases, and how much they can take. Gives how many open deals they have that the viewer sees:
        these stay with them while they are away."""
        if user not in [one for one, _name in self.work.set_up.candidates()]:
            raise NotFound("There is no such colleague")
        if not 0 <= staffing.capacity <= 1000:
            raise Invalid("A member can hold up to 1,000 customers", "capacity", "capacity-wrong")
        if unit is not None and unit not in [one.id for one in self.work.set_up.units()]:
            raise NotFound("There is no such unit")
        member = Member(user, "", staffing, frozenset(phases) & self._phases(), unit)
        self.work.set_up.save_member(member)
        self._note("member changed", user, {"phases": sorted(member.phases), "capacity": staffing.capacity})
        return self.work.deals.count_of(user)

    @needs("phases")
    def zone_of(self, user: str) -> str:
        """The zone that a member's hours are in."""
        return self.work.set_up.zone_of(user)

    @needs("phases")
    def remove_member(self, user: str) -> int:
        """They work no phase any more; their deals stay theirs until somebody else takes them. Gives how many of these
        the viewer sees."""
        self.work.set_up.remove_member(user)
        self._note("member removed", user, {})
        return self.work.deals.count_of(user)

    def _phases(self) -> frozenset[int]:
        return frozenset(phase.id for service in self.work.set_up.services() for phase in service.phases)

    def _note(self, act: str, subject: str, detail: dict[str, object]) -> None:
        self.work.set_up.note(self.viewer.id, self.clock.now(), act, subject, detail)
