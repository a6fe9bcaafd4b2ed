"""The fold, for calls that go from hand to hand in ways that no recording shows."""

from __future__ import annotations

from cti_server.calls import events
from tests.core.fold_stage import BEGINNING, Stage


def test_a_consultation_that_becomes_a_transfer_is_taken_back_as_a_call_of_its_own() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    consulting = stage.leg("PJSIP/2001", "ring", number="2001", dialled="2002")
    other = stage.talk(consulting, "2002", "c")
    incoming, consultation = stage.calls()
    assert (consultation.direction, consultation.state) == ("internal", "talking")
    stage.feed(events.TransferredAttended(stage.now, phone, consulting, caller, other))
    stage.bridge("c", caller)
    log = stage.call()
    assert stage.logs[consultation.id].merged_into == incoming.id == log.id
    assert stage.logs[consultation.id].state == "ended"
    assert (log.transferred_to, log.final_extension, log.talking_extension) == (["2002"], "2002", "2002")
    assert log.linkedids == [caller, consulting]
    stage.gone(consulting, phone)
    assert stage.call().state == "talking"
    stage.hangs_up(other)
    stage.gone(other, caller)
    assert (stage.call().hangup_by, stage.call().state) == ("callee", "ended")


def test_a_consultation_that_came_first_doesn_t_hide_the_customer_s_call() -> None:
    stage = Stage()
    consulting = stage.leg("PJSIP/2001", "ring", number="2001", dialled="2002")
    other = stage.talk(consulting, "2002", "c")
    stage.wait(1)
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    stage.feed(events.TransferredAttended(stage.now, consulting, phone, other, caller))
    stage.bridge("c", caller)
    log = stage.call()
    assert (log.id, log.direction, log.caller_number) == (f"x-{caller}", "in", "0312340000")
    assert (log.transferred_to, log.final_extension) == (["2002"], "2002")
    assert log.linkedids == [consulting, caller]


def test_a_customer_that_was_called_lives_on_after_a_transfer() -> None:
    stage = Stage()
    extension = stage.leg("PJSIP/2001", "ring", number="2001", dialled="0661112222")
    customer = stage.leg("PJSIP/trunk", of=extension)
    stage.dial(extension, customer, dialled="0661112222")
    stage.ring(customer)
    stage.wait(1)
    stage.answer(extension, customer)
    stage.bridge("b", customer, extension)
    stage.wait(5)
    stage.feed(events.TransferredBlind(stage.now, extension, customer, "2002"))
    assert stage.call().state == "waiting"
    stage.unbridge("b", extension, customer)
    stage.gone(extension)
    assert stage.call().state == "waiting"
    target = stage.talk(customer, "2002", "c")
    stage.wait(4)
    stage.hangs_up(customer)
    stage.gone(customer, target)
    log = stage.call()
    assert (log.direction, log.caller_number, log.transferred_to) == ("out", "2001", ["2002"])
    assert (log.final_extension, log.hangup_by) == ("2002", "callee")
    assert log.talk_seconds == 5 + 2 + 4


def test_a_transfer_to_the_outside_names_the_number() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    consulting = stage.leg("PJSIP/2001", "ring", number="2001", dialled="09055551234")
    mobile = stage.leg("PJSIP/trunk", of=consulting)
    stage.dial(consulting, mobile, dialled="09055551234")
    stage.answer(consulting, mobile)
    stage.bridge("c", mobile, consulting)
    stage.feed(events.TransferredAttended(stage.now, phone, consulting, caller, mobile))
    stage.bridge("c", caller)
    stage.gone(consulting, phone)
    log = stage.call()
    assert (log.direction, log.transferred_to, log.final_extension) == ("in", ["09055551234"], "2001")
    assert (log.answered_by_extension, log.answered_by_number) == ("2001", None)


def test_a_transfer_that_nobody_takes_comes_back_to_who_made_it() -> None:
    """The exchange rings the transferer by itself, with a group of its own."""
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    one = stage.leg("Local/2002@internal;1", of=caller)
    two = stage.leg("Local/2002@internal;2", "ring", of=caller)
    target = stage.phone("2002", caller)
    stage.dial(two, target)
    stage.ring(target)
    stage.hangs_up(phone)
    stage.feed(events.TransferredAttended(stage.now, phone, phone, caller, one))
    stage.gone(phone)
    assert stage.call().transferred_to == ["2002"]
    stage.wait(10)
    stage.dial_ended(two, target, "no-answer")
    stage.gone(one, two, target)
    recalled = stage.leg("PJSIP/2001")
    stage.dial("", recalled)
    stage.ring(recalled)
    assert (stage.call().state, stage.call().ringing_extensions) == ("ringing", ["2001"])
    stage.wait(1)
    stage.up(recalled)
    stage.bridge("b", recalled, caller)
    log = stage.call()
    assert (log.state, log.talking_extension, log.final_extension) == ("talking", "2001", "2001")
    stage.hangs_up(recalled)
    stage.gone(recalled, caller)
    assert stage.call().hangup_by == "callee"
    assert stage.call().linkedids == [caller, recalled]


def test_a_call_on_request_while_another_is_transferred_blind_stays_apart() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    stage.feed(events.TransferredBlind(stage.now, phone, caller, "2002"))
    stage.unbridge("b", phone, caller)
    stage.gone(phone)
    requested = stage.leg("PJSIP/2001")
    stage.dial("", requested)
    stage.ring(requested)
    assert [log.direction for log in stage.calls()] == ["in", "out"]


def test_sending_a_call_to_the_parking_place_is_no_transfer() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    stage.feed(events.TransferredBlind(stage.now, phone, caller, "700"))
    stage.feed(events.Parked(stage.now, caller))
    stage.gone(phone)
    assert (stage.call().state, stage.call().transferred_to) == ("held", [])
    stage.wait(6)
    retriever = stage.leg("PJSIP/2003", "ring", number="2003", dialled="701")
    stage.feed(events.Unparked(stage.now, caller, retriever))
    stage.bridge("c", caller, retriever)
    log = stage.call()
    assert (log.state, log.transferred_to, log.final_extension) == ("talking", ["2003"], "2003")
    assert (log.hold_seconds, log.linkedids) == (6.0, [caller, retriever])


def test_a_parked_call_rings_back_and_its_parker_may_have_begun_it() -> None:
    stage = Stage()
    extension = stage.leg("PJSIP/2001", "ring", number="2001", dialled="2002")
    other = stage.talk(extension, "2002", "b")
    stage.feed(events.Parked(stage.now, other))
    stage.gone(extension)
    assert stage.call().state == "held"
    stage.wait(40)
    back = stage.talk(other, "2001", "c")
    assert (stage.call().state, stage.call().transferred_to) == ("talking", [])
    stage.hangs_up(other)
    stage.gone(other, back)
    assert stage.call().hangup_by == "callee"


def test_a_pickup_that_finds_nothing_is_nothing() -> None:
    stage = Stage()
    picker = stage.leg("PJSIP/2003", "ring", number="2003", dialled="*8")
    stage.feed(events.PickedUp(stage.now, picker, "gone"))
    stage.gone(picker)
    stage.swept(5)
    assert stage.calls() == []


def test_a_call_picked_up_from_a_queue_belongs_to_the_picker() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.up(caller)
    stage.feed(events.QueueJoined(stage.now, caller, "sales"))
    phone = stage.phone("2001", caller)
    stage.dial(caller, phone)
    stage.ring(phone)
    stage.wait(3)
    picker = stage.leg("PJSIP/2003", "ring", number="2003", dialled="**2001")
    stage.feed(events.PickedUp(stage.now, picker, phone))
    stage.dial_ended(caller, picker, "answered")
    stage.feed(events.QueueLeft(stage.now, caller))
    stage.feed(events.AgentConnected(stage.now, caller, picker))
    stage.bridge("b", picker, caller)
    log = stage.call()
    assert (log.answered_by_extension, log.queue, log.answered_at) == ("2003", "sales", BEGINNING + 3)
    assert (log.rang_extensions, log.ring_seconds) == (["2001"], 3.0)


def test_an_agent_who_answers_but_isn_t_connected_has_not_answered_the_call() -> None:
    """A queue may have a word with the agent first."""
    stage = Stage()
    caller = stage.caller()
    stage.feed(events.QueueJoined(stage.now, caller, "sales"))
    phone = stage.phone("2001", caller)
    stage.dial(caller, phone)
    stage.ring(phone)
    stage.wait(2)
    stage.answer(caller, phone)
    stage.up(caller)
    assert (stage.call().answered, stage.call().pbx_answered_at) == (False, None)
    stage.wait(3)
    stage.hangs_up(caller, None)
    stage.feed(events.QueueLeft(stage.now, caller))
    stage.gone(phone, caller)
    assert (stage.call().disposition, stage.call().hangup_by) == ("abandoned", "caller")


def test_a_queue_that_gives_up_is_not_the_caller_giving_up() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.up(caller)
    stage.feed(events.QueueJoined(stage.now, caller, "sales"))
    phone = stage.phone("2001", caller)
    stage.dial(caller, phone)
    stage.ring(phone)
    stage.wait(9)
    stage.dial_ended(caller, phone, "cancelled")
    stage.feed(events.QueueLeft(stage.now, caller))
    stage.gone(phone, caller)
    stage.swept(2)
    log = stage.call()
    assert (log.disposition, log.hangup_by, log.queue, log.ring_seconds) == ("missed", "pbx", "sales", 9.0)


def test_callers_in_one_conference_room_are_calls_of_their_own() -> None:
    stage = Stage()
    callers = [stage.caller("0312340001"), stage.caller("0312340002")]
    for caller in callers:
        stage.up(caller)
        stage.bridge("room", caller, connects=False)
        stage.feed(events.ConferenceJoined(stage.now, caller, "8000"))
    assert [(log.answered, log.answered_by_extension, log.state) for log in stage.calls()] == [
        (True, "8000", "talking"),
        (True, "8000", "talking"),
    ]


def test_the_exchange_s_own_aids_are_nobody() -> None:
    stage = Stage()
    stage.leg("CBAnn/8000;1")
    stage.leg("Announcer/ARI;2", "up")
    assert stage.calls() == []
    assert stage.folder.low_water() is None


def test_who_has_left_a_bridge_doesn_t_talk_to_who_comes_into_it() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    stage.unbridge("b", caller)
    other = stage.phone("2002", caller)
    stage.bridge("b", other)
    assert (stage.call().talking_extension, stage.call().final_extension) == ("2001", "2001")
    stage.gone(phone)
