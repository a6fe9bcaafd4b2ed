"""What a reviewer's page shows of one call: its whole trail in chapters (spec C6). Already scoped and masked. Times are
epoch seconds, UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cti_server.calls.tracing import Person, Step
from cti_server.calls.views import CallView, TrailStep

CHAPTERS: Final[Mapping[str, str]] = {
    "started": "exchange",
    "ringing": "exchange",
    "answered": "exchange",
    "transferred": "exchange",
    "ended": "exchange",
    "completed": "exchange",
    "corrected": "exchange",
    "said-late": "exchange",
    "merged": "exchange",
    "matched": "match",
    "picked": "match",
    "registered": "match",
    "attached": "match",
    "dismissed": "match",
    "undismissed": "match",
    "told": "told",
    "opened": "looked",
    "revealed": "looked",
    "raw revealed": "looked",
    "recorded": "recorded",
    "mailed": "recorded",
    "dialled": "recorded",
    "record asked for": "recorded",
    "record answered": "recorded",
    "record missing again": "recorded",
    "record not asked for any more": "recorded",
    "record reminded": "recorded",
    "record escalated": "recorded",
}
"""Which chapter a step of the trail stands in; what is not here is work on the call: ``done``."""
SHOWN_WHOLE: Final = frozenset({"recorded", "mailed", "dialled"})
"""Steps whose record, mail or call back is itself shown."""


class SentMail(NamedTuple):
    """A mail to the customer. ``state`` as in ``views.Draft``."""

    to: str
    subject: str
    body: str
    state: str
    problem: str


class CallBack(NamedTuple):
    """A call that somebody asked the exchange to place. ``state`` as in ``ports.DialState``; ``made_call``: the call
    that came of it, where the viewer may see it."""

    at: float
    by_name: str
    state: str
    exchange: str
    extension: str
    made_call: str


@dataclass(slots=True)
class CallTrail:
    """One call from the exchange's bytes to what was recorded."""

    call: CallView
    timezone: str
    """The branch's: the page's times are in it."""
    steps: list[Step]
    """From the number to the screens, each with its light."""
    people: list[Person]
    chapters: dict[str, list[TrailStep]] = field(default_factory=dict)
    mails: dict[int, SentMail] = field(default_factory=dict)
    """By the record that each is."""
    call_backs: list[CallBack] = field(default_factory=list)
    written_at: float | None = None
    """When the server first wrote of it."""
    may_reveal: bool = False
    """Whether the viewer may see the bytes with whole numbers and names, for a reason."""
