"""What the pages of the calls room show: plain data, already scoped and masked. Times are epoch seconds, UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from cti_server.calls.log import CallLog

Tab = Literal["open", "waiting", "team", "done"]
Match = Literal["exact", "probable", "none", "withheld", "internal", "erased"]


@dataclass(slots=True)
class Who:
    """One customer as the viewer may see it. ``match`` says how sure it is that the call is theirs."""

    code: str
    name: str
    kana: str
    branch: str
    branch_name: str
    rep: str | None
    rep_name: str
    confidentiality: int
    match: Match = "exact"
    mail: str = ""
    language: str = "ja"
    attached: bool = False
    """Whether this customer was picked for the call (or is the only exact match)."""


@dataclass(slots=True)
class CallRow:
    """A call in a list. ``number`` is formatted for the reader and masked unless needed (``number_masked``)."""

    id: str
    exchange: str
    branch: str
    branch_name: str
    direction: str | None
    """Null where the exchange doesn't say, as with the seconds."""
    state: str
    disposition: str | None
    started_at: float
    answered_at: float | None
    ended_at: float | None
    talk_seconds: float | None
    ring_seconds: float | None
    number: str
    number_masked: bool
    caller_name: str | None
    dialed_number: str | None
    queue: str | None
    extension: str | None
    """Who talked, else who rang."""
    receiver_name: str
    who: list[Who] = field(default_factory=list)
    """Those the viewer may see, ranked; empty for an unregistered, withheld or internal call."""
    match: Match = "none"
    open: bool = False
    handled_by_name: str = ""
    handled_at: float | None = None
    item: int | None = None
    marks: list[str] = field(default_factory=list)
    asks_who: bool = False
    """A shared telephone took it, and nobody said yet who did."""


@dataclass(slots=True)
class ItemRow:
    """One thing to do: the calls of one caller that nobody has answered to yet (spec: three calls, one open item)."""

    id: int
    kind: Literal["missed", "answered", "unregistered", "handed"]
    latest: CallRow
    calls: int
    due_at: float | None
    snoozed_until: float | None
    snooze_reason: str
    assignee: str | None
    assignee_name: str


@dataclass(slots=True)
class Counts:
    """Calls handled and open within the period, for this viewer; ``bell`` is the open items (at most 100 counted)."""

    handled: int = 0
    open: int = 0
    waiting: int = 0
    team: int = 0
    bell: int = 0


@dataclass(slots=True)
class Gap:
    """A time in which an exchange was not heard; ``ended_at`` null while it lasts."""

    exchange: str
    branch: str
    branch_name: str
    started_at: float
    ended_at: float | None
    reason: str
    source: str = ""
    """From which kind of the exchange's own record calls were fetched: ``csv`` or ``table``; ``buffer``: it keeps its
    records itself until it can hand them over; empty: none."""
    recovered: int | None = 0
    """Calls that nobody had heard of. This and the next two are null for who doesn't look after exchanges: they count
    calls that the viewer may not see, too (spec C4)."""
    completed: int | None = 0
    """Calls that it had cut, of which the missing parts were filled in."""
    unread: int | None = 0
    """Rows of the record that can't be read."""
    problem: str = ""
    """Why nothing could be fetched; for who looks after exchanges a code with values, for others ``record-failed``."""
    problem_values: dict[str, object] = field(default_factory=dict)
    fetched_at: float | None = None
    """When the record was read last; null: not yet."""
    finished_at: float | None = None
    """Since when nothing more is expected."""

    @property
    def given_back(self) -> Literal["", "waiting", "fetched", "kept", "failed"]:
        """How far the record gave back what it hid; empty: there is no record, or it lasts."""
        if self.ended_at is None or self.problem == "record-none":
            return ""
        if self.source == "buffer":
            return "kept"
        if self.problem:
            return "failed"
        if self.fetched_at is not None:
            return "fetched"
        return "" if self.finished_at is not None else "waiting"


@dataclass(slots=True)
class Worklist:
    """The desk's list."""

    tab: Tab
    items: list[ItemRow]
    counts: Counts
    gaps: list[Gap] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    next: str | None = None
    """Cursor of the next page; null at the end."""


@dataclass(slots=True)
class Taken:
    """A call that the viewer took from a customer they may not see: that it was taken, and nothing of who it was."""

    started_at: float
    extension: str
    talk_seconds: float | None


@dataclass(slots=True)
class HistoryRow:
    """One contact-history record."""

    id: int
    kind: str
    """``contact``, ``visit booking``, ``seminar booking``; ``hand-over``: a call became a colleague's to deal with."""
    channel: str
    """``phone``, ``mail``, ``visit`` or ``other``."""
    result: str
    note: str
    at: float
    by: str
    by_name: str
    call_ids: list[str] = field(default_factory=list)
    undone: bool = False
    behalf: str = ""
    behalf_name: str = ""
    """For whom the author stood in; empty for nobody."""
    mail_state: str = ""
    """How the mail that it is stands (``queued``, ``sent``, ``failed``); empty where it is none of ours."""
    to: str = ""
    to_name: str = ""
    """To whom it was handed over."""


@dataclass(slots=True)
class Draft:
    """The callback draft: a text ready to send (spec C5). ``state``: ``open``, ``sent``, ``queued``, ``failed``,
    ``closed`` (the call back connected)."""

    subject: str
    body: str
    to: str
    state: str
    problem: str = ""


@dataclass(slots=True)
class ItemView:
    """The middle of the desk: one item with all that is needed to deal with it."""

    row: ItemRow
    calls: list[CallRow]
    candidates: list[Who]
    customer: Who | None
    """The picked (or only) customer; null while several candidates stand or nobody is registered."""
    address: str
    history: list[HistoryRow]
    draft: Draft | None
    note_draft: str
    may_handle: bool
    can_dial: bool
    dial_uri: str
    """``tel:`` address, empty where the number is withheld or masked."""
    dialling: str = ""
    """State of the last call back placed for it: ``asked``, ``ringing``, ``answered``, ``busy``, ``noanswer``,
    ``failed`` or empty."""
    handed_by_name: str = ""
    hand_note: str = ""
    """What the colleague wrote who handed it on."""


@dataclass(slots=True)
class TrailStep:
    """One step of a call's trail: what happened, when, to or by whom."""

    at: float
    kind: str
    """``ringing``, ``answered``, ``held``, ``transferred``, ``ended``, ``matched``, ``told``, ``opened``, ``handled``,
    ``dialled``, ``mailed`` ..."""
    text: str
    reason: str = ""
    """Why, in the words of who did it; only where the viewer sees all candidates that they see."""


class CorrectionRow(NamedTuple):
    """What was corrected of a call that was over. ``what``: ``added``, ``changed`` or ``kept`` (what the exchange sent
    does not show it, but somebody worked on it); ``fields``: (name, what it was, what it is), as the viewer may see
    them. ``by_name`` is empty for the server itself, and for whom the viewer is not told of."""

    at: float
    by_name: str
    why: str
    what: str
    fields: list[tuple[str, Any, Any]]


@dataclass(slots=True)
class CallView:
    """One call with its trail."""

    row: CallRow
    log: CallLog | None
    """The full entry; its numbers blanked where the viewer need not see them whole."""
    trail: list[TrailStep]
    history: list[HistoryRow]
    receiver: str | None = None
    may_enter_receiver: bool = False
    """Whether the viewer may say who took it: the exchange can't tell, since the telephone was nobody's in
    particular."""
    corrections: list[CorrectionRow] = field(default_factory=list)
    """The latest first."""


@dataclass(slots=True)
class CallPage:
    """One page of a list of calls, newest first."""

    rows: list[CallRow]
    next: str | None
    live: list[CallRow] = field(default_factory=list)


@dataclass(slots=True)
class CallQuery:
    """What a list of calls is filtered by; null means no filter. Times are epoch seconds, UTC."""

    since: float | None = None
    until: float | None = None
    branch: str | None = None
    rep: str | None = None
    direction: str | None = None
    outcome: str | None = None
    handled: bool | None = None
    customer: str | None = None
    digits: str | None = None
    """The number's last four (or more) digits, or a whole number in any form."""
    unregistered: bool | None = None


@dataclass(slots=True)
class CustomerView:
    """A customer's card: everything about one."""

    who: Who
    address: str
    notes: str
    numbers: list[tuple[str, str, bool]]
    """(number in the reader's format or masked, kind, masked)."""
    history: list[HistoryRow]
    calls: list[CallRow]
    open_items: list[ItemRow]
    version: int


@dataclass(slots=True)
class CustomerPage:
    """One page of customers, by kana."""

    rows: list[Who]
    next: str | None


@dataclass(slots=True)
class ExchangeRow:
    """An exchange as its feed last reported it. ``state`` is ``starting``, ``connecting``, ``connected``, ``refused``,
    ``lost`` ...; ``reason`` is a stable code that pages translate with ``reason_values``."""

    id: str
    name: str
    kind: str
    branch: str
    branch_name: str
    state: str
    reason: str
    reason_values: dict[str, Any]
    since: float | None
    connected_since: float | None
    last_event: float | None
    counters: dict[str, Any]


@dataclass(slots=True)
class UnreadRow:
    """A record of an exchange that could not be read: where it lies in the journal and why. ``text`` is what the reader
    may see of it (``raw_text``): its bytes may name callers."""

    exchange: str
    record: int
    number: int
    """Which of the records that begin there."""
    at: float
    reason: str
    size: int
    text: str = ""


class UnreadReason(NamedTuple):
    """Why records of an exchange could not be read; how many for that reason, and when the latest of them came."""

    reason: str
    number: int
    at: float


@dataclass(slots=True)
class BranchBoard:
    """The shared screen of a branch: what rings, who waits, what is open per rep. No identity is on it."""

    branch: str
    branch_name: str
    ringing: list[CallRow]
    talking: list[CallRow]
    waiting: list[CallRow]
    open_per_rep: list[tuple[str, int, int]]
    """(rep's name, open, handled today)."""
    answered_today: int
    missed_today: int
    gaps: list[Gap] = field(default_factory=list)
