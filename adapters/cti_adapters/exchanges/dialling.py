"""Click to dial: the exchange rings the rep's extension, then calls the customer from it (spec O2, C5).

What became of it is told in two ways: Asterisk's ``OriginateResponse`` says whether the extension took it and which
channel it is; from then on the call itself is followed, as the lane folded it and the database has it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple, Protocol

import phonenumbers
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_session import ActionRefused, ActionUnanswered
from cti_adapters.exchanges.steady_time import Timer, Timers
from cti_adapters.wire.ami import Message
from cti_server.settings import ExchangeSettings
from cti_server.shared.errors import Invalid
from cti_server.shared.notices import CallChanged

RING_SECONDS = 30
"""So long the rep's own telephone rings."""
ANSWER_SECONDS = RING_SECONDS + 15.0
FOLLOW_SECONDS = 300.0
"""So long the customer's side is followed; nobody lets it ring longer."""
REMEMBERED = 500

DialOutcome = Literal["ringing", "answered", "busy", "noanswer", "failed"]
# Reason of OriginateResponse: Asterisk's control frames (include/asterisk/frame.h); 3 is what a ring time-out leaves.
_EXTENSION = {"1": "extension-noanswer", "3": "extension-noanswer", "5": "extension-busy"}
_ENDED: dict[str | None, DialOutcome] = {"busy": "busy", "missed": "noanswer", "abandoned": "noanswer"}
_NUMBER = re.compile(r"\+?[0-9*#]{2,20}", re.ASCII)


class DialState(NamedTuple):
    """How far it is. ``reason`` says why it ``failed``: ``extension-noanswer``, ``extension-busy``,
    ``extension-unavailable`` (the rep's own telephone), ``refused`` (the exchange doesn't allow it), ``no-link``,
    ``unanswered`` (the exchange never said what became of it), ``not-connected`` (the customer can't be reached).
    ``call_id``: the call log's id of the call that came of it, once known."""

    state: DialOutcome
    reason: str = ""
    call_id: str | None = None


OnState = Callable[[DialState], None]


class Sender(Protocol):
    """The part of ``AmiLink`` that is needed."""

    def send(
        self, action: str, headers: Iterable[tuple[str, str]] = (), *, timeout: float, until: str = ""
    ) -> Deferred[Message]:
        """Sends an action."""


class Dialler:
    """Dials through one exchange. All of it on the reactor's thread."""

    def __init__(self, settings: ExchangeSettings, link: Sender, timers: Timers) -> None:
        self._settings = settings
        self._link = link
        self._timers = timers
        self._asked = 0
        self._followed: dict[str, _Followed] = {}
        self._recent: OrderedDict[str, dict[str, Any]] = OrderedDict()
        """Calls that changed while an answer is awaited: the call may be in the database before the answer is here."""

    def dial(self, extension: str, number: str, on_state: OnState, caller_id: str = "") -> None:
        """Rings ``extension``, then calls ``number`` (E.164, or digits as they are to be dialled).

        ``on_state`` is told every step until the outcome. Raises Invalid for what can't be dialled.
        """
        if not re.fullmatch(self._settings.extensions, extension):
            raise Invalid(f"“{extension}” is no extension of this exchange", "extension", "no-extension")
        headers = [
            ("Channel", self._settings.dial_channel.format(extension=extension)),
            ("Context", self._settings.dial_context),
            ("Exten", self._settings.dial_prefix + dialable(number, self._settings.region)),
            ("Priority", "1"),
            ("Timeout", str(RING_SECONDS * 1000)),
            ("Async", "true"),
        ]
        shown = caller_id or self._settings.caller_id
        if shown:
            headers.append(("CallerID", shown))
        self._asked += 1
        answer = self._link.send("Originate", headers, timeout=ANSWER_SECONDS, until="OriginateResponse")
        answer.addBoth(self._answered, on_state)

    def call_changed(self, notice: CallChanged) -> None:
        """A call of this exchange changed and is committed."""
        followed = self._followed.get(notice.call_id)
        if followed is not None:
            self._tell(notice.call_id, followed, notice.call)
        elif self._asked and notice.call["direction"] == "out":
            self._recent[notice.call_id] = notice.call
            if len(self._recent) > REMEMBERED:
                self._recent.popitem(last=False)

    def _answered(self, answer: Message | Failure, on_state: OnState) -> None:
        """The extension took it, or didn't."""
        self._asked -= 1
        recent = OrderedDict(self._recent)
        if not self._asked:
            self._recent.clear()
        if isinstance(answer, Failure):
            answer.trap(ActionRefused, ActionUnanswered)
            refused = isinstance(answer.value, ActionRefused)
            on_state(DialState("failed", "refused" if refused else "unanswered"))
        elif answer.get("Response") != "Success":
            on_state(DialState("failed", _EXTENSION.get(answer.get("Reason"), "extension-unavailable")))
        else:
            call_id = f"{self._settings.id}-{answer.get('Uniqueid')}"
            gave_up = self._timers.callLater(FOLLOW_SECONDS, self._gave_up, call_id)
            followed = self._followed[call_id] = _Followed(on_state, gave_up)
            if call_id in recent:
                self._tell(call_id, followed, recent[call_id])

    def _tell(self, call_id: str, followed: _Followed, call: dict[str, Any]) -> None:
        outcome = _outcome(call)
        if outcome is None or outcome == followed.told:
            return
        followed.told = outcome
        if outcome != "ringing":
            del self._followed[call_id]
            followed.gave_up.cancel()
        followed.on_state(DialState(outcome, "not-connected" if outcome == "failed" else "", call_id))

    def _gave_up(self, call_id: str) -> None:
        followed = self._followed.pop(call_id)
        followed.on_state(DialState("failed", "unanswered", call_id))


class _Followed:
    """A call that is on its way to the customer."""

    def __init__(self, on_state: OnState, gave_up: Timer) -> None:
        self.on_state = on_state
        self.gave_up = gave_up
        self.told: DialOutcome | None = None


def _outcome(call: dict[str, Any]) -> DialOutcome | None:
    if call["answered_at"] is not None:
        return "answered"
    if call["state"] == "ended":
        return _ENDED.get(call["disposition"], "failed")
    return "ringing" if call["ringing_at"] is not None else None


def dialable(number: str, region: str) -> str:
    """What an exchange in ``region`` has to dial to reach an E.164 number: without the country code at home, with the
    international prefix abroad. Digits without ``+`` stay as they are. Raises Invalid for anything else."""
    if not _NUMBER.fullmatch(number):
        raise Invalid("This is no number that can be dialled", "number", "no-number")
    if not number.startswith("+"):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException as bad:
        raise Invalid("This is no number that can be dialled", "number", "no-number") from bad
    shown = phonenumbers.format_out_of_country_calling_number(parsed, region)
    return "".join(character for character in shown if character.isdecimal())
