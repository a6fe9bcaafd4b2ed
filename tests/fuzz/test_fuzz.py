"""A little of ``python -m tests.fuzz``."""

from __future__ import annotations

from tests.fuzz.__main__ import fuzz


def test_hostile_inputs_stop_no_feed() -> None:
    assert fuzz(3000, seed=7) == []
