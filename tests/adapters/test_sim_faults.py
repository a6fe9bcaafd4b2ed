"""Faults on demand: what the listener gets is wrong in just the way that was asked for."""

from __future__ import annotations

from collections import Counter

from cti_adapters.wire.ami import Framer, Message
from cti_simulators.ami_server import Session, Sessions
from cti_simulators.faults import pieces
from cti_simulators.scenarios import Scenario
from tests.adapters.sim_rig import START, Client, Transport, advance, exchange

CALL = Scenario("phone", "0300005001", "山田太郎", "0312345600", ("2001",), ring=2.0, talk=5.0)


class Pieces(Transport):
    """Remembers each write by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        super().write(data)


def whole(**more: int) -> list[bytes]:
    """The events of one call as they are without faults, but for the greeting."""
    return heard_with(**more)[0]


def heard_with(**faults: object) -> tuple[list[bytes], list[bytes]]:
    """(frames, writes) of one call while these faults are on."""
    pbx, clock = exchange(seed=5)
    session, transport = Session(pbx), Pieces()
    session.makeConnection(transport)
    session.dataReceived(b"Action: Login\r\nUsername: cti\r\nSecret: secret\r\nEvents: call\r\n\r\n")
    begin = len(transport.writes)
    for name, value in faults.items():
        setattr(pbx.faults, name, value)
    pbx.play(CALL)
    advance(clock, 20, step=0.01)
    writes = transport.writes[begin:]
    frames = Framer(banner=False).feed(b"".join(writes))
    return [frame if isinstance(frame, bytes) else frame.raw for frame in frames], writes


def test_tiny_reads_carry_the_same_bytes() -> None:
    frames, writes = heard_with(piece_bytes=7)
    assert frames == whole() and max(map(len, writes)) == 7


def test_characters_are_cut_in_two() -> None:
    frames, writes = heard_with(split_characters=True)
    assert frames == whole()
    assert any(write[0] & 0xC0 == 0x80 for write in writes)
    assert pieces("a山b".encode(), 0, True) == [b"a\xe5", b"\xb1", b"\xb1b"]


def test_coalesced_reads_carry_the_same_bytes() -> None:
    frames, writes = heard_with(together_seconds=1.0)
    assert frames == whole() and len(writes) < 8


def test_some_events_come_twice() -> None:
    frames, _ = heard_with(duplicate=0.3)
    count = Counter(frames)
    assert set(count) == set(whole()) and 2 in count.values() and max(count.values()) == 2


def test_some_events_change_places() -> None:
    frames, _ = heard_with(reorder=0.3)
    assert frames != whole() and Counter(frames) <= Counter(whole())


def test_garbage_stands_between_events() -> None:
    frames, _ = heard_with(garbage=0.3)
    assert [frame for frame in frames if frame.startswith(b"Event: ")] == whole()
    assert len(frames) > len(whole())


def test_a_half_open_connection_is_silent_and_stays() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    client.heard()
    pbx.faults.half_open = True
    pbx.play(CALL)
    client.session.dataReceived(b"Action: Ping\r\n\r\n")
    advance(clock, 10)
    assert client.heard() == [] and not client.transport.disconnecting
    pbx.faults.half_open = False
    assert client.ask("Ping").get("Ping") == "Pong"


def test_the_clock_of_the_exchange_is_wrong() -> None:
    pbx, clock = exchange()
    pbx.switch.skew = -3600.0
    client = Client(pbx).sign_in()
    client.heard()
    pbx.play(CALL)
    advance(clock, 10)
    first = client.events()[0]
    assert float(first.get("Timestamp")) < START - 3599
    assert first.get("Uniqueid") == f"{int(START) - 3600}.0"


def test_a_crash_in_mid_call_leaves_no_word() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    pbx.play(CALL)
    advance(clock, 4)
    client.heard()
    pbx.crash()
    advance(clock, 20)
    assert client.heard() == [] and client.transport.disconnecting
    client.session.connectionLost()
    assert Sessions(pbx).buildProtocol(None) is None
    pbx.boot()
    assert Sessions(pbx).buildProtocol(None) is not None
    again = Client(pbx).sign_in()
    assert again.ask("CoreShowChannels").get("EventList") == "start" and not pbx.channel_rows()
    pbx.play(CALL)
    advance(clock, 10)
    names = [event.get("Channel") for event in again.events() if event.name == "Newchannel"]
    assert names == ["PJSIP/trunk-00000000", "PJSIP/2001-00000001"]


def test_a_restarted_exchange_has_not_been_up_for_long() -> None:
    pbx, clock = exchange()
    advance(clock, 50)
    pbx.crash()
    pbx.boot()
    advance(clock, 2)
    client = Client(pbx)
    client.session.dataReceived(b"Action: Login\r\nUsername: cti\r\nSecret: secret\r\n\r\n")
    assert client.events()[0].get("Uptime") == "2"


def test_a_storm_of_events_that_mean_nothing() -> None:
    pbx, clock = exchange()
    client = Client(pbx).sign_in()
    client.heard()
    pbx.storm(500, seconds=2.0)
    pbx.play(CALL)
    advance(clock, 10)
    told = Counter(Message(message.raw).name for message in client.events())
    assert told["DeviceStateChange"] == 500 and told["Newchannel"] == 2


def test_the_same_seed_gives_the_same_faults() -> None:
    assert heard_with(duplicate=0.2, reorder=0.2) == heard_with(duplicate=0.2, reorder=0.2)
