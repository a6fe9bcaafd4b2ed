"""The end of a journal for people: read beside the process that writes it, whole messages only, bounded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.exchanges.raw_tail import MESSAGES_MOST, RawTail, last_said, said_since
from cti_adapters.journal.files import Journal, Kind
from cti_adapters.journal.tail import READ_MOST, read_end, read_on
from cti_adapters.storage.mapping import Audit
from cti_adapters.storage.work import Database
from cti_server.calls.raw_text import Sight
from cti_server.cli import main
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING
from tests.adapters.test_accounts_commands import SETTINGS


def message(number: int) -> bytes:
    return b"Event: Hangup\r\nCallerIDNum: 0312340000\r\nCause: %d\r\n\r\n" % number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def causes(tail: RawTail) -> list[str]:
    return [one.lines[2] for one in tail.entries if one.kind == "message"]


def newest(folder: Path, most: int = 1000) -> RawTail:
    return last_said(folder, lines=False, sight=Sight.MASKED, most=most)


def since(folder: Path, position: Position) -> RawTail:
    return said_since(folder, position, lines=False, sight=Sight.MASKED)


def test_what_comes_is_followed_whatever_the_reads(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(Kind.UP, b"{}", 1.0)
    data = b"".join(message(number) for number in range(30))
    tail = newest(folder)
    assert [one.kind for one in tail.entries] == ["up"]
    heard: list[str] = []
    for start in range(0, len(data), 7):
        journal.append(Kind.BYTES, data[start : start + 7], 2.0)
        tail = since(folder, tail.next)
        heard += causes(tail)
    assert heard == [f"Cause: {number}" for number in range(30)]
    journal.append(Kind.BYTES, b"Event: Half\r\nCalle", 3.0)
    tail = since(folder, tail.next)
    journal.append(Kind.DOWN, json.dumps({"reason": "closed", "heard": 3.0}).encode(), 4.0)
    tail = since(folder, tail.next)
    assert [(one.kind, one.name) for one in tail.entries] == [("down", "closed")]
    assert since(folder, tail.next).entries == []
    journal.close()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=40), st.integers(0, 5))
def test_half_a_message_is_never_shown(tmp_path_factory: pytest.TempPathFactory, cuts: list[int], lost: int) -> None:
    folder = tmp_path_factory.mktemp("tail")
    journal = Journal(folder)
    data = b"".join(message(number) for number in range(20))
    offsets, start = [], 0
    for size in cuts:
        offsets.append(journal.append(Kind.BYTES, data[start : start + size], 1.0))
        start += size
    begin = offsets[min(lost, len(offsets) - 1)]
    # A reader that comes in the midst, as one does that was left behind by a storm.
    tail = since(folder, Position(begin, -1))
    for one in tail.entries:
        assert one.lines[0] == "Event: Hangup" and one.lines[1] == "CallerIDNum: 03••••0000", one
    journal.append(Kind.BYTES, data[start:], 2.0)
    for one in since(folder, tail.next).entries:
        assert one.lines[0] == "Event: Hangup" and one.lines[1] == "CallerIDNum: 03••••0000", one
    journal.close()


def test_a_storm_is_sampled_and_says_so(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(Kind.UP, b"{}", 1.0)
    first = newest(folder)
    for number in range(MESSAGES_MOST + 50):
        journal.append(Kind.BYTES, message(number), 2.0)
    tail = since(folder, first.next)
    assert (tail.entries[0].kind, tail.entries[0].name, tail.entries[0].size) == ("left-out", "messages", 50)
    assert causes(tail)[-1] == f"Cause: {MESSAGES_MOST + 49}" and len(causes(tail)) == MESSAGES_MOST
    block = b"".join(message(number) for number in range(200))
    for _ in range(READ_MOST // len(block) * 4):
        journal.append(Kind.BYTES, block, 3.0)
    tail = since(folder, tail.next)
    assert tail.entries[0].kind == "left-out" and causes(tail)[-1] == "Cause: 199"
    journal.append(Kind.BYTES, message(7), 4.0)
    assert causes(since(folder, tail.next)) == ["Cause: 7"]
    journal.close()


def test_it_goes_through_segments_and_finds_the_end_of_compressed_ones(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=2000)
    tail = newest(folder)
    assert tail.entries == []
    heard: list[str] = []
    for number in range(100):
        journal.append(Kind.BYTES, message(number), 1.0)
        if number % 9 == 0:
            tail = since(folder, tail.next)
            heard += causes(tail)
            journal.rotate_old(2.0, journal.end)
    heard += causes(since(folder, tail.next))
    assert heard == [f"Cause: {number}" for number in range(100)][len(heard) * -1 :]
    assert len(heard) >= 99  # the very first may be half of one, for all that a newcomer knows
    journal.advance_to(journal.end + 5000)
    assert causes(newest(folder)), "the newest segment is empty: the one before has the end"
    journal.append(Kind.BYTES, message(5), 1.0)
    journal.append(Kind.BYTES, message(6), 1.0)
    assert causes(since(folder, tail.next)) == ["Cause: 6"], "behind a hole a message may have begun in it"
    journal.close()


def test_the_writer_is_never_in_the_way(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(Kind.BYTES, message(1), 1.0)
    before = sorted((path.name, path.stat().st_size) for path in folder.iterdir())
    (folder / "00000000000000000000.log.gz.tmp").write_bytes(b"half a compression")
    assert read_end(folder).records
    assert read_on(folder, 10**9).records, "an offset that was never given out"
    (folder / "00000000000000000000.log.gz.tmp").unlink()
    assert sorted((path.name, path.stat().st_size) for path in folder.iterdir()) == before
    journal.append(Kind.BYTES, message(2), 1.0)
    journal.close()


def test_no_journal_yet(folder: Path) -> None:
    assert newest(folder) == RawTail([], newest(folder).next)


class Tail:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = folder / "cti.toml"
        self.config.write_text(SETTINGS.format(folder=folder / "data"), "utf-8")
        self.database = Database(f"sqlite:///{folder / 'data' / 'yobirin.sqlite3'}")
        self.database.upgrade()
        self.journal = Journal(folder / "data" / "journal" / "hq")
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        status = main(["exchange", "tail", *words, "--config", str(self.config)])
        out, err = self._capsys.readouterr()
        return status, out, err


@pytest.fixture
def tail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tail:
    made = Tail(tmp_path, capsys)
    made.journal.append(Kind.UP, b"{}", 1_795_333_834.0)
    for number in range(30):
        made.journal.append(Kind.BYTES, message(number), 1_795_333_834.5)
    return made


def test_the_command_prints_the_end_masked(tail: Tail) -> None:
    status, out, err = tail("hq", "-n", "2")
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "2026-11-22 16:50:34.500  Event: Hangup"
    assert [line.strip() for line in out.splitlines() if "Cause" in line] == ["Cause: 28", "Cause: 29"]
    assert "0312340000" not in out and "03••••0000" in out
    assert tail("hq", "--match", "cause: 3")[1].count("Event:") == 1
    assert tail("hq", "--match", "0312340000")[1] == "", "searching tells no more than looking"


def test_whole_numbers_take_a_reason_and_stand_in_the_trail(tail: Tail) -> None:
    status, out, err = tail("hq", "--whole")
    assert status == 1 and not out and "--reason" in err
    status, out, _ = tail("hq", "--whole", "--reason", "ticket 7")
    assert status == 0 and "0312340000" in out
    with tail.database.open(EVERYTHING) as work:
        entry = work.session.query(Audit).one()
    assert (entry.act, entry.subject_kind, entry.subject_id, entry.detail["reason"]) == (
        "raw revealed",
        "exchange",
        "hq",
        "ticket 7",
    )


def test_an_exchange_that_is_not_there(tail: Tail) -> None:
    status, _, err = tail("nowhere")
    assert status == 1 and "there: hq" in err
