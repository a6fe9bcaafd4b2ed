"""What became of a call: from the facts that were gathered to the entry of the log (spec C2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cti_server.calls.call import Call
from cti_server.calls.call_plan import ExchangePlan, is_feature_code
from cti_server.calls.events import DialStatus
from cti_server.calls.log import CallLog, Direction, Disposition, Side

REFUSALS: Final[dict[int | None, DialStatus]] = {
    1: "unavailable",
    2: "unavailable",
    3: "unavailable",
    17: "busy",
    20: "unavailable",
    27: "unavailable",
    28: "unavailable",
    34: "congestion",
    38: "congestion",
    41: "congestion",
    42: "congestion",
    44: "congestion",
    47: "congestion",
}
"""What the far end says by its hangup cause (Q.850); the exchange sums all of it up as *no answer*."""
REFUSED: Final = frozenset({"busy", "congestion", "unavailable"})
"""Ends of a dialling in which nobody could have answered."""


def log_of(call: Call, plan: ExchangePlan, party: Callable[[str | None], str | None]) -> CallLog:
    """The entry, as far as is known now."""
    way = direction(call, plan)
    over = call.state == "ended"
    outcome = disposition(call, way) if over else None
    outside = call.caller_number if way == "in" else call.dialled if way == "out" else None
    if call.party[0] != outside:
        call.party = (outside, party(outside))
    end = call.ended_at if call.ended_at is not None else call.ended_between[0] if call.ended_between else None
    presented = call.presented if way == "out" and call.presented != call.caller_number else None
    return CallLog(
        id=call.id,
        exchange=plan.id,
        branch=plan.branch,
        direction=way,
        state=call.state,
        started_at=call.started_at,
        caller_number=call.caller_number,
        caller_name=call.caller_name,
        dialed_number=call.dialled,
        presented_number=presented,
        party_e164=call.party[1],
        queue=call.queue,
        rang_extensions=sorted(call.rang),
        attempted_extensions=sorted(call.attempted - call.rang),
        ringing_extensions=[] if over else sorted({leg.extension for leg in call.ringing if leg.extension}),
        talking_extension=None if over else call.talking_extension,
        answered=call.answered,
        answered_by_extension=None if way == "out" else call.answered_by_extension,
        answered_by_number=None if way == "out" else call.answered_by_number,
        final_extension=_final_extension(call, way),
        transferred_to=list(call.transferred_to),
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        pbx_answered_at=call.pbx_answered_at,
        ended_at=call.ended_at if over else None,
        ended_between=call.ended_between if over else None,
        ring_seconds=_ring_seconds(call, end),
        wait_seconds=_wait_seconds(call, end),
        talk_seconds=max(0.0, end - call.talk_from) if end is not None and call.talk_from is not None else 0.0,
        hold_seconds=call.hold_seconds,
        hangup_by=_hangup_by(call, outcome) if over else None,
        disposition=outcome,
        voicemail_left=call.voicemail_left if outcome == "voicemail" else None,
        fax=call.fax,
        recording=call.recording,
        linkedids=list(call.groups),
        marks=list(call.marks),
        merged_into=call.merged_into,
    )


def direction(call: Call, plan: ExchangePlan) -> Direction:
    """Who called whom: by the caller's leg, then by what was dialled first, then by the number that was dialled."""
    if call.root.kind == "trunk":
        return "out" if call.originated else "in"
    if call.first_kind is not None:
        return "out" if call.first_kind == "trunk" else "internal"
    if call.dialled is None:
        return "out" if call.originated else "internal"
    inside = is_feature_code(call.dialled) or plan.is_extension(call.dialled)
    return "internal" if inside else "out"


def disposition(call: Call, way: Direction) -> Disposition:
    """How it ended."""
    if call.answered:
        return "answered"
    if call.in_voicemail:
        return "voicemail"
    if call.left_in_queue:
        return "abandoned"
    refused = _refused(call, way)
    if refused:
        return refused
    if call.something_rang or call.statuses or call.queue:
        return "missed"
    if call.pbx_answered_at is not None:
        return "abandoned"
    if call.anchor_hung_up or call.originated or call.ended_at is None:
        return "missed"
    return "busy" if REFUSALS.get(call.hangup_cause) == "busy" else "failed"


def _refused(call: Call, way: Direction) -> Disposition | None:
    """Whether what was dialled refused the call. A telephone of ours that had rung was not refusing: nobody took it."""
    if not call.statuses or (call.something_rang and way != "out"):
        return None
    refusals = [status for status in call.statuses if status in REFUSED]
    if way == "out":
        refusals = [status for status in call.statuses[-1:] if status in refusals]
    if not refusals:
        return None
    return "busy" if "busy" in refusals else "failed"


def _final_extension(call: Call, way: Direction) -> str | None:
    if way == "out" and not call.transferred_to:
        return call.caller_number
    return call.final_extension


def _ring_seconds(call: Call, end: float | None) -> float:
    if call.first_dial_at is None:
        return 0.0
    if call.answered:
        return 0.0 if call.answered_at is None else max(0.0, call.answered_at - call.first_dial_at)
    if not call.something_rang:
        return 0.0
    until = call.last_dial_end_at if call.last_dial_end_at is not None else end
    return 0.0 if until is None else max(0.0, until - call.first_dial_at)


def _wait_seconds(call: Call, end: float | None) -> float:
    until = call.talk_from if call.answered else end
    return 0.0 if until is None else max(0.0, until - call.started_at)


def _hangup_by(call: Call, outcome: Disposition | None) -> Side | None:
    """Nobody, where the call was refused."""
    if outcome in ("busy", "failed") or call.ended_at is None:
        return None
    if call.anchor_hung_up:
        return call.anchor_side
    if call.partner_hung_up:
        return "callee" if call.anchor_side == "caller" else "caller"
    refused = call.refused or call.refused_by_exchange
    return None if refused and not call.answered else "pbx"


def awaits_record(call: Call) -> bool:
    """Whether the exchange's own record can tell what nobody saw of a call that is over: when it was answered in a
    gap, or whether one that the exchange itself took and no person did was in a menu or a mailbox."""
    if call.in_voicemail or call.left_in_queue:
        return False
    return call.answered_at is None if call.answered else call.pbx_answered_at is not None


def counts_after_all(call: Call, plan: ExchangePlan) -> bool:
    """Whether a call that reached nothing was one: dialling in vain was, asking a feature of the exchange was not."""
    if call.merged_into or call.dialled is None:
        return False
    return call.pbx_answered_at is None and not call.answered and not is_feature_code(call.dialled)
