"""``cti simulate``: a simulated exchange for any client, and scenario files held against our reading (spec O4, O5)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace

from cti_adapters.exchanges.dry_run import DryRun, RecordDryRun
from cti_adapters.profiles import profile_named, profiles
from cti_adapters.wire.smdr.profile import Profile
from cti_server.calls.expecting import RECORDS_NEAR_BY, Comparison, FieldCheck, Meant, compare
from cti_server.calls.folding import ExchangePlan
from cti_server.settings import config_folder
from cti_server.shared.errors import YobirinError
from cti_simulators import load, pbx, record_pbx
from cti_simulators.faults import Faults
from cti_simulators.rehearsal import RecordRehearsal, Rehearsal
from cti_simulators.scenarios import ScenarioError, ScenarioFile
from cti_simulators.scenarios import load as load_file

PROGRESS = 5.0
"""Seconds between two lines that say how it goes."""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the parser."""
    parser = subparsers.add_parser(
        "simulate",
        help="a simulated exchange for any client; scenario files held against our reading",
        description="Serves a simulated Asterisk (AMI) to any client, or the records (SMDR) of any make: a file of "
        "scenarios, a branch's day or a load. "
        "It begins when a client has signed in. What happens by chance comes from --seed.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--list", action="store_true", help="the scenarios that ship with the product")
    what.add_argument(
        "--check",
        nargs="+",
        metavar="SCENARIO",
        help="play files in memory and say where our reading differs from what they expect (names of shipped ones too)",
    )
    what.add_argument("--load", type=float, metavar="N", help="N calls a second, for --seconds")
    pbx.add_options(parser, what)
    parser.add_argument(
        "--smdr",
        metavar="PROFILE",
        help="write records of this make (a profile's name or file) instead of speaking AMI; to whoever connects to "
        "--port, unless --connect or --file says otherwise",
    )
    parser.add_argument("--connect", metavar="HOST:PORT", help="of records: connect to a listener")
    parser.add_argument("--file", type=Path, metavar="FILE", help="of records: append them to a file")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a load: how long (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Runs the command. 0: done; 1: a check found differences."""
    try:
        if args.list:
            return _list()
        if args.check:
            return _check([file_of(each) for each in args.check], args)
        if args.load is not None:
            if args.smdr:
                raise ValueError("a load speaks AMI; --smdr goes with --scenario or --day")
            return _load(args)
        args.until_stdin_closes = False
        args.scenario = file_of(str(args.scenario)) if args.scenario else None
        if args.smdr:
            return record_pbx.serve(args, _writing(args.smdr), progress=PROGRESS)
        if args.connect or args.file:
            raise ValueError("--connect and --file are for records; name the make with --smdr")
        return pbx.serve(args, progress=PROGRESS)
    except ValueError as problem:
        raise YobirinError(str(problem)) from problem


def shipped() -> list[Path]:
    """The scenario files that ship with the product."""
    return sorted((config_folder() / "scenarios").glob("*.toml"))


def file_of(name: str) -> Path:
    """A scenario file by its path, or by the name of a shipped one."""
    known = {path.stem: path for path in shipped()}
    return known[name] if name in known and not Path(name).exists() else Path(name)


def check(
    file: ScenarioFile, faults: Faults | None = None, seed: int | None = None, profile: Profile | None = None
) -> Comparison:
    """Plays a file in memory, reads it with the product's codec and fold, and holds both against each other: over AMI,
    or as the records of a make."""
    if profile is not None:
        return _check_records(file, profile, faults or Faults(), seed)
    rehearsal = Rehearsal(file, faults or Faults(), seed)
    rehearsal.play()
    reading = DryRun(ExchangePlan(id="simulated", branch=""))
    for sent in rehearsal.sent:
        reading.hear(sent.connection, sent.at, sent.data)
    meant = [Meant(title, rehearsal.began + at, expect) for call in file.call for title, at, expect in call.meant]
    return compare(meant, reading.calls())


def _check_records(file: ScenarioFile, profile: Profile, faults: Faults, seed: int | None) -> Comparison:
    rehearsal = RecordRehearsal(file, profile, faults, seed)
    rehearsal.play()
    reading = RecordDryRun(profile, ExchangePlan(id="simulated", branch=""))
    for sent in rehearsal.sent:
        reading.hear(sent.connection, sent.at, sent.data)
    meant = [Meant(one.title, one.began, one.expect) for one in rehearsal.written]
    return compare(meant, reading.calls(), RECORDS_NEAR_BY)


def _writing(name: str) -> Profile:
    """A make whose profile says how records are written. Raises ValueError."""
    profile = profile_named(name)
    if not profile.writes:
        known = ", ".join(one.name for one in profiles() if one.writes)
        raise ValueError(f"the profile {profile.name} only says how records are read; these can be written: {known}")
    return profile


def _list() -> int:
    files = [(path.stem, load_file(path)) for path in shipped()]
    wide = max(len(name) for name, _ in files)
    for name, file in files:
        print(f"{name:{wide}}  {len(file.call):2} calls  {file.title}")
    return 0


def _check(paths: list[Path], args: argparse.Namespace) -> int:
    faults = Faults()
    for text in args.fault:
        pbx.switch_on(faults, text)
    profile = _writing(args.smdr) if args.smdr else None
    failed = False
    for path in paths:
        try:
            file = load_file(path)
        except ScenarioError as problem:
            print(problem, file=sys.stderr)
            failed = True
            continue
        comparison = check(file, faults, args.seed, profile)
        failed |= not comparison.same
        print(f"{path.stem}: {'as expected' if comparison.same else 'differs'} ({len(comparison.calls)} calls)")
        for sentence in sentences(comparison):
            print(f"  {sentence}")
    return 1 if failed else 0


def sentences(comparison: Comparison) -> list[str]:
    """Where reading and meaning differ."""
    told = []
    for number, call in enumerate(comparison.calls, 1):
        name = f"call {number} ({call.title})" if call.title else f"call {number}"
        if not call.found:
            told.append(f"{name}: no call was read")
        told += [f"{name}: {_said(field)}" for field in call.differences]
    return told + [f"a call besides: {one['direction']}, {one['disposition']}" for one in comparison.besides]


def _said(field: FieldCheck) -> str:
    return f"{field.name} is {field.got!r}, expected {field.expected!r}"


def _load(args: argparse.Namespace) -> int:
    if args.load <= 0 or args.seconds <= 0:
        raise ValueError("--load and --seconds take numbers above 0")
    return load.serve(
        SimpleNamespace(
            host=args.host,
            port=args.port,
            rate=args.load,
            seconds=args.seconds,
            ring=2.0,
            talk=2.0,
            first_caller="09000000000",
            callers=1000,
            first_extension=2001,
            extensions=4,
            seed=args.seed,
            speed=args.speed,
            fault=args.fault,
            username=args.username,
            secret="yobirin",
        )
    )
