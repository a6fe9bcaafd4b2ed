"""What an exchange sent, as people may see it: nothing of a caller, no secret, nothing that a screen would obey."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cti_server.calls.raw_text import HIDDEN, Sight, ami_text, line_text, sight_of
from cti_server.shared.scope import EVERYTHING, Scope, Span

NEWCHANNEL = (
    b"Event: Newchannel\r\nPrivilege: call,all\r\nTimestamp: 1795333997.466150\r\nChannel: PJSIP/trunk-00000020\r\n"
    b"ChannelStateDesc: Ring\r\nCallerIDNum: 09012340012\r\nCallerIDName: \xe5\xb1\xb1\xe7\x94\xb0 Taro\r\n"
    b"ConnectedLineName: <unknown>\r\nContext: from-trunk\r\nExten: 0312345604\r\nUniqueid: 1795333997.34"
)


def shown(frame: bytes, sight: Sight = Sight.MASKED) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in ami_text(frame, sight).lines)


def test_an_event_is_shown_with_its_numbers_masked() -> None:
    found = shown(NEWCHANNEL)
    assert ami_text(NEWCHANNEL, Sight.MASKED).name == "Newchannel"
    assert found == {
        "Event": "Newchannel",
        "Privilege": "call,all",
        "Timestamp": "1795333997.466150",
        "Channel": "PJSIP/trunk-00000020",
        "ChannelStateDesc": "Ring",
        "CallerIDNum": "09•••••0012",
        "CallerIDName": HIDDEN,
        "ConnectedLineName": "<unknown>",
        "Context": "from-trunk",
        "Exten": "03••••5604",
        "Uniqueid": "1795333997.34",
    }


def test_who_may_not_see_every_caller_sees_no_digit_of_any() -> None:
    found = shown(NEWCHANNEL, Sight.STRICT)
    assert found["CallerIDNum"] == "•" * 11 and found["Exten"] == "•" * 10
    assert found["Channel"] == "PJSIP/trunk-00000020"


def test_with_the_right_to_all_is_shown_but_secrets() -> None:
    found = shown(NEWCHANNEL + b"\r\nSecret: opensesame\r\nVariable: SIP_PASSWORD\r\nValue: abc", Sight.WHOLE)
    assert found["CallerIDNum"] == "09012340012" and found["CallerIDName"] == "山田 Taro"
    assert found["Secret"] == found["Value"] == HIDDEN


@pytest.mark.parametrize("sight", list(Sight))
@pytest.mark.parametrize(
    "line",
    [
        b"Secret: hunter2x",
        b"Key: 0123456789abcdef0123456789abcdeX",
        b"Challenge: hunter2x",
        b"ReceivedHash: hunter2x",
        b"ExpectedResponse: hunter2x",
        b"Response: hunter2x",
        b"AppData: CURL(https://x,secret=hunter2x)",
        b"AppData: 5ebe2294ecd0e0f08eab7690d2a6ee69",
        b"Message: password: hunter2x",
    ],
)
def test_secrets_are_shown_to_nobody(line: bytes, sight: Sight) -> None:
    text = "\n".join(ami_text(b"Event: ChallengeResponseFailed\r\n" + line, sight).lines)
    assert "hunter2x" not in text and "0123456789abcdef" not in text and "5ebe2294" not in text


@pytest.mark.parametrize(
    "line",
    [
        b"DestCallerIDNum: +81312345678",
        b"CallerIDNum: 03-1234-5678",
        "CallerIDNum: ０３１２３４５６７８".encode(),
        b"DialString: 0312345678@trunk",
        b"Channel: Local/0312345678@from-internal-0000001a;1",
        b"Reason: called 03 1234 5678 twice",
        b"AppData: PJSIP/0312345678@trunk,30",
        b"Anything: 0312345678",
        b"X0312345678: 0312345678",
        b"0312345678",
    ],
)
def test_a_number_is_masked_wherever_it_stands(line: bytes) -> None:
    for sight, most in ((Sight.STRICT, 0), (Sight.MASKED, 6)):
        text = ami_text(b"Event: X\r\n" + line, sight).lines[1].removesuffix("-0000001a;1")
        assert sum(map(str.isdigit, text)) <= most, text


def test_extensions_stay_readable() -> None:
    found = shown(b"Event: DialBegin\r\nDestChannel: PJSIP/2001-00000021\r\nDestExten: 2001\r\nDialString: 2001")
    assert found["DestChannel"] == "PJSIP/2001-00000021" and found["DestExten"] == found["DialString"] == "2001"


def test_what_a_dialplan_says_of_itself_is_hidden() -> None:
    found = shown(b"Event: UserEvent\r\nUserEvent: Order\r\nState: Yamada\r\nReason: Taro\r\nCallerIDNum: 2001")
    assert found == {
        "Event": "UserEvent",
        "UserEvent": HIDDEN,
        "State": HIDDEN,
        "Reason": HIDDEN,
        "CallerIDNum": "2001",
    }


def test_a_record_of_one_line() -> None:
    record = (
        "2021/06/01 10:05:12,00:00:31,12,0312345678,I,201,201,,0,1000014155,0,E201,山田太郎,T9001,LINE 1.1".encode()
    )
    masked = line_text(record, Sight.MASKED).lines[0]
    assert masked.startswith("2021/06/01 10:05:12,00:00:31,12,03••••5678,I,201,201,,0,")
    assert "山" not in masked and "E201" in masked and "T9001" in masked
    assert "5678" not in line_text(record, Sight.STRICT).lines[0]
    assert (
        "0312345678" in line_text(record, Sight.WHOLE).lines[0]
        and "山田太郎" in line_text(record, Sight.WHOLE).lines[0]
    )


def test_nothing_that_a_screen_would_obey_is_left() -> None:
    text = line_text("A\x1b[2J\x00\u202eB\t\ufffe".encode() + b"\xff", Sight.WHOLE).lines[0]
    assert text.isprintable() and "\\x1b" in text and "\\u202e" in text and "\\xff" in text


numbers = st.from_regex(r"0[1-9]\d{8,9}", fullmatch=True)
keys = st.from_regex(r"[A-Za-z][A-Za-z\-]{0,24}", fullmatch=True)


@given(
    st.lists(st.tuples(keys, st.text(max_size=30), numbers), max_size=6), st.sampled_from([Sight.STRICT, Sight.MASKED])
)
@example([("Uniqueid", "", "0312345678")], Sight.STRICT)
@example([("EventTime", "", "0312345678")], Sight.STRICT)
@example([("Variable", "DIALSTATUS", "0312345678"), ("Value", "", "0312345678")], Sight.MASKED)
def test_no_number_comes_through_whatever_is_sent(headers: list[tuple[str, str, str]], sight: Sight) -> None:
    frame = "\r\n".join(f"{key}: {before}{number}" for key, before, number in headers).encode("utf-8", "replace")
    for text in (ami_text(frame, sight).lines, line_text(frame, sight).lines):
        for _, _, number in headers:
            assert number not in "\n".join(text)
            if sight is Sight.STRICT:
                assert not re.search(r"\d{7}", "\n".join(text))


@given(st.binary(max_size=400), st.sampled_from(list(Sight)))
def test_any_bytes_become_printable_lines(data: bytes, sight: Sight) -> None:
    for line in (*ami_text(data, sight).lines, *line_text(data, sight).lines):
        assert line.isprintable() and len(line) <= 400


def test_only_who_sees_every_caller_gets_more_than_nothing_of_a_number() -> None:
    classes = frozenset({1, 2, 3})
    assert sight_of(EVERYTHING) is Sight.MASKED
    assert sight_of(Scope("1", "121", Span.ALL, classes, unregistered=True)) is Sight.MASKED
    for less in (
        Scope("1", "121", Span.BRANCH, classes, unregistered=True),
        Scope("1", "121", Span.ALL, classes - {1}, unregistered=True),
        Scope("1", "121", Span.ALL, classes, unregistered=False),
    ):
        assert sight_of(less) is Sight.STRICT
