"""What an exchange can tell about calls, free of any vendor's words.

A *leg* is one channel of the exchange: one telephone, trunk line or inner half of the exchange, seen from the
exchange's side. Legs are named by an id that the exchange never uses twice. ``at`` is epoch seconds, UTC, by the
exchange's clock; for what the exchange itself cannot tell (`LinkUp`, `LinkLost`, `Swept`) by ours."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from cti_server.calls.records import CallRecord

LegState = Literal["down", "ring", "ringing", "up", "busy", "other"]
"""``ring``: the leg calls the exchange; ``ringing``: the exchange rings the leg."""
DialStatus = Literal["answered", "busy", "cancelled", "congestion", "unavailable", "no-answer", "other"]


class LegCreated(NamedTuple):
    """A leg came to be."""

    at: float
    leg: str
    group: str
    """What the exchange says belongs together; the id of the group's first leg."""
    channel: str
    """The exchange's own name of the leg, as trunk patterns are matched against it."""
    peer: str
    """The device (``2001``, ``trunk``); of an inner leg the number that it was made for; empty where there is none."""
    inner: int
    """0: a device. 1 or 2: half of a pair inside the exchange. -1: an aid of the exchange that nobody speaks
    through."""
    pair: str
    """Equal for both halves of an inner pair."""
    state: LegState
    number: str
    name: str
    dialled: str
    """What the leg calls, where it calls the exchange."""


class LegChanged(NamedTuple):
    """A leg rings, is up, is busy."""

    at: float
    leg: str
    state: LegState


class CallerChanged(NamedTuple):
    """The exchange gave a leg another number or name."""

    at: float
    leg: str
    number: str
    name: str


class DialBegun(NamedTuple):
    """One leg (none where the exchange dials by itself) has another one dialled."""

    at: float
    leg: str
    target: str
    dialled: str
    """The number asked for, where a trunk is dialled."""
    asked: str
    """The number that the dialling leg is at in the exchange's routing."""
    presented: str
    """The dialling leg's number as shown to the other side."""


class DialEnded(NamedTuple):
    """A dialled leg was answered or is dialled no more."""

    at: float
    leg: str
    target: str
    status: DialStatus
    forwarded: bool


class Bridged(NamedTuple):
    """A leg is joined to others. ``connects``: who is in there talks to each other (not: a parking place, a
    conference)."""

    at: float
    leg: str
    group: str
    bridge: str
    connects: bool


class Unbridged(NamedTuple):
    """A leg left a bridge."""

    at: float
    leg: str
    bridge: str


class HangupRequested(NamedTuple):
    """The far end of a leg hung up (or, where the exchange refuses a call, the exchange asks it to)."""

    at: float
    leg: str
    cause: int | None


class LegEnded(NamedTuple):
    """A leg is gone."""

    at: float
    leg: str
    group: str
    cause: int


class Held(NamedTuple):
    """The far end of a leg put the call on hold."""

    at: float
    leg: str


class Unheld(NamedTuple):
    """The far end of a leg took the call back."""

    at: float
    leg: str


class TransferredBlind(NamedTuple):
    """A leg sent its partner elsewhere, without asking there first."""

    at: float
    transferer: str
    transferee: str
    extension: str


class TransferredAttended(NamedTuple):
    """A leg joined its partner with the one it had consulted. The transferer may have had a leg to each, or one."""

    at: float
    transferer: str
    second_transferer: str
    transferee: str
    target: str


class QueueJoined(NamedTuple):
    """A leg waits in a queue."""

    at: float
    leg: str
    queue: str


class QueueLeft(NamedTuple):
    """A leg waits in the queue no more, whatever the reason."""

    at: float
    leg: str


class AgentConnected(NamedTuple):
    """A queue gave a waiting leg to an agent's."""

    at: float
    leg: str
    agent: str


class PickedUp(NamedTuple):
    """A leg took the call that rang at another one."""

    at: float
    picker: str
    target: str


class Parked(NamedTuple):
    """A leg was put aside, for anybody to take."""

    at: float
    leg: str


class Unparked(NamedTuple):
    """A leg took one that had been put aside."""

    at: float
    leg: str
    retriever: str


class ConferenceJoined(NamedTuple):
    """A leg is in a conference room."""

    at: float
    leg: str
    room: str


class ReachedVoicemail(NamedTuple):
    """A leg speaks to a mailbox."""

    at: float
    leg: str


class VoicemailLeft(NamedTuple):
    """A message was kept in a mailbox. ``leg`` may be empty: the exchange doesn't always say who left it."""

    at: float
    leg: str
    mailbox: str


class Accounted(NamedTuple):
    """The exchange wrote its own record of a leg."""

    at: float
    leg: str
    voicemail: bool
    """The last it did with it was to record a message."""
    dialling: bool
    """The last it did with it was to dial for it; otherwise its answer may be the exchange's own."""
    answered_at: float | None
    """About when it was answered, to half a second or so."""


class Originated(NamedTuple):
    """A leg that the exchange dialled on request answered, or didn't. ``dialled``: where it was to be connected."""

    at: float
    leg: str
    """Empty where the exchange names no leg, as when it didn't answer: then ``device`` has to do."""
    device: str
    """How the names of the device's channels begin."""
    dialled: str


class FaxSeen(NamedTuple):
    """A leg is a fax machine."""

    at: float
    leg: str


class Recorded(NamedTuple):
    """A leg is being recorded to a file."""

    at: float
    leg: str
    file: str


class ServerStarted(NamedTuple):
    """The exchange says for how many seconds it has been running."""

    at: float
    uptime: float


class LinkUp(NamedTuple):
    """We hear the exchange (again)."""

    at: float


class LinkLost(NamedTuple):
    """We don't hear the exchange any more. ``heard``: when its last byte arrived, epoch seconds by our clock."""

    at: float
    heard: float


class LegUp(NamedTuple):
    """One leg of a list of all legs that exist."""

    at: float
    created: LegCreated
    """``at``: the best guess of when it came to be."""
    dialled_by_exchange: bool
    """The exchange called it; otherwise it called the exchange."""
    bridge: str
    connects: bool


class LegsListed(NamedTuple):
    """The list of all legs that exist is complete."""

    at: float


class LegsRecorded(NamedTuple):
    """The exchange's own record tells of these legs: they are over, whether we heard it or not."""

    at: float
    legs: frozenset[str]


class RecordRead(NamedTuple):
    """A record that the exchange wrote of a call, when that was over or a part of it."""

    at: float
    """When it arrived; epoch seconds, UTC."""
    record: CallRecord
    raw: bytes
    """The record as it came."""


class Swept(NamedTuple):
    """Time went by."""

    at: float


class Unreadable(NamedTuple):
    """Bytes that make no sense, kept with the reason."""

    raw: bytes
    """At most the first 4 KiB."""
    reason: str
    size: int
    """How many bytes there were."""


Event: TypeAlias = (
    LegCreated
    | LegChanged
    | CallerChanged
    | DialBegun
    | DialEnded
    | Bridged
    | Unbridged
    | HangupRequested
    | LegEnded
    | Held
    | Unheld
    | TransferredBlind
    | TransferredAttended
    | QueueJoined
    | QueueLeft
    | AgentConnected
    | PickedUp
    | Parked
    | Unparked
    | ConferenceJoined
    | ReachedVoicemail
    | VoicemailLeft
    | Accounted
    | Originated
    | FaxSeen
    | Recorded
    | ServerStarted
    | LinkUp
    | LinkLost
    | LegUp
    | LegsListed
    | LegsRecorded
    | RecordRead
    | Swept
)
