"""What the phases room needs of the outside."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple, Protocol

from cti_server.phases.choosing import Question
from cti_server.phases.cltv import Contract, Past
from cti_server.phases.deal_lots import DealImportShelf
from cti_server.phases.model import (
    Action,
    Answer,
    Deal,
    InputItem,
    Member,
    NewDeal,
    Phase,
    Plan,
    Service,
    Unit,
    ValueChange,
)
from cti_server.phases.proposals import LearningShelf
from cti_server.phases.questionnaires import QuestionnaireShelf
from cti_server.phases.replaying import PastDeal
from cti_server.phases.tallies import Book
from cti_server.phases.trials import TrialShelf
from cti_server.phases.usage import UsageShelf
from cti_server.phases.velocity import Pace
from cti_server.phases.views import CustomerLine, DealLine, FunnelRow, MemberSum, PathLine
from cti_server.shared.scope import Label


class Held(NamedTuple):
    """What a customer's deals say of who may take it."""

    label: Label
    others: Collection[str]
    """Members of the customer's other open deals: they have to go on seeing it."""


class SetUp(Protocol):
    """Services and members; nothing of customers."""

    def absent(self, at: float) -> list[Member]:
        """The members who are away at a moment."""

    def services(self) -> list[Service]:
        """All of them, by name."""

    def service(self, service_id: int) -> Service | None:
        """One of them."""

    def save_service(self, service: Service) -> int:
        """Adds (id 0) or changes one, without its phases and plans; gives its id. Conflict unless the version is
        current."""

    def save_phase(self, service_id: int, phase: Phase) -> int:
        """Adds (id 0: at the end) or changes one, without its items."""

    def move_phase(self, service_id: int, phase_id: int, by: int) -> None:
        """Puts a phase earlier (-1) or later (1) in the order."""

    def remove_phase(self, phase_id: int) -> None:
        """Takes one out of the order; deals that were in it keep it in their past."""

    def save_item(self, item: InputItem) -> int:
        """Adds (id 0) or changes an input item."""

    def save_plan(self, service_id: int, plan: Plan) -> int:
        """Adds a plan."""

    def remove_plan(self, plan_id: int) -> None:
        """Takes one away; contracts keep their price."""

    def units(self) -> list[Unit]:
        """The teams."""

    def save_unit(self, unit: Unit) -> int:
        """Adds (id 0) or changes one."""

    def members(self) -> list[Member]:
        """Everybody who works phases."""

    def member(self, user: str) -> Member | None:
        """One of them."""

    def save_member(self, member: Member) -> None:
        """Adds or changes one."""

    def remove_member(self, user: str) -> None:
        """They work no phase any more; their deals stay theirs."""

    def candidates(self) -> list[tuple[str, str]]:
        """(user, name) of those who may handle customers."""

    def zone_of(self, user: str) -> str:
        """The zone of somebody's branch. NotFound where there is nobody."""

    def open_in(self, phase_id: int) -> int:
        """How many open deals are in a phase, of everybody's."""

    def note(self, by: str | None, at: float, act: str, subject: str, detail: Mapping[str, Any]) -> None:
        """Adds to the trail; ``by`` null: the server itself."""


class Deals(Protocol):
    """The deals within the scope."""

    def get(self, deal_id: int) -> Deal | None:
        """One of them."""

    def customer(self, code: str) -> CustomerLine | None:
        """Who a deal is with."""

    def branch_day(self, code: str, at: float) -> date:
        """The day that it is in a customer's branch."""

    def of_customer(self, code: str) -> list[DealLine]:
        """A customer's deals, newest first."""

    def of_member(self, user: str, limit: int) -> list[DealLine]:
        """A member's open deals, the most urgent first."""

    def of_members(self, service: int, users: Collection[str], limit: int) -> list[DealLine]:
        """A service's open deals that some members have, the most urgent first."""

    def count_of(self, user: str) -> int:
        """How many open deals a member has, within the scope."""

    def waiting(self, phases: Iterable[int], limit: int) -> list[DealLine]:
        """Open deals that have no member, the longest waiting first."""

    def next_waiting(self, phases: Iterable[int], member: Member) -> int | None:
        """The deal that a member who has time should take, also where it lies outside what they see so far."""

    def add(self, deal: NewDeal, phase: int, at: float) -> int:
        """Opens one that waits for a member."""

    def put(self, deal: Deal) -> None:
        """Saves one, and what is known of its members; Conflict where somebody else did."""

    def give(self, deal: Deal, at: float) -> bool:
        """Makes a deal's member the customer's rep in charge, where they could not see it otherwise; says whether it
        did. The last thing to do with a deal: it may be out of the viewer's scope then."""

    def reach(self, deal_id: int, user: str, at: float) -> None:
        """Makes somebody the rep in charge of the customer of a deal that waits, so that they see it."""

    def past(self, service: int) -> Past:
        """The contracts of a service so far."""

    def past_changes(self, service: int, before: Contract | None, now: Contract | None) -> None:
        """A contract of a service is another one now."""

    def pace(self, phase_id: int) -> Pace:
        """How long deals took for a phase, over everybody's customers."""

    def book(self, service: Service, question: Question) -> Book:
        """What is known of the members of a phase, as far as rules ask for it."""

    def held(self, users: Collection[str]) -> dict[str, int]:
        """How many open deals each member has."""

    def with_contract(self, service: int, after: int, limit: int) -> list[Deal]:
        """A service's deals that have a contract, by id, after one; everybody's: the server's own work."""

    def ask_revaluing(self, service: int, by: str, at: float) -> None:
        """Has the server value all contracts of a service anew."""

    def holding(self, deal: Deal) -> Held:
        """Who else has to see its customer."""

    def names(self, users: Iterable[str | None]) -> dict[str, str]:
        """Names of our people by id."""

    def looked(self, deal: Deal, by: str, at: float, again_after: float) -> None:
        """Adds to the customer's trail that somebody looked, unless they did within so many seconds."""

    def note(self, deal: Deal, by: str | None, at: float, act: str, detail: Mapping[str, Any]) -> None:
        """Adds to the customer's trail, and tells the screens. ``by`` null: the customer, under a link."""


class DealWork(Protocol):
    """What is done for deals, and what is known of them, within the scope."""

    def answers(self, deal_id: int) -> dict[int, Answer]:
        """What was filled in, by item."""

    def fill(self, deal_id: int, values: Mapping[int, str], by: str, at: float) -> None:
        """Fills items in; empty takes one back."""

    def drafts(self, deal_id: int, user: str) -> dict[int, str]:
        """What a user typed and did not save."""

    def keep_draft(self, deal_id: int, user: str, item: int, value: str | None, at: float) -> None:
        """Keeps what is typed; null: forgets it."""

    def actions(self, deal_id: int, limit: int) -> list[Action]:
        """What was done, newest first."""

    def act(self, deal_id: int, phase: int, action: Action) -> int:
        """Keeps an action; gives its id."""

    def end_action(self, deal_id: int, action_id: int, at: float, note: str) -> None:
        """Says when one ended, and what came of it."""

    def values(self, deal_id: int) -> list[ValueChange]:
        """What it was worth, newest first."""

    def value(self, deal_id: int, change: ValueChange) -> None:
        """Keeps a change of its value."""

    def chosen(
        self, deal_id: int, phase: int, reasons: Mapping[str, Any], rule: str, got: str | None, by: str, at: float
    ) -> None:
        """Keeps a choice with its reasons."""

    def choices(self, deal_id: int) -> list[dict[str, Any]]:
        """The choices made for a deal, newest first."""

    def paths(self, service: Service, phase: int, member: str, limit: int) -> list[PathLine]:
        """The table of paths behind a member's value, as far as the scope reaches, newest first."""

    def past_deals(self, service: Service, limit: int) -> list[PastDeal]:
        """The newest deals whose worth is known and whose members are, within the scope; the oldest first."""

    def funnel(self, service: Service) -> list[FunnelRow]:
        """How many came to each phase and got through it, within the scope."""

    def member_sums(self, service: Service) -> list[MemberSum]:
        """What members did in each phase, within the scope."""


class PhaseWork(Protocol):
    """One transaction, seen through one scope."""

    @property
    def set_up(self) -> SetUp:
        """Services and members."""

    @property
    def deals(self) -> Deals:
        """The deals."""

    @property
    def deal_imports(self) -> DealImportShelf:
        """Deals that come from a file."""

    @property
    def done(self) -> DealWork:
        """What is done for them."""

    @property
    def questionnaires(self) -> QuestionnaireShelf:
        """Links for customers, and what they answered."""

    @property
    def learning(self) -> LearningShelf:
        """Proposals to change phases."""

    @property
    def trials(self) -> TrialShelf:
        """Trials of required items."""

    @property
    def usage(self) -> UsageShelf:
        """Customers' use of services."""
