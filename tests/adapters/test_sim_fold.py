"""What the simulator plays is read, from its bytes, as the call that was meant: with every outcome and every move."""

from __future__ import annotations

from itertools import islice

import pytest

from cti_adapters.wire.ami_events import decode
from cti_server.calls.events import Unreadable
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.shared.positions import Position
from cti_simulators.day import Traffic
from cti_simulators.pbx import Exchange, play_day
from cti_simulators.people import OFFICES, Office
from cti_simulators.plays.outbound import Dialling, originate
from cti_simulators.scenarios import Scenario, Transfer
from cti_simulators.stage import Run
from cti_simulators.switch import Party
from tests.adapters.sim_rig import START, Client, Message, advance, exchange, play

PLAN = ExchangePlan(id="office", branch="121")

INBOUND = Scenario("phone", "0300005001", to="0312345600", rings=("2001",), ring=4.0, talk=20.0)
SCENARIOS = {
    "answered": INBOUND,
    "hung up by us": Scenario("phone", "0300005001", to="0312345600", rings=("2001",), hangup="callee"),
    "withheld": Scenario("phone", to="0312345600", rings=("2001",)),
    "named": Scenario("phone", "09000000002", 'O\'Neil "Bob" 山田', "0312345600", ("2001",)),
    "given up": Scenario("phone", "0300005001", to="0312345600", rings=("2001",), outcome="given-up", ring=9.0),
    "nobody in time": Scenario("phone", "0300005001", to="0312345602", rings=("2002",), outcome="timeout", ring=8.0),
    "busy": Scenario("phone", "0300005001", to="0312345603", rings=("2003",), outcome="busy"),
    "voicemail": Scenario("phone", "0300005001", to="0312345613", rings=("2002",), outcome="voicemail", talk=6.0),
    "group": Scenario("phone", "0300005001", to="0312345610", rings=("2001", "2002", "2003"), by="2002"),
    "group given up": Scenario("phone", "0300005001", to="0312345610", rings=("2001", "2003"), outcome="given-up"),
    "hold": Scenario("phone", "0300005001", to="0312345600", rings=("2001",), hold=(3.0, 5.0)),
    "blind": Scenario("phone", "0300005001", to="0312345600", rings=("2001",), transfer=Transfer("blind", "2002")),
    "blind, not taken": Scenario(
        "phone", "0300005001", to="0312345600", rings=("2001",), transfer=Transfer("blind", "2004", answered=False)
    ),
    "attended": Scenario(
        "phone", "0300005001", to="0312345600", rings=("2001",), transfer=Transfer("attended", "2002")
    ),
    "queue": Scenario("queue", "0300005001", to="0312345601", rings=("2001", "2002"), by="2002", queue="sales"),
    "menu": Scenario("queue", "0300005001", to="0312345616", rings=("2001", "2002"), queue="sales", menu=5.0),
    "left queue": Scenario("queue", "0300005001", to="0312345601", queue="sales", outcome="given-up", ring=12.0),
    "internal": Scenario("internal", "2001", to="2002"),
    "outbound": Scenario("outbound", "2001", to="0661112222"),
    "outbound hung up there": Scenario("outbound", "2001", to="0661112222", hangup="callee"),
    "outbound held": Scenario("outbound", "2001", to="0661112222", hold=(3.0, 5.0)),
    "outbound busy": Scenario("outbound", "2001", to="0661112222", outcome="busy"),
    "outbound refused": Scenario("outbound", "2001", to="0661112222", outcome="congestion"),
    "outbound given up": Scenario("outbound", "2001", to="0661112222", outcome="given-up", ring=8.0),
    "outbound nobody": Scenario("outbound", "2001", to="0661112222", outcome="timeout", ring=8.0),
}
DISPOSITIONS = {
    "answered": "answered",
    "given-up": "missed",
    "timeout": "missed",
    "busy": "busy",
    "congestion": "failed",
    "voicemail": "voicemail",
}


def folded(events: list[Message], plan: ExchangePlan = PLAN) -> list[CallLog]:
    folder = Folder(plan)
    logs: dict[str, CallLog] = {}
    for number, message in enumerate(events):
        event = decode(message, START)
        assert not isinstance(event, Unreadable)
        if event is not None:
            folder.feed(event, Position(0, number))
            logs.update({log.id: log for log in folder.changed()})
    return [log for log in logs.values() if log.merged_into is None]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_call_is_the_one_that_was_meant(name: str) -> None:
    scenario = SCENARIOS[name]
    (log,) = folded(play(scenario))
    assert log.state == "ended" and not log.marks
    assert log.direction == {"phone": "in", "queue": "in"}.get(scenario.kind, scenario.kind.replace("bound", ""))
    assert log.caller_number == (None if scenario.caller == "anonymous" else scenario.caller)
    assert log.caller_name == (scenario.name or {"anonymous": "Anonymous", "2001": "SA1"}.get(scenario.caller))
    assert log.dialed_number == scenario.to
    assert log.queue == (scenario.queue or None)
    left = scenario.kind == "queue" and scenario.outcome == "given-up"
    assert log.disposition == ("abandoned" if left else DISPOSITIONS[scenario.outcome])
    assert log.answered == (scenario.outcome == "answered")
    _who(log, scenario)
    _times(log, scenario)


def _who(log: CallLog, scenario: Scenario) -> None:
    rings = {"internal": ("2002",), "outbound": ()}.get(scenario.kind, scenario.rings or ("2001", "2002"))
    moved = (scenario.transfer.to,) if scenario.transfer else ()
    refused = scenario.outcome == "busy"
    assert log.rang_extensions == ([] if refused else sorted({*rings, *moved}))
    if scenario.kind == "outbound":
        assert (log.answered_by_extension, log.presented_number) == (None, "0312345600")
    elif log.answered:
        assert log.answered_by_extension == (scenario.answering or "2002")
    assert log.transferred_to == list(moved)
    if log.answered and not (scenario.transfer and not scenario.transfer.answered):
        assert log.hangup_by == scenario.hangup
        last = {"outbound": "2001", "internal": "2002"}.get(scenario.kind, scenario.answering)
        assert log.final_extension == (scenario.transfer.to if scenario.transfer else last)


def _times(log: CallLog, scenario: Scenario) -> None:
    refused = scenario.outcome in ("busy", "congestion")
    assert log.ring_seconds == pytest.approx(0.0 if refused else scenario.ring, abs=0.7 if refused else 0.1)
    if log.answered and not (scenario.transfer and not scenario.transfer.answered):
        assert log.talk_seconds == pytest.approx(scenario.talk, abs=0.1)
    assert log.hold_seconds == pytest.approx(scenario.hold[1] if scenario.hold else log.hold_seconds, abs=0.1)
    if scenario.menu:
        assert log.wait_seconds == pytest.approx(scenario.menu + scenario.ring, abs=0.1)


def dialled(dialling: Dialling) -> CallLog:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    client.heard()
    pbx.stage.play(originate(pbx.hands, dialling))
    advance(clock, 70)
    (log,) = folded(client.events())
    return log


def test_click_to_dial_is_one_outgoing_call() -> None:
    log = dialled(Dialling("2001", "0661112222", Party("0661112222"), "1", ring=5.0, talk=20.0))
    assert (log.direction, log.caller_number, log.dialed_number) == ("out", "2001", "0661112222")
    assert (log.disposition, log.final_extension, log.hangup_by) == ("answered", "2001", "callee")
    assert log.talk_seconds == pytest.approx(20.0, abs=0.1) and log.ring_seconds == pytest.approx(5.0, abs=0.1)


def test_click_to_dial_to_a_busy_customer() -> None:
    log = dialled(Dialling("2001", "0661112222", Party("0661112222"), "1", outcome="busy"))
    assert (log.direction, log.disposition, log.dialed_number) == ("out", "busy", "0661112222")


@pytest.mark.parametrize("office", OFFICES, ids=lambda office: office.exchange)
def test_every_call_of_a_day_is_read(office: Office) -> None:
    """Five hours of the past and some sixty calls live: as many calls as were played, all whole."""
    traffic = Traffic(office.exchange)
    pbx, clock = exchange(traffic.site)
    played: list[Scenario] = []

    def remember(scenario: Scenario, when: float | None = None) -> Run:
        played.append(scenario)
        return Exchange.play(pbx, scenario, when)

    live = traffic.live
    traffic.live = lambda begin: islice(live(begin), 60)  # type: ignore[method-assign]
    pbx.play = remember  # type: ignore[method-assign]
    pbx.on_listener = lambda: play_day(pbx, traffic, pbx.stage.now - 5 * 3600)
    client = Client(pbx).sign_in()
    clock.pump([0.0] * 200)
    advance(clock, 2400, step=0.5)
    logs = folded(client.events())
    assert len(logs) == len(played) > 100
    assert not [log for log in logs if log.marks or log.state != "ended"]
    assert sum(log.answered for log in logs) == sum(scenario.outcome == "answered" for scenario in played)
