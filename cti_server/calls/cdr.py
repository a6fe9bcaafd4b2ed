"""What an exchange that also tells events wrote down about a leg's stretches of a call: the rows of its own record.

One call is one or several rows: a row per attempt at a telephone, and another one after each transfer. A row is written
when its leg is over. It is far poorer than the events: what it doesn't say is null here."""

from __future__ import annotations

from typing import Literal, NamedTuple

Doing = Literal["dial", "queue", "mailbox", "conference", "parking", "refusal", "answering", "other"]
"""What the exchange last did for the leg. ``answering``: the leg was itself dialled. ``refusal``: it gave a busy or
congestion tone."""
Ending = Literal["answered", "no-answer", "busy", "failed"]


class Station(NamedTuple):
    """A leg as the record names it; see `events.LegCreated`."""

    channel: str
    peer: str
    inner: int
    pair: str


class CdrRow(NamedTuple):
    """One row. Times are epoch seconds, UTC, by the exchange's clock."""

    leg: str
    """The id of the leg that it is about; empty where the record doesn't keep it."""
    group: str
    """What the exchange says belongs together; empty where the record doesn't keep it."""
    caller: Station
    reached: Station | None
    """Whom it was put through to, or was to be."""
    number: str
    """The caller's number as presented."""
    name: str
    dialled: str
    """Where the exchange's routing was at last: after a transfer that is its target, and what was dialled is lost."""
    doing: Doing
    place: str
    """The queue, the conference room."""
    outside: str
    """The number that was dialled on a trunk."""
    patience: float | None
    """Seconds after which a queue lets go of its callers by itself."""
    started_at: float
    answered_at: float | None
    """When the leg was first answered, which may have been by the exchange itself."""
    ended_at: float
    ending: Ending
    exact: bool
    """The times are exact to the millisecond; otherwise the fractions of their seconds were cut off."""
