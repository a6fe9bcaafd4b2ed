"""The AMI client on a clock that is moved by hand: sign-in, keeping alive, losing and finding the exchange again."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost, ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.python.failure import Failure

from cti_adapters.exchanges.ami_session import ActionRefused, ActionUnanswered
from cti_adapters.exchanges.status import SENTENCES, Link, Reason
from cti_adapters.wire.ami import encode_banner, encode_response
from tests.adapters.ami_wire import PONG, START, Bench, event

RING = event("Newchannel", Channel="PJSIP/trunk-00000000", Uniqueid="1795333834.0")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.link.stop()
    assert not bench.reactor.getDelayedCalls(), "a timer outlives the link"
    bench.journal.close()


def outcome(deferred: Any) -> Any:
    """What a Deferred that fired holds."""
    results: list[Any] = []
    deferred.addBoth(results.append)
    assert results, "it has not fired"
    return results[0].value if isinstance(results[0], Failure) else results[0]


def test_signing_in(bench: Bench) -> None:
    bench.link.start()
    assert bench.states[-1].state is Link.CONNECTING
    login = bench.wire.greet()
    assert (login.get("Username"), login.get("AuthType"), login.get("Events")) == ("yobirin", "MD5", "on")
    assert bench.journal.last is None, "nothing is heard before the sign-in"
    accepted = encode_response("Success", [("Message", "Authentication accepted")])
    bench.wire.say(accepted + RING)
    state = bench.states[-1]
    assert (state.state, state.connected_since, state.exchange, state.branch) == (Link.UP, START, "hq", "121")
    challenge = encode_response("Success", [("Challenge", "840415273")])
    assert bench.told() == [
        ("UP", {"banner": "Asterisk Call Manager/11.0.0"}),
        ("BYTES", encode_banner() + challenge + accepted + RING),
    ]
    assert bench.woken == 2
    bench.wire.say(RING[:20], RING[20:])
    assert bench.heard().endswith(RING + RING)
    assert bench.link.counters.bytes == len(bench.heard())


def test_signing_in_byte_by_byte(bench: Bench) -> None:
    bench.link.start()
    wire = bench.wire
    greeting = encode_banner("5.0.4")
    wire.say(*(greeting[at : at + 1] for at in range(len(greeting))))
    assert [message.get("Action") for message in wire.asked()] == ["Challenge"]
    said = encode_response("Success", [("Challenge", "1")])
    wire.say(*(said[at : at + 1] for at in range(len(said))))
    assert [message.get("Action") for message in wire.asked()] == ["Login"]
    said = encode_response("Success", [("Message", "Authentication accepted")])
    wire.say(*(said[at : at + 1] for at in range(len(said))))
    assert bench.states[-1].state is Link.UP


def test_a_burst_of_events_behind_the_sign_in(bench: Bench) -> None:
    bench.link.start()
    bench.wire.greet()
    bench.wire.say(encode_response("Success", [("Message", "Authentication accepted")]) + RING * 2000)
    assert bench.states[-1].state is Link.UP
    assert bench.heard().count(RING) == 2000


def test_a_greeting_without_end(bench: Bench) -> None:
    bench.link.start()
    bench.wire.greet()
    bench.wire.say(*[RING * 100] * 20)
    assert bench.states[-1].reason.code == "not-ami"


def test_a_refused_sign_in_is_said_and_tried_slowly(bench: Bench) -> None:
    bench.link.start()
    bench.wire.greet()
    bench.wire.say(encode_response("Error", [("Message", "Authentication failed")]))
    state = bench.states[-1]
    assert state.state is Link.REFUSED
    assert state.reason == Reason("refused", {"user": "yobirin", "said": "Authentication failed"})
    assert "check username and secret" in state.reason.sentence
    assert bench.wire.aborted
    waits = []
    for _ in range(8):
        waits.append(bench.next_attempt())
        bench.wire.greet()
        bench.wire.say(encode_response("Error", [("Message", "Authentication failed")]))
    assert 45 <= waits[0] <= 76
    assert 450 <= waits[-1] <= 751
    bench.next_attempt()
    assert [kind for kind, _ in bench.told()] == ["ASIDE"] * 9
    assert b"Authentication failed" in bench.records()[0].payload
    bench.wire.accept()
    assert bench.states[-1].state is Link.UP


def test_an_administrator_can_have_it_tried_at_once(bench: Bench) -> None:
    bench.link.start()
    bench.wire.greet()
    bench.wire.say(encode_response("Error", [("Message", "Authentication failed")]))
    bench.link.retry_now()
    assert bench.exchange.attempts == 2
    bench.link.retry_now()
    assert bench.exchange.attempts == 2


def test_an_asterisk_that_is_stopping_is_tried_again_soon(bench: Bench) -> None:
    bench.link.start()
    bench.wire.greet()
    bench.wire.say(encode_response("Error", [("Message", "Asterisk is shutting down")]))
    assert (bench.states[-1].state, bench.states[-1].reason.code) == (Link.DOWN, "shutting-down")
    bench.pass_time(2)
    assert bench.exchange.attempts == 2


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x16\x03\x01",
        b"Asterisk Call Manager/" * 9999,
    ],
)
def test_something_else_answers_at_the_port(bench: Bench, said: bytes) -> None:
    bench.link.start()
    bench.wire.say(said[:70000])
    assert (bench.states[-1].state, bench.states[-1].reason.code) == (Link.DOWN, "not-ami")
    assert bench.wire.aborted


@pytest.mark.parametrize("far", [0, 1, 2])
def test_a_sign_in_that_hangs(bench: Bench, far: int) -> None:
    bench.link.start()
    if far == 1:
        bench.wire.say(encode_banner())
    if far == 2:
        bench.wire.greet()
    bench.pass_time(16)
    assert bench.states[-1].reason.code == "login-timeout"
    assert bench.exchange.wires[0].aborted


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(), "connection-refused"),
        (DNSLookupError(), "unknown-host"),
        (TimeoutError(), "unreachable"),
    ],
)
def test_it_keeps_trying_less_and_less_often(bench: Bench, error: Exception, code: str) -> None:
    bench.exchange.refusing = error
    bench.link.start()
    state = bench.states[-1]
    assert (state.state, state.reason.code) == (Link.DOWN, code)
    assert "127.0.0.1" in state.reason.sentence
    bench.pass_time(60)
    early = bench.exchange.attempts
    assert 5 <= early <= 9
    bench.pass_time(600)
    assert 8 <= bench.exchange.attempts - early <= 14
    assert len(bench.states) == 2, "the state did not change, so it is told once"
    bench.exchange.refusing = None
    bench.pass_time(80)
    bench.wire.accept()
    assert bench.states[-1].state is Link.UP
    assert bench.told()[0][0] == "UP"


def test_waits_differ_so_that_servers_do_not_come_all_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.exchange.refusing = ConnectionRefusedError()
    bench.link.start()
    waits = []
    for _ in range(30):
        (call,) = bench.reactor.getDelayedCalls()
        waits.append(call.getTime() - bench.reactor.seconds())
        bench.reactor.advance(waits[-1])
    assert all(45 <= wait <= 75 for wait in waits[10:])
    assert len(set(waits[10:])) == 20
    bench.link.stop()
    bench.journal.close()


def test_pings_keep_a_quiet_link(bench: Bench) -> None:
    wire = bench.up()
    bench.alive = False
    pings = 0
    for _ in range(300):
        bench.pass_time(1)
        for message in wire.asked():
            assert message.get("Action") == "Ping"
            pings += 1
            wire.say(PONG)
    assert pings == 20
    assert bench.states[-1].state is Link.UP
    assert 30 <= [kind for kind, _ in bench.told()].count("TICK") <= 50


def test_a_peer_that_hangs_is_noticed(bench: Bench) -> None:
    wire = bench.up()
    bench.pass_time(10)
    wire.say(RING)
    bench.alive = False
    bench.pass_time(46)
    assert wire.aborted
    assert (bench.states[-1].state, bench.states[-1].reason.code) == (Link.DOWN, "silent")
    down = next(told for kind, told in bench.told() if kind == "DOWN")
    assert down == {"reason": "silent", "heard": START + 10}
    bench.pass_time(3)
    bench.wire.accept()
    up = [told for kind, told in bench.told() if kind == "UP"][-1]
    assert (up["blind_since"], up["reason"]) == (START + 10, "silent")


def test_the_exchange_goes_away_and_comes_back(bench: Bench) -> None:
    wire = bench.up()
    bench.pass_time(100)
    wire.say(RING + RING[:30])
    wire.hang_up(ConnectionLost())
    state = bench.states[-1]
    assert (state.state, state.reason.code, state.connected_since) == (Link.DOWN, "closed", None)
    bench.pass_time(2)
    again = bench.wire
    assert again is not wire
    again.accept()
    assert (bench.states[-1].state, bench.link.counters.connects) == (Link.UP, 2)
    kinds = [(kind, told) for kind, told in bench.told() if kind in ("UP", "DOWN")]
    assert kinds[1] == ("DOWN", {"reason": "closed", "heard": START + 100})
    assert kinds[2][1]["blind_since"] == START + 100
    again.hang_up()
    kinds = [(kind, told) for kind, told in bench.told() if kind in ("UP", "DOWN")]
    assert len(kinds) == 4


def test_a_link_that_never_lasts_is_not_hammered(bench: Bench) -> None:
    bench.link.start()
    for _ in range(120):
        if not bench.wire.aborted:
            bench.wire.accept()
            bench.wire.hang_up()
        bench.pass_time(1)
    assert bench.exchange.attempts < 12


def test_a_kill_is_a_gap_from_the_last_thing_heard(bench: Bench) -> None:
    wire = bench.up()
    bench.pass_time(70)
    wire.say(RING)
    bench.pass_time(8)
    bench.restart(killed=True)
    bench.pass_time(100)
    bench.link.start()
    bench.wire.accept()
    told = [(kind, told) for kind, told in bench.told() if kind in ("UP", "DOWN")]
    assert told[1] == ("DOWN", {"reason": "server-stopped", "heard": START + 77})
    assert (told[2][1]["blind_since"], told[2][1]["reason"]) == (START + 77, "server-stopped")


def test_a_stop_is_a_gap_too(bench: Bench) -> None:
    bench.up()
    bench.pass_time(5)
    stopped = bench.link.stop()
    assert stopped.called
    assert bench.states[-1].state is Link.STOPPED
    bench.restart(killed=False)
    bench.pass_time(10)
    bench.link.start()
    bench.wire.accept()
    told = [(kind, told) for kind, told in bench.told() if kind in ("UP", "DOWN")]
    assert told[1] == ("DOWN", {"reason": "stopped", "heard": START + 5})
    assert told[2][1]["blind_since"] == START + 5
    assert len(told) == 3


def test_stopping_while_connecting(bench: Bench) -> None:
    bench.exchange.hanging = True
    bench.link.start()
    assert bench.link.stop().called
    assert bench.states[-1].state is Link.STOPPED
    bench.pass_time(100)
    assert bench.exchange.attempts == 1


def test_a_clock_that_jumps_does_not_move_the_time_outs(bench: Bench) -> None:
    wire = bench.up()
    bench.alive = False
    for jump in (3600.0, -7200.0, 10**8):
        bench.clock.jumped += jump
        for _ in range(50):
            bench.pass_time(1)
            if wire.asked():
                wire.say(RING)
        assert bench.states[-1].state is Link.UP
        assert bench.link.state.last_heard == pytest.approx(bench.clock.now(), abs=15)
    bench.pass_time(46)
    assert bench.states[-1].reason.code == "silent"


def test_rubbish_and_giant_lines_are_kept_and_do_no_harm(bench: Bench) -> None:
    wire = bench.up()
    size = len(bench.heard())
    answer = bench.link.send("Ping")
    wire.say(*[b"x" * 65536] * 160, os.urandom(70000), b"\r\n\r\n")
    wire.say(encode_response("Success", [("ActionID", wire.asked()[0].get("ActionID")), ("Ping", "Pong")]))
    assert outcome(answer).get("Ping") == "Pong"
    assert len(bench.heard()) - size > 160 * 65536
    assert bench.states[-1].state is Link.UP


def test_no_right_to_see_what_is_up_is_told(bench: Bench) -> None:
    bench.link.start()
    asked = bench.wire.accept()
    bench.wire.say(encode_response("Error", [("ActionID", asked.get("ActionID")), ("Message", "Permission denied")]))
    (warning,) = bench.states[-1].warnings
    assert warning.code == "no-snapshot"
    assert "write = reporting" in warning.sentence
    assert bench.states[-1].state is Link.UP
    bench.wire.hang_up()
    bench.pass_time(3)
    bench.wire.accept()
    assert bench.states[-1].warnings == ()


# -- actions


def test_an_answer_is_found_among_events(bench: Bench) -> None:
    wire = bench.up()
    wire.say(RING[:40])
    first = bench.link.send("Command", [("Command", "core show uptime")])
    second = bench.link.send("Ping")
    ids = [message.get("ActionID") for message in wire.asked()]
    answers = b"".join(encode_response("Success", [("ActionID", one), ("Message", one)]) for one in reversed(ids))
    data = RING[40:] + RING + answers + RING
    wire.say(*(data[at : at + 7] for at in range(0, len(data), 7)))
    assert [outcome(first).get("Message"), outcome(second).get("Message")] == ids


def test_an_action_that_ends_with_an_event(bench: Bench) -> None:
    wire = bench.up()
    answer = bench.link.send("Originate", [("Channel", "PJSIP/2001")], until="OriginateResponse", timeout=40)
    (asked,) = wire.asked()
    action_id = asked.get("ActionID")
    wire.say(encode_response("Success", [("ActionID", action_id), ("Message", "Originate successfully queued")]))
    assert not answer.called
    wire.say(event("OriginateResponse", ActionID="somebody-else", Response="Failure"))
    wire.say(event("OriginateResponse", ActionID=action_id, Response="Success", Uniqueid="1.2"))
    assert outcome(answer).get("Uniqueid") == "1.2"
    refused = bench.link.send("Originate", [("Channel", "PJSIP/2001")], until="OriginateResponse")
    (asked,) = wire.asked()
    wire.say(encode_response("Error", [("ActionID", asked.get("ActionID")), ("Message", "Permission denied")]))
    failed = outcome(refused)
    assert isinstance(failed, ActionRefused)
    assert failed.said == "Permission denied"


def test_what_is_not_answered_fails(bench: Bench) -> None:
    early = bench.link.send("Ping")
    assert isinstance(outcome(early), ActionUnanswered)
    wire = bench.up()
    late = bench.link.send("Ping", timeout=5)
    cut = bench.link.send("Ping", timeout=50)
    bench.pass_time(6)
    assert "within 5 s" in str(outcome(late))
    wire.hang_up()
    assert "the link was lost" in str(outcome(cut))
    assert bench.link.counters.timeouts == 1


def test_an_answer_given_up_is_forgotten(bench: Bench) -> None:
    wire = bench.up()
    answer = bench.link.send("Ping")
    answer.addErrback(lambda _: None)
    answer.cancel()
    wire.say(encode_response("Success", [("ActionID", wire.asked()[0].get("ActionID"))]))
    assert bench.states[-1].state is Link.UP


def test_nothing_with_a_line_break_is_sent(bench: Bench) -> None:
    wire = bench.up()
    with pytest.raises(ValueError, match="Exten"):
        bench.link.send("Originate", [("Exten", "1\r\nAction: Logoff")])
    assert wire.asked() == []


# -- a full disk


class FullDisk:
    """Switches ``os.write`` between having room and not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, handle: int, data: bytes) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(handle, data)


def test_a_full_disk_stops_the_reading_until_there_is_room(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch)
    wire = bench.up()
    wire.say(event("One"))
    disk.full = True
    wire.say(event("Two"))
    assert wire.producerState == "paused"
    assert (bench.states[-1].state, bench.states[-1].reason.code) == (Link.PAUSED, "disk-full")
    wire.say(event("Three"))  # what TLS had deciphered already
    bench.pass_time(300)
    assert bench.states[-1].state is Link.PAUSED, "silence can't be told from not reading"
    disk.full = False
    bench.pass_time(4)
    assert wire.producerState == "producing"
    assert bench.states[-1].state is Link.UP
    wire.say(event("Four"))
    assert bench.heard().endswith(event("One") + event("Two") + event("Three") + event("Four"))
    assert bench.link.counters.pauses == 1


def test_a_link_lost_while_the_disk_is_full(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FullDisk(monkeypatch)
    wire = bench.up()
    disk.full = True
    wire.say(event("Kept"))
    bench.pass_time(20)
    wire.hang_up()
    bench.pass_time(100)
    assert bench.exchange.attempts == 1, "what could not be kept must not be asked for"
    assert bench.states[-1].state is Link.PAUSED
    disk.full = False
    bench.pass_time(4)
    bench.wire.accept()
    assert bench.exchange.attempts == 2
    assert bench.heard().count(event("Kept")) == 1
    told = [(kind, told) for kind, told in bench.told() if kind in ("UP", "DOWN")]
    assert [kind for kind, _ in told] == ["UP", "DOWN", "UP"]
    assert told[2][1]["blind_since"] == START + 20


def test_a_disk_that_fails_otherwise_is_told_apart(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = bench.up()

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", broken)
        wire.say(RING)
        assert bench.states[-1].reason == Reason("journal-failed", {"error": "Input/output error"})
    bench.pass_time(4)
    assert bench.states[-1].state is Link.UP


# -- settings


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "secret").unlink()
    bench.link.start()
    assert bench.states[-1].state is Link.FAILED
    assert "secret file" in bench.states[-1].reason.sentence
    (tmp_path / "secret").write_text("wonderland")
    bench.pass_time(80)
    bench.wire.accept()
    assert bench.states[-1].state is Link.UP
    bench.link.stop()
    bench.journal.close()


def test_every_reason_has_a_sentence() -> None:
    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return f"<{key}>"

    for code in SENTENCES:
        assert "{" not in Reason(code, Anything()).sentence
