"""For all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shell without job control has what it starts in the background ignore Ctrl-C, and so would every server that a test
# starts and ends that way.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
settings.register_profile("yobirin", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("yobirin")

WAITING = ("realpbx", "stories", "browser")
"""Folders whose tests mostly wait, for calls and for screens."""


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: somebody always waits for a telephone to ring."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait begin first, so that others work beside them and none of them is left alone at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in WAITING)
