"""Fixtures around a real Asterisk. Without one (see tests/provision.py) the tests are skipped with the reason, or fail
where skipping is forbidden (YOBIRIN_NO_SKIP=1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.provision import missing_asterisk, no_skip
from tests.realpbx.asterisk import Asterisk
from tests.realpbx.sipagent import Agent
from tests.realpbx.stage import Stage


@pytest.fixture(scope="module")
def shared_asterisk() -> Iterator[Asterisk]:
    """One Asterisk for the tests of a file; use `asterisk`, which starts it again after a test that killed it."""
    reason = missing_asterisk()
    if reason and no_skip():
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    running = Asterisk()
    yield running
    running.remove()


@pytest.fixture
def asterisk(shared_asterisk: Asterisk) -> Asterisk:
    """A fully booted Asterisk without calls; AMI users `yobirin` (least rights) and `recorder` (all rights)."""
    if shared_asterisk.process is None:
        shared_asterisk.start()
    if shared_asterisk.channels():
        shared_asterisk.cli("channel request hangup all")
        shared_asterisk.wait_idle()
    return shared_asterisk


@pytest.fixture
def stage(asterisk: Asterisk) -> Iterator[Stage]:
    """The carrier and the phones of the Asterisk; `stage.do(...)` plays a script."""
    playing = Stage(asterisk.ports)
    yield playing
    playing.close()


@pytest.fixture
def carrier(stage: Stage) -> Agent:
    """The carrier: `stage.do(stage.inbound("0312345600", "09012345678"))` lets a customer call."""
    return stage.carrier


@pytest.fixture
def phones(stage: Stage) -> dict[str, Agent]:
    """The phones 2001 to 2004."""
    return stage.phones
