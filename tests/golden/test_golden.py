"""Every recorded scenario, folded from its bytes, is what its truth says: every field of every call."""

from __future__ import annotations

import random

import pytest

from cti_adapters.wire.ami import Framer
from cti_server.calls.folding import ExchangePlan
from cti_server.calls.truth import as_truth
from cti_server.commands.trace import Trace
from tests.golden.recordings import Recording, recordings

ALL = recordings()


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_the_calls_are_what_a_person_would_say(recording: Recording) -> None:
    trace = Trace(ExchangePlan(id="golden", branch="121"))
    for stream in recording.streams:
        trace.read(stream)
    assert not trace.problems
    assert not recording.differences([as_truth(log) for log in trace.calls()])


@pytest.mark.parametrize("recording", ALL, ids=lambda recording: recording.name)
def test_the_frames_don_t_depend_on_how_the_bytes_arrive(recording: Recording) -> None:
    for stream in recording.streams:
        data = stream.read_bytes()
        whole = Framer().feed(data)
        single = Framer()
        assert [frame for at in range(len(data)) for frame in single.feed(data[at : at + 1])] == whole
        assert single.pending == 0
        chance = random.Random(recording.name)
        for _ in range(5):
            split, frames, at = Framer(), [], 0
            while at < len(data):
                size = chance.choice((1, 2, 3, 17, 400, 1460, 65536))
                frames += split.feed(data[at : at + size])
                at += size
            assert frames == whole
