"""Calls as an exchange writes them down when they are over (SMDR), in the format of any make that has a profile.

What a record says comes from the scenario alone. A make says less than that: the profile's own reading of the written
record tells which of it, and the rest is null in what must come out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from cti_adapters.wire.smdr.profile import Profile
from cti_adapters.wire.smdr.reading import Reader
from cti_adapters.wire.smdr.writing import Unwritable, write
from cti_server.calls.records import CallRecord, YearlessTime
from cti_simulators.plays.queueing import BETWEEN_MEMBERS
from cti_simulators.scenarios import PROMPT, WITHHELD, Scenario, ScenarioFile, Site

_OUTCOMES: Final = {"busy": "BUSY", "congestion": "FAILED", "away": "FAILED"}
"""The words that makes have for outcomes of which they say more than that nobody answered."""
_DISPOSITIONS: Final = {"BUSY": "busy", "FAILED": "failed"}


class Written(NamedTuple):
    """A call as it was written down. ``at``: when, epoch seconds UTC. ``expect``: the call that must come out of it; an
    empty text is null."""

    at: float
    began: float
    title: str
    data: bytes
    expect: dict[str, Any]


class _Call(NamedTuple):
    """What an exchange knows of a call that is over. Seconds."""

    title: str
    began: float
    before: float
    """In a voice menu, before anything rang."""
    ring: float
    talk: float
    record: CallRecord


def written(profile: Profile, file: ScenarioFile, site: Site, begin: float) -> list[Written]:
    """The records of a file whose second 0 is ``begin`` (epoch seconds, UTC), in the order in which they are written.
    What the make doesn't write, such as calls between extensions, is not there, nor what a loss of power ended."""
    calls = [call for scenario in file.call for call in _ended(file, _calls(scenario, site, begin), begin)]
    found = [one for number, call in enumerate(calls) if (one := _write(profile, call, site, number)) is not None]
    return sorted(found, key=lambda one: one.at)


def of_scenario(profile: Profile, scenario: Scenario, site: Site, began: float, number: int) -> list[Written]:
    """The records of one call of a day that begins at ``began``; ``number`` tells it from others."""
    calls = enumerate(_calls(scenario, site, began - scenario.at), number * 16)
    return [one for each, call in calls if (one := _write(profile, call, site, each)) is not None]


def _write(profile: Profile, call: _Call, site: Site, number: int) -> Written | None:
    """One call's record; None where the make doesn't write such calls."""
    end = call.began + call.before + call.ring + call.talk
    if call.record.answered and call.record.extension is None:
        return None  # passed on from line to line: no telephone of ours has a record of it
    record = call.record._replace(
        **_times(call, end, site),
        trunk=None if call.record.direction == "internal" else _trunk(profile),
        call_key=str(10_000_000 + number % 90_000_000),
    )
    try:
        data = write(profile, record)
    except Unwritable:
        return None
    said = _read_back(profile, data)
    if said is None or said.direction not in (None, record.direction):
        return None
    return Written(end, call.began, call.title, data, _expected(record, said))


def _calls(scenario: Scenario, site: Site, begin: float) -> Iterator[_Call]:
    """A scenario's call, and those that happen besides it."""
    began = begin + scenario.at
    yield _Call(scenario.title, began, _before(scenario), _ring(scenario), _talk(scenario), _record(scenario, site))
    for (title, at, _), (caller, called, ring, talk) in zip(scenario.meant[1:], _besides(scenario), strict=True):
        inner = Scenario("internal", caller, to=called, ring=ring, talk=talk)
        yield _Call(title, begin + at, 0.0, ring, talk, _record(inner, site))


def _besides(scenario: Scenario) -> list[tuple[str, str, float, float]]:
    """Caller, called, seconds of ringing and of talk of the calls that ``meant`` has besides the first."""
    transfer = scenario.transfer
    asked = []
    if transfer is not None and transfer.kind == "attended" and not transfer.joined:
        asked.append((scenario.answering, transfer.to, transfer.ring, transfer.consult))
    return asked + [(guest.extension, scenario.room, 0.0, guest.stays) for guest in scenario.guests]


def _before(scenario: Scenario) -> float:
    return PROMPT if scenario.kind == "conference" else scenario.menu


def _ring(scenario: Scenario) -> float:
    if scenario.kind == "conference" or scenario.outcome in _OUTCOMES:
        return 0.0
    if not scenario.one_by_one:
        return scenario.ring
    before = scenario.rings.index(scenario.by) if scenario.by else len(scenario.rings) - 1
    return before * (scenario.one_by_one + BETWEEN_MEMBERS) + scenario.ring


def _talk(scenario: Scenario) -> float:
    transfer = scenario.transfer
    if scenario.outcome != "answered":
        return 0.0
    if transfer is not None and transfer.kind == "blind" and not transfer.answered and not transfer.returns:
        return (sum(scenario.hold) if scenario.hold is not None else 0.0) + transfer.after + transfer.ring
    return scenario.talk


def _ended(file: ScenarioFile, calls: Iterator[_Call], begin: float) -> Iterator[_Call]:
    """The calls as they ended: a restart cuts them short, a loss of power leaves no record of them."""
    stops = [(begin + one.at, one.does) for one in file.exchange if one.does in ("kill", "restart")]
    for call in calls:
        answered = call.began + call.before + call.ring
        hit = next((stop for stop in stops if call.began <= stop[0] < answered + call.talk), None)
        if hit is None:
            yield call
        elif hit[1] == "restart" and hit[0] >= answered:
            record = call.record._replace(duration_seconds=round(hit[0] - answered))
            yield call._replace(talk=hit[0] - answered, record=record)


def _record(scenario: Scenario, site: Site) -> CallRecord:
    """What the scenario says, without times and without what depends on the make."""
    inside = scenario.caller in site.extensions
    internal = inside and (scenario.to in site.extensions or scenario.kind == "internal")
    answered = scenario.outcome == "answered"
    further: dict[str, str | int] = {}
    if internal or not inside:
        further["dnis"] = scenario.to
    if internal:
        further |= {"asked_for": scenario.to, "party2": f"E{scenario.to}", "caller": scenario.caller}
    elif scenario.name:
        further["caller_name"] = scenario.name
    if scenario.outcome in _OUTCOMES:
        further["disposition"] = _OUTCOMES[scenario.outcome]
    outside = scenario.to if inside else scenario.caller
    total = _before(scenario) + _ring(scenario) + _talk(scenario)
    return CallRecord(
        direction="internal" if internal else "out" if inside else "in",
        ring_seconds=round(_ring(scenario)),
        duration_seconds=round(_talk(scenario)),
        answered=answered,
        external_number=None if internal or outside == WITHHELD else outside,
        extension=scenario.caller if inside else _taking(scenario, site),
        transferred=scenario.transfer is not None and scenario.transfer.joined and answered,
        continuation=False,
        further={**further, "total_seconds": round(total)},
    )


def _taking(scenario: Scenario, site: Site) -> str | None:
    """The extension of ours that a record names: who answered, else the first that rang."""
    members = scenario.rings or site.queues.get(scenario.queue, ())
    forwarded = scenario.forward if scenario.forward in site.extensions else ""
    last = members[-1] if scenario.one_by_one and members else ""
    return (
        scenario.room or scenario.picked_up_by or forwarded or scenario.by or last or (members[0] if members else None)
    )


def _times(call: _Call, end: float, site: Site) -> dict[str, Any]:
    zone = ZoneInfo(site.timezone)
    started, ended = (datetime.fromtimestamp(int(at), zone).replace(tzinfo=None) for at in (call.began, end))
    return {
        "started_at_local": started,
        "started_at_no_year": YearlessTime(started.month, started.day, started.hour, started.minute, started.second),
        "ended_at_local": ended,
    }


def _trunk(profile: Profile) -> str:
    """A line as this make names them: that of its profile's first example."""
    named = (example.get("trunk") for test in profile.tests for example in test.expect)
    return next((str(name) for name in named if name), "1")


def _read_back(profile: Profile, data: bytes) -> CallRecord | None:
    reader = Reader(profile)
    readings = [reading for _, reading in [*reader.feed(data), *reader.finish()]]
    return readings[0] if len(readings) == 1 and isinstance(readings[0], CallRecord) else None


def _expected(record: CallRecord, said: CallRecord) -> dict[str, Any]:
    """The call that must come out: what happened, as far as the make says it."""
    truth: dict[str, Any] = {
        "direction": record.direction if said.direction else "",
        "answered": "" if said.answered is None else record.answered,
        "disposition": _disposition(record, said),
    }
    number = record.external_number if said.external_number else ""
    if said.direction is None:
        pass  # then nothing says which side is which
    elif record.direction == "in":
        truth["caller_number"] = number or ""
        truth["dialed_number"] = record.further.get("dnis", "") if said.further.get("dnis") else ""
        if said.answered:
            truth["answered_by_extension"] = record.extension if said.extension else ""
    elif record.direction == "out":
        truth["caller_number"] = record.extension if said.extension else ""
        truth["dialed_number"] = number or ""
    truth["ring_seconds"] = "" if said.ring_seconds is None else record.ring_seconds
    truth["talk_seconds"] = "" if said.answered is None else record.duration_seconds if record.answered else 0
    return truth


def _disposition(record: CallRecord, said: CallRecord) -> str:
    if said.answered is None:
        return ""
    if record.answered:
        return "answered"
    word = record.further.get("disposition") if said.further.get("disposition") else None
    return _DISPOSITIONS.get(str(word), "missed")
