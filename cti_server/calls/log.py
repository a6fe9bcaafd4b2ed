"""The call log: one entry for ONE caller's call, however many channels, queues and transfers it took (spec C2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from cti_server.shared.phone import withheld

Direction = Literal["in", "out", "internal"]
Disposition = Literal["answered", "missed", "abandoned", "busy", "failed", "voicemail"]
State = Literal["arriving", "ringing", "waiting", "talking", "held", "ended"]
Side = Literal["caller", "callee", "pbx"]
IN_PART: Final = "number-in-part"
AWAITED: Final = "more-records-awaited"
SETTLING: Final = "may-be-completed"
"""Marks of a call that is over, and not final: other records of it may come."""
FORGOTTEN: Final = "forgotten"
"""Who it was with was erased."""
UNSUPPORTED: Final = "not-in-journal"
"""Mark of a call that its journal, folded again, does not know: kept because somebody worked on it."""


@dataclass(slots=True)
class CallLog:
    """One call as the caller would count it. Times are epoch seconds, UTC, by the exchange's clock.

    ``disposition`` and ``ended_at`` are null while the call is live (``state`` other than ``ended``). A call whose end
    nobody saw is ended with ``ended_at`` null, the interval in ``ended_between`` and the mark ``end-not-seen``.
    Exchanges that write a record of a call when it is over often say less: what they don't say is null, also
    ``direction``, ``answered``, the seconds and ``disposition``.
    Fields that ``corpus/ami/README.md`` names have exactly the meaning given there.
    """

    id: str
    """``<exchange id>-<Uniqueid of the caller's channel>``: the same whenever the same bytes are folded again."""
    exchange: str
    branch: str
    direction: Direction | None
    state: State
    started_at: float
    caller_number: str | None = None
    """As received; null when withheld. The outside party's where the direction is not known."""
    caller_name: str | None = None
    dialed_number: str | None = None
    presented_number: str | None = None
    party_e164: str | None = None
    """The outside party's number as E.164 (caller of ``in``, dialled of ``out``); null when withheld or no such
    number."""
    queue: str | None = None
    rang_extensions: list[str] = field(default_factory=list)
    """Sorted."""
    attempted_extensions: list[str] = field(default_factory=list)
    """Refused without ringing; sorted."""
    ringing_extensions: list[str] = field(default_factory=list)
    """Those ringing at this moment; empty once ended."""
    talking_extension: str | None = None
    """Who of ours talks at this moment."""
    answered: bool | None = False
    answered_by_extension: str | None = None
    answered_by_number: str | None = None
    final_extension: str | None = None
    transferred_to: list[str] = field(default_factory=list)
    """In order."""
    ringing_at: float | None = None
    answered_at: float | None = None
    pbx_answered_at: float | None = None
    ended_at: float | None = None
    ended_between: tuple[float, float] | None = None
    ring_seconds: float | None = 0.0
    wait_seconds: float | None = 0.0
    talk_seconds: float | None = 0.0
    hold_seconds: float | None = 0.0
    hangup_by: Side | None = None
    disposition: Disposition | None = None
    voicemail_left: bool | None = None
    fax: bool = False
    recording: str | None = None
    linkedids: list[str] = field(default_factory=list)
    """Every Linkedid that the call's channels ever had, in order of appearance."""
    marks: list[str] = field(default_factory=list)
    """What a reader has to know: ``end-not-seen``, ``cut-by-gap``, ``start-not-seen``; of calls that are known from
    records ``start-worked-out``, ``start-not-said``, ``no-time-said``, ``number-in-part``, ``more-records-awaited``."""
    merged_into: str | None = None
    """The id of the call that this one turned out to be a part of (a consultation that became a transfer). Such an
    entry is no call of its own any more: who shows or stores it takes it back."""
    over_when_told: bool = False
    """Known from a record that the exchange wrote when it was over: nothing that a screen is to pop up for. Not
    stored."""


class Settled(NamedTuple):
    """An entry that is final from now on: no other record of it comes any more. Nothing else of it changed."""

    id: str
    marks: list[str]
    """All that are left."""


def outside_party(log: CallLog) -> str | None:
    """The outside party's number as best known: E.164, else as the exchange reported it; null when withheld, where the
    exchange shows only a part of it, and for calls between extensions."""
    if log.party_e164 or log.direction == "internal" or IN_PART in log.marks:
        return log.party_e164
    return shown_party(log)


def shown_party(log: CallLog) -> str | None:
    """The outside party's number to be read by people: also the part of one that the exchange shows."""
    if log.party_e164 or log.direction == "internal":
        return log.party_e164
    raw = log.dialed_number if log.direction == "out" else log.caller_number
    return None if withheld(raw) else raw
