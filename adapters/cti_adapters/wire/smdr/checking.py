"""Holds a profile against the lines that it brings along itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cti_adapters.wire.smdr.converters import Value
from cti_adapters.wire.smdr.profile import OUTPUTS, Profile
from cti_adapters.wire.smdr.reading import Reader
from cti_server.calls.events import Unreadable
from cti_server.calls.records import CallRecord


def misread(profile: Profile) -> Iterator[str]:
    """A sentence for each of the profile's test lines that comes out otherwise than it says; none: all is well."""
    for sample in profile.tests:
        reader = Reader(profile)
        readings = [
            reading
            for _, reading in [*reader.feed(sample.text.encode(profile.encoding)), *reader.finish()]
            if isinstance(reading, CallRecord | Unreadable)
        ]
        where = f"{profile.name}, line {sample.line}"
        if len(readings) != len(sample.expect):
            yield f"{where}: the test has {len(sample.expect)} records, but {len(readings)} were read"
        for nth, (reading, expected) in enumerate(zip(readings, sample.expect, strict=False), 1):
            if isinstance(reading, Unreadable):
                yield f"{where}, record {nth}: it can't be read: {reading.reason}"
                continue
            for name, wanted in expected.items():
                value = _of(reading, name)
                if value != wanted:
                    yield f"{where}, record {nth}: {name} comes out as {value!r}, not as {wanted!r}"


def _of(record: CallRecord, name: str) -> Value:
    values: Mapping[str, Value] = record.further
    found: Value = getattr(record, name) if name in OUTPUTS else values.get(name)
    return found
