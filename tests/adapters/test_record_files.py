"""Records in files: read once and wholly, through every kind of rotation, and across kills at any moment."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_adapters.exchanges import file_drop, file_tail
from cti_adapters.exchanges.file_drop import Drop
from cti_adapters.exchanges.file_places import Place, Source
from cti_adapters.exchanges.file_tail import Tail
from cti_adapters.exchanges.record_files import place_in
from cti_adapters.exchanges.status import Link
from cti_adapters.journal.files import Journal, Kind
from tests.adapters.reactors import run, until
from tests.adapters.record_rig import OneFeed, line, lines, makes, wanted


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(file_tail, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(file_drop, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr("cti_adapters.exchanges.record_files.LOOK_SECONDS", 0.02)
    with makes():
        yield
    while OPEN:
        OPEN.pop().close()


OPEN: list[Source] = []


class Reader:
    """A tail that is read by hand; it remembers its place as the journal does, and can be begun again from there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.got = b""
        self.lost: list[str] = []
        self._place: Place | None = None
        self._after = 0
        self.tail = opened(Tail(path))

    def read(self, most: int = 64) -> Reader:
        while True:
            try:
                piece = self.tail.read(most)
            except FileNotFoundError:
                return self
            if piece is None:
                return self
            if piece.place is not None:
                self._place, self._after = piece.place, 0
            self._after += len(piece.data)
            self.got += piece.data
            self.lost += [piece.lost] * bool(piece.lost)

    def killed(self) -> Reader:
        self.tail.close()
        place = self._place
        self.tail = opened(Tail(self.path, place and replace(place, offset=place.offset + self._after)))
        return self


def opened(source: Tail) -> Tail:
    """It is closed when the test is over."""
    OPEN.append(source)
    return source


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("killed", [False, True])
def test_renamed_and_begun_anew(tmp_path: Path, killed: bool) -> None:
    path = tmp_path / "smdr.log"
    write(path, b"one\ntw")
    reader = Reader(path).read()
    write(path, b"o\n")
    path.rename(tmp_path / "smdr.log.1")
    reader.killed() if killed else reader.read()
    write(tmp_path / "smdr.log.1", b"three\n")
    write(path, b"four\n")
    assert reader.read().read().got == b"one\ntwo\nthree\nfour\n"
    assert reader.lost == []


def test_rotated_several_times_while_we_were_away(tmp_path: Path) -> None:
    path = tmp_path / "smdr.log"
    write(path, b"one\n")
    reader = Reader(path).read()
    write(path, b"two\n")
    for number, old in enumerate(("smdr.log.2", "smdr.log.1"), 3):
        path.rename(tmp_path / old)
        os.utime(tmp_path / old, (number, number))
        write(path, f"line {number}\n".encode())
    (tmp_path / "smdr.log.9.gz").write_bytes(b"\x1f\x8b")
    assert reader.killed().read().got == b"one\ntwo\nline 3\nline 4\n"


@pytest.mark.parametrize("killed", [False, True])
def test_copied_and_cut(tmp_path: Path, killed: bool) -> None:
    path = tmp_path / "smdr.log"
    write(path, b"one\n")
    reader = Reader(path).read()
    write(path, b"two\n")
    shutil.copy(path, tmp_path / "smdr.log.1")
    os.truncate(path, 0)
    if killed:
        reader.killed()
    write(path, b"three and more than before\n")
    assert reader.read().got == b"one\ntwo\nthree and more than before\n"
    assert reader.lost == []


@pytest.mark.parametrize("killed", [False, True])
def test_cut_without_a_copy_is_said(tmp_path: Path, killed: bool) -> None:
    path = tmp_path / "smdr.log"
    write(path, b"one\ntwo\n")
    reader = Reader(path).read()
    os.truncate(path, 0)
    if killed:
        reader.killed()
    write(path, b"3\n")
    assert reader.read().got == b"one\ntwo\n3\n"
    assert reader.lost == ["file-shrank"]


STEPS = st.lists(
    st.sampled_from(["write", "write", "write", "read", "kill", "rename", "copy and cut"]), min_size=1, max_size=25
)


@given(STEPS)
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_happens_to_it_all_is_read_once(tmp_path_factory: Any, steps: list[str]) -> None:
    folder = tmp_path_factory.mktemp("tail")
    path = folder / "smdr.log"
    reader, wrote, rotations = Reader(path), b"", 0
    for number, step in enumerate(steps):
        if step == "write":
            data = f"record {number} of {len(steps)}\n".encode()
            write(path, data)
            wrote += data
        elif step == "read":
            reader.read()
        elif step == "kill":
            reader.killed()
        elif path.exists() and path.stat().st_size:
            if not reader.got:
                reader.read()  # what was rotated away before it was ever looked at is not ours
            rotations += 1
            old = folder / f"smdr.log.{100 - rotations}"
            if step == "rename":
                path.rename(old)
            else:
                shutil.copy(path, old)
                reader.read()  # the next cut must not come before it was looked at
                os.truncate(path, 0)
            os.utime(old, (rotations, rotations))
            reader.read()
    assert reader.read().read().read().got == wrote
    assert reader.lost == []
    reader.tail.close()


# -- a folder of finished files


def test_a_folder_is_read_file_by_file_and_each_content_once(tmp_path: Path) -> None:
    folder, memory = tmp_path / "drop", tmp_path / "taken"
    folder.mkdir()
    (folder / "b.csv").write_bytes(b"second\n")
    (folder / "a.csv").write_bytes(b"first")
    os.utime(folder / "a.csv", (1, 1))
    for other in ("c.csv.part", ".d.csv", "readme.txt"):
        (folder / other).write_bytes(b"not this\n")
    drop = Drop(folder, "*.csv", memory)

    def everything(of: Drop) -> list[tuple[str, bytes]]:
        got = []
        for _ in range(2):
            while (piece := of.read(4)) is not None:
                got.append(("end" if piece.place and piece.place.ends else "", piece.data))
                if got[-1][0]:
                    of.finished()
        return got

    assert everything(drop) == [("", b"firs"), ("", b"t"), ("end", b""), ("", b"seco"), ("", b"nd\n"), ("end", b"")]
    (folder / "b.csv").rename(folder / "renamed.csv")
    assert everything(drop) == everything(Drop(folder, "*.csv", memory)) == []
    write(folder / "renamed.csv", b"more\n")
    assert b"".join(data for _, data in everything(drop)) == b"second\nmore\n"


def test_a_file_that_still_grows_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    drop = Drop(folder, "*", tmp_path / "taken")
    OPEN.append(drop)
    for _ in range(3):
        write(folder / "growing.csv", b"more\n")
        assert drop.read(100) is None
    piece = drop.read(100)
    assert piece is not None and piece.data == b"more\n" * 3


# -- through to calls


@pytest.mark.parametrize("feed", ["file", "folder"])
def test_killed_and_started_again_nothing_is_lost_or_twice(tmp_path: Path, feed: str) -> None:
    folder = tmp_path / "pbx"
    folder.mkdir()
    file = folder / "smdr.log"
    path = file if feed == "file" else folder
    file.write_bytes(lines(0, 30))

    async def first(reactor: Any) -> None:
        one = OneFeed(reactor, tmp_path, feed=feed, path=path)
        await until(reactor, lambda: len(one.calls) == 30)
        await one.stop()

    async def second(reactor: Any) -> None:
        journal = tmp_path / "journal" / "hq"
        one = OneFeed(reactor, tmp_path, feed=feed, path=path)
        await until(reactor, lambda: len(one.calls) >= 40)
        assert one.numbers == wanted(0, 40) and not one.store.gaps and not one.store.unreadable
        await one.stop()
        kept = Journal(journal)
        assert [found.kind for found in kept.read(0, 2**20)].count(Kind.UP) == 1
        kept.close()

    run(first)
    if feed == "file":
        write(file, line(30)[:9])
        file.rename(folder / "smdr.log.1")
        write(folder / "smdr.log.1", line(30)[9:] + lines(31, 35))
        file.write_bytes(lines(35, 40)[:-2])
        write(file, b"\r\n")
    else:
        (folder / "next.log").write_bytes(lines(25, 40)[:-2])  # some of it once more, and no end of line
    run(second)


def test_the_journal_knows_the_place(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", segment_bytes=4096)
    place = Place("smdr.log", 1, 2, "", 0, 100)
    assert place_in(journal) is None
    journal.append(Kind.PLACE, json.dumps(place.as_json()).encode(), 1.0)
    for _ in range(40):
        journal.append(Kind.BYTES, b"x" * 300, 1.0)
        journal.append(Kind.TICK, b"", 1.0)
    assert place_in(journal) == replace(place, offset=100 + 40 * 300)
    journal.close()


def test_what_is_missing_is_said_and_read_when_it_is_there(tmp_path: Path) -> None:
    async def scenario(reactor: Any) -> None:
        file = tmp_path / "smdr.log"
        one = OneFeed(reactor, tmp_path, feed="file", path=file)
        await until(reactor, lambda: one.state is Link.DOWN)
        assert one.feed.state.reason.sentence == f"there is no file {file}; it is read as soon as it is there"
        file.write_bytes(lines(0, 2))
        await until(reactor, lambda: len(one.calls) == 2)
        assert one.state is Link.UP
        os.truncate(file, 0)
        write(file, line(2))
        await until(reactor, lambda: len(one.calls) == 3 and one.store.gaps)
        (gap,) = one.store.gaps.values()
        assert gap.reason == "file-shrank" and gap.ended_at is not None
        assert [warning.code for warning in one.feed.state.warnings] == ["file-shrank"]
        await one.stop()

    run(scenario)
