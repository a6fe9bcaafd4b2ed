"""What the workflow is made of: services with their phases, members, and deals on their way (spec/20, Terms)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

from cti_server.phases.availability import Staffing
from cti_server.phases.choosing import Rule
from cti_server.phases.cltv import Terms
from cti_server.phases.money import Money
from cti_server.phases.velocity import Again
from cti_server.shared.scope import Scope

ItemKind = Literal["text", "number", "date", "choice"]
Size = Literal["small", "large"]
"""How big a deal is."""
State = Literal["open", "won", "lost", "cancelled"]
"""``won``: through all phases; ``cancelled``: its contract ended."""
ActionKind = Literal["call", "visit", "meeting", "mail", "mail in"]
"""``meeting``: online; ``mail in``: a mail of the customer's that was read."""
ITEM_KINDS: Final = ("text", "number", "date", "choice")
SIZES: Final = ("small", "large")
ACTION_KINDS: Final = ("call", "visit", "meeting", "mail", "mail in")
OFFERED: Final = ("call", "visit", "meeting", "mail")
"""Actions that can be suggested."""


@dataclass(frozen=True, slots=True)
class InputItem:
    """A field of a phase. ``size`` empty: for deals of every size."""

    id: int
    phase: int
    label: str
    kind: ItemKind = "text"
    required: bool = False
    size: str = ""
    choices: tuple[str, ...] = ()
    retired: bool = False
    place: int = 0
    """Where it stands among the phase's, the lowest first."""
    asked_ja: str = ""
    asked_en: str = ""
    """How the customer is asked for it by link; empty: by its label."""
    to_customer: bool = True
    """Whether a new link asks for it unless the rep says otherwise."""

    def question(self, language: str) -> str:
        """How the customer is asked for it: in their language, else in the other, else by its label."""
        first, second = (self.asked_ja, self.asked_en) if language == "ja" else (self.asked_en, self.asked_ja)
        return first or second or self.label

    def concerns(self, size: str) -> bool:
        """Whether deals of a size have it."""
        return not self.retired and self.size in ("", size)


@dataclass(frozen=True, slots=True)
class Phase:
    """One of a service's phases. ``contract``: the contract is signed at its end."""

    id: int
    name: str
    action: ActionKind = "call"
    """What is suggested first."""
    contract: bool = False
    items: tuple[InputItem, ...] = ()
    target_days: int | None = None
    """Within how many days a deal should be through; null: no target."""
    learned: bool = False
    """Whether the action is the one with which the best members complete the phase (``learning``)."""
    intro_ja: str = ""
    intro_en: str = ""
    """What stands above the questions to a customer in this phase; empty: what the product says."""

    def intro(self, language: str) -> str:
        """The introduction in a customer's language, else in the other; empty where there is none."""
        first, second = (self.intro_ja, self.intro_en) if language == "ja" else (self.intro_en, self.intro_ja)
        return first or second


@dataclass(frozen=True, slots=True)
class Plan:
    """What a service costs in one form, per month."""

    id: int
    name: str
    price: Money


@dataclass(frozen=True, slots=True)
class Service:
    """Something that is sold continuously. ``rule``, ``earlier`` (the phase it goes by), ``shown``: how the next member
    is chosen, and how many are shown to the present one. ``complete_at``: the share of required items from which on a
    phase is complete, per cent. ``patience``: how long a customer may wait for a member to begin, hours.
    ``learn_from``: from so many of the best members of a phase changes to it are proposed (0: none); ``at_once``:
    whether they hold without approval. ``try_after``: a required item that takes so many days to fill in is tried as
    optional (null: none is), with halves drawn ``by_unit`` or by member."""

    id: int
    name: str
    terms: Terms
    phases: tuple[Phase, ...] = ()
    plans: tuple[Plan, ...] = ()
    rule: Rule = Rule.BALANCED
    earlier: int | None = None
    shown: int = 3
    complete_at: int = 100
    patience: int = 24
    learn_from: int = 3
    at_once: bool = False
    try_after: int | None = None
    by_unit: bool = False
    version: int = 1

    def phase(self, phase_id: int) -> Phase:
        """One of its phases."""
        return self.phases[self.place(phase_id)]

    def place(self, phase_id: int) -> int:
        """Where a phase stands in the order, from 0."""
        return next(place for place, one in enumerate(self.phases) if one.id == phase_id)

    def after(self, phase_id: int) -> Phase | None:
        """The phase that follows; null after the last one."""
        place = self.place(phase_id) + 1
        return self.phases[place] if place < len(self.phases) else None

    def before(self, phase_id: int) -> Phase | None:
        """The phase before; null before the first one."""
        place = self.place(phase_id)
        return self.phases[place - 1] if place else None


@dataclass(frozen=True, slots=True)
class Unit:
    """A team, with the phases that its members work."""

    id: int
    name: str
    phases: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Member:
    """A rep who works phases: those set on them, and their unit's."""

    user: str
    name: str
    staffing: Staffing
    phases: frozenset[int] = frozenset()
    unit: int | None = None
    works: frozenset[int] = frozenset()
    """Theirs and their unit's."""
    scope: Scope | None = None
    """What they may see; null for who may not handle customers any more."""


@dataclass(frozen=True, slots=True)
class Step:
    """One phase that a deal came to, and who handled it there; the latest one is the present one."""

    phase: int
    member: str | None
    at: float


@dataclass(frozen=True, slots=True)
class Deal:
    """A customer on its way through a service's phases."""

    id: int
    service: int
    customer: str
    title: str
    size: Size
    source: str
    phase: int
    member: str | None
    """Null: it waits for one."""
    state: State
    opened_at: float
    entered_at: float
    """When it came to its phase."""
    due_at: float
    """When the member should see to it next."""
    first_contact: date
    steps: tuple[Step, ...] = ()
    start: date | None = None
    """Of its contract."""
    end: date | None = None
    price: Money | None = None
    plan: int | None = None
    worth: Money | None = None
    """CLTV; null while nothing can be said."""
    predicted: bool = True
    closed_at: float | None = None
    reason: str = ""
    through: bool = False
    """Whether it got through all phases."""
    again: Again | None = None
    """Why it is due when it is, where that is since something was done; null where it was put off, or came just now."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class NewDeal:
    """What a deal begins with."""

    service: int
    customer: str
    title: str
    size: Size
    source: str
    first_contact: date


@dataclass(frozen=True, slots=True)
class Answer:
    """What an input item was filled with."""

    value: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done for a deal, or came from the customer. ``started_at``, ``ended_at``: null where nobody
    said. ``call``: the call that it was, recorded by itself."""

    id: int
    kind: ActionKind
    incoming: bool
    at: float
    ended_at: float | None
    by: str | None
    note: str = ""
    call: str = ""
    answered: bool | None = None


@dataclass(frozen=True, slots=True)
class ValueChange:
    """What a deal was worth from a moment on, and why that changed."""

    at: float
    by: str
    why: str
    worth: int
    """Minor units of the service's currency."""
    predicted: bool
    made_of: Mapping[str, str] = field(default_factory=dict)
    """Price, months and the rest of the product, as text."""
