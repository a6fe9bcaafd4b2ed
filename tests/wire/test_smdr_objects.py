"""Feeds of JSON objects: cut over lines and out of lists, however they arrive, and read again from what is pending."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.profiles import profile_named
from cti_adapters.wire.smdr.framing import Frame
from cti_adapters.wire.smdr.objects import ObjectFramer
from cti_adapters.wire.smdr.reading import Reader
from cti_server.calls.events import Unreadable

_VALUES = st.recursive(
    st.text('ab"\\{}[],\n', max_size=5) | st.integers(0, 9),
    lambda inner: st.dictionaries(st.text('a"{', max_size=2), inner, max_size=3),
    max_leaves=6,
)
_RECORDS = st.lists(st.dictionaries(st.text("ab", max_size=2), _VALUES, min_size=1, max_size=3), min_size=1, max_size=4)
_SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=20)


def split(data: bytes, sizes: list[int], framer: ObjectFramer) -> list[Frame | Unreadable]:
    found, at, nth = [], 0, 0
    while at < len(data):
        size = sizes[nth % len(sizes)]
        found += framer.feed(data[at : at + size])
        at, nth = at + size, nth + 1
    return [*found, *framer.finish()]


@given(_RECORDS, st.sampled_from([None, 1]), st.booleans(), _SIZES)
def test_records_come_out_of_lists_and_lines(
    records: list[dict[str, object]], indent: int | None, listed: bool, sizes: list[int]
) -> None:
    whole = {"cdr": records} if listed else records[0]
    frames = split(json.dumps(whole, indent=indent).encode(), sizes, ObjectFramer())
    found = [json.loads(frame.raw) for frame in frames if isinstance(frame, Frame)]
    assert found == (records if listed else records[:1])


@given(st.lists(st.sampled_from([b"{", b"}", b"[", b"]", b'"', b"\\", b"a,", b"\r", b"\n", b" "]), max_size=60), _SIZES)
def test_frames_do_not_depend_on_how_bytes_arrive(pieces: list[bytes], sizes: list[int]) -> None:
    data = b"".join(pieces)
    assert split(data, sizes, ObjectFramer(most=12)) == split(data, [1000], ObjectFramer(most=12))


def test_an_object_without_end_is_one_unreadable_and_the_next_is_read() -> None:
    framer = ObjectFramer(most=100)
    found = framer.feed(b'{"a": "' + b"x" * 300 + b'\n\n{"b": 1}\n')
    assert isinstance(found[0], Unreadable) and found[0].size == 101
    assert found[-1] == Frame(3, b'{"b": 1}') and framer.pending == 0


def test_what_is_no_object_is_a_line() -> None:
    found = ObjectFramer().feed(b'one, {two}\n ],\n{"a":\r\n 1}, {"b": 2}]}\nthree\n')
    assert found == [
        Frame(1, b"one, {two}"),
        Frame(3, b'{"a":\r\n 1}'),
        Frame(4, b'{"b": 2}'),
        Frame(5, b"three"),
    ]


@pytest.mark.parametrize("test", [0, 1])
@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.sampled_from([7, 30, 61, 90, 200, 400]), min_size=1, max_size=9))
def test_reading_again_from_what_is_pending_misses_nothing(test: int, sizes: list[int]) -> None:
    profile = profile_named("grandstream")
    data = profile.tests[test].text.encode().replace(b"-0000000a,", b"-0000\n000a,")
    whole = Reader(profile)
    wanted = [reading for _, reading in [*whole.feed(data), *whole.finish()]]
    found, at, nth, reader = [], 0, 0, Reader(profile)
    while at < len(data):
        fed = data[at : at + sizes[nth % len(sizes)]]
        found += [reading for _, reading in reader.feed(fed)]
        at, nth = at + len(fed), nth + 1
        again = Reader(profile)
        again.feed(data[at - reader.pending : at])
        assert again.pending == reader.pending
        reader = again
    assert [*found, *(reading for _, reading in reader.finish())] == wanted
