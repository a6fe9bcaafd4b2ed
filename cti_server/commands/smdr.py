"""``cti smdr``: the records of an exchange in, one JSON object per record out (spec O5)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cti_adapters.profiles import known, profile_named, shipped
from cti_adapters.wire.smdr.fitting import best_fit
from cti_adapters.wire.smdr.framing import Frame
from cti_adapters.wire.smdr.joining import joined
from cti_adapters.wire.smdr.profile import OUTPUTS, Profile
from cti_adapters.wire.smdr.reading import Noise, Reader, Reading
from cti_server.calls.events import Unreadable
from cti_server.calls.records import CallRecord, YearlessTime
from cti_server.shared.errors import YobirinError

_BLOCK: Final = 1 << 16
_SAMPLE: Final = 1 << 15
_TOLD: Final = 20
"""So many unreadable lines get a sentence each; the rest is counted."""


def add(subparsers: Any) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "smdr",
        help="read the records (SMDR, CDR) that an exchange wrote and print one JSON object per record",
        description="Reads the records that an exchange wrote of its calls and prints one JSON object per record.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the records as the exchange sent them")
    parser.add_argument(
        "--profile", required=True, metavar="NAME", help="the make: a name such as avaya-ipoffice, or a profile's file"
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("cti.toml"),
        help="settings file: profiles saved on the pages of its server are known too (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the records. 0: everything was read; 1: something couldn't be, and sentences on standard error say
    what."""
    own = _saved_profiles(args.config, args.profile)
    profile = profile_named(args.profile, own)
    plain = "utf" not in (sys.stdout.encoding or "").lower()
    records = unreadable = 0
    for frame, reading in joined(profile, _readings(args.file, profile)):
        if isinstance(reading, Unreadable):
            unreadable += 1
            if unreadable <= _TOLD:
                print(f"cti: {args.file}, line {frame.line}: {reading.reason}", file=sys.stderr)
            continue
        record = reading.record if isinstance(reading, Noise) else reading
        if record is not None:
            records += 1
            print(json.dumps(as_truth(frame.line, record), ensure_ascii=plain))
    if unreadable > _TOLD:
        print(f"cti: {args.file}: {unreadable - _TOLD} further lines are no records either", file=sys.stderr)
    if unreadable > records:
        _say_other(args.file, profile, own)
    return 1 if unreadable else 0


def as_truth(line: int, record: CallRecord) -> dict[str, Any]:
    """A record with the field names of the contract."""
    told: dict[str, Any] = {"line": line}
    for name in OUTPUTS:
        value = getattr(record, name)
        name = "call_id" if name == "call_key" else name
        always = name not in ("started_at_no_year", "ended_at_local", "ended_at_no_year", "call_id")
        if value is not None or always:
            told[name] = _plain(value)
    return told | {name: _plain(value) for name, value in record.further.items() if name not in told}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, YearlessTime):
        return f"--{value.month:02}-{value.day:02}T{value.hour:02}:{value.minute:02}:{value.second:02}"
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value


def _readings(path: Path, profile: Profile) -> Iterator[tuple[Frame, Reading]]:
    reader = Reader(profile)
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield from reader.feed(block)
    except OSError as problem:
        raise YobirinError(f"{path} can't be read: {problem.strerror}") from problem
    yield from reader.finish()


def _saved_profiles(config: Path, name: str) -> dict[str, str]:
    """Those that were saved on the pages of a server, where there is one and the profile is none that ships."""
    if name in shipped() or "/" in name or not config.is_file():
        return {}
    from cti_adapters.storage.settings_now import saved_profiles
    from cti_server.settings import load

    return saved_profiles(load(config))


def _say_other(path: Path, profile: Profile, own: dict[str, str]) -> None:
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    other = best_fit(sample, known(own).values())
    if other is not None and other.profile.name != profile.name:
        name = other.profile.name
        print(f"cti: {path} looks like {other.profile.title}; try --profile {name}", file=sys.stderr)
