"""What an exchange sent, as text for people: telephone numbers and names masked, secrets never shown, and nothing that
a terminal or a browser would obey.

Masking says what may be *shown* and hides all else: a header that nobody thought of is hidden, not let through.
Whoever calls may be somebody whom the reader must not know of (spec C4), so that a reader who may not see every caller
gets no digit of an outside number at all. Header names: the Asterisk documentation, "AMI Events", and recorded streams.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from cti_server.shared import phone
from cti_server.shared.scope import Scope

HIDDEN: Final = "•••"
"""Stands for what is not shown."""
LINES_MOST: Final = 60
LINE_LONGEST: Final = 400
_OUTSIDE_DIGITS: Final = 7
"""So many digits and more are a number of somebody outside, not an extension."""


class Sight(StrEnum):
    """How much of it somebody sees."""

    STRICT = "strict"
    """No digit of an outside number: there are callers whom the reader must not know of."""
    MASKED = "masked"
    """Numbers masked as everywhere (``03••••0142``), no names."""
    WHOLE = "whole"
    """All but secrets."""


class _Within(NamedTuple):
    """What stood before a header in its message."""

    name: str
    variable: str


class RawText(NamedTuple):
    """One message of an exchange. ``name`` is the event's (or *Response*), empty for a record of one line."""

    name: str
    lines: list[str]


def sees_every_caller(scope: Scope) -> bool:
    """Whether no caller lies outside of it, so that what an exchange says tells its owner of nobody hidden."""
    return scope.sees_everybody


def sight_of(scope: Scope) -> Sight:
    """How much of what an exchange sends somebody sees unless they ask for more."""
    return Sight.MASKED if sees_every_caller(scope) else Sight.STRICT


def ami_text(frame: bytes, sight: Sight) -> RawText:
    """A message of Asterisk's manager interface."""
    name, lines = "", []
    variable = ""
    for raw in frame.split(b"\n")[: LINES_MOST + 1]:
        line = _printable(raw.rstrip(b"\r"))
        if not line:
            continue
        key, colon, value = line.partition(":")
        if not colon:
            lines.append(_line(line) if sight is Sight.WHOLE else HIDDEN)
            continue
        key, value = key.strip(), value.strip()
        kind = key.lower()
        if kind in ("event", "response") and not name and _WORD.fullmatch(value):
            name = value if kind == "event" else f"Response: {value}"
        if kind == "variable":
            variable = value
        shown = _value(kind, value, _Within(name, variable), sight)
        lines.append(_line(f"{key if _WORD.fullmatch(key) or sight is Sight.WHOLE else HIDDEN}: {shown}"))
    if len(lines) > LINES_MOST:
        lines[LINES_MOST:] = ["…"]
    return RawText(name, lines)


def line_text(record: bytes, sight: Sight) -> RawText:
    """A record of one line (SMDR, CDR), whatever make it is of."""
    text = _printable(record)
    if sight is not Sight.WHOLE:
        text = _WORDS.sub(_known_word, _DIGITS.sub(lambda found: _record_digits(found[0], sight), text))
    return RawText("", [_line(text)])


def unread_text(raw: bytes, sight: Sight, *, lines: bool) -> str:
    """The beginning of what could not be read, on one line. ``lines``: it is of an exchange that writes records."""
    return line_text(raw, sight).lines[0] if lines else " ⏎ ".join(ami_text(raw, sight).lines[:6])


def _value(key: str, value: str, within: _Within, sight: Sight) -> str:
    """The value of a header as it may be shown. ``key`` in small letters."""
    if _SECRET.search(key) or (key == "value" and _SECRET.search(within.variable)):
        return HIDDEN
    if key == "response" and value.lower() not in _RESPONSES:
        return HIDDEN  # of a ChallengeResponseFailed event: what was answered
    value = _SECRET_WITHIN.sub(lambda found: f"{found[1]}{HIDDEN}", _DIGEST.sub(HIDDEN, value))
    if sight is Sight.WHOLE or value in ("", "<unknown>"):
        return value
    if key == "value":
        return _plain(value, sight) if within.variable.upper() in _VARIABLES else HIDDEN
    if key.endswith(_IDS):
        return value if _ID.fullmatch(value) else HIDDEN
    if key.endswith(_TIMES):
        return value if _TIME.fullmatch(value) else HIDDEN
    if key.endswith(_CHANNELS):
        return _channel(value, sight)
    if key.endswith(_NUMBERS):
        return _number(value, sight)
    if key in ("event", "privilege") or (_PREFIX.sub("", key) in _WORDED and within.name != _USERS_OWN):
        return _plain(value, sight)
    if key == "message" and within.name.startswith("Response"):
        return _plain(value, sight)
    return HIDDEN


def _number(value: str, sight: Sight) -> str:
    if phone.withheld(value):
        return value
    return _plain(value, sight) if _NUMBER.fullmatch(value) else HIDDEN


def _channel(value: str, sight: Sight) -> str:
    """``PJSIP/201-0000001a``: the serial number is no telephone number."""
    found = _CHANNEL.fullmatch(value)
    if found is None:
        return HIDDEN
    return f"{found[1]}{_plain(found[2], sight)}{found[3] or ''}"


def _plain(text: str, sight: Sight) -> str:
    """A text of words that may be shown, with its numbers masked."""
    return _DIGITS.sub(lambda found: _masked(found[0], sight), text)


def _masked(digits: str, sight: Sight) -> str:
    if sum(map(str.isdigit, digits)) < _OUTSIDE_DIGITS:
        return digits
    if sight is Sight.MASKED:
        return phone.show(digits, masked=True)
    return "".join("•" if sign.isdigit() else sign for sign in digits)


def _record_digits(digits: str, sight: Sight) -> str:
    return digits if _DATE.fullmatch(digits) else _masked(digits, sight)


def _known_word(found: re.Match[str]) -> str:
    word = found[0]
    if word.replace("•", "").isdigit() or not word.strip("•"):
        return word
    known = word.upper() in _RECORD_WORDS or (word.isascii() and len(word) == 1)
    return word if known or _LINE_NAME.fullmatch(word) else HIDDEN


def _printable(raw: bytes) -> str:
    """Text in which every sign is one that can be seen: control bytes, what is no UTF-8 and signs that turn the
    direction of writing are written out (``\\x1b``)."""
    text = raw.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else ("\\t" if sign == "\t" else sign.encode("unicode_escape").decode())
        for sign in text
    )


def _line(text: str) -> str:
    return text if len(text) <= LINE_LONGEST else text[: LINE_LONGEST - 1] + "…"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_\- /]{0,60}\d{0,2}[A-Za-z]{0,40}", re.ASCII)
_SECRET: Final = re.compile(
    r"secret|passw|pwd|^pin$|challenge|token|nonce|hash|md5|credential|expectedresponse|authoriz|cookie|^key$", re.I
)
_SECRET_WITHIN: Final = re.compile(
    r"((?:secret|passw\w*|pwd|pin|token|md5|key|authorization)\s*[=:]\s*)[^\s,;)]+", re.IGNORECASE
)
_DIGEST: Final = re.compile(r"\b(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})\b")
_RESPONSES: Final = frozenset({"success", "error", "goodbye", "follows", "pong", "events on", "events off"})

_IDS: Final = ("uniqueid", "linkedid", "callid", "actionid", "bridgecreator", "bridgename", "systemname")
_ID: Final = re.compile(
    r"(?:[\w.]{1,40}-)?\d{9,11}\.\d{1,9}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|yobirin[\w.\-]{1,40}",
    re.ASCII,
)
_TIMES: Final = ("timestamp", "time", "eventtv", "sessiontv", "duration", "durationms", "seconds", "date", "uptime")
_TIME: Final = re.compile(
    r"\d{1,6}(?:\.\d+)?|1\d{9}(?:\.\d{1,6})?|\d{4}-\d\d-\d\d[T ][\d:.+\-Z]{5,20}|\d{1,2}:\d\d(?::\d\d)?", re.ASCII
)
_CHANNELS: Final = ("channel", "channel1", "channel2", "interface", "device", "peer", "location")
_CHANNEL: Final = re.compile(r"([A-Za-z_]\w{1,20}/)([\w.+@\-]{1,80}?)(-[0-9a-f]{8}(?:;[12])?)?", re.ASCII)
_NUMBERS: Final = (
    "calleridnum",
    "connectedlinenum",
    "exten",
    "extension",
    "calleridani",
    "calleriddnid",
    "calleridrdnis",
    "dialstring",
    "destination",
    "source",
    "parkingspace",
)
_NUMBER: Final = re.compile(r"[\d+*#]{1,40}|[\d+*#]{1,40}@[\w.\-]{1,40}|[a-z]", re.ASCII)
_PREFIX: Final = re.compile(
    r"^(?:dest|transferee|transferer|origtransferer|secondtransferer|localone|localtwo|parkee|parker)"
)
_WORDED: Final = _words(
    "context priority language channelstate channelstatedesc state status statustext variable application dialstatus "
    "disposition cause cause-txt techcause reason result response queue position count callstaken incall lastcall "
    "lastpause penalty paused ringinuse membership wrapuptime bridgetype bridgetechnology bridgenumchannels "
    "bridgevideosourcemode amaflags hint server shutdown restart module listitems eventlist direction isexternal "
    "usingpassword severity service eventversion"
)
"""Headers that hold words of the exchange's own, never what a caller says of themselves."""
_USERS_OWN: Final = "UserEvent"
"""A dialplan's own event: its headers mean whatever its author wanted."""
_VARIABLES: Final = frozenset({"DIALSTATUS", "HANGUPCAUSE", "QUEUESTATUS", "PARKINGSTATUS", "BRIDGERESULT"})

# Dashes of every kind, full-width digits: str.isdigit and \d agree on what a digit is.
_DIGITS: Final = re.compile(r"\+?\d(?:(?:[-‐‑‒–—―－. ]|[()][() \-]?)?\d)*")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d-(?:0\d|1[0-2])-[0-3]\d(?: [0-2]\d)?|(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d[0-2]\d[0-5]\d[0-5]\d",
    re.ASCII,
)
_WORDS: Final = re.compile(r"[^\W_][\w•]*")
_LINE_NAME: Final = re.compile(r"\d{1,2}(?:AM|PM)|(?:T|E|V|L|LINE|TRK|CO|EXT|D)\d{1,5}", re.IGNORECASE | re.ASCII)
_RECORD_WORDS: Final = _words(
    "AM PM IN OUT INC OUTG EXT CO TRK DATE TIME DURATION RING LINE TRUNK TRANSFER ANSWERED BUSY FAILED CANCEL NOANSWER "
    "NO ANSWER CONGESTION DOCUMENTATION DIAL DISPOSITION QUEUE SIP PJSIP LOCAL DAHDI IAX2 MON TUE WED THU FRI SAT SUN "
    "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC INCOMING OUTGOING CD TR ABANDONED INTERNAL EXTERNAL"
)
