"""How an exchange of some make writes down its calls: what the feeds need to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cti_adapters.exchanges.decoding import RecordDecoder
from cti_adapters.exchanges.lane import Decoder
from cti_adapters.exchanges.status import Reason
from cti_adapters.profiles import other_make, profile_named
from cti_server.calls.record_folding import Patience
from cti_server.settings import ExchangeSettings


class Step(NamedTuple):
    """Of a sign-in: what the exchange asks, and what it gets. ``{password}`` stands for the exchange's secret."""

    expect: bytes
    send: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """A make."""

    decoder: Decoder
    patience: Patience = field(default_factory=Patience)
    dialogue: tuple[Step, ...] = ()


def other_make_told(settings: ExchangeSettings, sample: bytes) -> list[Reason]:
    """Says it where records of an exchange look like those of another make than the one that it is set to."""
    own = {settings.profile: settings.own_profile} if settings.own_profile else {}
    found = other_make(sample, settings.profile, own)
    return [] if found is None else [Reason("other-make", {"title": found.title, "profile": found.name})]


MAKES: Final[dict[str, Callable[[], Recording]]] = {}
"""Makes that need a program of their own, by the name of their profile."""


def recording_of(settings: ExchangeSettings) -> Recording:
    """The make that an exchange's settings name. Raises SettingsError, with a sentence, where there is none."""
    made = MAKES.get(settings.profile)
    if made is not None:
        return made()
    own = {settings.profile: settings.own_profile} if settings.own_profile else {}
    profile = profile_named(settings.profile, own)
    return Recording(
        RecordDecoder(profile),
        Patience(additions=profile.additions),
        tuple(Step(step.expect.encode(), step.send.encode()) for step in profile.dialogue),
    )
