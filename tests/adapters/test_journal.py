"""The journal keeps every whole record, in order, whatever happens to the process, the disk or the files."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti_adapters.journal.files import Journal, JournalDamaged, JournalFull, JournalInUse, Kind, Record
from cti_adapters.journal.records import LONGEST_PAYLOAD, encode, parse

DAY = 86400.0


def everything(journal: Journal, offset: int = 0, step: int = 4096) -> list[Record]:
    records: list[Record] = []
    while found := journal.read(offset, step):
        records += found
        offset = found[-1].next
    return records


def payloads(journal: Journal, step: int = 4096) -> list[bytes]:
    return [record.payload for record in everything(journal, step=step)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_what_was_appended_is_read(folder: Path) -> None:
    journal = Journal(folder)
    first = journal.append(Kind.UP, b"", 1795333833.821021)
    second = journal.append(Kind.BYTES, b"Event: x\r\n\r\n", 1795333834.0)
    found = journal.read(journal.start, 1000)
    assert found == [
        Record(first, second, Kind.UP, 1795333833.821021, b""),
        Record(second, journal.end, Kind.BYTES, 1795333834.0, b"Event: x\r\n\r\n"),
    ]
    assert journal.read(journal.end, 1000) == []
    assert journal.read(second, 1) == found[1:]
    assert journal.last == found[-1]
    journal.close()


def test_it_goes_on_where_it_ended(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(Kind.BYTES, b"one", 1.0)
    journal.append(Kind.ASIDE, b"refused", 2.0)
    journal.close()
    journal = Journal(folder)
    assert journal.cut_bytes == 0
    assert journal.last == everything(journal)[0]
    journal.append(Kind.BYTES, b"two", 3.0)
    assert payloads(journal) == [b"one", b"refused", b"two"]
    journal.close()


def test_the_newest_record_is_found_across_segments(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=60)
    journal.append(Kind.TICK, b"", 7.0)
    for _ in range(4):
        journal.append(Kind.ASIDE, b"x" * 40, 8.0)
    journal.rotate_old(9.0, journal.end)
    journal.close()
    journal = Journal(folder)
    assert journal.last == everything(journal)[0]
    journal.close()


def test_one_process_at_a_time(folder: Path) -> None:
    journal = Journal(folder)
    with pytest.raises(JournalInUse, match="another server"):
        Journal(folder)
    journal.close()
    Journal(folder).close()


@pytest.mark.parametrize("step", [1, 50, 5000])
def test_reads_cross_segments_compressed_ones_too(folder: Path, step: int) -> None:
    journal = Journal(folder, segment_bytes=500)
    wanted = [b"%d" % index * (index % 40) for index in range(200)]
    for payload in wanted:
        journal.append(Kind.BYTES, payload, 5.0)
    journal.rotate_old(6.0, journal.end // 2)
    names = sorted(path.name for path in folder.iterdir())
    assert any(name.endswith(".gz") for name in names)
    assert any(name.endswith(".log") for name in names)
    assert payloads(journal, step) == wanted
    again = everything(journal)[77]
    assert journal.read(again.offset, 1) == [again]
    assert len(journal.read(0, 5000)) > 1
    journal.close()
    journal = Journal(folder)
    assert payloads(journal) == wanted
    journal.close()


def test_a_reader_goes_on_while_its_segment_is_compressed(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=200)
    for index in range(20):
        journal.append(Kind.BYTES, b"%d" % index * 10, 5.0)
    first = journal.read(0, 1)
    journal.rotate_old(6.0, journal.end)
    rest = everything(journal, first[-1].next, step=1)
    assert [record.payload for record in first + rest] == [b"%d" % index * 10 for index in range(20)]
    journal.close()


def aged(folder: Path, days: float, now: float) -> None:
    for path in folder.glob("*.log*"):
        os.utime(path, (now - days * DAY, now - days * DAY))


def test_old_segments_are_dropped_one_at_a_time_and_never_what_is_needed(folder: Path) -> None:
    now = 1795333833.0
    journal = Journal(folder, segment_bytes=200, keep_days=90)
    for _ in range(20):
        journal.append(Kind.BYTES, b"x" * 100, now)
    journal.rotate_old(now, journal.end)
    aged(folder, 91, now)
    needed = everything(journal)[5].offset
    starts = []
    for _ in range(30):
        journal.rotate_old(now, needed)
        starts.append(journal.start)
    assert starts[0] < starts[1]
    assert 0 < journal.start <= needed
    assert journal.read(needed, 1)[0].offset == needed
    assert journal.read(0, 1)[0].offset == journal.start
    journal.rotate_old(now - 10 * DAY, journal.end)
    assert journal.start == starts[-1]
    journal.close()
    journal = Journal(folder)
    assert journal.start == starts[-1]
    journal.close()


def test_an_interrupted_compression_costs_nothing(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=200)
    for index in range(9):
        journal.append(Kind.BYTES, b"%d" % index * 100, 5.0)
    plain = sorted(folder.glob("*.log"))[0]
    kept = plain.read_bytes()
    journal.rotate_old(6.0, journal.end)
    plain.write_bytes(kept)  # killed between rename and unlink
    (folder / "00000000000000000234.log.gz.tmp").write_bytes(b"half")  # killed before the rename
    journal.close()
    journal = Journal(folder)
    assert payloads(journal) == [b"%d" % index * 100 for index in range(9)]
    assert not list(folder.glob("*.tmp"))
    assert not plain.exists()
    journal.close()


def test_a_full_disk_while_compressing_leaves_the_plain_segment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(folder, segment_bytes=200)
    for _ in range(5):
        journal.append(Kind.BYTES, b"x" * 100, 5.0)

    def no_room(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", no_room)
        with pytest.raises(OSError, match="No space"):
            journal.rotate_old(6.0, journal.end)
    assert not list(folder.glob("*.gz*"))
    assert len(payloads(journal)) == 5
    journal.close()


class Disk:
    """An ``os.write`` that has room for so many bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, handle: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        fits = min(self.room, len(data))
        self.room -= fits
        return self._write(handle, data[:fits])


@pytest.mark.parametrize("room", [0, 1, 16, 17, 20])
def test_a_full_disk_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    journal = Journal(folder)
    journal.append(Kind.BYTES, b"kept", 1.0)
    before = journal.end
    disk = Disk(monkeypatch, room)
    with pytest.raises(JournalFull):
        journal.append(Kind.BYTES, b"too much", 2.0)
    assert journal.end == before == sum(path.stat().st_size for path in folder.glob("*.log"))
    disk.room = 10**6
    journal.append(Kind.BYTES, b"again", 3.0)
    assert payloads(journal) == [b"kept", b"again"]
    journal.close()


def test_a_write_that_can_not_be_taken_back_is_taken_back_later(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(folder)
    journal.append(Kind.BYTES, b"kept", 1.0)
    disk = Disk(monkeypatch, 5)

    def broken(*_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "ftruncate", broken)
        with pytest.raises(OSError, match="Input/output"):
            journal.append(Kind.BYTES, b"half", 2.0)
        with pytest.raises(OSError, match="Input/output"):
            journal.append(Kind.BYTES, b"half", 2.0)
    disk.room = 10**6
    journal.append(Kind.BYTES, b"again", 3.0)
    assert payloads(journal) == [b"kept", b"again"]
    journal.close()


def test_no_room_for_a_new_segment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(folder, segment_bytes=50)
    journal.append(Kind.BYTES, b"x" * 40, 1.0)
    opened = os.open

    def no_inode(path: object, flags: int, *rest: object, **more: object) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, flags, *rest, **more)  # type: ignore[call-overload, no-any-return]

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", no_inode)
        with pytest.raises(JournalFull):
            journal.append(Kind.BYTES, b"y" * 40, 2.0)
    journal.append(Kind.BYTES, b"z" * 40, 3.0)
    assert payloads(journal) == [b"x" * 40, b"z" * 40]
    journal.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a tiny file system can only be mounted as root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(b"x" * 20000)
    journal = Journal(tiny_disk / "journal")
    kept: list[bytes] = []
    with pytest.raises(JournalFull):
        for index in range(100):
            journal.append(Kind.BYTES, b"%03d" % index * 500, 1.0)
            kept.append(b"%03d" % index * 500)
    assert payloads(journal) == kept
    ballast.unlink()
    journal.append(Kind.BYTES, b"goes on", 2.0)
    assert payloads(journal) == [*kept, b"goes on"]
    journal.close()
    journal = Journal(tiny_disk / "journal")
    assert (journal.cut_bytes, payloads(journal)) == (0, [*kept, b"goes on"])
    journal.close()


def test_damage_in_the_midst_is_told_and_reading_goes_on_behind_it(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=300)
    for index in range(9):
        journal.append(Kind.BYTES, b"%d" % index * 100, 5.0)
    before = everything(journal)
    hurt = sorted(folder.glob("*.log"))[1]
    data = bytearray(hurt.read_bytes())
    data[130] ^= 1
    hurt.write_bytes(data)
    journal.close()
    journal = Journal(folder, segment_bytes=300)
    good = journal.read(0, 300) + journal.read(journal.read(0, 300)[-1].next, 300)
    assert good == before[:3]
    with pytest.raises(JournalDamaged) as told:
        journal.read(good[-1].next, 300)
    assert told.value.offset == good[-1].next
    assert everything(journal, told.value.resume) == before[4:]
    journal.close()


def test_a_broken_compressed_segment_is_told(folder: Path) -> None:
    journal = Journal(folder, segment_bytes=300)
    for index in range(9):
        journal.append(Kind.BYTES, os.urandom(100) + b"%d" % index, 5.0)
    journal.rotate_old(6.0, journal.end)
    packed = sorted(folder.glob("*.gz"))[0]
    packed.write_bytes(packed.read_bytes()[:60])
    journal.close()
    journal = Journal(folder, segment_bytes=300)
    with pytest.raises(JournalDamaged) as told:
        everything(journal)
    assert len(everything(journal, told.value.resume)) >= 6
    journal.close()


def test_offsets_are_never_given_out_twice(folder: Path) -> None:
    journal = Journal(folder)
    journal.append(Kind.BYTES, b"old", 1.0)
    old_end = journal.end
    journal.advance_to(5000)
    journal.advance_to(4000)
    assert journal.append(Kind.BYTES, b"new", 2.0) == 5000
    assert [(record.offset, record.payload) for record in everything(journal)] == [(0, b"old"), (5000, b"new")]
    assert journal.read(old_end, 100)[0].payload == b"new"
    journal.close()
    journal = Journal(folder)
    assert payloads(journal) == [b"old", b"new"]
    journal.close()


def test_a_payload_has_a_bound() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode(Kind.BYTES, bytes(LONGEST_PAYLOAD + 1), 0.0)
    assert parse(bytes(1000), 0).damaged


RECORDS = st.lists(
    st.tuples(st.sampled_from(list(Kind)), st.binary(max_size=120), st.integers(-(10**12), 4 * 10**15)), max_size=30
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RECORDS, st.integers(20, 400), st.data())
def test_cut_anywhere_a_prefix_of_whole_records_survives(
    records: list[tuple[Kind, bytes, int]], segment_bytes: int, data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "journal"
        journal = Journal(folder, segment_bytes=segment_bytes)
        for kind, payload, time in records:
            journal.append(kind, payload, time / 1e6)
        before = everything(journal, step=data.draw(st.integers(1, 500)))
        assert [(record.kind, record.payload) for record in before] == [(kind, payload) for kind, payload, _ in records]
        assert all(abs(record.at - time / 1e6) < 1e-5 for record, (_, _, time) in zip(before, records, strict=True))
        if data.draw(st.booleans()):
            journal.rotate_old(0.0, data.draw(st.integers(0, journal.end)))
        journal.close()

        newest = max(path for path in folder.iterdir() if path.name != "lock")
        base = int(newest.name.split(".")[0])
        cut = data.draw(st.integers(0, newest.stat().st_size))
        torn = newest.read_bytes()[:cut] + data.draw(st.sampled_from([b"", bytes(50), b"\x07rubbish" * 9]))
        newest.write_bytes(torn)

        journal = Journal(folder, segment_bytes=segment_bytes)
        assert everything(journal) == [record for record in before if record.next <= base + cut]
        journal.append(Kind.TICK, b"after", 1.0)
        assert everything(journal)[-1].payload == b"after"
        assert newest.stat().st_size + base == journal.end or journal.end > base + segment_bytes
        journal.close()
