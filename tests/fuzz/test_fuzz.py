"""A little of ``python -m tests.fuzz``, and what a feed that never says the same thing twice may keep in memory."""

from __future__ import annotations

import random
import re
import sys

import pytest

from cti_adapters.exchanges.decoding import RecordDecoder
from cti_adapters.profiles import profiles
from cti_adapters.wire.smdr.cutting import REMEMBERED
from cti_adapters.wire.smdr.profile import Profile
from tests.fuzz.__main__ import fuzz


def test_hostile_inputs_stop_no_feed() -> None:
    assert fuzz(3000, seed=7) == []


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
def test_what_is_kept_in_memory_does_not_grow_with_what_was_read(profile: Profile) -> None:
    """By blocks that Python holds: no clock, no other process has a part in it."""
    chance, decoder = random.Random(7), RecordDecoder(profile)
    good = [sample.text for sample in profile.tests]

    def most(inputs: int) -> int:
        held = 0
        for _ in range(inputs):
            text = re.sub(r"\d", lambda _: chance.choice("0123456789"), chance.choice(good))
            decoder.feed(text.encode() + b"\r\n\r\n", 0.0)
            held = max(held, sys.getallocatedblocks())
        return held

    most(REMEMBERED // 2)
    first = most(REMEMBERED)
    assert most(2 * REMEMBERED) < first + 8 * REMEMBERED
