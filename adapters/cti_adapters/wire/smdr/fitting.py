"""Which profiles fit some lines, best first: for whoever pastes lines of an exchange and is not sure of its make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cti_adapters.wire.smdr.profile import Profile
from cti_adapters.wire.smdr.reading import Reader
from cti_server.calls.events import Unreadable
from cti_server.calls.records import CallRecord


class Fit(NamedTuple):
    """How well a profile fits."""

    profile: Profile
    records: int
    noise: int
    unreadable: int
    told: float
    """How much the records say, on the average: the number of their fields."""
    reason: str
    """Why the first line that it can't read can't be read; empty where it reads all."""

    @property
    def share(self) -> float:
        """Which part of the lines that are not noise it reads, 0 to 1."""
        lines = self.records + self.unreadable
        return self.records / lines if lines else 0.0


def fits(data: bytes, profiles: Iterable[Profile]) -> list[Fit]:
    """How well each profile fits, the best first."""
    found = [_fit(data, profile) for profile in profiles]
    return sorted(found, key=lambda fit: (-fit.share, -fit.told, fit.profile.name))


def best_fit(data: bytes, profiles: Iterable[Profile]) -> Fit | None:
    """The profile that fits best, where one reads at least half of the lines."""
    first = next(iter(fits(data, profiles)), None)
    return first if first is not None and first.share >= 0.5 else None


def _fit(data: bytes, profile: Profile) -> Fit:
    reader = Reader(profile)
    records = noise = unreadable = told = 0
    reason = ""
    for _, reading in [*reader.feed(data), *reader.finish()]:
        if isinstance(reading, CallRecord):
            records += 1
            told += sum(getattr(reading, name) is not None for name in _TELLING)
        elif isinstance(reading, Unreadable):
            unreadable += 1
            reason = reason or reading.reason
        else:
            noise += 1
    return Fit(profile, records, noise, unreadable, told / records if records else 0.0, reason)


_TELLING = ("direction", "answered", "duration_seconds", "external_number", "extension", "trunk", "call_key")
