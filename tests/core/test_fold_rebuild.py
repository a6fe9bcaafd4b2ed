"""The fold is a pure function of the bytes: cut it off anywhere, build it again from the place it names, and go on."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import pytest

from cti_adapters.wire.ami import Framer, Message
from cti_adapters.wire.ami_events import KEEP, NOISE, decode
from cti_server.calls.events import Event, LinkLost, LinkUp, Swept, Unreadable
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.log import CallLog
from cti_server.commands.trace import first_time
from cti_server.shared.positions import Position
from tests.golden.recordings import Recording, recordings

PLAN = ExchangePlan(id="golden", branch="121")


def events(recording: Recording) -> list[Event]:
    """All that a lane would feed."""
    found: list[Event] = []
    now = 0.0
    for stream in recording.streams:
        frames = Framer(skip=NOISE, keep=KEEP).feed(stream.read_bytes())
        messages = [Message(frame) for frame in frames if isinstance(frame, bytes)]
        begin = first_time(stream.read_bytes(), now)
        if found:
            found += [LinkLost(now, now), LinkUp(begin)]
        now = begin
        for message in messages:
            event = decode(message, now)
            if event is not None and not isinstance(event, Unreadable):
                found.append(event)
                now = max(now, event.at)
    return [*found, Swept(now + 60)]


def gather(calls: dict[str, CallLog], changed: list[CallLog]) -> None:
    for log in changed:
        before = calls.get(log.id)
        assert before is None or before.state != "ended" or before == log, "a final entry changed"
        calls[log.id] = log


def folded(stream: list[Event]) -> dict[str, CallLog]:
    folder, calls = Folder(PLAN), dict[str, CallLog]()
    for number, event in enumerate(stream):
        folder.feed(event, Position(number, 0))
        gather(calls, folder.changed())
    assert folder.open_calls() == []
    return calls


def interrupted(stream: list[Event], cut: int, block: int = 1) -> dict[str, CallLog]:
    """What a lane does that dies after the event before ``cut`` and starts again. It knows only where the block begins
    that an event came with."""
    folder, calls = Folder(PLAN), dict[str, CallLog]()
    for number in range(cut):
        folder.feed(stream[number], Position(number // block * block, 0))
    gather(calls, folder.changed())
    rebuild = folder.low_water()
    again = Folder(PLAN)
    for number in range(rebuild.record if rebuild else cut, cut):
        again.feed(stream[number], Position(number // block * block, 0))
    again.changed()
    assert again.open_calls() == folder.open_calls()
    assert again.low_water() == folder.low_water()
    for number in range(cut, len(stream)):
        again.feed(stream[number], Position(number // block * block, 0))
        gather(calls, again.changed())
    return calls


@pytest.mark.parametrize("recording", recordings(), ids=lambda recording: recording.name)
def test_cut_off_anywhere_and_built_again(recording: Recording) -> None:
    stream = events(recording)
    right = folded(stream)
    for cut in range(0, len(stream), 1 if len(stream) < 150 else 3):
        assert interrupted(stream, cut) == right, f"cut before event {cut}"


def renamed(stream: list[Event], copy: int, delay: float) -> Iterator[tuple[float, int, Event]]:
    """The same calls again, later, with other ids."""

    def text(value: str) -> str:
        serial, point, count = value.partition(".")
        if point and serial.isdecimal() and len(serial) == 10:
            return f"{serial}.{copy}{count}"
        return f"{value}{copy}" if "-" in value or ";" in value else value

    for number, event in enumerate(stream):
        fields = (
            value + delay if name == "at" else text(value) if isinstance(value, str) else value
            for name, value in zip(event._fields, event, strict=True)
        )
        yield event.at + delay, number, type(event)(*fields)


def test_calls_of_a_busy_exchange_don_t_disturb_each_other() -> None:
    single = [recording for recording in recordings() if len(recording.streams) == 1]
    chance = random.Random(5)
    timeline: list[tuple[float, int, Event]] = []
    total = 0
    for copy, recording in enumerate(single, start=100):
        stream = [event for event in events(recording) if type(event) is not Swept]
        total += len(folded([*stream, Swept(stream[-1].at + 60)]))
        timeline += renamed(stream, copy, chance.uniform(0, 5) - stream[0].at + 2e9)
    ordered = [event for _, _, event in sorted(timeline, key=lambda entry: entry[:2])]
    ordered.append(Swept(ordered[-1].at + 60))
    right = folded(ordered)
    assert len(right) == total
    assert all(log.state == "ended" for log in right.values())
    for cut in chance.sample(range(len(ordered)), 8):
        assert interrupted(ordered, cut) == right
    for cut in chance.sample(range(0, len(ordered), 37), 8):
        assert interrupted(ordered, cut, 37) == right


def test_nothing_is_kept_of_calls_that_are_over() -> None:
    folder = Folder(PLAN)
    for recording in recordings():
        for event in events(recording):
            folder.feed(event, Position(0, 0))
        folder.changed()
        book = folder._book
        kept = {name: value for name, value in vars(book).items() if isinstance(value, dict) and value}
        assert kept == {}, recording.name
        assert folder.low_water() is None


def test_an_entry_that_was_given_out_stays_as_it_was() -> None:
    stream = events(recordings()[0])
    folder = Folder(PLAN)
    given: list[tuple[CallLog, dict[str, object]]] = []
    for event in stream:
        folder.feed(event, Position(0, 0))
        given += [(log, dataclasses.asdict(log)) for log in folder.changed()]
    assert all(dataclasses.asdict(log) == as_it_was for log, as_it_was in given)
