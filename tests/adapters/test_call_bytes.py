"""What an exchange sent of one call, found in a long journal and folded once more (real streams of Asterisk 22)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.exchanges.call_bytes import CallBytes, Lasted, call_bytes
from cti_adapters.exchanges.decoding import AmiDecoder
from cti_adapters.journal.around import read_around
from cti_adapters.journal.files import Journal, Kind
from cti_server.calls.events import Unreadable
from cti_server.calls.folding import Folder
from cti_server.calls.log import CallLog
from cti_server.calls.raw_text import Sight
from cti_server.settings import ExchangeSettings
from cti_server.shared.positions import Position
from tests.adapters.lane_rig import GOLDEN, PLAN, traces

HQ = ExchangeSettings.model_validate(
    {"id": "hq", "name": "HQ", "kind": "ami", "branch": "121", "host": "h", "username": "u", "secret_env": "S"}
    | {"area_code": "03"}
)
NOISE = b"Event: VarSet\r\nVariable: X\r\nValue: 09099998888\r\nLinkedid: 1.1\r\n\r\n"


def chunks(trace: Path) -> list[tuple[float, bytes]]:
    raw = (trace / "ami.raw").read_bytes()
    lines = (trace / "ami.chunks.jsonl").read_text().splitlines()
    return [(at, raw[start : start + size]) for at, start, size in map(json.loads, lines)]


def journalled(folder: Path, trace: Path, *, days: int = 3, segment_bytes: int = 2**26) -> None:
    """The trace in a journal that has days of other traffic before and after it."""
    pieces = chunks(trace)
    first = pieces[0][0]
    journal = Journal(folder, segment_bytes=segment_bytes)
    for second in range(-days * 2000, 0):
        journal.append(Kind.BYTES, NOISE, first - 60 + second * 43.2)
    journal.append(Kind.UP, b'{"banner": ""}', first - 1)
    for at, piece in pieces:
        journal.append(Kind.BYTES, piece, at)
    for second in range(2000):
        journal.append(Kind.BYTES, NOISE, pieces[-1][0] + 60 + second * 43.2)
    journal.close()


def calls_of(trace: Path) -> list[CallLog]:
    decoder, fold = AmiDecoder(), Folder(PLAN)
    logs: dict[str, CallLog] = {}
    for at, piece in chunks(trace):
        for event in decoder.feed(piece, at):
            if not isinstance(event, Unreadable):
                fold.feed(event, Position(0, 0))
        logs |= {log.id: log for log in fold.changed()}
    return [log for log in logs.values() if log.merged_into is None and log.state == "ended"]


def found(folder: Path, log: CallLog, sight: Sight = Sight.MASKED, *, skew: float = 0.0) -> CallBytes:
    lasted = Lasted(log.id, log.linkedids, log.started_at + skew, (log.ended_at or 0) + skew, log.started_at)
    return call_bytes(HQ, folder, lasted, sight)


@pytest.mark.parametrize("trace", traces()[::5], ids=lambda trace: trace.name)
def test_each_piece_tells_what_it_made_of_the_call(tmp_path: Path, trace: Path) -> None:
    journalled(tmp_path / "j", trace, days=1)
    for log in calls_of(trace):
        pieces = found(tmp_path / "j", log).pieces
        states = [one.log.state for one in pieces if one.log is not None]
        assert states and states[-1] == "ended"
        last = [one.log for one in pieces if one.log is not None][-1]
        assert (last.disposition, last.rang_extensions) == (log.disposition, log.rang_extensions)
        assert pieces == sorted(pieces, key=lambda one: one.at)


def test_a_call_is_found_though_the_exchanges_clock_is_wrong_and_its_segment_packed(tmp_path: Path) -> None:
    trace = GOLDEN / "A5-queue-ringall-answered"
    journalled(tmp_path / "j", trace, segment_bytes=50_000)
    for plain in sorted((tmp_path / "j").glob("*.log"))[:-1]:
        plain.with_suffix(".log.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    (log,) = calls_of(trace)
    straight, skewed = found(tmp_path / "j", log), found(tmp_path / "j", log, skew=-86_400)
    assert straight.pieces and skewed.pieces == straight.pieces


def test_what_is_shown_is_masked_and_only_of_this_call(tmp_path: Path) -> None:
    trace = GOLDEN / "A5-queue-ringall-answered"
    journalled(tmp_path / "j", trace)
    (log,) = calls_of(trace)
    text = {sight: repr([one.text for one in found(tmp_path / "j", log, sight).pieces]) for sight in Sight}
    assert "08011112222" in text[Sight.WHOLE] and "YAMADA" in text[Sight.WHOLE]
    assert "2222" in text[Sight.MASKED] and "11112222" not in text[Sight.MASKED] and "YAMADA" not in text[Sight.MASKED]
    assert "2222" not in text[Sight.STRICT]
    assert all("8888" not in one for one in text.values())


def test_a_call_that_the_journal_has_no_more_is_empty(tmp_path: Path) -> None:
    journalled(tmp_path / "j", GOLDEN / "A11-anonymous", days=1)
    (log,) = calls_of(GOLDEN / "A5-queue-ringall-answered")
    assert found(tmp_path / "j", log) == CallBytes([], False)
    assert found(tmp_path / "none", log) == CallBytes([], False)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30_000)), min_size=1, max_size=60),
    st.integers(0, 900),
    st.integers(0, 400),
)
def test_the_records_of_a_time_are_those_that_came_then(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int, int]], since: int, lasts: int
) -> None:
    folder = tmp_path_factory.mktemp("around")
    journal = Journal(folder, segment_bytes=200_000)
    at, stamps = 0.0, []
    for gap, size in told:
        at += gap
        stamps.append(at)
        journal.append(Kind.BYTES, b"x" * size, at)
    journal.close()
    read = read_around(folder, since, since + lasts, 2**30)
    assert [one.at for one in read.records] == [one for one in stamps if since <= one <= since + lasts]
    assert not read.cut
