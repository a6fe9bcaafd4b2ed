"""AMI events to events of the calls room: one table, event name -> decoder.

A decoder looks up only what its event needs and leaves the rest of the frame alone. Nothing here raises into the
feed: what lacks a header that it must have comes out as `Unreadable`. Source: the Asterisk documentation, "AMI
Events"; what no documentation says was read off recorded streams (Asterisk 13 to 22 name the headers alike)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from cti_adapters.wire.ami import HEAD, Message
from cti_server.calls.events import (
    Accounted,
    AgentConnected,
    Bridged,
    CallerChanged,
    ConferenceJoined,
    DialBegun,
    DialEnded,
    DialStatus,
    Event,
    FaxSeen,
    HangupRequested,
    Held,
    LegChanged,
    LegCreated,
    LegEnded,
    LegsListed,
    LegState,
    LegUp,
    Originated,
    Parked,
    PickedUp,
    QueueJoined,
    QueueLeft,
    ReachedVoicemail,
    Recorded,
    ServerStarted,
    TransferredAttended,
    TransferredBlind,
    Unbridged,
    Unheld,
    Unparked,
    Unreadable,
    VoicemailLeft,
)

_STATES: Final[dict[str, LegState]] = {"0": "down", "4": "ring", "5": "ringing", "6": "up", "7": "busy"}
_DIAL_STATUS: Final[dict[str, DialStatus]] = {
    "ANSWER": "answered",
    "BUSY": "busy",
    "CANCEL": "cancelled",
    "CONGESTION": "congestion",
    "CHANUNAVAIL": "unavailable",
    "NOANSWER": "no-answer",
}
_AIDS: Final = frozenset(
    {
        "Announcer",
        "AsyncGoto",
        "Bridge",
        "BridgeAnn",
        "CBAnn",
        "CBRec",
        "Message",
        "MulticastRTP",
        "Recorder",
        "Snoop",
        "Surrogate",
        "UnicastRTP",
    }
)
"""Channel technologies that no telephone or line stands behind."""
VOICEMAIL: Final = frozenset({"VoiceMail", "MiniVoicemail", "MinivmRecord"})
_CONNECTING: Final = frozenset({"basic", ""})
"""Types of bridge in which everybody talks with everybody and that exist for one conversation."""
_ESCAPES: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SURROGATES: Final = re.compile("[\ud800-\udfff]+")
_DURATION: Final = re.compile(r"([0-9]{1,5}):([0-9]{2}):([0-9]{2})")
_LATEST: Final = 32503680000.0
"""The year 3000, in epoch seconds."""
_SERIAL: Final = re.compile(r"-[0-9a-f]{8,}$")


class _Missing(Exception):
    """A header that an event must have isn't there."""


def _required(message: Message, key: str) -> str:
    value = message.get(key)
    if not value:
        raise _Missing(key)
    return value


def _at(message: Message, arrived_at: float) -> float:
    """The exchange's own time where it tells it (``timestampevents = yes``)."""
    stamp = message.get("Timestamp")
    if not stamp:
        return arrived_at
    try:
        at = float(stamp)
    except ValueError:
        return arrived_at
    return at if 0 < at < _LATEST else arrived_at


def _whole(text: str) -> int | None:
    """A number that is no larger than any that makes sense."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def readable(text: str) -> str:
    """Bytes that were no UTF-8 become U+FFFD: the text goes to a database and to screens, the bytes stay in the
    journal."""
    return text if text.isascii() else _SURROGATES.sub("�", text)


def _number(text: str) -> str:
    return "" if text == "<unknown>" else readable(text)


def plain_name(text: str) -> str:
    """Names are C-escaped in channel events."""
    if text == "<unknown>":
        return ""
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), text)
    return readable(text)


def channel_parts(channel: str) -> tuple[str, int, str]:
    """What a channel's name tells: peer, inner half, pair (see `LegCreated`)."""
    technology, _, rest = channel.partition("/")
    if technology == "Local":
        pair, _, half = rest.rpartition(";")
        return pair.partition("@")[0], 2 if half == "2" else 1, pair
    if technology in _AIDS:
        return "", -1, ""
    peer = _SERIAL.sub("", rest)
    return (peer if peer != rest else rest.rpartition("-")[0] or rest), 0, ""


def dialled_number(dial_string: str) -> str:
    """The number in what a trunk was given to dial: ``number@trunk``, ``trunk/number``, ``trunk/sip:number@host``."""
    last = dial_string.rpartition("/")[2]
    return last.removeprefix("sip:").removeprefix("tel:").partition("@")[0].partition(",")[0]


def _leg_created(message: Message, at: float) -> LegCreated:
    get = message.get
    channel = _required(message, "Channel")
    peer, inner, pair = channel_parts(channel)
    leg = _required(message, "Uniqueid")
    return LegCreated(
        at,
        leg,
        get("Linkedid") or leg,
        channel,
        peer,
        inner,
        pair,
        _STATES.get(get("ChannelState"), "other"),
        _number(get("CallerIDNum")),
        plain_name(get("CallerIDName")),
        readable(get("Exten")),
    )


def _leg_changed(message: Message, at: float) -> Event:
    return LegChanged(at, _required(message, "Uniqueid"), _STATES.get(message.get("ChannelState"), "other"))


def _caller_changed(message: Message, at: float) -> Event:
    get = message.get
    return CallerChanged(
        at, _required(message, "Uniqueid"), _number(get("CallerIDNum")), plain_name(get("CallerIDName"))
    )


def _dial_begun(message: Message, at: float) -> Event:
    get = message.get
    return DialBegun(
        at,
        get("Uniqueid"),
        _required(message, "DestUniqueid"),
        readable(dialled_number(get("DialString"))),
        readable(get("Exten")),
        _number(get("CallerIDNum")),
    )


def _dial_ended(message: Message, at: float) -> Event:
    get = message.get
    return DialEnded(
        at,
        get("Uniqueid"),
        _required(message, "DestUniqueid"),
        _DIAL_STATUS.get(get("DialStatus"), "other"),
        b"\nForward: " in message.raw and bool(get("Forward")),
    )


def _bridged(message: Message, at: float) -> Event:
    get = message.get
    leg = _required(message, "Uniqueid")
    return Bridged(at, leg, get("Linkedid") or leg, get("BridgeUniqueid"), get("BridgeType") in _CONNECTING)


def _unbridged(message: Message, at: float) -> Event:
    return Unbridged(at, _required(message, "Uniqueid"), message.get("BridgeUniqueid"))


def _hangup_requested(message: Message, at: float) -> Event:
    cause = message.get("Cause") if b"\nCause: " in message.raw else ""
    return HangupRequested(at, _required(message, "Uniqueid"), _whole(cause))


def _leg_ended(message: Message, at: float) -> Event:
    get = message.get
    leg = _required(message, "Uniqueid")
    return LegEnded(at, leg, get("Linkedid") or leg, _whole(get("Cause")) or 0)


def _held(message: Message, at: float) -> Event:
    return Held(at, _required(message, "Uniqueid"))


def _unheld(message: Message, at: float) -> Event:
    return Unheld(at, _required(message, "Uniqueid"))


def _blind(message: Message, at: float) -> Event | None:
    get = message.get
    if get("Result") != "Success":
        return None
    return TransferredBlind(
        at, _required(message, "TransfererUniqueid"), get("TransfereeUniqueid"), readable(get("Extension"))
    )


def _attended(message: Message, at: float) -> Event | None:
    get = message.get
    if get("Result") != "Success":
        return None
    return TransferredAttended(
        at,
        _required(message, "OrigTransfererUniqueid"),
        get("SecondTransfererUniqueid"),
        get("TransfereeUniqueid"),
        get("TransferTargetUniqueid"),
    )


def _queue_joined(message: Message, at: float) -> Event:
    return QueueJoined(at, _required(message, "Uniqueid"), readable(message.get("Queue")))


def _queue_left(message: Message, at: float) -> Event:
    return QueueLeft(at, _required(message, "Uniqueid"))


def _agent_connected(message: Message, at: float) -> Event:
    return AgentConnected(at, _required(message, "Uniqueid"), _required(message, "DestUniqueid"))


def _picked_up(message: Message, at: float) -> Event:
    return PickedUp(at, _required(message, "Uniqueid"), _required(message, "TargetUniqueid"))


def _parked(message: Message, at: float) -> Event:
    return Parked(at, _required(message, "ParkeeUniqueid"))


def _unparked(message: Message, at: float) -> Event:
    return Unparked(at, _required(message, "ParkeeUniqueid"), message.get("RetrieverUniqueid"))


def _conference(message: Message, at: float) -> Event:
    return ConferenceJoined(at, _required(message, "Uniqueid"), readable(message.get("Conference")))


def _application(message: Message, at: float) -> Event | None:
    if message.get("Application") not in VOICEMAIL:
        return None
    return ReachedVoicemail(at, _required(message, "Uniqueid"))


def _variable(message: Message, at: float) -> Event | None:
    if message.get("Variable") != "MIXMONITOR_FILENAME":
        return None
    return Recorded(at, _required(message, "Uniqueid"), readable(message.get("Value")))


def _message_waiting(message: Message, at: float) -> Event | None:
    if message.get("Waiting") in ("0", ""):
        return None
    return VoicemailLeft(at, message.get("Uniqueid"), readable(message.get("Mailbox").partition("@")[0]))


def _accounted(message: Message, at: float) -> Event:
    application = message.get("LastApplication")
    answered_at = _answered_about(message, at) if application == "Dial" else None
    return Accounted(at, _required(message, "UniqueID"), application in VOICEMAIL, application == "Dial", answered_at)


def _answered_about(message: Message, at: float) -> float | None:
    """When a record says a channel was answered. It says so in whole seconds of an unnamed zone; but it is written
    when the channel ends, so its end gives the zone, and the seconds between narrow it down."""
    get = message.get
    try:
        ended, answered = (
            datetime.fromisoformat(get(key)).replace(tzinfo=UTC).timestamp() for key in ("EndTime", "AnswerTime")
        )
        seconds = int(get("BillableSeconds"))
    except ValueError:
        return None
    answered -= round((ended - at) / 900) * 900
    earliest, latest = max(answered, at - seconds - 1), min(answered + 1, at - seconds)
    return (earliest + latest) / 2 if earliest <= latest else answered + 0.5


def _originated(message: Message, at: float) -> Event:
    leg = message.get("Uniqueid")
    channel = message.get("Channel")
    # Where it failed there is no unique id, and the channel is what was asked for, without a serial number.
    known = not leg.startswith("<")
    return Originated(at, leg if known else "", _SERIAL.sub("", channel), readable(message.get("Exten")))


def _fax(message: Message, at: float) -> Event | None:
    leg = message.get("Uniqueid")
    return FaxSeen(at, leg) if leg else None


def _fully_booted(message: Message, at: float) -> Event | None:
    uptime = _whole(message.get("Uptime"))
    return None if uptime is None else ServerStarted(at, float(uptime))


def _leg_up(message: Message, at: float) -> Event:
    get = message.get
    created = _leg_created(message, at)
    application = get("Application")
    return LegUp(
        at,
        created._replace(at=_born(created.leg, get("Duration"), at)),
        application in ("AppDial", "AppDial2", "AppQueue"),
        get("BridgeId"),
        application in ("AppDial", "AppDial2", "AppQueue", "Dial", "Queue", "Bridge", ""),
    )


def _born(leg: str, duration: str, at: float) -> float:
    """When a channel came to be, from the whole seconds in its unique id and its whole seconds of age."""
    earliest, latest = 0.0, at
    serial = leg.rpartition("-")[2].partition(".")[0]
    if serial.isdecimal() and len(serial) < 12 and 0 <= at - float(serial) < 40 * 86400:
        earliest, latest = float(serial), float(serial) + 1
    found = _DURATION.fullmatch(duration)
    if found:
        age = int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])
        if earliest == 0.0:
            earliest, latest = at - age - 1, at - age
        else:
            narrowed = max(earliest, at - age - 1), min(latest, at - age)
            if narrowed[0] <= narrowed[1]:
                earliest, latest = narrowed
    return (earliest + latest) / 2 if earliest else at


def _legs_listed(message: Message, at: float) -> Event:
    return LegsListed(at)


_DECODERS: Final[dict[str, Callable[[Message, float], Event | None]]] = {
    "AgentConnect": _agent_connected,
    "AttendedTransfer": _attended,
    "BlindTransfer": _blind,
    "BridgeEnter": _bridged,
    "BridgeLeave": _unbridged,
    "Cdr": _accounted,
    "ConfbridgeJoin": _conference,
    "CoreShowChannel": _leg_up,
    "CoreShowChannelsComplete": _legs_listed,
    "DialBegin": _dial_begun,
    "DialEnd": _dial_ended,
    "FAXStatus": _fax,
    "FullyBooted": _fully_booted,
    "Hangup": _leg_ended,
    "HangupRequest": _hangup_requested,
    "Hold": _held,
    "MessageWaiting": _message_waiting,
    "NewCallerid": _caller_changed,
    "Newchannel": _leg_created,
    "Newexten": _application,
    "Newstate": _leg_changed,
    "OriginateResponse": _originated,
    "ParkedCall": _parked,
    "Pickup": _picked_up,
    "QueueCallerAbandon": _queue_left,
    "QueueCallerJoin": _queue_joined,
    "QueueCallerLeave": _queue_left,
    "ReceiveFAX": _fax,
    "SendFAX": _fax,
    "UnParkedCall": _unparked,
    "Unhold": _unheld,
    "VarSet": _variable,
}
_BY_BYTES: Final = {name.encode(): decoder for name, decoder in _DECODERS.items()}

UNDEMANDED: Final = frozenset({"Newexten", "VarSet"})
"""Events of the class ``dialplan``: most of all bytes, read where they come, but no exchange needs to send them."""
WANTED: Final = frozenset(_DECODERS) - UNDEMANDED
"""The events that a call log is made of: what an event filter has to let through."""
NOISE: Final = UNDEMANDED | frozenset(
    {
        "AgentCalled",
        "AgentComplete",
        "AgentRingNoAnswer",
        "BridgeCreate",
        "BridgeDestroy",
        "CEL",
        "ChanSpyStart",
        "ChanSpyStop",
        "ChannelTalkingStart",
        "ChannelTalkingStop",
        "ContactStatus",
        "DeviceStateChange",
        "DialState",
        "DTMFBegin",
        "DTMFEnd",
        "ExtensionStatus",
        "InvalidTransport",
        "LocalBridge",
        "LocalOptimizationBegin",
        "LocalOptimizationEnd",
        "MusicOnHoldStart",
        "MusicOnHoldStop",
        "NewAccountCode",
        "NewConnectedLine",
        "PeerStatus",
        "PresenceStateChange",
        "QueueMemberPause",
        "QueueMemberStatus",
        "RTCPReceived",
        "RTCPSent",
        "Registry",
        "SoftHangupRequest",
        "SuccessfulAuth",
        "ChallengeSent",
        "TestEvent",
        "UserEvent",
        "VarSet",
    }
)
"""Events that a `Framer` for this decoder may skip (``skip=NOISE, keep=KEEP``)."""
KEEP: Final = (b"\nApplication: VoiceMail\r", b"\nVariable: MIXMONITOR_FILENAME\r")
"""For the sake of what they hold some skipped events are read after all."""


def decode(message: Message, arrived_at: float) -> Event | Unreadable | None:
    """What an AMI message says about calls; None where it says nothing. ``arrived_at``: epoch seconds, for the events
    that carry no time of their own."""
    decoder = _BY_BYTES.get(message.event)
    if decoder is None:
        return None if message.event or message.is_banner or message.response else _no_message(message)
    try:
        return decoder(message, _at(message, arrived_at))
    except _Missing as missing:
        return Unreadable(message.raw[:HEAD], f"{message.name} without {missing}", len(message.raw))


def _no_message(message: Message) -> Unreadable:
    return Unreadable(message.raw[:HEAD], "neither an event nor a response of the manager interface", len(message.raw))
