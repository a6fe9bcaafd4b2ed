"""The AMI codec: one table of messages for encoding and decoding, fed whole, byte by byte, split, with more behind."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest

from cti_adapters.wire.ami import (
    HEAD,
    Framer,
    Message,
    Unsendable,
    encode,
    encode_banner,
    encode_event,
    encode_response,
    md5_key,
)
from cti_server.calls.events import Unreadable


class Case(NamedTuple):
    """A message, what encodes it, and its bytes."""

    name: str
    encoder: Callable[[str, Iterable[tuple[str, str]]], bytes]
    first: str
    headers: list[tuple[str, str]]
    wire: bytes


CASES = [
    Case("bare action", encode, "Ping", [], b"Action: Ping\r\n\r\n"),
    Case(
        "action with variables",
        encode,
        "Originate",
        [("Channel", "PJSIP/2001"), ("Variable", "A=1"), ("Variable", "B=2")],
        b"Action: Originate\r\nChannel: PJSIP/2001\r\nVariable: A=1\r\nVariable: B=2\r\n\r\n",
    ),
    Case(
        "response",
        encode_response,
        "Success",
        [("ActionID", "7"), ("Message", "Authentication accepted")],
        b"Response: Success\r\nActionID: 7\r\nMessage: Authentication accepted\r\n\r\n",
    ),
    Case(
        "command output",
        encode_response,
        "Success",
        [("Message", "Command output follows"), ("Output", "a: 1"), ("Output", ""), ("Output", "b")],
        b"Response: Success\r\nMessage: Command output follows\r\nOutput: a: 1\r\nOutput: \r\nOutput: b\r\n\r\n",
    ),
    Case(
        "event",
        encode_event,
        "Hangup",
        [("Privilege", "call,all"), ("Channel", "PJSIP/2001-00000001"), ("Cause-txt", "Normal Clearing")],
        b"Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/2001-00000001\r\nCause-txt: Normal Clearing\r\n\r\n",
    ),
    Case(
        "empty values",
        encode_event,
        "Newchannel",
        [("AccountCode", ""), ("Exten", ""), ("Context", "x")],
        b"Event: Newchannel\r\nAccountCode: \r\nExten: \r\nContext: x\r\n\r\n",
    ),
    Case(
        "variable headers",
        encode_event,
        "Newstate",
        [("ChanVariable(SIPCALLID)", "a@b"), ("Variable(X)", "y: z")],
        b"Event: Newstate\r\nChanVariable(SIPCALLID): a@b\r\nVariable(X): y: z\r\n\r\n",
    ),
    Case(
        "UTF-8",
        encode_event,
        "NewCallerid",
        [("CallerIDName", "山田 太郎")],
        "Event: NewCallerid\r\nCallerIDName: 山田 太郎\r\n\r\n".encode(),
    ),
    Case(
        "bytes that are no UTF-8",
        encode_event,
        "NewCallerid",
        [("CallerIDName", "\udce9\udc8e"), ("CallerIDNum", "\udc83")],
        b"Event: NewCallerid\r\nCallerIDName: \xe9\x8e\r\nCallerIDNum: \x83\r\n\r\n",
    ),
    Case("a long header", encode_event, "X", [("Y", "z" * 70000)], b"Event: X\r\nY: " + b"z" * 70000 + b"\r\n\r\n"),
]
STREAM = b"".join(case.wire for case in CASES)


def read(message: bytes | Unreadable) -> tuple[str, list[tuple[str, str]]]:
    assert isinstance(message, bytes)
    (_, first), *headers = Message(message).items()
    return first, headers


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_encodes(case: Case) -> None:
    assert case.encoder(case.first, case.headers) == case.wire


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decodes_whole(case: Case) -> None:
    framer = Framer()
    (frame,) = framer.feed(case.wire)
    assert read(frame) == (case.first, case.headers)
    assert framer.pending == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_decodes_with_bytes_behind(case: Case) -> None:
    framer = Framer()
    (frame,) = framer.feed(case.wire + b"Event: Unfin")
    assert read(frame) == (case.first, case.headers)
    assert framer.pending == len(b"Event: Unfin")


def test_decodes_byte_by_byte() -> None:
    framer = Framer()
    frames = [frame for at in range(len(STREAM)) for frame in framer.feed(STREAM[at : at + 1])]
    assert [read(frame) for frame in frames] == [(case.first, case.headers) for case in CASES]


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
@pytest.mark.parametrize("empty", [b"\r\n", b"\n", b"\n\r\n", b"\r\n\r\n"])
def test_any_line_ending_and_random_splits(ending: bytes, empty: bytes) -> None:
    stream = b"".join(case.wire[:-2].replace(b"\r\n", ending) + empty for case in CASES)
    right = [(case.first, case.headers) for case in CASES]
    assert [read(frame) for frame in Framer().feed(stream)] == right
    chance = random.Random(7)
    for _ in range(20):
        framer, frames, at = Framer(), [], 0
        while at < len(stream):
            size = chance.choice((1, 2, 3, 50, 5000))
            frames += framer.feed(stream[at : at + size])
            at += size
        assert [read(frame) for frame in frames] == right


def test_the_banner_comes_at_once() -> None:
    framer = Framer()
    assert framer.feed(b"Asterisk Call Manager/11.") == []
    assert framer.feed(b"0.0\r\n") == [b"Asterisk Call Manager/11.0.0"]
    assert Message(b"Asterisk Call Manager/11.0.0").is_banner
    assert framer.feed(b"Response: Success\r\n\r\n") == [b"Response: Success\r"]
    assert encode_banner() == b"Asterisk Call Manager/11.0.0\r\n"


def test_a_stream_may_begin_without_the_banner_and_have_one_in_the_middle() -> None:
    frames = Framer().feed(CASES[4].wire + encode_banner() + CASES[2].wire)
    assert [frames[0][:7], frames[1][:8], frames[2][:9]] == [b"Event: ", b"Asterisk", b"Response:"]


def test_fields_are_looked_up_by_name() -> None:
    message = Message(CASES[4].wire[:-4])
    assert message.name == "Hangup"
    assert message.get("Channel") == "PJSIP/2001-00000001"
    assert message.get("cause-TXT") == "Normal Clearing"
    assert message.get("Event") == "Hangup"
    assert message.get("Chan", "none") == "none"
    assert message.response == ""
    assert Message(b"event: Hangup\nx:  y").name == "Hangup"
    assert Message(b"event: Hangup\nx:  y").get("X") == " y"


def test_repeated_headers_are_all_there() -> None:
    message = Message(CASES[1].wire[:-4])
    assert message.all("Variable") == ["A=1", "B=2"]
    assert message.get("Variable") == "A=1"


def test_command_output_new_and_old() -> None:
    (new,) = Framer().feed(CASES[3].wire)
    assert isinstance(new, bytes)
    assert Message(new).output == ["a: 1", "", "b"]
    wire = (
        b"Response: Follows\r\nPrivilege: Command\r\nActionID: 3\r\n"
        b"first\n\nsecond: x\n\r\nthird\n--END COMMAND--\r\n\r\n"
    )
    for size in (1, 7, len(wire)):
        framer = Framer()
        stream = wire + CASES[4].wire
        frames = [frame for at in range(0, len(stream), size) for frame in framer.feed(stream[at : at + size])]
        old, event = (Message(frame) for frame in frames if isinstance(frame, bytes))
        assert old.response == "Follows"
        assert [line for line in old.output if line] == ["first", "second: x", "third"]
        assert event.name == "Hangup"
        assert framer.pending == 0


def test_skipped_events_cost_nothing_and_are_not_there() -> None:
    noise = b"Event: VarSet\r\nVariable: A\r\nValue: 1\r\n\r\n"
    kept = b"Event: VarSet\r\nVariable: MIXMONITOR_FILENAME\r\nValue: x.wav\r\n\r\n"
    framer = Framer(skip={"VarSet"}, keep=[b"\nVariable: MIXMONITOR_FILENAME\r"])
    frames = framer.feed(noise + CASES[4].wire + noise + kept + noise)
    assert [Message(frame).name for frame in frames if isinstance(frame, bytes)] == ["Hangup", "VarSet"]
    assert framer.feed(noise) == []
    assert framer.feed(b"\r\n" + noise.replace(b"\r\n", b"\n") + CASES[4].wire) == [CASES[4].wire[:-3]]


@pytest.mark.parametrize("size", [1, 100, 1 << 16, 1 << 22])
def test_what_is_too_large_is_one_unreadable_thing_and_reading_goes_on(size: int) -> None:
    limit = 5000
    big = b"Event: Big\r\nX: " + b"x" * 20000
    stream = CASES[4].wire + big + b"\r\n\r\n" + CASES[2].wire
    framer = Framer(max_event=limit)
    frames = []
    for at in range(0, len(stream), size):
        frames += framer.feed(stream[at : at + size])
        assert size > limit or len(framer._held) <= limit + size + 2
    first, unreadable, last = frames
    assert isinstance(unreadable, Unreadable)
    assert unreadable.size == len(big) + 1
    assert unreadable.raw == big[:HEAD]
    assert "5000" in unreadable.reason
    assert (first[:13], last[:9]) == (b"Event: Hangup", b"Response:")
    assert framer.pending == 0


def test_a_frame_of_just_the_largest_size_is_read() -> None:
    wire = b"Event: X\r\nY: " + b"z" * 100
    for size in (1, 1000):
        for limit, readable in ((len(wire) + 1, True), (len(wire), False)):
            framer = Framer(max_event=limit)
            stream = wire + b"\r\n\r\n"
            frames = [frame for at in range(0, len(stream), size) for frame in framer.feed(stream[at : at + size])]
            assert [isinstance(frame, bytes) for frame in frames] == [readable]


def test_what_a_connection_leaves_unfinished_is_told() -> None:
    framer = Framer()
    framer.feed(CASES[4].wire + b"Event: Half\r\nX: ")
    left = framer.reset()
    assert left is not None
    assert (left.raw, left.size) == (b"Event: Half\r\nX: ", 16)
    assert framer.pending == 0
    assert framer.reset() is None
    assert framer.feed(b"Asterisk Call Manager/1.1\r\n") == [b"Asterisk Call Manager/1.1"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Channel", "a\r\nAction: Logoff"),
        ("Channel", "a\nb"),
        ("Channel", "a\0b"),
        ("Chan\rnel", "a"),
        ("A: B", "c"),
        ("", "c"),
    ],
)
def test_nothing_that_would_become_another_header_is_sent(header: str, value: str) -> None:
    for encoder in (encode, encode_event, encode_response):
        with pytest.raises(Unsendable):
            encoder("X", [(header, value)])
    with pytest.raises(ValueError, match="Action"):
        encode("Ping\r\nX: y")


def test_the_answer_to_a_challenge() -> None:
    assert md5_key("840415273", "secret") == "81c3ab5534a432bec402f6d988ee45b4"
