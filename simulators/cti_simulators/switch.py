"""The switch: channels and bridges of a simulated Asterisk, and the manager events that each of their steps makes.

Names, headers and their order are those of Asterisk 22.10 as recorded in the corpus of real traces; the tests hold
every scenario against those recordings. Times are the stage's simulated time.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

Headers = list[tuple[str, str]]
Sink = Callable[[str, str, Headers], None]
"""Takes an event: its name, its class (``call``, ``agent``, ``cdr``, ``system``, ``dialplan``) and its headers."""

UNKNOWN = "<unknown>"
STATES = {0: "Down", 3: "Dialing", 4: "Ring", 5: "Ringing", 6: "Up", 7: "Busy"}
CAUSES = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    19: "User alerting, no answer",
    23: "Redirected to new destination",
    26: "Answered elsewhere",
    34: "Circuit/channel congestion",
    127: "Interworking, unspecified",
}
STEP = 0.00005
"""Two events never carry the same time: seconds between events of one burst."""

_ESCAPED = re.compile(r"[\\\"'?\t]")


class Party(NamedTuple):
    """A number and a name; empty where unknown."""

    number: str = ""
    name: str = ""


NOBODY = Party()


@dataclass(slots=True)
class Channel:
    """One leg of a call."""

    name: str
    uniqueid: str
    linkedid: str
    state: int
    caller: Party
    connected: Party
    context: str
    exten: str
    priority: int = 1
    born: float = 0.0

    def headers(self, prefix: str = "") -> Headers:
        """The fourteen headers with which an event describes a channel."""
        values = (
            self.name,
            str(self.state),
            STATES[self.state],
            *_party(self.caller),
            *_party(self.connected),
            "en",
            "",
            self.context,
            self.exten,
            str(self.priority),
            self.uniqueid,
            self.linkedid,
        )
        return [(prefix + key, value) for key, value in zip(_CHANNEL_KEYS, values, strict=True)]


_CHANNEL_KEYS = (
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
)


@dataclass(slots=True)
class Bridge:
    """What joins channels so that they hear each other."""

    uniqueid: str
    technology: str = "simple_bridge"
    channels: list[Channel] = field(default_factory=list)
    kind: str = "basic"
    """``base``: a conference; ``parking``: where parked calls wait."""
    creator: str = UNKNOWN
    name: str = UNKNOWN
    announcers: int = 0
    """Channels that play prompts in a conference: counted, but never told of."""

    def headers(self, prefix: str = "", members: int | None = None) -> Headers:
        """The seven headers with which an event describes a bridge; ``members`` where it is told as it was before."""
        count = len(self.channels) + self.announcers if members is None else members
        return [
            (f"{prefix}Bridge{key}", value)
            for key, value in (
                ("Uniqueid", self.uniqueid),
                ("Type", self.kind),
                ("Technology", self.technology),
                ("Creator", self.creator),
                ("Name", self.name),
                ("NumChannels", str(count)),
                ("VideoSourceMode", "none"),
            )
        ]


@dataclass(frozen=True, slots=True)
class CdrRow:
    """One row of Asterisk's call detail record. Times are epoch seconds, UTC; ``answered`` null where nobody did."""

    channel: Channel
    destination: Channel | None
    application: str
    data: str
    started: float
    answered: float | None
    ended: float
    disposition: str


class Switch:
    """The channels of one exchange. Every method does one step and tells its events to ``sink``."""

    def __init__(self, sink: Sink, now: Callable[[], float], timezone: str = "Asia/Tokyo", seed: int = 0) -> None:
        self._sink = sink
        self._now = now
        self._zone = ZoneInfo(timezone)
        self._random = random.Random(seed)
        self.skew = 0.0
        """Seconds by which this exchange's clock is wrong."""
        self.channels: dict[str, Channel] = {}
        """Those that are up, by Uniqueid."""
        self._made = 0
        self._pairs = 0
        self._last = 0.0

    def timestamp(self) -> float:
        """The exchange's own time, a little later at each call."""
        self._last = max(self._now(), self._last + STEP if self._last - self._now() < 1 else self._now())
        return self._last + self.skew

    def emit(self, name: str, kind: str, headers: Iterable[tuple[str, str]]) -> None:
        """Tells one event with its class and time."""
        self._sink(name, kind, [("Privilege", f"{kind},all"), ("Timestamp", f"{self.timestamp():.6f}"), *headers])

    # -- channels

    def channel(
        self, endpoint: str, state: int, caller: Party, context: str, exten: str, linked: Channel | None = None
    ) -> Channel:
        """Makes a channel of a SIP endpoint (``2001`` or ``trunk``); ``linked`` is the channel that it was made for."""
        return self._make(f"PJSIP/{endpoint}-{self._made:08x}", state, caller, context, exten, linked)

    def local(self, number: str, context: str, linked: Channel) -> tuple[Channel, Channel]:
        """Makes a pair of channels that goes through the dialplan again, to ``number``: the near end, which is rung,
        and the far end, which dials on."""
        name = f"Local/{number}@{context}-{self._pairs:08x}"
        self._pairs += 1
        near = self._make(f"{name};1", 0, NOBODY, context, number, linked)
        return near, self._make(f"{name};2", 4, NOBODY, context, number, linked)

    def _make(self, name: str, state: int, caller: Party, context: str, exten: str, linked: Channel | None) -> Channel:
        told = self.timestamp()
        uniqueid = f"{int(told)}.{self._made}"
        self._made += 1
        made = Channel(name, uniqueid, linked.linkedid if linked else uniqueid, state, caller, NOBODY, context, exten)
        made.born = told - self.skew
        self.channels[uniqueid] = made
        self.emit("Newchannel", "call", made.headers())
        return made

    def state(self, channel: Channel, state: int) -> None:
        """Moves a channel to another state."""
        channel.state = state
        self.emit("Newstate", "call", channel.headers())

    def caller_id(self, channel: Channel, caller: Party) -> None:
        """Sets who a channel's caller is."""
        channel.caller = caller
        self.emit(
            "NewCallerid", "call", [*channel.headers(), ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)")]
        )

    def connected(self, channel: Channel, party: Party) -> None:
        """Tells a channel who is at the other end."""
        channel.connected = party
        self.emit("NewConnectedLine", "call", channel.headers())

    def hangup_request(self, channel: Channel, cause: int | None = None, tech: int | None = None) -> None:
        """That side hung up (or the exchange refused it)."""
        self.emit("HangupRequest", "call", [*channel.headers(), *_cause(cause, tech)])

    def soft_hangup(self, channel: Channel, cause: int = 16, tech: int | None = None) -> None:
        """The exchange ends a channel from inside; it comes with almost every call and means nothing."""
        self.emit("SoftHangupRequest", "call", [*channel.headers(), *_cause(cause, tech)])

    def hangup(self, channel: Channel, cause: int = 16, tech: int | None = None) -> None:
        """A channel is gone."""
        self.channels.pop(channel.uniqueid, None)
        text = [("Cause", str(cause)), ("Cause-txt", CAUSES[cause])]
        self.emit("Hangup", "call", [*channel.headers(), *text, *_tech(tech)])

    def hold(self, channel: Channel) -> None:
        """The phone put the other side on hold."""
        self.emit("Hold", "call", [*channel.headers(), ("MusicClass", "default")])

    def unhold(self, channel: Channel) -> None:
        """The phone took the other side back."""
        self.emit("Unhold", "call", channel.headers())

    def music(self, channel: Channel, on: bool) -> None:
        """Music on hold for a channel begins or ends."""
        if on:
            self.emit("MusicOnHoldStart", "call", [*channel.headers(), ("Class", "default")])
        else:
            self.emit("MusicOnHoldStop", "call", channel.headers())

    def message_waiting(self, channel: Channel, mailbox: str) -> None:
        """The caller left a message."""
        self.emit(
            "MessageWaiting",
            "call",
            [*channel.headers(), ("Mailbox", mailbox), ("Waiting", "1"), ("New", "1"), ("Old", "0")],
        )

    # -- dialling

    def dial_begin(self, caller: Channel | None, callee: Channel, string: str) -> None:
        """A channel begins to ring another; ``caller`` is null for an originated call."""
        self._dial("DialBegin", caller, callee, ("DialString", string))

    def dial_state(self, caller: Channel | None, callee: Channel, status: str = "RINGING") -> None:
        """The rung channel's state."""
        self._dial("DialState", caller, callee, ("DialStatus", status))

    def dial_end(self, caller: Channel | None, callee: Channel, status: str, forward: str = "") -> None:
        """How the ringing ended: ``ANSWER``, ``BUSY``, ``CANCEL``, ``NOANSWER``, ``CONGESTION``. ``forward``: where
        the phone sent the call on."""
        self._dial("DialEnd", caller, callee, *([("Forward", forward)] if forward else []), ("DialStatus", status))

    def _dial(self, name: str, caller: Channel | None, callee: Channel, *more: tuple[str, str]) -> None:
        mine = caller.headers() if caller else []
        self.emit(name, "call", [*mine, *callee.headers("Dest"), *more])

    # -- bridges and transfers

    def bridge(self, like: Bridge | None = None) -> Bridge:
        """Makes an empty bridge: for two people who talk, or ``like`` another."""
        bits = self._random.getrandbits(128)
        uniqueid = re.sub(r"^(.{8})(.{4})(.{4})(.{4})(.{12})$", r"\1-\2-\3-\4-\5", f"{bits:032x}")
        made = replace(like, uniqueid=uniqueid, channels=[]) if like else Bridge(uniqueid)
        self.emit("BridgeCreate", "call", made.headers())
        return made

    def enter(self, bridge: Bridge, channel: Channel, swap: Channel | None = None) -> None:
        """A channel joins; ``swap`` is the one whose place it takes."""
        bridge.channels.append(channel)
        swapped = [("SwapUniqueid", swap.uniqueid)] if swap else []
        self.emit("BridgeEnter", "call", [*bridge.headers(), *channel.headers(), *swapped])

    def leave(self, bridge: Bridge, channel: Channel) -> None:
        """A channel leaves."""
        bridge.channels.remove(channel)
        self.emit("BridgeLeave", "call", [*bridge.headers(), *channel.headers()])

    def destroy(self, bridge: Bridge) -> None:
        """An empty bridge is gone."""
        self.emit("BridgeDestroy", "call", bridge.headers())

    def blind_transfer(self, transferer: Channel, transferee: Channel, bridge: Bridge, target: str) -> None:
        """A phone sent the other side on to ``target`` without asking it."""
        self.emit(
            "BlindTransfer",
            "call",
            [
                ("Result", "Success"),
                *transferer.headers("Transferer"),
                *transferee.headers("Transferee"),
                *bridge.headers(),
                ("IsExternal", "Yes"),
                ("Context", transferer.context),
                ("Extension", target),
            ],
        )

    def attended_transfer(
        self,
        first: Channel,
        first_bridge: Bridge,
        second: Channel,
        second_bridge: Bridge,
        transferee: Channel,
        target: Channel,
    ) -> None:
        """A phone joined its caller (on ``first``) with the colleague it had asked (on ``second``)."""
        self.emit(
            "AttendedTransfer",
            "call",
            [
                ("Result", "Success"),
                *first.headers("OrigTransferer"),
                *first_bridge.headers("Orig", 2),
                *second.headers("SecondTransferer"),
                *second_bridge.headers("Second", 2),
                *transferee.headers("Transferee"),
                *target.headers("TransferTarget"),
                ("IsExternal", "No"),
                ("DestType", "Bridge"),
                ("DestBridgeUniqueid", second_bridge.uniqueid),
            ],
        )

    # -- records

    def cdr(self, row: CdrRow) -> None:
        """One row of the call detail record."""
        caller = row.channel.caller
        answered = self._local(row.answered) if row.answered is not None else ""
        billed = int(row.ended) - int(row.answered) if row.answered is not None else 0
        self.emit(
            "Cdr",
            "cdr",
            [
                ("AccountCode", ""),
                ("Source", caller.number),
                ("Destination", row.channel.exten),
                ("DestinationContext", row.channel.context),
                ("CallerID", f'"{caller.name}" <{caller.number}>'),
                ("Channel", row.channel.name),
                ("DestinationChannel", row.destination.name if row.destination else ""),
                ("LastApplication", row.application),
                ("LastData", row.data),
                ("StartTime", self._local(row.started)),
                ("AnswerTime", answered),
                ("EndTime", self._local(row.ended)),
                ("Duration", str(int(row.ended) - int(row.started))),
                ("BillableSeconds", str(billed)),
                ("Disposition", row.disposition),
                ("AMAFlags", "DOCUMENTATION"),
                ("UniqueID", row.channel.uniqueid),
                ("UserField", ""),
            ],
        )

    def _local(self, at: float) -> str:
        return datetime.fromtimestamp(at + self.skew, self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def power_off(self) -> None:
        """All channels vanish without a word; counters begin at 0 again, as after a kill of a real Asterisk."""
        self.channels.clear()
        self._made = self._pairs = 0


def snapshot(channel: Channel) -> Channel:
    """A channel as it is at this moment."""
    return replace(channel)


def _party(party: Party) -> tuple[str, str]:
    return party.number or UNKNOWN, _escaped(party.name) if party.name else UNKNOWN


def _escaped(name: str) -> str:
    """Asterisk escapes names in channel events as C does."""
    return _ESCAPED.sub(lambda hit: "\\t" if hit[0] == "\t" else "\\" + hit[0], name)


def _cause(cause: int | None, tech: int | None) -> Headers:
    return [*([("Cause", str(cause))] if cause is not None else []), *_tech(tech)]


def _tech(tech: int | None) -> Headers:
    return [("TechCause", str(tech))] if tech is not None else []
