"""From an exchange's settings to what is made for its kind: how it is read, and how it is listened to."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NamedTuple

from cti_adapters.exchanges.ami_client import AmiLink
from cti_adapters.exchanges.decoding import AmiDecoder
from cti_adapters.exchanges.lane import BATCH_BYTES, Decoder, Fold, ReadFetch, Stamp, stamped
from cti_adapters.exchanges.link import KeptLink
from cti_adapters.exchanges.record_fetch import FetchReader
from cti_adapters.exchanges.record_files import DropLink, TailLink
from cti_adapters.exchanges.record_link import RecordLink
from cti_adapters.exchanges.record_serial import SerialLink
from cti_adapters.exchanges.record_tcp import ConnectingLink, ListeningLink
from cti_adapters.exchanges.recording import Recording, recording_of
from cti_adapters.journal.files import Journal
from cti_server.calls.clock_skew import SkewMeter
from cti_server.calls.folding import ExchangePlan, Folder
from cti_server.calls.record_call import record_stamp
from cti_server.calls.record_folding import RecordFolder
from cti_server.settings import ExchangeSettings
from cti_server.shared import phone

_RECORD_LINKS: Final[dict[str | None, type[RecordLink]]] = {
    "connect": ConnectingLink,
    "listen": ListeningLink,
    "serial": SerialLink,
    "file": TailLink,
    "folder": DropLink,
}


RECORD_BATCH_BYTES: Final = 32 * 1024
"""A record makes many more rows out of its bytes than an event does; an exchange that hands over its buffer must not
keep the others waiting."""


class Reading(NamedTuple):
    """How the bytes of an exchange become calls. ``recording``: the make of one that writes records."""

    decoder: Decoder
    fold: Fold
    recording: Recording | None = None
    batch_bytes: int = BATCH_BYTES
    """So much of the journal becomes one transaction at most."""
    read_fetch: ReadFetch | None = None
    """How what was fetched from the exchange's own record after a gap becomes calls."""
    stamp: Stamp = stamped
    clock: SkewMeter | None = None
    """What measures the exchange's clock, by these stamps."""


def reading_of(settings: ExchangeSettings, secret: bytes) -> Reading:
    """How an exchange is read. ``secret`` is its journal's (``Journal.secret``). Raises SettingsError, with a sentence,
    where its profile is not there or makes no sense."""
    plan, party = plan_of(settings), phone.reader(numbers_of(settings))
    if settings.kind != "smdr":
        zone = settings.cdr.timezone if settings.cdr else None
        fetch = FetchReader(plan, zone or settings.timezone, party)
        return Reading(AmiDecoder(), Folder(plan, party), read_fetch=fetch.read)
    recording = recording_of(settings)
    fold = RecordFolder(plan, party, secret=secret, patience=recording.patience)
    clock = SkewMeter(buffered=True, delayed=settings.feed == "folder")
    stamp = partial(record_stamp, settings.timezone)
    return Reading(recording.decoder, fold, recording, RECORD_BATCH_BYTES, stamp=stamp, clock=clock)


def link_of(settings: ExchangeSettings, reading: Reading, journal: Journal, wake: Any, **more: Any) -> KeptLink:
    """What listens to an exchange. ``more``: see KeptLink."""
    if reading.recording is None:
        return AmiLink(settings, journal, wake, **more)
    return _RECORD_LINKS[settings.feed](settings, journal, wake, recording=reading.recording, **more)


def plan_of(settings: ExchangeSettings) -> ExchangePlan:
    """What the fold has to know of an exchange. A trunk's name in the settings stands for its channels too."""
    return ExchangePlan(
        id=settings.id,
        branch=settings.branch,
        region=settings.region,
        timezone=settings.timezone,
        extensions=settings.extensions,
        trunks=tuple(pattern for trunk in settings.trunks for pattern in (trunk, f"{trunk}-*")),
        area_code=settings.area_code,
        outside_prefix=settings.outside_prefix,
    )


def numbers_of(settings: ExchangeSettings) -> phone.Plan:
    """How an exchange writes numbers."""
    return phone.Plan(settings.region, settings.area_code, settings.outside_prefix, settings.extensions)
