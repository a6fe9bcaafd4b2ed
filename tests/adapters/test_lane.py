"""The lane: nothing lost, nothing twice, whatever is restarted, fails or makes no sense."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_adapters.exchanges.lane import KEPT_PER_RECORD, QUIET_BYTES, Decoder, Fold
from cti_adapters.journal.files import Kind
from cti_adapters.wire.ami import encode_event
from cti_server.calls.events import Event, LinkLost, LinkUp, Swept, Unreadable
from cti_server.calls.log import CallLog, Settled
from cti_server.shared.feed import GapChange
from cti_server.shared.positions import Position
from tests.adapters.lane_rig import OPENED, Rig, closing_all, cut, traces

RING = encode_event(
    "Newchannel",
    [
        ("Timestamp", "1795333834.457309"),
        ("Channel", "PJSIP/trunk-00000000"),
        ("ChannelState", "4"),
        ("CallerIDNum", "0312345678"),
        ("Context", "from-trunk"),
        ("Exten", "0312345600"),
        ("Uniqueid", "1795333834.0"),
        ("Linkedid", "1795333834.0"),
    ],
)
GONE = encode_event(
    "Hangup",
    [
        ("Timestamp", "1795333836.457309"),
        ("Channel", "PJSIP/trunk-00000000"),
        ("Uniqueid", "1795333834.0"),
        ("Linkedid", "1795333834.0"),
        ("Cause", "16"),
    ],
)
CALL = "hq-1795333834.0"


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    with closing_all():
        yield


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


# -- recorded streams


@pytest.mark.parametrize("trace", traces(), ids=lambda path: path.name)
def test_killed_anywhere_the_calls_are_the_same(trace: Path, tmp_path: Path) -> None:
    random = Random(trace.name)
    data = (trace / "ami.raw").read_bytes()
    whole = Rig(tmp_path / "whole")
    whole.up(1.0)
    whole.say(data)
    later = 5 + max(float(stamp) for stamp in re.findall(rb"\nTimestamp: ([\d.]+)", data))
    whole.journal.append(Kind.TICK, b"", later)
    whole.work()
    assert whole.store.calls

    broken = Rig(tmp_path / "broken", batch_bytes=2000)
    broken.up(1.0)
    pieces = list(cut(data, random))
    kills = set(random.sample(range(len(pieces)), min(10, len(pieces))))
    for number, piece in enumerate(pieces):
        broken.say(piece)
        if random.random() < 0.3:
            broken.lane.step(0.0)
        if number in kills:
            broken.restart()
    broken.journal.append(Kind.TICK, b"", later)
    broken.work()
    assert broken.store.calls == whole.store.calls
    assert broken.store.unreadable == {} == whole.store.unreadable


# -- positions, to the byte


class Lines:
    """Lines of text as events; a line that begins with ``?`` is unreadable."""

    learned = 0

    def __init__(self) -> None:
        self._held = b""

    @property
    def pending(self) -> int:
        return len(self._held)

    def feed(self, data: bytes, at: float) -> list[Event | Unreadable]:
        *lines, self._held = (self._held + data).split(b"\n")
        return [Unreadable(line, "?", len(line)) if line[:1] == b"?" else Swept(float(line)) for line in lines]

    def reset(self) -> Unreadable | None:
        held, self._held = self._held, b""
        return Unreadable(held, "half", len(held)) if held else None


class Numbers:
    """Every number is a call; one that ends in 5 stays open for ten more numbers."""

    def __init__(self) -> None:
        self.open: dict[float, Position] = {}
        self.seen: list[float] = []
        self.touched: dict[float, str] = {}

    def feed(self, event: Event, position: Position) -> None:
        number = event.at
        self.seen.append(number)
        self.touched[number] = "ended"
        if number % 10 == 5:
            self.open[number] = position
            self.touched[number] = "talking"
        if number - 10 in self.open:
            del self.open[number - 10]
            self.touched[number - 10] = "ended"

    def changed(self) -> list[CallLog]:
        touched, self.touched = self.touched, {}
        return [CallLog(f"{number:g}", "hq", "121", "in", state, number) for number, state in touched.items()]  # type: ignore[arg-type]

    def settled(self) -> list[Settled]:
        return []

    def low_water(self) -> Position | None:
        return min(self.open.values(), default=None)


class LineRig(Rig):
    def decoder(self) -> Decoder:
        return Lines()

    def fold(self) -> Fold:
        self.numbers = Numbers()
        return self.numbers


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.integers(1, 60), st.integers(20, 300), st.integers(60, 2000))
def test_every_event_is_folded_once(random: Random, count: int, batch_bytes: int, segment_bytes: int) -> None:
    data = b"".join(b"%d\n" % number + b"?rubbish\n" * random.randint(0, 1) for number in range(1, count + 1))
    with tempfile.TemporaryDirectory() as place, closing_all():
        rig = LineRig(Path(place), batch_bytes=batch_bytes, segment_bytes=segment_bytes)
        for piece in cut(data, random, longest=20):
            rig.say(piece)
            if random.random() < 0.4:
                rig.lane.step(0.0)
            if random.random() < 0.15:
                rig.restart()
            if random.random() < 0.2 and rig.store.stored:
                rig.journal.rotate_old(0.0, rig.store.stored[1].record)
        rig.work()
        assert sorted(float(id) for id in rig.store.calls) == [float(number) for number in range(1, count + 1)]
        talking = {log.started_at for log in rig.store.calls.values() if log.state == "talking"}
        assert talking == set(rig.numbers.open) == {n for n in range(5, count + 1, 10) if n > count - 10}
        assert len(rig.store.unreadable) == data.count(b"?")


# -- the link


def test_a_gap_is_written_with_its_end(rig: Rig) -> None:
    rig.up(1.0)
    rig.say(RING + RING[:50])
    rig.down(9.0, 8.0, "silent")
    rig.work()
    assert rig.store.gaps == {8.0: GapChange(8.0, None, "silent")}
    (cut_off,) = rig.store.unreadable.values()
    assert (cut_off.raw, cut_off.at) == (RING[:50], 9.0)
    assert "cut-by-gap" in rig.store.calls[CALL].marks
    rig.restart()
    rig.up(20.0, blind_since=8.0, reason="silent")
    rig.work()
    assert rig.store.gaps == {8.0: GapChange(8.0, 20.0, "silent")}


def test_the_fold_is_told_of_the_link_and_of_time(tmp_path: Path) -> None:
    told: list[Event] = []

    class Listening(Rig):
        def fold(self) -> Any:
            fold = Numbers()
            fold.feed = lambda event, position: told.append(event)  # type: ignore[method-assign]
            return fold

    rig = Listening(tmp_path)
    rig.journal.append(Kind.ASIDE, b"Asterisk Call Manager/1\r\nResponse: Error\r\n\r\n", 0.5)
    rig.up(1.0)
    rig.journal.append(Kind.TICK, b"", 61.0)
    rig.down(70.0, 66.0)
    rig.work()
    assert told == [LinkUp(1.0), Swept(61.0), LinkLost(70.0, 66.0)]


# -- what makes no sense


def test_rubbish_is_kept_counted_and_bounded(rig: Rig) -> None:
    rig.up(1.0)
    rig.say(b"\xff\xfe rubbish\r\n\r\n" * 100 + RING, at=7.0)
    rig.work()
    assert len(rig.store.unreadable) == KEPT_PER_RECORD
    assert rig.lane.status.unreadable == 100
    first = min(rig.store.unreadable.values())
    assert (first.raw, first.at) == (b"\xff\xfe rubbish\r", 7.0)
    assert CALL in rig.store.calls


def test_a_giant_event_does_no_harm(rig: Rig) -> None:
    rig.up(1.0)
    rig.say(*[b"x" * 65536] * 160, b"\r\n\r\n", RING)
    rig.work()
    (giant,) = rig.store.unreadable.values()
    assert (len(giant.raw), giant.size // 65536) == (4096, 160)
    assert CALL in rig.store.calls


def test_killed_in_a_giant_event_it_is_one_still(rig: Rig) -> None:
    rig.up(1.0)
    rig.say(RING, *[b"Event: Hangup\r\n" * 4000] * 40)
    rig.work()
    rig.restart()
    rig.say(b"\r\n\r\n", GONE)
    rig.work()
    assert len(rig.store.unreadable) == 1
    assert rig.store.calls[CALL].state == "ended"


def test_an_event_that_can_not_be_folded_is_kept_and_the_rest_goes_on(tmp_path: Path) -> None:
    class Fragile(LineRig):
        def fold(self) -> Any:
            fold = super().fold()
            whole = fold.feed

            def feed(event: Event, position: Position) -> None:
                if event.at == 2:
                    raise KeyError("09012345678")
                whole(event, position)

            fold.feed = feed  # type: ignore[method-assign]
            return fold

    rig = Fragile(tmp_path)
    rig.say(b"1\n2\n3\n")
    rig.work()
    assert list(rig.store.calls) == ["1", "3"]
    (kept,) = rig.store.unreadable.values()
    assert (kept.reason, kept.raw) == ("not-folded", b"Swept(at=2.0)")


def test_a_damaged_journal_is_told_and_passed(tmp_path: Path) -> None:
    rig = LineRig(tmp_path, segment_bytes=200)
    for number in range(1, 30):
        rig.say(b"%d\n" % number)
    hurt = sorted((tmp_path / "journal").glob("*.log"))[1]
    hurt.write_bytes(b"\0" * hurt.stat().st_size)
    rig.work()
    (told,) = rig.store.unreadable.values()
    assert (told.reason, told.size) == ("journal-damaged", hurt.stat().st_size)
    numbers = [int(number) for number in rig.store.calls]
    assert numbers[0] == 1
    assert numbers[-1] == 29
    assert 15 < len(numbers) < 29


# -- a database that fails


def test_a_stuck_database_is_waited_for(rig: Rig) -> None:
    problems: list[str] = []
    rig.options["on_problem"] = lambda reason: problems.append(reason.code)
    rig.restart()
    rig.up(1.0)
    rig.work()
    rig.store.failing = OSError("database is locked")
    tries = []
    for number in range(200):
        rig.say(RING, GONE)
        if rig.lane.retry_at <= rig.now:
            tries.append(rig.now)
        assert rig.lane.step(rig.now) is None
        rig.now += 0.1 * (number % 3)
    assert 5 < len(tries) < 15
    assert problems == ["database-stuck"]
    assert "database is locked" in rig.lane.status.problem.sentence
    assert rig.lane.status.commits_failed == len(tries)
    assert rig.lane.backlog > 0
    rig.store.failing = None
    rig.now += 10
    rig.work()
    assert problems == ["database-stuck", ""]
    assert rig.store.calls[CALL].state == "ended"
    assert rig.lane.backlog == 0


def test_a_batch_of_which_is_not_known_whether_it_was_written_is_written_again(rig: Rig) -> None:
    rig.up(1.0)
    rig.work()
    rig.say(RING)
    rig.store.failing, rig.store.fails_after_commit = OSError("lost the connection"), True
    assert rig.lane.step(0.0) is None
    rig.store.failing = None
    rig.now = 1.0
    rig.say(GONE)
    rig.work()
    assert [log.state for log in rig.store.calls.values()] == ["ended"]


def test_a_database_that_is_stuck_at_the_start(rig: Rig) -> None:
    opened: list[int] = []
    rig.options["on_open"] = lambda: opened.append(1)
    rig.restart()
    rig.store.failing = OSError("unable to open database file")
    assert rig.lane.step(0.0) is None
    assert not opened
    rig.store.failing = None
    rig.now = 1.0
    rig.work()
    assert opened == [1]


def test_no_number_stands_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.up(1.0)
    rig.work()
    rig.say(RING)
    rig.store.failing = ValueError("INSERT INTO calls VALUES ('0312345678')")
    rig.lane.step(0.0)
    assert "ValueError" in caplog.text
    assert "0312345678" not in caplog.text
    assert "0312345678" not in rig.lane.status.problem.sentence


# -- positions and the journal


def test_what_changes_no_call_is_not_worth_a_transaction(rig: Rig) -> None:
    rig.up(1.0)
    rig.say(RING)
    rig.work()
    commits = rig.store.commits
    rig.say(encode_event("VarSet", [("Variable", "X"), ("Value", "x" * 1000)]))
    rig.work()
    assert (rig.store.commits, rig.lane.backlog) == (commits, 0)
    for _ in range(QUIET_BYTES // 1000 + 10):
        rig.say(encode_event("VarSet", [("Variable", "X"), ("Value", "x" * 1000)]))
    rig.work()
    assert commits < rig.store.commits < commits + 4
    assert rig.lane.needed_from <= rig.journal.end - QUIET_BYTES, "the open call still needs it"


def test_a_journal_that_was_lost_goes_on_behind_what_is_known(rig: Rig, tmp_path: Path) -> None:
    store = rig.store
    rig.up(1.0)
    rig.say(RING, GONE)
    rig.work()
    assert rig.store.stored
    rig.journal.close()
    for path in (rig.folder / "journal").iterdir():
        path.unlink()
    OPENED.clear()
    rig = Rig(tmp_path)
    rig.store = store
    rig.restart()
    rig.work()
    assert rig.journal.end > rig.store.stored[0].record
    rig.up(2.0)
    rig.say(RING.replace(b".0\r", b".7\r"))
    rig.work()
    assert "hq-1795333834.7" in rig.store.calls
