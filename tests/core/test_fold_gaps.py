"""The fold, for what nobody heard: lost connections, restarts, calls that were going on before."""

from __future__ import annotations

from cti_server.calls import events
from cti_server.calls.events import LegCreated, LegState
from tests.core.fold_stage import BEGINNING, Stage


def lose(stage: Stage, seconds: float) -> None:
    """We don't hear the exchange for so long."""
    heard = stage.now
    stage.wait(1)
    stage.feed(events.LinkLost(stage.now, heard))
    stage.wait(seconds - 1)
    stage.feed(events.LinkUp(stage.now))


def listed(stage: Stage, *legs: str, bridge: str = "", dialled: tuple[str, ...] = ()) -> None:
    """The exchange lists these legs, of those that were created on the stage."""
    created = {event.leg: event for event in stage.fed if isinstance(event, LegCreated)}
    for leg in legs:
        now = created[leg]._replace(state="up") if bridge else created[leg]
        stage.feed(events.LegUp(stage.now, now, leg in dialled, bridge, bool(bridge)))
    stage.feed(events.LegsListed(stage.now))


def up(
    leg: str, channel: str, group: str, *, number: str = "", dialled: str = "", state: LegState = "up"
) -> LegCreated:
    peer = channel.partition("/")[2].rpartition("-")[0]
    return LegCreated(BEGINNING - 5, leg, group, channel, peer, 0, "", state, number, "", dialled)


def test_a_call_that_is_still_up_goes_on_marked() -> None:
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    lose(stage, 30)
    listed(stage, caller, phone, bridge="b", dialled=(phone,))
    assert (stage.call().state, stage.call().marks) == ("talking", ["cut-by-gap"])
    stage.wait(5)
    stage.hangs_up(phone)
    stage.gone(phone, caller)
    log = stage.call()
    assert (log.state, log.talk_seconds, log.hangup_by, log.marks) == ("ended", 35.0, "callee", ["cut-by-gap"])


def test_a_call_that_is_not_listed_any_more_ended_somewhere_in_between() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.talk(caller, "2001", "b")
    heard = stage.now
    lose(stage, 30)
    listed(stage)
    assert stage.call().state == "talking"
    stage.swept(2)
    log = stage.call()
    assert (log.state, log.ended_at, log.ended_between) == ("ended", None, (heard, heard + 30))
    assert (log.disposition, log.hangup_by, log.marks) == ("answered", None, ["cut-by-gap", "end-not-seen"])


def test_an_end_that_overtakes_the_list_is_seen_all_the_same() -> None:
    """The list is sent at once; events that were waiting come behind it."""
    stage = Stage()
    caller = stage.caller()
    phone = stage.talk(caller, "2001", "b")
    lose(stage, 30)
    listed(stage)
    stage.wait(0.1)
    stage.hangs_up(caller)
    stage.gone(caller, phone)
    log = stage.call()
    assert (log.ended_at, log.ended_between, log.hangup_by) == (stage.now, None, "caller")
    assert log.marks == ["cut-by-gap"]


def test_a_partner_that_is_gone_is_gone() -> None:
    stage = Stage()
    caller = stage.caller()
    phone, other = stage.phone("2001", caller), stage.phone("2002", caller)
    for leg in (phone, other):
        stage.dial(caller, leg)
        stage.ring(leg)
    lose(stage, 10)
    listed(stage, caller, other, bridge="b", dialled=(other,))
    log = stage.call()
    assert (log.state, log.answered, log.answered_by_extension, log.answered_at) == ("talking", True, "2002", None)
    assert log.ringing_extensions == []


def test_an_exchange_that_started_since_has_ended_all_calls() -> None:
    stage = Stage()
    stage.talk(stage.caller(), "2001", "b")
    heard = stage.now
    lose(stage, 60)
    stage.feed(events.ServerStarted(stage.now, 20.0))
    log = stage.call()
    assert (log.state, log.ended_between) == ("ended", (heard, heard + 40))
    assert log.marks == ["cut-by-gap", "end-not-seen"]
    assert stage.folder.low_water() is None


def test_an_exchange_that_was_running_all_the_time_has_not() -> None:
    stage = Stage()
    stage.talk(stage.caller(), "2001", "b")
    lose(stage, 60)
    stage.feed(events.ServerStarted(stage.now, 3600.0))
    assert stage.call().state == "talking"


def test_calls_that_began_after_the_loss_are_not_taken_for_lost() -> None:
    stage = Stage()
    lose(stage, 60)
    stage.caller()
    stage.feed(events.ServerStarted(stage.now, 20.0))
    listed(stage)
    stage.swept(2)
    assert (stage.call().state, stage.call().marks) == ("arriving", [])


def test_our_own_absence_is_a_loss_too() -> None:
    stage = Stage()
    stage.talk(stage.caller(), "2001", "b")
    heard = stage.now
    stage.wait(100)
    stage.feed(events.LinkUp(stage.now))
    assert stage.call().marks == ["cut-by-gap"]
    listed(stage)
    stage.swept(2)
    assert stage.call().ended_between == (heard, heard + 100)


def test_calls_that_are_going_on_when_we_come() -> None:
    stage = Stage()
    stage.feed(events.LinkUp(stage.now))
    lines = [
        (up("1.2", "PJSIP/2001-02", "1.1"), True, "b"),
        (up("1.1", "PJSIP/trunk-01", "1.1", number="0312340000", dialled="0312345600"), False, "b"),
        (up("2.1", "PJSIP/trunk-03", "2.1", number="0312340001", dialled="0312345601", state="ring"), False, ""),
        (up("2.2", "PJSIP/2002-04", "2.1", state="ringing"), True, ""),
        (up("3.1", "PJSIP/2003-05", "3.1", number="0312345600", dialled="0661112222"), False, "c"),
        (up("3.2", "PJSIP/trunk-06", "3.1", number="0661112222"), True, "c"),
        (up("4.1", "PJSIP/2004-07", "4.1", number="2004", dialled="*97"), False, ""),
    ]
    for created, dialled, bridge in lines:
        stage.feed(events.LegUp(stage.now, created, dialled, bridge, bool(bridge)))
    stage.feed(events.LegsListed(stage.now))
    talking, ringing, out = stage.calls()
    assert (talking.direction, talking.state, talking.talking_extension) == ("in", "talking", "2001")
    assert (talking.answered, talking.answered_at, talking.answered_by_extension) == (True, None, "2001")
    assert (talking.started_at, talking.dialed_number) == (BEGINNING - 5, "0312345600")
    assert (ringing.state, ringing.ringing_extensions) == ("ringing", ["2002"])
    assert (out.direction, out.caller_number, out.dialed_number) == ("out", "2003", "0661112222")
    assert all(log.marks == ["start-not-seen"] for log in stage.calls())
    stage.wait(10)
    stage.gone("1.1", "1.2")
    stage.feed(events.Accounted(stage.now, "1.1", False, True, BEGINNING - 3))
    log = stage.calls()[0]
    assert (log.state, log.answered_at, log.talk_seconds, log.wait_seconds) == ("ended", BEGINNING - 3, 13.0, 2.0)


def test_a_list_that_the_connection_cut_off_counts_for_nothing() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.feed(events.LegUp(stage.now, up("9.9", "PJSIP/trunk-09", "9.9", number="1"), False, "", False))
    lose(stage, 10)
    listed(stage, caller)
    assert stage.call().state == "arriving"


def test_a_call_without_a_sign_of_life_is_given_up_after_half_a_day() -> None:
    stage = Stage()
    caller = stage.caller()
    stage.swept(11 * 3600)
    assert stage.call().state == "arriving"
    stage.swept(2 * 3600)
    log = stage.call()
    assert (log.state, log.ended_between) == ("ended", (BEGINNING, BEGINNING + 13 * 3600))
    assert log.marks == ["end-not-seen"]
    stage.gone(caller)
    assert stage.folder.low_water() is None


def test_legs_of_calls_that_nobody_saw_begin_are_left_alone() -> None:
    stage = Stage()
    stage.feed(LegCreated(stage.now, "5.2", "5.1", "PJSIP/2001-02", "2001", 0, "", "down", "2001", "", "s"))
    stage.ring("5.2")
    stage.dial("5.1", "5.2")
    stage.gone("5.2", "5.1")
    assert stage.calls() == []
    assert stage.folder.low_water() is None
