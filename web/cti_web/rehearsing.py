"""A scenario played by the simulator in a process of its own, and what the server's codec and fold make of the bytes.

Nothing of it is journalled, stored or shown to anybody but who asked: a tester's calls never mix with customers'.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from flask_babel import gettext

from cti_adapters.exchanges.dry_run import DryRun, Heard, Reading, RecordDryRun
from cti_adapters.profiles import FOLDER, profile_named
from cti_server.calls.expecting import RECORDS_NEAR_BY, SAME_START, Comparison, Meant, compare
from cti_server.calls.folding import ExchangePlan
from cti_server.settings import config_folder
from cti_server.shared.errors import Unavailable

SECONDS: Final = 20.0
"""A rehearsal that takes longer is ended."""
AT_ONCE: Final = 2
_seats = threading.BoundedSemaphore(AT_ONCE)


class Rehearsed(NamedTuple):
    """What came of it. ``fault``: why it can't be played, a line for each thing that is wrong."""

    fault: str = ""
    title: str = ""
    began: float = 0.0
    heard: tuple[Heard, ...] = ()
    comparison: Comparison = Comparison([], [])
    broken_off: bool = False
    sent_bytes: int = 0

    @property
    def seconds(self) -> float:
        """How long it took, in simulated seconds."""
        return max([one.at for one in self.heard], default=self.began) - self.began

    @property
    def unread(self) -> int:
        """Pieces that couldn't be read."""
        return sum(bool(one.problem) for one in self.heard)

    @property
    def connections(self) -> int:
        """How often the server connected."""
        return len({one.connection for one in self.heard})


def shipped() -> dict[str, Path]:
    """The scenario files that ship with the product, by name."""
    return {path.stem: path for path in sorted((config_folder() / "scenarios").glob("*.toml"))}


def title_of(path: Path) -> str:
    """A shipped file's own title."""
    return str(tomllib.loads(path.read_text("utf-8")).get("title", path.stem))


class Asked(NamedTuple):
    """What is to be played: the text of a scenario file and its name, faults of the line, seconds by which the clock is
    wrong, what befalls the exchange in the first call, and the profile of the make whose records it writes (none: it
    speaks AMI)."""

    text: str
    name: str
    seed: int
    faults: Mapping[str, float]
    skew: float = 0.0
    happens: Sequence[str] = ()
    profile: str = ""


def rehearse(asked: Asked) -> Rehearsed:
    """Plays a scenario file. Raises Unavailable where too much is being played already, or it takes too long."""
    plan = ExchangePlan(id="simulated", branch="")
    source = (FOLDER / f"{asked.profile}.toml").read_text("utf-8") if asked.profile else ""
    if not _seats.acquire(blocking=False):
        raise Unavailable(gettext("Other scenarios are being played just now. Try again in a moment."))
    try:
        told = _played({**asked._asdict(), "faults": dict(asked.faults), "profile": source})
    finally:
        _seats.release()
    if "fault" in told:
        return Rehearsed(fault=told["fault"])
    reading: Reading = RecordDryRun(profile_named(asked.profile), plan) if asked.profile else DryRun(plan)
    size = 0
    for connection, at, data in told["sent"]:
        raw = base64.b64decode(data)
        size += len(raw)
        reading.hear(connection, at, raw)
    meant = [Meant(call["title"], call["at"], call["expect"]) for call in told["calls"]]
    comparison = compare(meant, reading.calls(), RECORDS_NEAR_BY if asked.profile else SAME_START)
    return Rehearsed("", told["title"], told["began"], tuple(reading.heard), comparison, told["broken_off"], size)


def _played(asked: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "cti_simulators.rehearsal"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except subprocess.TimeoutExpired as late:
        raise Unavailable(gettext("The scenario takes too long to play; make it shorter.")) from late
    told: dict[str, Any] = json.loads(done.stdout)
    return told
