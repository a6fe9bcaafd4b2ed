"""Click to dial: what is asked of the exchange, and what is told of the outcome."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.exchanges.dialling import Dialler, DialState, dialable
from cti_adapters.wire.ami import Message, encode_response
from cti_server.shared.errors import Invalid
from cti_server.shared.notices import CallChanged
from tests.adapters.ami_wire import Bench, event

CALL = "hq-1795397303.15"


class Desk:
    """A dialler on a link, and what it told."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.wire = bench.up()
        self.dialler = Dialler(bench.settings, bench.link, bench.reactor)
        self.told: list[DialState] = []

    def dial(self, number: str = "+81661110301", **more: Any) -> Message:
        self.dialler.dial("2001", number, self.told.append, **more)
        (asked,) = self.wire.asked()
        assert asked.get("Action") == "Originate"
        self.action_id = asked.get("ActionID")
        self.wire.say(
            encode_response("Success", [("ActionID", self.action_id), ("Message", "Originate successfully queued")])
        )
        return asked

    def respond(self, response: str, reason: str, uniqueid: str = "1795397303.15") -> None:
        self.wire.say(
            event("OriginateResponse", ActionID=self.action_id, Response=response, Reason=reason, Uniqueid=uniqueid)
        )

    def call(self, state: str, call_id: str = CALL, **more: Any) -> None:
        call = {"state": state, "direction": "out", "ringing_at": None, "answered_at": None, "disposition": None}
        self.dialler.call_changed(CallChanged(call_id, call | more, ()))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    bench = Bench(tmp_path, outside_prefix="0", dial_prefix="0", caller_id="0312345600")
    desk = Desk(bench)
    yield desk
    bench.link.stop()
    bench.journal.close()


def test_what_is_asked_of_the_exchange(desk: Desk) -> None:
    asked = desk.dial()
    assert [
        (key, asked.get(key)) for key in ("Channel", "Context", "Exten", "Priority", "Async", "CallerID", "Timeout")
    ] == [
        ("Channel", "PJSIP/2001"),
        ("Context", "internal"),
        ("Exten", "00661110301"),
        ("Priority", "1"),
        ("Async", "true"),
        ("CallerID", "0312345600"),
        ("Timeout", "30000"),
    ]
    desk.respond("Failure", "0")


def test_the_customer_answers(desk: Desk) -> None:
    desk.dial()
    assert desk.told == []
    desk.respond("Success", "4")
    desk.call("arriving")
    desk.call("ringing", ringing_at=2.0)
    desk.call("ringing", ringing_at=2.0)
    desk.call("talking", ringing_at=2.0, answered_at=5.0)
    desk.call("ended", ringing_at=2.0, answered_at=5.0, disposition="answered")
    assert desk.told == [DialState("ringing", "", CALL), DialState("answered", "", CALL)]


def test_the_call_may_be_known_before_the_answer_is_here(desk: Desk) -> None:
    desk.dial()
    desk.call("ringing", ringing_at=2.0)
    desk.call("ringing", call_id="hq-1.1", ringing_at=2.0)
    desk.respond("Success", "4")
    assert desk.told == [DialState("ringing", "", CALL)]
    desk.call("ended", ringing_at=2.0, disposition="missed")
    assert desk.told[-1].state == "noanswer"


@pytest.mark.parametrize(
    ("disposition", "told"),
    [
        ("busy", DialState("busy", "", CALL)),
        ("missed", DialState("noanswer", "", CALL)),
        ("abandoned", DialState("noanswer", "", CALL)),
        ("failed", DialState("failed", "not-connected", CALL)),
    ],
)
def test_the_customer_does_not_answer(desk: Desk, disposition: str, told: DialState) -> None:
    desk.dial()
    desk.respond("Success", "4")
    desk.call("ended", disposition=disposition)
    assert desk.told == [told]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("3", "extension-noanswer"),
        ("5", "extension-busy"),
        ("0", "extension-unavailable"),
        ("8", "extension-unavailable"),
    ],
)
def test_the_rep_does_not_take_it(desk: Desk, reason: str, told: str) -> None:
    desk.dial()
    desk.respond("Failure", reason, "<unknown>")
    assert desk.told == [DialState("failed", told)]


def test_the_exchange_does_not_allow_it(desk: Desk) -> None:
    desk.dialler.dial("2001", "+81661110301", desk.told.append)
    (asked,) = desk.wire.asked()
    desk.wire.say(encode_response("Error", [("ActionID", asked.get("ActionID")), ("Message", "Permission denied")]))
    assert desk.told == [DialState("failed", "refused")]


def test_the_exchange_goes_away(desk: Desk) -> None:
    desk.dial()
    desk.wire.hang_up()
    assert desk.told == [DialState("failed", "unanswered")]
    desk.dialler.dial("2001", "+81661110301", desk.told.append)
    assert len(desk.told) == 2


def test_an_outcome_that_never_comes(desk: Desk) -> None:
    desk.dial()
    desk.respond("Success", "4")
    desk.bench.pass_time(301)
    assert desk.told == [DialState("failed", "unanswered", CALL)]
    desk.call("ringing", ringing_at=2.0)
    assert len(desk.told) == 1


@pytest.mark.parametrize("extension", ["", "abc", "2001@internal", "2001\r\nAction: Logoff", "2001&PJSIP/2002", "{}"])
def test_only_extensions_are_rung(desk: Desk, extension: str) -> None:
    with pytest.raises(Invalid):
        desk.dialler.dial(extension, "+81661110301", desk.told.append)
    assert desk.wire.asked() == []


@pytest.mark.parametrize(
    ("number", "region", "dialled"),
    [
        ("+81661112222", "JP", "0661112222"),
        ("+819055550302", "JP", "09055550302"),
        ("+442079460018", "JP", "010442079460018"),
        ("+81661112222", "GB", "0081661112222"),
        ("+442079460018", "GB", "02079460018"),
        ("117", "JP", "117"),
    ],
)
def test_numbers_as_the_exchange_dials_them(number: str, region: str, dialled: str) -> None:
    assert dialable(number, region) == dialled


@pytest.mark.parametrize("number", ["", "+", "abc", "0661112222\r\nX: y", "06,11", "+999", "anonymous"])
def test_what_is_no_number_is_not_dialled(number: str) -> None:
    with pytest.raises(Invalid):
        dialable(number, "JP")
