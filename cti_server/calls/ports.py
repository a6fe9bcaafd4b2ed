"""What the desk needs of the outside: the repositories of a unit of work, and the records that they hand over.

Everything a repository returns has passed the gate: it lies within the scope that the unit of work was opened for.
What lies outside is not there, so that it reads as not found. Times are epoch seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from cti_server.calls.log import CallLog
from cti_server.calls.views import (
    CallQuery,
    Counts,
    ExchangeRow,
    Gap,
    HistoryRow,
    Match,
    Tab,
    Taken,
    UnreadReason,
    UnreadRow,
)
from cti_server.shared.deliveries import Delivery
from cti_server.shared.people import Branch, Customer, CustomerNumber
from cti_server.shared.scope import Label, Scope, Span
from cti_server.shared.telephones import Telephone

ItemState = Literal["open", "waiting", "done"]
DialState = Literal["asked", "ringing", "answered", "busy", "noanswer", "failed"]


class Place(NamedTuple):
    """Where a page of calls ends: the next one begins below it."""

    at: float
    key: str


class NamePlace(NamedTuple):
    """Where a page of customers ends. ``phase`` is ``kana`` or ``name``: what the customers were found by."""

    phase: str
    key: str
    code: str


class Sought(NamedTuple):
    """A telephone number that is looked for: whole, or by its last digits."""

    whole: str | None = None
    """E.164."""
    last: str = ""
    """The last four to eight digits, where the whole number is not known."""


@dataclass(slots=True)
class Sighting:
    """One way in which the viewer may see a call: as that of this candidate, of an unregistered caller, or between
    extensions. ``customer`` comes without its numbers and notes."""

    label: Label
    match: Match
    customer: Customer | None = None


@dataclass(slots=True)
class SeenCall:
    """A call with the sights of it that the viewer's scope admits (at least one), ranked."""

    log: CallLog
    sightings: list[Sighting]
    item: int | None = None
    open: bool = False
    handled: bool = False
    handled_by: str | None = None
    handled_at: float | None = None
    picked: str | None = None
    """The customer that the call was attached to, which may be one that the viewer does not see."""
    receiver: str | None = None

    @property
    def customers(self) -> list[Customer]:
        """The candidates among the sightings."""
        return [sighting.customer for sighting in self.sightings if sighting.customer is not None]

    @property
    def labels(self) -> list[Label]:
        """Under what the viewer sees it."""
        return [sighting.label for sighting in self.sightings]


@dataclass(slots=True)
class Task:
    """One thing to do, as stored."""

    id: int
    kind: Literal["missed", "answered", "unregistered"]
    branch: str
    state: ItemState
    due_at: float | None = None
    snoozed_until: float | None = None
    snooze_reason: str = ""
    snoozed_by: str | None = None
    assignee: str | None = None
    handed_by: str | None = None
    hand_note: str = ""
    picked: str | None = None
    draft_state: str = "open"


class TaskPlace(NamedTuple):
    """A task in a list, with the newest of its calls that the list is about and how many of them there are."""

    task: Task
    call_id: str
    calls: int


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the firm's people as the desk needs them."""

    id: str
    name: str
    branch: str
    mail: str
    scope: Scope
    active: bool = True


@dataclass(slots=True)
class HistoryEntry:
    """A contact-history record that is to be kept."""

    customer: str | None
    item: int | None
    kind: str
    channel: str
    result: str
    note: str
    at: float
    by: str
    calls: list[str] = field(default_factory=list)


@dataclass(slots=True)
class MailEntry:
    """A mail to a customer."""

    item: int | None
    customer: str | None
    call: str | None
    user: str
    to: str
    reply_to: str
    subject: str
    body: str
    at: float
    state: str = "queued"
    problem: str = ""
    history: int | None = None


@dataclass(slots=True)
class DialEntry:
    """A call that a user asks the exchange to place."""

    user: str
    exchange: str
    extension: str
    number: str
    at: float
    item: int | None = None
    call: str | None = None
    customer: str | None = None
    state: str = "asked"
    made_call: str = ""
    """The call that came of it."""


class TrailEntry(NamedTuple):
    """One entry of the trail. ``customer`` is the candidate that it names: only who sees them sees the entry."""

    at: float
    user: str | None
    act: str
    customer: str | None
    detail: Mapping[str, Any]


class CorrectionEntry(NamedTuple):
    """A correction as it is kept. ``by`` is a user, or whoever ran a command by the machine's name for them; empty: the
    server. ``what``: ``added``, ``changed``, ``kept``; ``fields``: column -> [what it was, what it is]."""

    at: float
    by: str
    why: str
    what: str
    fields: Mapping[str, Any]


class BoardNumbers(NamedTuple):
    """What a branch's board counts. ``open_per_rep``: (user or null, open, handled today)."""

    open_per_rep: list[tuple[str | None, int, int]]
    answered: int
    missed: int


class Calls(Protocol):
    """The calls within the scope."""

    def get(self, call_ids: Sequence[str]) -> list[SeenCall]:
        """Those of them that exist, in the order asked for."""

    def page(
        self, query: CallQuery, sought: Sought | None, after: Place | None, limit: int
    ) -> tuple[list[SeenCall], Place | None]:
        """Newest first; the place is null at the end."""

    def live(self, limit: int) -> list[SeenCall]:
        """Those not over yet, newest first."""

    def of_item(self, item: int, limit: int) -> list[SeenCall]:
        """The calls of an item, newest first."""

    def of_customer(self, code: str, limit: int) -> list[SeenCall]:
        """The calls that may be a customer's, newest first."""

    def unregistered(self, after: Place | None, limit: int) -> tuple[list[SeenCall], Place | None]:
        """Inbound calls of callers who match nobody and were not marked as no customer, newest first."""

    def taken(self, since: float, limit: int) -> list[Taken]:
        """Calls that the user took and may not see."""

    def receive(self, call: SeenCall, user: str | None, by: str, at: float, why: str) -> None:
        """Keeps who took a call, as a recorded correction by ``by``."""

    def board(self, branch: str, since: float) -> BoardNumbers:
        """What the board of a branch counts from ``since``."""


class Work(Protocol):
    """The items and what is done with them. Every change reaches all who see the item, beyond the user's own scope:
    counts, marks and the notice (a row of the outbox) are the server's own work."""

    def get(self, item: int) -> Task | None:
        """The item, if it exists for the user."""

    def page(
        self, tab: Tab, since: float | None, until: float | None, after: Place | None, limit: int, now: float
    ) -> tuple[list[TaskPlace], Place | None]:
        """A tab of the worklist, newest first."""

    def counts(self, since: float | None, until: float | None, now: float) -> Counts:
        """Calls handled and open, capped."""

    def of_customer(self, code: str) -> list[TaskPlace]:
        """What is open about a customer."""

    def handle(self, call_ids: Sequence[str], by: str, at: float) -> list[str]:
        """Marks inbound calls handled that were not; returns those. An item without an open call is done."""

    def reopen(self, call_ids: Sequence[str], *, handled_at: float | None = None, at: float) -> list[str]:
        """Takes *handled* back (only marks set at ``handled_at``, where that is given); returns the calls."""

    def snooze(self, item: int, until: float, reason: str, by: str, at: float) -> None:
        """Puts an item off."""

    def wake(self, item: int, at: float) -> None:
        """Takes an item out of waiting."""

    def assign(self, item: int, user: str | None, note: str, by: str | None, at: float) -> None:
        """Says whose item it is (null: nobody's in particular), who says so, and what they write about it."""

    def pick(self, item: int, code: str, at: float) -> None:
        """Attaches the calls of an item to one of their candidates."""

    def may_read(self, item: int, author: str) -> bool:
        """Whether the user sees all candidates of an item that ``author`` sees, so that what the author wrote about
        it names nobody hidden."""

    def may_read_call(self, call_id: str, author: str) -> bool:
        """The same for what the author wrote about a call."""

    def note(self, item: int) -> str:
        """What the user typed about an item and has not saved."""

    def keep_note(self, item: int, text: str, at: float) -> None:
        """Keeps what the user types; empty text drops it."""

    def told(self, call_ids: Iterable[str], items: Iterable[int], at: float, users: Iterable[str] = ()) -> None:
        """Leaves a notice that the work of these calls changed."""


class Customers(Protocol):
    """The customers within the scope."""

    def get(self, code: str) -> Customer | None:
        """One with its numbers."""

    def some(self, codes: Sequence[str]) -> list[Customer]:
        """Several, without numbers and notes, in the order asked for."""

    def by_number(self, sought: Sought, limit: int) -> list[Customer]:
        """Those who have this number, with numbers."""

    def page(self, prefix: str, after: NamePlace | None, limit: int) -> tuple[list[Customer], NamePlace | None]:
        """Those whose kana, then those whose name begins so (a search key; empty: all), without numbers."""

    def by_code(self, prefix: str, limit: int) -> list[Customer]:
        """Those whose code begins so."""

    def add(self, customer: Customer) -> None:
        """Registers one; past calls of its numbers are matched. Raises Invalid where the code is taken."""

    def numbers(self, shown: Sequence[str]) -> list[CustomerNumber]:
        """Numbers as entered, as they are kept. Raises Invalid for one that can't be a telephone number."""

    def change(self, customer: Customer, at: float) -> None:
        """Saves one as it is given; raises Conflict unless ``version`` is the current one. Sights follow."""

    def add_number(self, code: str, number: CustomerNumber, at: float) -> None:
        """Gives a customer one more number; past calls of it are matched."""

    def dismiss(self, number: str, branch: str, by: str, at: float) -> None:
        """Marks a number as no customer's for a branch."""

    def undismiss(self, number: str, branch: str) -> float | None:
        """Takes it back; returns when it was marked, null if it was not."""


class Records(Protocol):
    """Contact history, mails, dials and the trail, within the scope."""

    def add_history(self, entry: HistoryEntry) -> int:
        """Keeps a record with its calls."""

    def history(self, history_id: int) -> HistoryRow | None:
        """One record; ``by_name`` is left empty."""

    def history_of_customer(self, code: str, limit: int) -> list[HistoryRow]:
        """The latest first."""

    def history_of_calls(self, call_ids: Sequence[str], limit: int) -> list[HistoryRow]:
        """The records that answer these calls, the latest first."""

    def hand_overs_of_customer(self, code: str, limit: int) -> list[HistoryRow]:
        """When calls of a customer were handed to a colleague, the latest first (kind ``hand-over``, no id)."""

    def hand_overs_of_calls(self, call_ids: Sequence[str], limit: int) -> list[HistoryRow]:
        """When these calls were handed to a colleague, the latest first."""

    def undo_history(self, history_id: int, at: float) -> None:
        """Marks a record undone; ``at``: when, epoch seconds, UTC."""

    def add_mail(self, entry: MailEntry) -> int:
        """Queues a mail and tells the daemon."""

    def mail_of_item(self, item: int) -> MailEntry | None:
        """The last one."""

    def mail_of_history(self, history_id: int) -> MailEntry | None:
        """The one that the record is about."""

    def add_dial(self, entry: DialEntry) -> int:
        """Asks the daemon to place a call."""

    def dial(self, dial_id: int) -> DialEntry | None:
        """One of them."""

    def dial_of_item(self, item: int) -> DialEntry | None:
        """The last one."""

    def dial_of_user(self, user: str) -> DialEntry | None:
        """The last one."""

    def add_trail(self, subject_kind: str, subject_id: str, entries: Iterable[TrailEntry]) -> None:
        """Notes what happened."""

    def looked(self, subject_kind: str, subject_id: str, user: str, since: float) -> bool:
        """Whether the trail has a look of the user at it since then."""

    def trail(self, call_id: str) -> list[TrailEntry]:
        """What happened with a call, in order."""

    def corrections(self, call_id: str) -> list[CorrectionEntry]:
        """What was corrected of a call, the latest first."""


class Firm(Protocol):
    """Branches, people and exchanges: nothing of customers, so that no scope applies."""

    def branches(self) -> dict[str, Branch]:
        """All of them by code."""

    def colleagues(self, ids: Iterable[str]) -> dict[str, Colleague]:
        """Those who exist, by id."""

    def handlers(self, branches: Iterable[str], ids: Iterable[str]) -> list[Colleague]:
        """Active users who may handle calls: those of the branches, those named, and those of every branch's span."""

    def people(self, branch: str | None) -> list[tuple[str, str]]:
        """(user, name) of the active users who may handle, of a branch or all, by kana."""

    def template(self, branch: str, language: str) -> tuple[str, str] | None:
        """(subject, body) of the callback draft: the branch's own, else everybody's."""

    def gaps(self, since: float, branch: str | None) -> list[Gap]:
        """Gaps that lasted beyond ``since``, the latest first."""

    def exchanges(self, branch: str | None) -> list[ExchangeRow]:
        """The exchanges' states."""

    def unread(self, exchange: str, limit: int) -> list[tuple[UnreadRow, bytes]]:
        """The last records of an exchange that could not be read, with their bytes."""

    def unread_reasons(self, exchange: str) -> list[UnreadReason]:
        """Why records of an exchange could not be read, the most frequent first."""


class Tracing(Protocol):
    """What it takes to say why there was no pop-up. Nothing of customers but what hangs on a call within the scope."""

    def delivery(self, call_id: str) -> Delivery | None:
        """Who was told of a call within the scope; null where that is not kept."""

    def telephones(self, exchange: str, extensions: Iterable[str], since: float) -> dict[str, Telephone]:
        """Whose the extensions are, and who had them since then (epoch seconds, UTC); those that are known."""

    def gap_at(self, exchange: str, at: float) -> Gap | None:
        """The gap in which a moment lies."""

    def unread_between(self, exchange: str, since: float, until: float) -> int:
        """How many pieces could not be read that came then."""

    def signed_in(self, users: Iterable[str], now: float) -> dict[str, float]:
        """When those who have a session were last seen."""

    def dismissed(self, number: str, branch: str) -> bool:
        """Whether a branch marked a number as no customer's."""


class UnitOfWork(Protocol):
    """One transaction, seen through one scope."""

    @property
    def calls(self) -> Calls:
        """The calls."""

    @property
    def work(self) -> Work:
        """What is to be done."""

    @property
    def customers(self) -> Customers:
        """The customers."""

    @property
    def records(self) -> Records:
        """What was done."""

    @property
    def tracing(self) -> Tracing:
        """The way from the bytes to the screens."""

    @property
    def firm(self) -> Firm:
        """Ourselves."""


def reach(scope: Scope) -> str | None:
    """The branch to which lists of what has no identity (gaps, exchanges, boards) are held; null for all."""
    return None if scope.everything or scope.span is Span.ALL else scope.branch
