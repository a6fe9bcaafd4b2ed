"""The simulator against recordings of a real Asterisk: the same events, the same headers, the same values, in the same
order on every channel. Threads of a real one race, so between channels the order within a burst isn't compared."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from cti_adapters.wire.ami import Framer, Message
from cti_simulators.plays.outbound import Dialling, originate
from cti_simulators.scenarios import Guest, Parking, Scenario, Site, Transfer
from cti_simulators.switch import Party
from tests.adapters.sim_rig import Client, advance, exchange, play

GOLDEN = Path(__file__).parents[1] / "golden"
AGENTS = {"2001": "SatoAgent", "2002": "SuzukiAgent", "2004": "TanakaAgent"}
OFFICE = Site("office", {"2001": "SA1", "2002": "SA2", "2003": "SA3", "2004": "SA4"}, "0312345600")

CASES = {
    "A1-inbound-answered": Scenario("phone", "0312345678", to="0312345600", rings=("2001",), ring=3.2, talk=6.4),
    "A2-inbound-caller-gives-up": Scenario(
        "phone", "09012345678", to="0312345600", rings=("2001",), ring=5.4, outcome="given-up"
    ),
    "A3-inbound-ring-timeout": Scenario(
        "phone", "05031234567", to="0312345602", rings=("2002",), ring=8.0, outcome="timeout"
    ),
    "A4-busy-extension": Scenario("phone", "0661234567", to="0312345603", rings=("2003",), outcome="busy"),
    "A5-queue-ringall-answered": Scenario(
        "queue",
        "08011112222",
        "YAMADA TARO",
        "0312345601",
        ("2001", "2002"),
        "2002",
        "sales",
        ring=4.3,
        talk=7.0,
        hangup="callee",
    ),
    "A6-queue-abandoned": Scenario(
        "queue", "0522223333", to="0312345601", rings=("2001", "2002"), queue="sales", ring=9.6, outcome="given-up"
    ),
    "A7-blind-transfer": Scenario(
        "phone",
        "0312340007",
        to="0312345600",
        rings=("2001",),
        ring=2.6,
        talk=12.6,
        transfer=Transfer("blind", "2002", after=4.0, ring=3.6),
    ),
    "A8-attended-transfer-refer": Scenario(
        "phone",
        "09088887777",
        to="0312345600",
        rings=("2001",),
        ring=2.3,
        talk=15.9,
        hangup="callee",
        transfer=Transfer("attended", "2002", after=3.0, ring=2.4, consult=3.6),
    ),
    "A9-internal": Scenario("internal", "2001", to="2002", ring=2.8, talk=4.4, hangup="callee"),
    "A10-outbound-answered": Scenario("outbound", "2001", to="0661112222", ring=4.7, talk=8.0),
    "A11-anonymous": Scenario("phone", to="0312345600", rings=("2001",), ring=4.1, talk=3.3, hangup="callee"),
    "A13-ivr-queue-answered": Scenario(
        "queue",
        "0488765432",
        to="0312345616",
        rings=("2004", "2002"),
        by="2002",
        queue="support2",
        menu=4.0,
        ring=3.4,
        talk=5.0,
    ),
}

CASES["B3-ring-group"] = Scenario(
    "phone",
    "0312340103",
    to="0312345610",
    rings=("2001", "2002", "2003"),
    by="2002",
    ring=2.2,
    talk=2.0,
    hangup="callee",
)

CASES |= {
    "C4-voicemail-left": Scenario(
        "phone", "0312340204", to="0312345613", rings=("2002",), outcome="voicemail", ring=7.0, talk=15.0
    ),
    "C5-voicemail-no-message": Scenario(
        "phone", "0312340205", to="0312345613", rings=("2002",), outcome="voicemail", ring=7.0, talk=2.5
    ),
    "D7-outbound-busy": Scenario("outbound", "2002", to="0661110307", outcome="busy"),
    "D8-outbound-congestion": Scenario("outbound", "2002", to="0661110308", outcome="congestion"),
    "D10-outbound-given-up": Scenario("outbound", "2002", to="0661110310", outcome="given-up", ring=3.3),
    "D11-outbound-no-answer": Scenario("outbound", "2002", to="0661110311", outcome="timeout", ring=3.3),
}
CASES |= {
    "B5-forward-mobile": Scenario(
        "phone", "0312340105", to="0312345611", forward="09055551234", ring=2.4, talk=2.5, hangup="callee"
    ),
    "B6-forward-mobile-unanswered": Scenario(
        "phone", "0312340106", to="0312345611", forward="09055551234", ring=3.0, outcome="given-up"
    ),
    "B7-forward-by-phone": Scenario(
        "phone", "0312340107", to="0312345600", rings=("2001",), forward="2004", ring=2.0, talk=2.0
    ),
    "F9-phone-away": Scenario("phone", "0312340520", to="0312345600", rings=("2001",), outcome="away"),
    "H3-queue-timeout": Scenario(
        "queue",
        "0312340703",
        to="0312345621",
        rings=("2003", "2004"),
        queue="support",
        one_by_one=6.0,
        ring=2.0,
        outcome="timeout",
    ),
    "B12-pickup-directed": Scenario(
        "phone", "0312340112", to="0312345600", rings=("2001",), picked_up_by="2003", ring=2.0, talk=2.5
    ),
    "C1-park-retrieved": Scenario(
        "phone",
        "0312340201",
        to="0312345620",
        rings=("2001",),
        ring=1.0,
        talk=7.7,
        hangup="callee",
        park=Parking("2002", after=1.6, seconds=4.1),
    ),
    "C3-conference": Scenario(
        "conference", "0312340203", to="0312345617", room="8000", talk=5.8, guests=(Guest("2001", 1.8, 3.0),)
    ),
    "G1-blind-comes-back": Scenario(
        "phone",
        "0312340601",
        to="0312345619",
        rings=("2004",),
        ring=1.0,
        talk=9.6,
        transfer=Transfer("blind", "2003", after=1.0, ring=6.0, answered=False, returns=1.0),
    ),
    "G8-consultation-came-back": Scenario(
        "phone",
        "0312340608",
        to="0312345600",
        rings=("2001",),
        ring=1.0,
        talk=4.5,
        hangup="callee",
        transfer=Transfer("attended", "2002", after=1.0, ring=1.0, consult=1.2, joined=False),
    ),
    "H1-first-agent-rings-out": Scenario(
        "queue",
        "0312340701",
        to="0312345612",
        rings=("2003", "2004"),
        queue="support",
        one_by_one=6.0,
        early=False,
        ring=1.1,
        talk=2.0,
    ),
}
DIALLED = {
    "D1-click-to-dial": Dialling("2001", "0661110301", talk=2.0, hangup="caller"),
    "D2-click-to-dial-callerid": Dialling("2001", "09055550302", Party("09055550302"), talk=2.0),
    "D3-click-to-dial-customer-busy": Dialling("2001", "0661110303", outcome="busy"),
    "D4-click-to-dial-customer-no-answer": Dialling("2001", "0661110304", outcome="given-up"),
    "D5-click-to-dial-extension-no-answer": Dialling("2001", "0661110305", phone="rings", timeout=4.0),
    "D6-click-to-dial-extension-busy": Dialling("2001", "0661110306", phone="busy"),
}

CLASSES = ("call,all", "agent,all", "cdr,all")
SIDE_EFFECTS = {"DeviceStateChange", "ExtensionStatus", "QueueMemberStatus", "CEL"}
"""What a real exchange tells besides, of hints, queues' members and its second record; no part of a call."""
FREE = {
    "Timestamp",
    "StartTime",
    "AnswerTime",
    "EndTime",
    "Duration",
    "BillableSeconds",
    "LastData",
    "Priority",
    "DestPriority",
    "TransfererPriority",
    "TransfereePriority",
    "MemberName",
    "HoldTime",
    "ParkingTimeout",
    "ParkingDuration",
    "SourcePriority",
    "Id",
}
"""Headers whose values depend on the moment or the dialplan's line numbers."""

RACED = {
    "DialBegin": {"DestChannelState", "DestChannelStateDesc"},
    "DialState": {"DestChannelState", "DestChannelStateDesc"},
    "BridgeLeave": {"BridgeTechnology"},
}
"""Headers that a thread of their own changes at that moment: recordings have them either way."""

Event = list[tuple[str, str]]


def recorded(name: str) -> list[Message]:
    frames = Framer().feed((GOLDEN / name / "ami.raw").read_bytes())
    return [Message(frame) for frame in frames if isinstance(frame, bytes)]


def of_calls(messages: list[Message]) -> list[Message]:
    return [each for each in messages if each.get("Privilege") in CLASSES and each.name not in SIDE_EFFECTS]


def plain(messages: list[Message]) -> list[Event]:
    """The events with ids and channel names replaced by numbers in the order in which they appear."""
    names: dict[str, str] = {}
    events = []
    for message in messages:
        if message.name == "Newchannel":
            names[message.get("Uniqueid")] = f"channel {len(names)}"
            names[message.get("Channel")] = message.get("Channel").rpartition("-")[0] + f" {len(names)}"
        elif message.name == "BridgeCreate":
            names[message.get("BridgeUniqueid")] = f"bridge {len(names)}"
        free = FREE | RACED.get(message.name, set())
        events.append([(key, names.get(value, value)) for key, value in message.items() if key not in free])
    return events


def by_channel(events: list[Event]) -> dict[tuple[str, str], list[Event]]:
    """The events of each pair of channels, in order. A row of the record, the answer to Originate and the end that one
    local channel asks the other for come from threads of their own, so each is compared by itself."""
    told = defaultdict(list)
    for event in events:
        headers = dict(event)
        channel = headers.get("Channel", headers.get("BridgeUniqueid", ""))
        alone = headers["Event"] in ("Cdr", "OriginateResponse")
        alone |= headers["Event"] == "HangupRequest" and channel.startswith("Local/")
        told[channel, headers.get("DestChannel", headers["Event"] if alone else "")].append(event)
    return told


@pytest.mark.parametrize("name", CASES)
def test_same_events_in_the_same_order(name: str) -> None:
    compare(recorded(name), play(CASES[name], site=OFFICE))


@pytest.mark.parametrize("name", DIALLED)
def test_click_to_dial_has_the_same_events_in_the_same_order(name: str) -> None:
    pbx, clock = exchange(OFFICE)
    client = Client(pbx).sign_in()
    client.heard()
    pbx.stage.play(originate(pbx.hands, replace(DIALLED[name], action_id="dial-1")))
    advance(clock, 40)
    assert not pbx.switch.channels
    compare(recorded(name), client.events())


def compare(real: list[Message], simulated: list[Message]) -> None:
    expected, got = by_channel(plain(of_calls(real))), by_channel(plain(of_calls(simulated)))
    assert got.keys() == expected.keys()
    for channels, events in expected.items():
        assert got[channels] == events, channels


def test_every_event_has_the_headers_of_a_recorded_one() -> None:
    """Whatever scenario is played: no event has a header that a real one lacks, or lacks one, or another order."""
    known: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for folder in sorted(GOLDEN.iterdir()):
        for path in sorted(folder.glob("ami*.raw")):
            for message in Framer().feed(path.read_bytes()):
                if isinstance(message, bytes):
                    event = Message(message)
                    known[event.name].add(tuple(key for key, _ in event.items()))
    for scenario in [*CASES.values(), *MORE]:
        for event in play(scenario, site=OFFICE):
            assert tuple(key for key, _ in event.items()) in known[event.name], (event.name, scenario)


MORE = [
    # Recorded as B8, where the exchange was too quick to tell that the phone refuses.
    Scenario("phone", "0312340108", to="0312345600", rings=("2001",), forward="2004", ring=6.0, outcome="timeout"),
    Scenario("phone", "0312345678", to="0312345610", rings=("2001", "2002", "2003"), by="2002", hold=(2.0, 3.0)),
    Scenario("phone", "0312345678", to="0312345610", rings=("2001", "2002"), outcome="given-up"),
    Scenario("phone", "0312345678", to="0312345613", rings=("2002",), outcome="voicemail", talk=6.0),
    Scenario(
        "phone", "0312345678", to="0312345600", rings=("2001",), transfer=Transfer("blind", "2004", answered=False)
    ),
    Scenario("outbound", "2001", to="0661112222", outcome="busy"),
    Scenario("outbound", "2001", to="0661112222", outcome="congestion"),
    Scenario("outbound", "2001", to="0661112222", outcome="given-up", ring=6.0),
    Scenario("outbound", "2001", to="0661112222", outcome="timeout", ring=6.0),
    Scenario("queue", "0312345678", to="0312345601", rings=("2001", "2002"), queue="sales", hangup="caller"),
]
