"""Records of real makes become what they are said to become, however their bytes arrive."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from cti_adapters.profiles import profile_named, profiles
from cti_adapters.wire.smdr.fitting import best_fit
from cti_adapters.wire.smdr.joining import joined
from cti_adapters.wire.smdr.profile import Profile
from cti_adapters.wire.smdr.reading import Noise, Reader
from cti_adapters.wire.smdr.writing import write
from cti_server.calls.events import Unreadable
from cti_server.calls.record_call import only_adds
from cti_server.calls.records import CallRecord
from cti_server.commands.smdr import as_truth

OURS = Path(__file__).parent / "smdr"
_BESIDE = [folder / "shared" / "corpus" / "smdr" for folder in Path(__file__).parents[3:]]
CORPUS = next((folder for folder in _BESIDE if folder.is_dir()), _BESIDE[0])
REQUIRED = (
    "direction",
    "started_at_local",
    "ring_seconds",
    "duration_seconds",
    "answered",
    "external_number",
    "extension",
    "trunk",
    "account_code",
    "transferred",
    "continuation",
)
WHERE_PRINTED = ("started_at_no_year", "ended_at_local", "call_id")
SAMPLES = {
    "mitel-standard.composed": "mitel",
    "panasonic-pattern-a.composed": "panasonic-a",
    "nec-sl-sv.composed": "nec-slsv",
    "hipath3000-compressed.composed": "hipath3000",
    "vodavi-lg.anon": "vodavi",
    "grandstream-ucm-json.composed": "grandstream",
    "avaya-cm-teleseer.composed": "avaya-cm",
    "asterisk-cdr-csv": "asterisk-csv",
    "asterisk-ami-cdr": "asterisk-ami-cdr",
}
PUBLISHED = {
    "avaya-ipoffice": "avaya-ipoffice",
    "mitel": "mitel",
    "openscape-office": "openscape-office",
    "nec-sl-sv": "nec-slsv",
    "yeastar-newcdr": "yeastar",
    "grandstream-ucm-csv": "grandstream",
    "grandstream-ucm-json": "grandstream",
}
NO_LEG_OF_ITS_OWN = {"asterisk-ami-cdr": {70, 346, 415, 461}}
"""Events without a destination channel: the truth gives them that of the event before, of the same second, which
Master.csv's truth of the same calls does not."""


def read(data: bytes, profile: str, sizes: list[int]) -> tuple[dict[int, dict[str, Any]], list[int]]:
    made = profile_named(profile)
    reader = Reader(made)
    readings, at, nth = [], 0, 0
    while at < len(data):
        size = sizes[nth % len(sizes)]
        readings += reader.feed(data[at : at + size])
        at, nth = at + size, nth + 1
    readings += reader.finish()
    records, unreadable = {}, []
    for frame, reading in joined(made, readings):
        if isinstance(reading, Unreadable):
            unreadable.append(frame.line)
            continue
        record = reading.record if isinstance(reading, Noise) else reading
        if record is not None:
            records[frame.line] = as_truth(frame.line, record)
    return records, unreadable


def hold(name: str, profile: str, folder: Path, truth: Path) -> None:
    data = folder.joinpath(f"{name}.txt").read_bytes()
    records, unreadable = read(data, profile, [len(data)])
    expected = [json.loads(line) for line in truth.joinpath(f"{name}.jsonl").read_text("utf-8").splitlines()]
    assert list(records) == [one["line"] for one in expected]
    for one in expected:
        if one["line"] in NO_LEG_OF_ITS_OWN.get(name, set()):
            continue
        made = records[one["line"]]
        wanted = {key: one[key] for key in REQUIRED} | {key: one[key] for key in WHERE_PRINTED if one.get(key)}
        if name == "asterisk-ami-cdr":
            wanted["call_id"] = one["linkedid"]
        assert {key: made.get(key) for key in wanted} == wanted, one["line"]
    assert bool(unreadable) == (name == "nec-sl-sv")  # of which names wrapped on the printed page are left
    chance = random.Random(name)
    for sizes in ([1], [7], [chance.choice((1, 2, 3, 40, 400)) for _ in range(50)]):
        assert read(data, profile, sizes) == (records, unreadable)
    if b"\r" not in data:
        crlf = data.replace(b"\n", b"\r\n")
        assert read(crlf, profile, [1]) == (records, unreadable)


@pytest.mark.parametrize(("name", "profile"), SAMPLES.items())
def test_a_sample_becomes_what_it_is(name: str, profile: str) -> None:
    hold(name, profile, OURS, OURS)


@pytest.mark.parametrize(("name", "profile"), PUBLISHED.items())
def test_a_published_sample_becomes_what_it_is(name: str, profile: str) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the published samples, ../shared/corpus/smdr, are not here")
    hold(name, profile, CORPUS / "samples", CORPUS / "expected")


@pytest.mark.parametrize(("name", "profile"), SAMPLES.items())
def test_the_profile_is_offered_for_its_sample(name: str, profile: str) -> None:
    fit = best_fit(OURS.joinpath(f"{name}.txt").read_bytes(), profiles())
    assert fit is not None and fit.profile.name == profile


@pytest.mark.parametrize(("name", "profile"), PUBLISHED.items())
def test_the_profile_is_offered_for_a_published_sample(name: str, profile: str) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the published samples, ../shared/corpus/smdr, are not here")
    fit = best_fit(CORPUS.joinpath("samples", f"{name}.txt").read_bytes(), profiles())
    assert fit is not None and fit.profile.name == profile


@pytest.mark.parametrize(("name", "profile"), [one for one in SAMPLES.items() if profile_named(one[1]).writes])
def test_what_is_written_is_read_back_as_the_same(name: str, profile: str) -> None:
    made = profile_named(profile)
    readings = Reader(made).feed(OURS.joinpath(f"{name}.txt").read_bytes() + b"\n\n")
    written = 0
    for frame, record in readings:
        if not isinstance(record, CallRecord) or only_adds(record) or not can_be_written(made, record):
            continue
        back = Reader(made)
        (again,) = [reading for _, reading in [*back.feed(write(made, record)), *back.finish()]]
        assert isinstance(again, CallRecord), (frame, write(made, record), again)
        for field in REQUIRED:
            assert getattr(again, field) == getattr(record, field), (field, frame, write(made, record))
        written += 1
    assert written >= 0.6 * sum(isinstance(record, CallRecord) for _, record in readings)


def can_be_written(profile: Profile, record: CallRecord) -> bool:
    """Moments that the exchange lost, and legs that it never made, are nothing that a simulator says."""
    times = (record.started_at_local, record.started_at_no_year, record.ended_at_local)
    legless = profile.name.startswith("asterisk") and (record.extension is None or not record.further.get("target"))
    return any(times) and not legless
