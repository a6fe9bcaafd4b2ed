"""AMI events to events of the calls room."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_adapters.wire.ami import Framer, Message, encode_event, encode_response
from cti_adapters.wire.ami_events import KEEP, NOISE, UNDEMANDED, WANTED, channel_parts, decode
from cti_server.calls import events
from cti_server.calls.events import Unreadable
from tests.golden.recordings import recordings

AT = 1795333834.457309
ARRIVED = 1795333900.0


def message(name: str, **headers: str) -> Message:
    wire = encode_event(name, [("Privilege", "call,all"), *((key.replace("__", "-"), headers[key]) for key in headers)])
    (frame,) = Framer().feed(wire)
    assert isinstance(frame, bytes)
    return Message(frame)


def decoded(name: str, **headers: str) -> Any:
    return decode(message(name, Timestamp=str(AT), **headers), ARRIVED)


LEG = {"Channel": "PJSIP/2001-0000001a", "Uniqueid": "1.1", "Linkedid": "1.0"}


@pytest.mark.parametrize(
    ("name", "headers", "event"),
    [
        (
            "Newchannel",
            {**LEG, "ChannelState": "4", "CallerIDNum": "2001", "CallerIDName": "SA1", "Exten": "2002"},
            events.LegCreated(AT, "1.1", "1.0", "PJSIP/2001-0000001a", "2001", 0, "", "ring", "2001", "SA1", "2002"),
        ),
        (
            "Newchannel",
            {
                "Channel": "Local/2003@internal-00000000;2",
                "Uniqueid": "1.1",
                "ChannelState": "0",
                "CallerIDNum": "<unknown>",
                "CallerIDName": "<unknown>",
            },
            events.LegCreated(
                AT,
                "1.1",
                "1.1",
                "Local/2003@internal-00000000;2",
                "2003",
                2,
                "2003@internal-00000000",
                "down",
                "",
                "",
                "",
            ),
        ),
        ("Newstate", {**LEG, "ChannelState": "5"}, events.LegChanged(AT, "1.1", "ringing")),
        ("Newstate", {**LEG, "ChannelState": "6"}, events.LegChanged(AT, "1.1", "up")),
        ("Newstate", {**LEG, "ChannelState": "9"}, events.LegChanged(AT, "1.1", "other")),
        (
            "NewCallerid",
            {**LEG, "CallerIDNum": "0312340000", "CallerIDName": "<unknown>"},
            events.CallerChanged(AT, "1.1", "0312340000", ""),
        ),
        (
            "DialBegin",
            {
                **LEG,
                "Exten": "0661112222",
                "DestUniqueid": "1.2",
                "DialString": "0661112222@trunk",
                "CallerIDNum": "03",
            },
            events.DialBegun(AT, "1.1", "1.2", "0661112222", "0661112222", "03"),
        ),
        ("DialBegin", {"DestUniqueid": "1.2", "DialString": "2001"}, events.DialBegun(AT, "", "1.2", "2001", "", "")),
        (
            "DialEnd",
            {**LEG, "DestUniqueid": "1.2", "DialStatus": "CANCEL", "Forward": "2004"},
            events.DialEnded(AT, "1.1", "1.2", "cancelled", True),
        ),
        (
            "DialEnd",
            {**LEG, "DestUniqueid": "1.2", "DialStatus": "ANSWER"},
            events.DialEnded(AT, "1.1", "1.2", "answered", False),
        ),
        (
            "BridgeEnter",
            {**LEG, "BridgeUniqueid": "b", "BridgeType": "basic"},
            events.Bridged(AT, "1.1", "1.0", "b", True),
        ),
        (
            "BridgeEnter",
            {**LEG, "BridgeUniqueid": "b", "BridgeType": "parking"},
            events.Bridged(AT, "1.1", "1.0", "b", False),
        ),
        ("BridgeLeave", {**LEG, "BridgeUniqueid": "b"}, events.Unbridged(AT, "1.1", "b")),
        ("HangupRequest", {**LEG, "Cause": "17"}, events.HangupRequested(AT, "1.1", 17)),
        ("HangupRequest", LEG, events.HangupRequested(AT, "1.1", None)),
        ("Hangup", {**LEG, "Cause": "16", "Cause__txt": "Normal"}, events.LegEnded(AT, "1.1", "1.0", 16)),
        ("Hold", LEG, events.Held(AT, "1.1")),
        ("Unhold", LEG, events.Unheld(AT, "1.1")),
        (
            "BlindTransfer",
            {"Result": "Success", "TransfererUniqueid": "1.1", "TransfereeUniqueid": "1.0", "Extension": "2002"},
            events.TransferredBlind(AT, "1.1", "1.0", "2002"),
        ),
        ("BlindTransfer", {"Result": "Fail", "TransfererUniqueid": "1.1", "Extension": "2002"}, None),
        (
            "AttendedTransfer",
            {
                "Result": "Success",
                "OrigTransfererUniqueid": "1.1",
                "SecondTransfererUniqueid": "1.2",
                "TransfereeUniqueid": "1.0",
                "TransferTargetUniqueid": "1.3",
            },
            events.TransferredAttended(AT, "1.1", "1.2", "1.0", "1.3"),
        ),
        ("QueueCallerJoin", {**LEG, "Queue": "sales"}, events.QueueJoined(AT, "1.1", "sales")),
        ("QueueCallerLeave", LEG, events.QueueLeft(AT, "1.1")),
        ("QueueCallerAbandon", LEG, events.QueueLeft(AT, "1.1")),
        ("AgentConnect", {**LEG, "DestUniqueid": "1.2"}, events.AgentConnected(AT, "1.1", "1.2")),
        ("Pickup", {**LEG, "TargetUniqueid": "1.2"}, events.PickedUp(AT, "1.1", "1.2")),
        ("ParkedCall", {"ParkeeUniqueid": "1.0"}, events.Parked(AT, "1.0")),
        ("UnParkedCall", {"ParkeeUniqueid": "1.0", "RetrieverUniqueid": "1.5"}, events.Unparked(AT, "1.0", "1.5")),
        ("ConfbridgeJoin", {**LEG, "Conference": "8000"}, events.ConferenceJoined(AT, "1.1", "8000")),
        ("Newexten", {**LEG, "Application": "VoiceMail"}, events.ReachedVoicemail(AT, "1.1")),
        ("Newexten", {**LEG, "Application": "Dial"}, None),
        ("VarSet", {**LEG, "Variable": "MIXMONITOR_FILENAME", "Value": "/a.wav"}, events.Recorded(AT, "1.1", "/a.wav")),
        ("VarSet", {**LEG, "Variable": "X", "Value": "y"}, None),
        (
            "MessageWaiting",
            {**LEG, "Mailbox": "2002@default", "Waiting": "1"},
            events.VoicemailLeft(AT, "1.1", "2002"),
        ),
        ("MessageWaiting", {"Mailbox": "2002@default", "Waiting": "0"}, None),
        ("Cdr", {"UniqueID": "1.1", "LastApplication": "VoiceMail"}, events.Accounted(AT, "1.1", True, False, None)),
        (
            "OriginateResponse",
            {"Response": "Failure", "Channel": "PJSIP/2001", "Exten": "0661112222", "Uniqueid": "<unknown>"},
            events.Originated(AT, "", "PJSIP/2001", "0661112222"),
        ),
        (
            "OriginateResponse",
            {"Response": "Success", "Channel": "PJSIP/2001-0000001a", "Exten": "0661112222", "Uniqueid": "1.1"},
            events.Originated(AT, "1.1", "PJSIP/2001", "0661112222"),
        ),
        ("ReceiveFAX", LEG, events.FaxSeen(AT, "1.1")),
        ("FullyBooted", {"Uptime": "67", "Status": "Fully Booted"}, events.ServerStarted(AT, 67.0)),
        ("CoreShowChannelsComplete", {"ListItems": "2"}, events.LegsListed(AT)),
        ("DeviceStateChange", {"Device": "PJSIP/2001"}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_decodes(name: str, headers: dict[str, str], event: events.Event | None) -> None:
    assert decoded(name, **headers) == event


def test_the_time_is_the_exchange_s_or_that_of_arrival() -> None:
    hold = {"Channel": "PJSIP/2001-0000001a", "Uniqueid": "1.1"}
    assert decode(message("Hold", **hold), ARRIVED) == events.Held(ARRIVED, "1.1")
    assert decode(message("Hold", Timestamp="yesterday", **hold), ARRIVED) == events.Held(ARRIVED, "1.1")
    assert decode(message("Hold", Timestamp="12.5", **hold), ARRIVED) == events.Held(12.5, "1.1")
    for odd in ("nan", "inf", "-5", "1e300"):
        assert decode(message("Hold", Timestamp=odd, **hold), ARRIVED) == events.Held(ARRIVED, "1.1")


def test_numbers_of_any_length_are_no_reason_to_stop() -> None:
    digits = "9" * 5000
    assert decoded("Hangup", Uniqueid="1.1", Cause=digits).cause == 0
    assert decoded("FullyBooted", Uptime=digits) is None
    line = decoded("CoreShowChannel", Uniqueid=digits, Channel="PJSIP/1-1", Duration=f"{digits}:00:00")
    assert line.created.at == AT
    assert decoded("Cdr", UniqueID="1.1", LastApplication="Dial", BillableSeconds=digits).answered_at is None


@pytest.mark.parametrize(
    ("wire", "name"),
    [
        ("YAMADA", "YAMADA"),
        (r"He said \"x\"", 'He said "x"'),
        (r"a\\b", "a\\b"),
        (r"what\?\'s", "what?'s"),
        (r"a\tb", "a\tb"),
        ("山田　太郎", "山田　太郎"),
        ("\udce9\udc8e x", "� x"),
        ("<unknown>", ""),
    ],
)
def test_names_are_unescaped_and_can_be_stored(wire: str, name: str) -> None:
    event = decoded("NewCallerid", Uniqueid="1.1", CallerIDNum="03", CallerIDName=wire)
    assert event.name == name
    event.name.encode()


@pytest.mark.parametrize(
    ("channel", "parts"),
    [
        ("PJSIP/2001-0000001a", ("2001", 0, "")),
        ("PJSIP/my-trunk-0000001a", ("my-trunk", 0, "")),
        ("SIP/2001-0000001a", ("2001", 0, "")),
        ("IAX2/provider-1234", ("provider", 0, "")),
        ("DAHDI/i1/0312345678-5", ("i1/0312345678", 0, "")),
        ("DAHDI/17-1", ("17", 0, "")),
        ("Local/2001@from-queue-00000003;1", ("2001", 1, "2001@from-queue-00000003")),
        ("Local/2001@from-queue-00000003;2", ("2001", 2, "2001@from-queue-00000003")),
        ("CBAnn/8000-00000001;1", ("", -1, "")),
        ("Surrogate/PJSIP/2001-00000001", ("", -1, "")),
        ("odd", ("", 0, "")),
    ],
)
def test_what_a_channel_s_name_tells(channel: str, parts: tuple[str, int, str]) -> None:
    assert channel_parts(channel) == parts


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("0661112222@trunk", "0661112222"),
        ("trunk/0661112222", "0661112222"),
        ("trunk/sip:0661112222@192.0.2.1:5060", "0661112222"),
        ("g0/0661112222", "0661112222"),
        ("2001", "2001"),
    ],
)
def test_the_number_in_what_is_dialled(dial_string: str, number: str) -> None:
    assert decoded("DialBegin", DestUniqueid="1.2", DialString=dial_string).dialled == number


def test_a_listed_channel_is_as_old_as_its_id_and_its_age_say() -> None:
    headers = {
        "Channel": "PJSIP/trunk-00000006",
        "ChannelState": "6",
        "CallerIDNum": "0312340403",
        "Exten": "0312345600",
        "Linkedid": "1795333830.6",
        "Application": "Dial",
        "BridgeId": "b",
    }
    line = decoded("CoreShowChannel", Uniqueid="1795333830.6", Duration="00:00:04", **headers)
    assert isinstance(line, events.LegUp)
    assert (line.bridge, line.connects, line.dialled_by_exchange) == ("b", True, False)
    assert 1795333830 <= line.created.at <= 1795333830.457310  # not older than 4 s, nor younger than its id
    unnamed = decoded("CoreShowChannel", Uniqueid="x", Duration="01:00:00", **headers)
    assert unnamed.created.at == AT - 3600.5
    assert decoded("CoreShowChannel", Uniqueid="x", **headers).created.at == AT
    assert decoded("CoreShowChannel", Uniqueid="x", **{**headers, "Application": "ConfBridge"}).connects is False
    assert decoded("CoreShowChannel", Uniqueid="x", **{**headers, "Application": "AppDial"}).dialled_by_exchange


def test_a_record_tells_when_it_was_answered_whatever_the_zone() -> None:
    for hour in ("16", "07"):
        event = decoded(
            "Cdr",
            UniqueID="1.1",
            LastApplication="Dial",
            AnswerTime=f"2026-11-22 {hour}:50:31",
            EndTime=f"2026-11-22 {hour}:50:34",
            BillableSeconds="3",
        )
        assert event.dialling
        assert 1795333831.0 <= event.answered_at <= 1795333831.5
    unanswered = decoded("Cdr", UniqueID="1.1", LastApplication="Dial", AnswerTime="", EndTime="x")
    assert unanswered.answered_at is None


@pytest.mark.parametrize("name", ["Newchannel", "Newstate", "DialBegin", "Hangup", "BridgeEnter", "Cdr", "Pickup"])
def test_what_lacks_its_id_is_unreadable_and_says_so(name: str) -> None:
    problem = decode(message(name, Privilege="call,all"), ARRIVED)
    assert isinstance(problem, Unreadable)
    assert name in problem.reason
    assert "without" in problem.reason


def test_answers_and_banners_are_nothing_and_rubbish_is_unreadable() -> None:
    (answer,) = Framer().feed(encode_response("Success", [("ActionID", "1")]))
    assert isinstance(answer, bytes)
    assert decode(Message(answer), ARRIVED) is None
    assert decode(Message(b"Asterisk Call Manager/11.0.0"), ARRIVED) is None
    rubbish = decode(Message(b"\x00\x01 rubbish"), ARRIVED)
    assert isinstance(rubbish, Unreadable)
    assert (rubbish.raw, rubbish.size) == (b"\x00\x01 rubbish", 10)


@given(st.binary(max_size=300), st.sampled_from(sorted(WANTED | UNDEMANDED)))
def test_no_bytes_raise(data: bytes, name: str) -> None:
    decode(Message(data), 0.0)
    decode(Message(f"Event: {name}\r\n".encode() + data), 0.0)
    lines = data.decode("latin-1").replace("\n", "").replace("\r", "")
    headers = "".join(f"{key}: {lines}\r\n" for key in ("Uniqueid", "DestUniqueid", "Channel", "Timestamp", "Duration"))
    decode(Message(f"Event: {name}\r\n{headers}Uptime: {lines}\r\nResult: Success".encode()), 0.0)


def test_skipped_noise_holds_nothing_that_is_wanted() -> None:
    assert not NOISE & WANTED
    for recording in recordings():
        for stream in recording.streams:
            data = stream.read_bytes()
            everything = [decode(Message(frame), 0.0) for frame in Framer().feed(data) if isinstance(frame, bytes)]
            skipped = Framer(skip=NOISE, keep=KEEP).feed(data)
            rest = [decode(Message(frame), 0.0) for frame in skipped if isinstance(frame, bytes)]
            assert [event for event in rest if event] == [event for event in everything if event]
