"""The fold, for what no recording shows: who counts as what, what is no call, numbers, outcomes, live states."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_server.calls import events
from cti_server.calls.call_states import TABLE, Happening, after, diagram
from cti_server.calls.events import DialStatus
from cti_server.calls.folding import ExchangePlan
from cti_server.calls.log import State
from tests.core.fold_stage import BEGINNING, Stage


def test_a_call_is_told_live_from_the_first_ring_to_the_end() -> None:
    stage = Stage()
    told: list[tuple[State, list[str], str | None]] = []

    def tell() -> None:
        told.append((stage.call().state, stage.call().ringing_extensions, stage.call().talking_extension))

    caller = stage.caller()
    tell()
    phone = stage.phone("2001", caller)
    stage.dial(caller, phone)
    stage.ring(phone)
    tell()
    stage.wait(3)
    stage.answer(caller, phone)
    stage.bridge("b", phone, caller)
    tell()
    stage.feed(events.Held(stage.now, phone))
    tell()
    stage.wait(2)
    stage.feed(events.Unheld(stage.now, phone))
    tell()
    stage.wait(1)
    stage.hangs_up(caller)
    stage.gone(caller, phone)
    tell()
    assert told == [
        ("arriving", [], None),
        ("ringing", ["2001"], None),
        ("talking", [], "2001"),
        ("held", [], "2001"),
        ("talking", [], "2001"),
        ("ended", [], None),
    ]
    log = stage.call()
    assert (log.hold_seconds, log.talk_seconds, log.ringing_at) == (2.0, 3.0, BEGINNING)
    assert (log.disposition, log.hangup_by, log.final_extension) == ("answered", "caller", "2001")


def test_the_id_is_the_exchange_s_and_the_first_leg_s() -> None:
    stage = Stage(ExchangePlan(id="tokyo", branch="121"))
    caller = stage.caller()
    assert stage.call().id == f"tokyo-{caller}"
    assert (stage.call().exchange, stage.call().branch) == ("tokyo", "121")


@pytest.mark.parametrize("number", ["", "anonymous", "Anonymous", "Unavailable", "P", "非通知"])
def test_a_withheld_number_is_none(number: str) -> None:
    stage = Stage(party=lambda number: "+81" + number if number else None)
    stage.caller(number)
    assert (stage.call().caller_number, stage.call().party_e164) == (None, None)


def test_the_outside_party_is_the_caller_or_the_one_called() -> None:
    asked: list[str | None] = []

    def party(number: str | None) -> str | None:
        asked.append(number)
        return f"+{number}" if number else None

    stage = Stage(party=party)
    stage.caller("441632960000")
    assert stage.call().party_e164 == "+441632960000"
    stage = Stage(party=party)
    extension = stage.leg("PJSIP/2001", "ring", number="2001", dialled="0661112222")
    trunk = stage.leg("PJSIP/trunk", of=extension)
    stage.dial(extension, trunk, dialled="0661112222")
    stage.ring(trunk)
    assert (stage.call().direction, stage.call().party_e164) == ("out", "+0661112222")
    assert asked.count("0661112222") == 1


@pytest.mark.parametrize(
    ("trunks", "channel", "direction"),
    [
        ((), "PJSIP/provider", "in"),
        ((), "SIP/2001", "internal"),
        ((), "IAX2/2001", "internal"),
        ((), "DAHDI/i1/0312345678", "in"),
        (("PJSIP/20*",), "PJSIP/2001", "in"),
        (("20??",), "PJSIP/2001", "in"),
        (("PJSIP/trunk-*",), "PJSIP/2001", "internal"),
    ],
)
def test_a_trunk_is_what_a_pattern_says_or_what_is_no_extension(
    trunks: tuple[str, ...], channel: str, direction: str
) -> None:
    stage = Stage(ExchangePlan(id="x", branch="1", trunks=trunks))
    leg = stage.leg(channel, "ring", dialled="2002")
    stage.talk(leg, "2002", "b")
    assert stage.call().direction == direction


def test_the_pattern_of_extensions_decides_too() -> None:
    stage = Stage(ExchangePlan(id="x", branch="1", extensions=r"8\d{3}"))
    stage.leg("PJSIP/2001", "ring", dialled="8001")
    assert stage.call().direction == "in"


@pytest.mark.parametrize("code", ["*8", "**2001", "#72", "701"])
def test_asking_the_exchange_for_something_is_no_call(code: str) -> None:
    stage = Stage()
    leg = stage.leg("PJSIP/2001", "ring", number="2001", dialled=code)
    stage.up(leg)
    stage.wait(3)
    stage.hangs_up(leg)
    stage.gone(leg)
    stage.swept(60)
    assert stage.calls() == []
    assert stage.folder.low_water() is None


def test_dialling_a_telephone_that_isn_t_there_is_a_call_that_failed() -> None:
    stage = Stage()
    leg = stage.leg("PJSIP/2001", "ring", number="2001", dialled="2009")
    stage.gone(leg, cause=3)
    log = stage.call()
    assert (log.direction, log.dialed_number, log.disposition, log.hangup_by) == ("internal", "2009", "failed", None)


def test_dialling_out_when_no_trunk_is_there_is_a_call_that_failed() -> None:
    stage = Stage()
    leg = stage.leg("PJSIP/2001", "ring", number="2001", dialled="0661112222")
    stage.feed(events.LegChanged(stage.now, leg, "busy"))
    stage.hangs_up(leg, 34)
    stage.gone(leg, cause=34)
    log = stage.call()
    assert (log.direction, log.caller_number, log.disposition) == ("out", "2001", "failed")


def test_a_short_number_on_a_trunk_is_a_call_out() -> None:
    stage = Stage()
    leg = stage.leg("PJSIP/2001", "ring", number="2001", dialled="119")
    trunk = stage.leg("PJSIP/trunk", of=leg)
    stage.dial(leg, trunk, dialled="119")
    assert (stage.call().direction, stage.call().dialed_number) == ("out", "119")


@pytest.mark.parametrize(
    ("status", "rings", "disposition"),
    [
        ("busy", False, "busy"),
        ("busy", True, "missed"),
        ("congestion", False, "failed"),
        ("unavailable", False, "failed"),
        ("no-answer", True, "missed"),
        ("cancelled", False, "missed"),
    ],
)
def test_outcomes_of_a_call_in_that_nobody_takes(status: DialStatus, rings: bool, disposition: str) -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.phone("2001", caller)
    stage.dial(caller, phone)
    if rings:
        stage.ring(phone)
    stage.wait(4)
    stage.dial_ended(caller, phone, status)
    stage.gone(phone, caller)
    log = stage.call()
    assert log.disposition == disposition
    assert log.ring_seconds == (4.0 if rings else 0.0)
    assert log.rang_extensions == (["2001"] if rings else [])
    refused = not rings and status in ("busy", "congestion", "unavailable")
    assert log.attempted_extensions == (["2001"] if refused else [])


def test_a_telephone_that_is_declined_after_ringing_was_not_hung_up_by_the_caller() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.phone("2001", caller)
    stage.dial(caller, phone)
    stage.ring(phone)
    stage.hangs_up(phone, 17)
    stage.dial_ended(caller, phone, "busy")
    stage.feed(events.LegChanged(stage.now, caller, "busy"))
    stage.hangs_up(caller, 17)
    stage.gone(phone, caller, cause=17)
    assert (stage.call().disposition, stage.call().hangup_by) == ("missed", None)


def test_an_exchange_that_refuses_by_itself_is_busy() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.feed(events.LegChanged(stage.now, caller, "busy"))
    stage.hangs_up(caller, 17)
    stage.gone(caller, cause=17)
    assert (stage.call().disposition, stage.call().hangup_by) == ("busy", None)


def test_one_of_a_group_being_busy_doesn_t_make_the_call_busy() -> None:
    stage = Stage()
    caller = stage.caller()
    first, second = stage.phone("2001", caller), stage.phone("2002", caller)
    stage.dial(caller, first)
    stage.dial(caller, second)
    stage.dial_ended(caller, first, "busy")
    stage.ring(second)
    stage.wait(5)
    stage.dial_ended(caller, second, "no-answer")
    stage.gone(first, second, caller)
    log = stage.call()
    assert (log.disposition, log.hangup_by) == ("missed", "pbx")
    assert (log.rang_extensions, log.attempted_extensions) == (["2002"], ["2001"])


def test_leaving_a_menu_is_abandoning_and_is_known_at_once_or_a_second_later() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.up(caller)
    stage.wait(4)
    stage.hangs_up(caller, None)
    stage.gone(caller)
    assert stage.call().state == "waiting"  # it may have been a mailbox: the exchange's record will tell
    assert stage.folder.low_water() is not None
    stage.swept(1.5)
    log = stage.call()
    assert (log.state, log.disposition, log.wait_seconds, log.ended_at) == ("ended", "abandoned", 4.0, BEGINNING + 4)
    assert log.pbx_answered_at == BEGINNING


def test_an_exchange_whose_clock_is_ahead_doesn_t_hold_an_end_back() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.up(caller)
    stage.gone(caller)
    stage.now -= 600
    stage.feed(events.Swept(stage.now))
    assert stage.call().state == "waiting"
    stage.feed(events.Swept(stage.now + 10))
    assert stage.call().state == "ended"


def test_events_that_come_twice_change_nothing() -> None:
    def play(times: int) -> Stage:
        stage = Stage()
        caller = stage.caller()
        phone = stage.talk(caller, "2001", "b")
        stage.feed(events.TransferredBlind(stage.now, phone, caller, "2002"))
        stage.gone(phone)
        other = stage.talk(caller, "2002", "c")
        stage.hangs_up(caller)
        stage.gone(caller, other)
        twice = Stage()
        for event in stage.fed:
            for _ in range(times):
                twice.feed(event)
        return twice

    assert play(2).calls() == play(1).calls()


def test_an_analog_telephone_calls_out() -> None:
    stage = Stage(ExchangePlan(id="x", branch="1", extensions=r"\d{1,4}", trunks=("DAHDI/i1/*",)))
    phone = stage.leg("DAHDI/17", "other", dialled="")
    line = stage.leg("DAHDI/i1/0661112222", "other", of=phone)
    stage.dial(phone, line, asked="0661112222", dialled="0661112222")
    stage.ring(line)
    log = stage.call()
    assert (log.direction, log.caller_number, log.dialed_number, log.state) == ("out", "17", "0661112222", "ringing")


def test_a_customer_whom_the_exchange_calls_first() -> None:
    stage = Stage()
    customer = stage.leg("PJSIP/trunk")
    stage.dial("", customer, dialled="0661112222")
    stage.ring(customer)
    stage.up(customer)
    stage.dial_ended("", customer, "answered")
    stage.talk(customer, "2001", "b")
    log = stage.call()
    assert (log.direction, log.caller_number, log.dialed_number, log.answered) == ("out", "2001", "0661112222", True)


@pytest.mark.parametrize("before", [True, False])
def test_a_mailbox_is_told_by_the_record_before_or_after_the_end(before: bool) -> None:
    stage = Stage()
    caller = stage.caller()
    stage.up(caller)
    stage.feed(events.VoicemailLeft(stage.now, caller, "2001"))
    record = [events.Accounted(stage.now, caller, voicemail, not voicemail, None) for voicemail in (False, True)]
    for event in record if before else []:
        stage.feed(event)
    stage.hangs_up(caller, None)
    stage.gone(caller)
    for event in [] if before else record:
        stage.feed(event)
    log = stage.call()
    assert (log.state, log.disposition, log.voicemail_left) == ("ended", "voicemail", True)


def test_a_call_through_inner_halves_is_answered_only_when_all_of_them_are() -> None:
    """A call that is passed on to a mobile has to be accepted there by a key: the mobile answers, and declines."""
    stage = Stage()
    caller = stage.caller()
    one = stage.leg("Local/FMGL-09055551234@from-internal;1", of=caller)
    two = stage.leg("Local/FMGL-09055551234@from-internal;2", "ring", of=caller)
    stage.dial(caller, one)
    mobile = stage.leg("PJSIP/trunk", of=caller)
    stage.dial(two, mobile, dialled="09055551234")
    stage.ring(mobile)
    stage.wait(2)
    stage.answer(two, mobile)
    assert not stage.call().answered
    stage.wait(3)
    stage.dial_ended(caller, one, "answered")
    assert (stage.call().answered, stage.call().answered_by_number) == (True, "09055551234")
    assert stage.call().answered_at == BEGINNING + 5
    assert stage.call().direction == "in"


def test_a_name_from_the_directory_replaces_the_one_received() -> None:
    stage = Stage()
    caller = stage.caller(shown="")
    stage.feed(events.CallerChanged(stage.now, caller, "0312340000", "山田 太郎"))
    assert stage.call().caller_name == "山田 太郎"
    stage.feed(events.CallerChanged(stage.now, caller, "0312340000", ""))
    assert stage.call().caller_name == "山田 太郎"


def test_a_fax_and_a_recording_are_marked() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.feed(events.FaxSeen(stage.now, caller))
    stage.feed(events.Recorded(stage.now, caller, "/var/spool/a.wav"))
    stage.feed(events.Recorded(stage.now, caller, "/var/spool/b.wav"))
    assert (stage.call().fax, stage.call().recording) == (True, "/var/spool/a.wav")


def test_a_call_on_request_through_an_inner_pair() -> None:
    """As FreePBX does it: the request goes to `Local/2001@from-internal`, the customer is dialled on the other half."""
    stage = Stage()
    one = stage.leg("Local/2001@from-internal;1")
    two = stage.leg("Local/2001@from-internal;2", "ring", of=one)
    phone = stage.leg("PJSIP/2001", of=one, number="2001", shown="SA1")
    stage.dial(two, phone)
    stage.ring(phone)
    stage.wait(2)
    stage.answer(two, phone)
    stage.up(one)
    stage.bridge("a", phone, two)
    stage.feed(events.Originated(stage.now, one, "Local/2001@from-internal", "0661112222"))
    assert (stage.call().direction, stage.call().answered) == ("out", False)
    customer = stage.leg("PJSIP/trunk", of=one)
    stage.dial(one, customer, dialled="0661112222", asked="0661112222", presented="0312345600")
    stage.ring(customer)
    stage.wait(3)
    stage.answer(one, customer)
    stage.bridge("b", customer, one)
    stage.wait(10)
    stage.hangs_up(customer)
    stage.gone(customer, one, two, phone)
    log = stage.call()
    assert (log.direction, log.caller_number, log.caller_name) == ("out", "2001", "SA1")
    assert (log.dialed_number, log.presented_number) == ("0661112222", "0312345600")
    assert (log.ring_seconds, log.talk_seconds, log.wait_seconds) == (3.0, 10.0, 5.0)
    assert (log.hangup_by, log.disposition, log.final_extension) == ("callee", "answered", "2001")


def test_every_move_of_the_table_leads_somewhere_and_the_end_is_the_end() -> None:
    assert set(TABLE) == {"arriving", "ringing", "waiting", "talking", "held", "ended"}
    assert all(following in TABLE for moves in TABLE.values() for following in moves.values())
    assert all(after("ended", happening) == "ended" for happening in Happening)
    assert all(after(state, Happening.ENDED) == "ended" for state in TABLE)


def test_the_page_of_the_states_is_the_table() -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "call-states.md"
    assert page.read_text("utf-8") == diagram()
