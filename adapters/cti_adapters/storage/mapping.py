"""The rows of the tables as plain classes, mapped imperatively. They stay within ``storage/``: the rooms speak the
dataclasses of ``cti_server.shared`` and ``cti_server.calls``.

The annotations only tell the type checker what the mapper puts there.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from sqlalchemy.orm import Mapped, registry, relationship

from cti_adapters.storage import schema, schema_review
from cti_server.shared.scope import Kind, Label

mapper = registry(metadata=schema.metadata)

_HIRAGANA_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}


def search_key(text: str) -> str:
    """What searches for names compare and lists sort by: width and case folded, hiragana as katakana, no spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_HIRAGANA_TO_KATAKANA)
    return "".join(folded.split())


class Row:
    """A row: takes its columns as keyword arguments."""

    def __init__(self, **columns: Any) -> None:
        for name, value in columns.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no column {name}")
            setattr(self, name, value)


class Branch(Row):
    """A branch of the firm."""

    code: Mapped[str]
    name: Mapped[str]
    timezone: Mapped[str]


class Role(Row):
    """A changeable set of authorities."""

    name: Mapped[str]
    span: Mapped[str]
    classes: Mapped[list[int]]
    rights: Mapped[list[str]]


class User(Row):
    """One of the firm's people."""

    id: Mapped[str]
    login: Mapped[str]
    name: Mapped[str]
    kana: Mapped[str]
    mail: Mapped[str]
    branch: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    language: Mapped[str]
    timezone: Mapped[str]
    dial: Mapped[str]
    preferences: Mapped[dict[str, Any]]
    active: Mapped[bool]


class Session(Row):
    """A sign-in."""

    token_hash: Mapped[str]
    user: Mapped[str]
    created: Mapped[float]
    seen: Mapped[float]
    expires: Mapped[float]
    address: Mapped[str]


class SigninFailure(Row):
    """How often a login or an address failed lately."""

    key: Mapped[str]
    failures: Mapped[int]
    last_at: Mapped[float]
    blocked_until: Mapped[float]


class Extension(Row):
    """Whose telephone an extension of an exchange is."""

    exchange: Mapped[str]
    extension: Mapped[str]
    user: Mapped[str | None]
    shared: Mapped[bool]
    since: Mapped[float]


class Seat(Row):
    """That somebody had an extension: for the day, or as their own until it became somebody else's."""

    id: Mapped[int]
    exchange: Mapped[str]
    extension: Mapped[str]
    user: Mapped[str]
    day: Mapped[bool]
    since: Mapped[float]
    until: Mapped[float]
    at_sign_out: Mapped[bool]
    ended_at: Mapped[float | None]
    ended_why: Mapped[str]
    ended_by: Mapped[str | None]


class Template(Row):
    """The text of a callback draft."""

    branch: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]


class CustomerNumber(Row):
    """A telephone number of a customer."""

    customer_code: Mapped[str]
    e164: Mapped[str]
    shown: Mapped[str]
    kind: Mapped[str]
    tail: Mapped[str]
    place: Mapped[int]


class Customer(Row):
    """A registered customer (labelled)."""

    code: Mapped[str]
    name: Mapped[str]
    kana: Mapped[str]
    address: Mapped[str]
    mail: Mapped[str]
    language: Mapped[str]
    branch: Mapped[str]
    rep: Mapped[str | None]
    confidentiality: Mapped[int]
    notes: Mapped[str]
    name_key: Mapped[str]
    kana_key: Mapped[str]
    created_at: Mapped[float]
    version: Mapped[int]
    numbers: Mapped[list[CustomerNumber]]

    @property
    def label(self) -> Label:
        """What the scope rule asks."""
        return Label("customer", self.branch, self.rep, self.confidentiality)


class NotCustomer(Row):
    """A number that a branch marked as nobody it deals with."""

    e164: Mapped[str]
    branch: Mapped[str]
    by: Mapped[str]
    at: Mapped[float]


class Call(Row):
    """A call: the exchange's log entry and what was made of it."""

    id: Mapped[str]
    exchange: Mapped[str]
    branch: Mapped[str]
    direction: Mapped[str | None]
    state: Mapped[str]
    started_at: Mapped[float]
    caller_number: Mapped[str | None]
    caller_name: Mapped[str | None]
    dialed_number: Mapped[str | None]
    presented_number: Mapped[str | None]
    party_e164: Mapped[str | None]
    party_tail: Mapped[str | None]
    queue: Mapped[str | None]
    rang_extensions: Mapped[list[str]]
    attempted_extensions: Mapped[list[str]]
    ringing_extensions: Mapped[list[str]]
    talking_extension: Mapped[str | None]
    answered: Mapped[bool | None]
    answered_by_extension: Mapped[str | None]
    answered_by_number: Mapped[str | None]
    final_extension: Mapped[str | None]
    transferred_to: Mapped[list[str]]
    ringing_at: Mapped[float | None]
    answered_at: Mapped[float | None]
    pbx_answered_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    ended_between: Mapped[list[float] | None]
    ring_seconds: Mapped[float | None]
    wait_seconds: Mapped[float | None]
    talk_seconds: Mapped[float | None]
    hold_seconds: Mapped[float | None]
    hangup_by: Mapped[str | None]
    disposition: Mapped[str | None]
    voicemail_left: Mapped[bool | None]
    fax: Mapped[bool]
    recording: Mapped[str | None]
    linkedids: Mapped[list[str]]
    marks: Mapped[list[str]]
    match: Mapped[str]
    customer_code: Mapped[str | None]
    receiver: Mapped[str | None]
    item_id: Mapped[int | None]
    open: Mapped[bool]
    handled: Mapped[bool]
    handled_by: Mapped[str | None]
    handled_at: Mapped[float | None]
    version: Mapped[int]


class Sight(Row):
    """One way to see a call: as the call of this candidate, of an unregistered caller, or between extensions
    (labelled)."""

    id: Mapped[int]
    call_id: Mapped[str]
    item_id: Mapped[int | None]
    kind: Mapped[Kind]
    tier: Mapped[int]
    customer_code: Mapped[str | None]
    branch: Mapped[str]
    rep: Mapped[str | None]
    confidentiality: Mapped[int | None]
    match: Mapped[str]
    rank: Mapped[int]
    started_at: Mapped[float]
    direction: Mapped[str | None]
    open: Mapped[bool]
    handled: Mapped[bool]

    @property
    def label(self) -> Label:
        """What the scope rule asks."""
        return Label(self.kind, self.branch, self.rep, self.confidentiality)


class Taken(Row):
    """That a user took a call, with nothing of who called."""

    user: Mapped[str]
    call_id: Mapped[str]
    started_at: Mapped[float]
    extension: Mapped[str]
    talk_seconds: Mapped[float | None]


class Item(Row):
    """One thing to do: the calls of one caller that nobody has answered to yet."""

    id: Mapped[int]
    key: Mapped[str]
    branch: Mapped[str]
    state: Mapped[str]
    kind: Mapped[str]
    calls: Mapped[int]
    latest_call: Mapped[str | None]
    latest_at: Mapped[float]
    due_at: Mapped[float | None]
    snoozed_until: Mapped[float | None]
    snooze_reason: Mapped[str]
    snoozed_by: Mapped[str | None]
    assignee: Mapped[str | None]
    handed_by: Mapped[str | None]
    hand_note: Mapped[str]
    customer_code: Mapped[str | None]
    draft_state: Mapped[str]
    closed_at: Mapped[float | None]
    version: Mapped[int]


class Draft(Row):
    """What a user typed about an item and has not saved yet."""

    item_id: Mapped[int]
    user: Mapped[str]
    note: Mapped[str]
    mail_to: Mapped[str | None]
    subject: Mapped[str | None]
    body: Mapped[str | None]
    language: Mapped[str | None]
    at: Mapped[float]


class History(Row):
    """A contact-history record."""

    id: Mapped[int]
    customer_code: Mapped[str | None]
    item_id: Mapped[int | None]
    kind: Mapped[str]
    channel: Mapped[str]
    result: Mapped[str]
    note: Mapped[str]
    at: Mapped[float]
    by: Mapped[str | None]
    behalf: Mapped[str | None]
    automatic: Mapped[bool]
    undone: Mapped[bool]


class HistoryCall(Row):
    """A call that a contact-history record answers."""

    history_id: Mapped[int]
    call_id: Mapped[str]


class Mail(Row):
    """A mail to a customer."""

    id: Mapped[int]
    item_id: Mapped[int | None]
    history_id: Mapped[int | None]
    customer_code: Mapped[str | None]
    call_id: Mapped[str | None]
    user: Mapped[str | None]
    mail_to: Mapped[str]
    reply_to: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    tries: Mapped[int]
    problem: Mapped[str]
    asked_at: Mapped[float]
    next_try: Mapped[float | None]
    sent_at: Mapped[float | None]


class Dial(Row):
    """A call that a user asked the exchange to place."""

    id: Mapped[int]
    item_id: Mapped[int | None]
    call_id: Mapped[str | None]
    customer_code: Mapped[str | None]
    user: Mapped[str]
    exchange: Mapped[str]
    extension: Mapped[str]
    number: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    made_call: Mapped[str | None]
    asked_at: Mapped[float]
    ended_at: Mapped[float | None]


class Exchange(Row):
    """The state of an exchange, as its feed last reported it."""

    id: Mapped[str]
    name: Mapped[str]
    kind: Mapped[str]
    branch: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str]
    reason_values: Mapped[dict[str, Any]]
    since: Mapped[float | None]
    connected_since: Mapped[float | None]
    last_event: Mapped[float | None]
    counters: Mapped[dict[str, Any]]


class ExchangeSetting(Row):
    """What the settings file and the pages say of an exchange."""

    exchange: Mapped[str]
    base: Mapped[dict[str, Any] | None]
    saved: Mapped[dict[str, Any] | None]
    secret: Mapped[str]
    paused: Mapped[bool | None]
    removed: Mapped[bool]
    version: Mapped[int]
    by: Mapped[str | None]
    at: Mapped[float | None]
    before: Mapped[dict[str, Any] | None]


class ExchangeTest(Row):
    """A test of a connection."""

    id: Mapped[int]
    exchange: Mapped[str]
    branch: Mapped[str]
    by: Mapped[str]
    at: Mapped[float]
    settings: Mapped[dict[str, Any]]
    secret: Mapped[str]
    done: Mapped[bool]
    findings: Mapped[dict[str, Any]]


class Gap(Row):
    """A time in which an exchange was not heard."""

    exchange: Mapped[str]
    started_at: Mapped[float]
    ended_at: Mapped[float | None]
    reason: Mapped[str]
    source: Mapped[str]
    recovered: Mapped[int]
    completed: Mapped[int]
    unread: Mapped[int]
    problem: Mapped[str]
    problem_values: Mapped[dict[str, Any]]
    fetched_at: Mapped[float | None]
    finished_at: Mapped[float | None]


class UnreadableRow(Row):
    """Bytes of an exchange that could not be read."""

    exchange: Mapped[str]
    record: Mapped[int]
    number: Mapped[int]
    at: Mapped[float]
    reason: Mapped[str]
    raw: Mapped[bytes]
    size: Mapped[int]


class ProfileVersion(Row):
    """A profile as it was saved once."""

    name: Mapped[str]
    version: Mapped[int]
    at: Mapped[float]
    by: Mapped[str]
    source: Mapped[str]


class RefoldingRow(Row):
    """A folding that a page asked for."""

    id: Mapped[int]
    exchange: Mapped[str]
    by: Mapped[str]
    at: Mapped[float]
    write: Mapped[bool]
    done: Mapped[bool]
    findings: Mapped[dict[str, Any]]


class Correction(Row):
    """What was corrected of a call."""

    id: Mapped[int]
    call_id: Mapped[str]
    at: Mapped[float]
    by: Mapped[str]
    why: Mapped[str]
    what: Mapped[str]
    fields: Mapped[dict[str, Any]]


class Delivery(Row):
    """Who was told of a call."""

    call_id: Mapped[str]
    at: Mapped[float]
    told: Mapped[dict[str, Any]]
    rang: Mapped[dict[str, float]]
    away: Mapped[dict[str, float]]


class Outbox(Row):
    """What the dashboard tells the daemon."""

    id: Mapped[int]
    kind: Mapped[str]
    body: Mapped[dict[str, Any]]
    at: Mapped[float]
    done_at: Mapped[float | None]


class Claim(Row):
    """A record that claims a call which no exchange saw (labelled)."""

    id: Mapped[int]
    history_id: Mapped[int]
    customer_code: Mapped[str]
    tier: Mapped[int]
    branch: Mapped[str]
    rep: Mapped[str | None]
    confidentiality: Mapped[int]
    by: Mapped[str]
    by_branch: Mapped[str]
    at: Mapped[float]
    since: Mapped[float]
    until: Mapped[float]
    pending: Mapped[bool]
    state: Mapped[str]
    exchange: Mapped[str]
    away_since: Mapped[float | None]
    away_until: Mapped[float | None]
    call_id: Mapped[str]
    reason: Mapped[str]
    settled_by: Mapped[str | None]
    settled_at: Mapped[float | None]

    @property
    def label(self) -> Label:
        """What the scope rule asks."""
        return Label("customer", self.branch, self.rep, self.confidentiality)


class Audit(Row):
    """One entry of the trail."""

    id: Mapped[int]
    at: Mapped[float]
    user: Mapped[str | None]
    act: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    customer_code: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    chain: Mapped[int]
    position: Mapped[int]
    salt: Mapped[bytes | None]
    personal: Mapped[bytes | None]
    digest: Mapped[bytes]


def _map() -> None:
    plain = {
        Branch: schema.branches,
        Role: schema.roles,
        User: schema.users,
        Session: schema.sessions,
        SigninFailure: schema.signin_failures,
        Extension: schema.extensions,
        Seat: schema.seats,
        Template: schema.templates,
        CustomerNumber: schema.customer_numbers,
        NotCustomer: schema.not_customers,
        Sight: schema.sights,
        Taken: schema.taken,
        Draft: schema.drafts,
        History: schema.history,
        HistoryCall: schema.history_calls,
        Mail: schema.mails,
        Dial: schema.dials,
        Exchange: schema.exchanges,
        ExchangeTest: schema.exchange_tests,
        ProfileVersion: schema.profiles,
        RefoldingRow: schema.refoldings,
        Gap: schema.gaps,
        UnreadableRow: schema.unreadable,
        Correction: schema.corrections,
        Delivery: schema.deliveries,
        Claim: schema_review.claims,
        Outbox: schema.outbox,
        Audit: schema.audit,
    }
    for row, table in plain.items():
        mapper.map_imperatively(row, table)
    # Those that several people change: a change of a version that is no longer the current one is a conflict.
    for row, table in {Call: schema.calls, Item: schema.items}.items():
        mapper.map_imperatively(row, table, version_id_col=table.c.version)
    settings = schema.exchange_settings
    mapper.map_imperatively(ExchangeSetting, settings, version_id_col=settings.c.version, version_id_generator=False)
    mapper.map_imperatively(
        Customer,
        schema.customers,
        version_id_col=schema.customers.c.version,
        properties={
            "numbers": relationship(
                CustomerNumber,
                order_by=schema.customer_numbers.c.place,
                cascade="all, delete-orphan",
                passive_deletes=True,
                lazy="selectin",
            )
        },
    )


_map()
