"""Feeds of records: frames, profiles, what they say of bad input, and that nothing that comes raises."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_adapters.exchanges.decoding import RecordDecoder
from cti_adapters.profiles import FOLDER, profile_named, profiles
from cti_adapters.wire.smdr.checking import misread
from cti_adapters.wire.smdr.fitting import best_fit
from cti_adapters.wire.smdr.framing import Frame, Framer
from cti_adapters.wire.smdr.loading import KEYS, parse
from cti_adapters.wire.smdr.reading import Reader
from cti_adapters.wire.smdr.writing import Unwritable, write
from cti_server.calls.events import RecordRead, Unreadable
from cti_server.calls.records import CallRecord
from cti_server.shared.errors import SettingsError

AVAYA = b"2026/04/01 09:30:57,00:00:13,7,0355550101,I,29,29,,0,100,0,E4750,%b,T9002,LINE 1.2,0,0,,\r\n"
NAMES = [profile.name for profile in profiles()]
DOC = FOLDER.parents[1] / "docs" / "smdr-profiles.md"
_ENDS = st.sampled_from([b"\r\n", b"\n\r", b"\r", b"\n", b"\r\n\0\0\0", b"\x03", b"\0", b"\r\n\n", b"\f", b"\n\n"])
_TEXTS = st.binary(min_size=1, max_size=30).map(lambda text: bytes(byte | 32 for byte in text))
_STREAM = st.lists(st.one_of(_TEXTS, _ENDS), max_size=30).map(b"".join)


@given(_STREAM, st.lists(st.integers(1, 9), min_size=1, max_size=20), st.booleans())
def test_frames_do_not_depend_on_how_bytes_arrive(data: bytes, sizes: list[int], blocks: bool) -> None:
    whole, split = Framer(blocks=blocks), Framer(blocks=blocks)
    wanted = whole.feed(data)
    found, at, nth = [], 0, 0
    while at < len(data):
        size = sizes[nth % len(sizes)]
        found += split.feed(data[at : at + size])
        at, nth = at + size, nth + 1
    assert [*found, *split.finish()] == [*wanted, *whole.finish()]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\n\r", b"\r\n\n"])
def test_lines_are_counted_as_editors_count_them(end: bytes) -> None:
    frames = Framer().feed(end.join([b"one", b"two", b"three", b""]))
    step = 2 if end == b"\r\n\n" else 1
    assert frames == [Frame(1, b"one"), Frame(1 + step, b"two"), Frame(1 + 2 * step, b"three")]


def test_a_line_without_end_is_one_unreadable_and_is_not_held() -> None:
    framer = Framer(most=10_000)
    found = [one for _ in range(100) for one in framer.feed(b"x" * 1000)]
    assert not found and framer.pending == 100_000
    ended = framer.feed(b"\nnext\n")
    assert isinstance(ended[0], Unreadable) and ended[0].size == 100_000 and len(ended[0].raw) == 4096
    assert ended[1] == Frame(2, b"next")


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_reads_its_own_lines(name: str) -> None:
    profile = profile_named(name)
    assert profile.tests and profile.sources and profile.description
    assert list(misread(profile)) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_profile_that_fits_is_found(name: str) -> None:
    sample = profile_named(name).tests[0].text.encode()
    fit = best_fit(sample, profiles())
    assert fit is not None and fit.profile.name == name


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(data=st.data())
def test_nothing_that_comes_raises(name: str, data: st.DataObject) -> None:
    profile = profile_named(name)
    good = profile.tests[0].text.encode()
    at = data.draw(st.integers(0, len(good)))
    reader = Reader(profile)
    hostile = good[:at] + data.draw(st.binary(max_size=40)) + good[at + data.draw(st.integers(0, 20)) :]
    for frame, _ in [*reader.feed(hostile), *reader.finish()]:
        reader.explain(frame.raw)


@settings(max_examples=40)
@given(data=st.data())
def test_what_is_remembered_of_texts_changes_no_reading(data: st.DataObject) -> None:
    profile = profile_named(data.draw(st.sampled_from(NAMES)))
    lines = [test.text.strip().encode(profile.encoding) for test in profile.tests]
    cut = st.tuples(st.sampled_from(lines), st.integers(0, 120), st.sampled_from([b"", b"0", b"I", b",", b" "]))
    texts = data.draw(st.lists(cut.map(lambda one: one[0][: one[1]] + one[2] + one[0][one[1] + 1 :]), max_size=12))
    warm = Reader(profile)
    assert [warm.read(text) for text in texts] == [Reader(profile).read(text) for text in texts]


@pytest.mark.parametrize("when", [b"2026-04-01 09+09:00", b"2026-W14-3 09:30:57", b"2026/04/01T09:30:57"])
def test_only_the_time_that_the_profile_writes_is_one(when: bytes) -> None:
    reader = Reader(profile_named("asterisk-csv"))
    plain = b'"","0312345678","2001","in","","PJSIP/x","PJSIP/y","Dial","","2026-04-01 09:30:57","","%b","9","0",' % (
        b"2026-04-01 09:31:06"
    )
    assert isinstance(reader.read(plain + b'"NO ANSWER","DOCUMENTATION","1.1",""'), CallRecord)
    other = plain.replace(b"2026-04-01 09:31:06", when) + b'"NO ANSWER","DOCUMENTATION","1.1",""'
    assert isinstance(reader.read(other), Unreadable)


def test_a_name_may_hold_bytes_that_are_no_characters_and_commas() -> None:
    decoder = RecordDecoder(profile_named("avaya-ipoffice"))
    events = decoder.feed(AVAYA % b"caf\xe9, Jo" + AVAYA % b"", 5.0)
    assert [event.record.extension for event in events if isinstance(event, RecordRead)] == ["4750", "4750"]
    assert decoder.feed(AVAYA[:30], 5.0) == [] and decoder.pending == 30


def test_a_line_that_goes_on_waits_for_the_next_and_no_longer_than_the_feed() -> None:
    decoder = RecordDecoder(profile_named("vodavi"))
    first = b"1200 042 00:00:53 12:04 07/23/26 I9000        **\r\n"
    assert decoder.feed(first, 1.0) == [] and decoder.pending == len(first)
    (event,) = decoder.finish(2.0)
    assert isinstance(event, RecordRead) and event.record.external_number is None


@given(st.lists(st.sampled_from([1, 2, 30, 60, 61, 90, 200]), min_size=1, max_size=9))
def test_reading_again_from_what_is_pending_misses_nothing(sizes: list[int]) -> None:
    """A lane that is started again begins at the pending bytes."""
    profile = profile_named("vodavi")
    data = profile.tests[0].text.encode().replace(b"\n", b"\r\n\0\0\0")
    whole = Reader(profile)
    wanted = [reading for _, reading in [*whole.feed(data), *whole.finish()]]
    found, at, nth = [], 0, 0
    reader = Reader(profile)
    while at < len(data):
        fed = data[at : at + sizes[nth % len(sizes)]]
        found += [reading for _, reading in reader.feed(fed)]
        at, nth = at + len(fed), nth + 1
        again = Reader(profile)
        again.feed(data[at - reader.pending : at])
        assert again.pending == reader.pending
        reader = again
    assert [*found, *(reading for _, reading in reader.finish())] == wanted


def test_other_lines_than_the_profile_s_are_unreadable_with_a_sentence() -> None:
    (event,) = RecordDecoder(profile_named("avaya-ipoffice")).feed(b"20.06.26|12:53:45|201|33388\r\n", 1.0)
    assert isinstance(event, Unreadable) and event.reason == "it has 1 fields, 17 at least are needed"


def test_explaining_says_what_stands_where_and_what_is_wrong() -> None:
    reader = Reader(profile_named("avaya-ipoffice"))
    told = {one.name: one for one in reader.explain(AVAYA.replace(b",7,", b",seven,").strip())}
    assert told["ring"].text == "seven" and told["ring"].place == "field 2"
    assert told["ring"].problem == "ring (field 2) is no whole number"
    assert told["connected"].value == 13


BASE = """
[profile]
name = "mine"

[[layout]]
kind = "fixed"
[layout.fields]
one = { columns = [1, 4] }
two = { columns = [5, 9], as = "integer" }

[record]
extension = "$one"
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[5, 9]", "[4, 9]", "line 9: two (columns 4–9) overlaps one (columns 1–4)"),
        ("kind =", "knd =", "line 6: there is no key “knd” here; did you mean “kind”?"),
        ('"integer"', '"intger"', "line 9: two can't be read as “intger”; did you mean “integer”?"),
        ("$one", "$on", "line 11: extension comes from “on”, which no layout has; did you mean “one”?"),
        ("columns = [1, 4]", "at = 1", "line 8: one needs columns = …: where it stands in the record"),
        ('"integer"', '"datetime", formats = ["%Q"]', "line 9: “%Q” is no form of a time"),
        ('name = "mine"', "", "line 2: name is missing"),
        (
            'kind = "fixed"',
            'kind = "fixed"\n[framing]\nblocks = true\nobjects = true',
            "line 9: records are either blocks",
        ),
        ('"$one"', "true", "line 11: extension can't be True"),
        (
            'extension = "$one"',
            'ring_seconds = "$one"',
            "line 11: ring_seconds can't be $one: it needs a field read as",
        ),
    ],
)
def test_a_bad_profile_is_told_with_its_line(old: str, new: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as problem:
        parse(BASE.replace(old, new), "mine.toml")
    assert f"mine.toml, {sentence}" in str(problem.value)


def test_a_test_line_that_comes_out_otherwise_is_told() -> None:
    text = BASE + "\n[[test]]\nlines = 'ab   12'\nexpect = [{ extension = 'xy' }]\n"
    assert list(misread(parse(text, "mine.toml"))) == [
        "mine, line 14: extension comes out as 'ab', not as 'xy'".replace("14:", "14, record 1:")
    ]


def test_every_key_of_a_profile_is_documented() -> None:
    text = DOC.read_text("utf-8")
    missing = {
        key for keys in KEYS.values() for key in keys if not re.search(rf"`\[*{key}\b|`dialogue.*\b{key} = ", text)
    }
    assert not missing


_CALLS = st.builds(
    lambda **known: CallRecord(**known),
    direction=st.just("in"),
    started_at_local=st.datetimes(datetime(2000, 1, 1), datetime(2068, 12, 31)).map(
        lambda at: at.replace(microsecond=0)
    ),
    ring_seconds=st.integers(1, 3000),
    duration_seconds=st.integers(1, 86_000),
    answered=st.just(True),
    external_number=st.from_regex(r"0[0-9]{8,10}", fullmatch=True),
    extension=st.from_regex(r"[1-9][0-9]{3}", fullmatch=True),
    trunk=st.just("T9002"),
    account_code=st.none() | st.from_regex(r"[0-9]{1,8}", fullmatch=True),
    transferred=st.just(False),
    continuation=st.just(False),
    call_key=st.integers(1, 9_999_999).map(str),
)


@given(_CALLS)
def test_a_call_that_is_written_is_read_back(record: CallRecord) -> None:
    reader = Reader(profile_named("avaya-ipoffice"))
    ((_, again),) = reader.feed(write(reader.profile, record))
    assert isinstance(again, CallRecord)
    assert again._replace(further=record.further) == record


@given(st.sampled_from([name for name in NAMES if name not in ("vodavi",)]), st.sampled_from("\r\n\0\f"))
def test_what_would_end_a_record_is_not_written(name: str, end: str) -> None:
    record = CallRecord(direction="in", external_number=f"03{end}1", extension="2001", trunk="1")
    with pytest.raises(Unwritable):
        write(profile_named(name), record)
