"""What the shipped profiles' records become in the call log, through the real decoder and fold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cti_adapters.exchanges.recording import recording_of
from cti_server.calls.events import RecordRead, Swept
from cti_server.calls.folding import ExchangePlan
from cti_server.calls.log import CallLog
from cti_server.calls.record_folding import RecordFolder
from cti_server.settings import ExchangeSettings
from cti_server.shared.phone import Plan, reader
from cti_server.shared.positions import Position

SAMPLES = Path(__file__).parent / "smdr"
HEARD = datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp()


def folded(profile: str, data: bytes) -> list[CallLog]:
    """The calls of a feed that says this and then no more."""
    settings = ExchangeSettings(
        id="hq", name="HQ", kind="smdr", branch="121", profile=profile, feed="file", path=Path("/records")
    )
    recording = recording_of(settings)
    fold = RecordFolder(ExchangePlan(id="hq", branch="121"), reader(Plan(area_code="03")), patience=recording.patience)
    for place, event in enumerate(_events(recording.decoder, data)):
        fold.feed(event, Position(place, 0))
    return fold.changed()


def _events(decoder: object, data: bytes) -> Iterator[RecordRead | Swept]:
    for event in decoder.feed(data, HEARD) + decoder.finish(HEARD):  # type: ignore[attr-defined]
        assert isinstance(event, RecordRead), event
        yield event
    yield Swept(HEARD + 1e6)


def sample(profile: str, name: str) -> list[CallLog]:
    return folded(profile, (SAMPLES / f"{name}.txt").read_bytes())


def tokyo(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at + 9 * 3600, UTC).strftime("%H:%M:%S")


def test_a_call_is_one_however_many_rows_asterisk_wrote() -> None:
    answered, _, busy, missed, given_up, queued, group, _ = sample("asterisk-csv", "asterisk-cdr-csv")
    assert (tokyo(answered.started_at), tokyo(answered.answered_at), tokyo(answered.ended_at)) == (
        "16:54:07",
        "16:54:09",
        "16:54:16",
    )
    assert (busy.disposition, busy.attempted_extensions, busy.rang_extensions) == ("busy", ["2003"], [])
    assert (missed.disposition, missed.rang_extensions) == ("missed", ["2004"])
    assert tokyo(given_up.ended_at) == "16:54:54"
    assert queued.answered_at is None  # the row can't tell the queue's answer from a person's
    assert (group.answered_by_extension, group.rang_extensions) == ("2001", ["2001", "2004"])


def test_the_end_that_hipath_prints_gives_the_start_where_all_parts_are_there() -> None:
    out, taken, missed, masked = sample("hipath3000", "hipath3000-compressed.composed")
    assert (tokyo(taken.started_at), tokyo(taken.answered_at), tokyo(taken.ended_at)) == (
        "14:18:43",
        "14:18:55",
        "14:20:05",
    )
    assert taken.marks == missed.marks == ["start-worked-out"]
    assert out.marks == ["start-not-said"] and out.answered is None and out.talk_seconds is None
    assert masked.marks == ["start-not-said", "number-in-part"] and masked.party_e164 is None


def test_the_line_with_the_name_belongs_to_the_record_before() -> None:
    _, named, missed = sample("nec-slsv", "nec-sl-sv.composed")[:3]
    assert named.caller_name and missed.disposition == "missed"
    assert datetime.fromtimestamp(named.started_at, UTC).year == 2025  # December, heard in November 2026


def test_a_line_that_vodavi_prints_twice_is_one_call() -> None:
    calls = sample("vodavi", "vodavi-lg.anon")
    assert len(calls) == 19
    assert [log.direction for log in calls if tokyo(log.started_at) == "14:29:00"] == [None]


def test_segments_of_ip_office_are_one_call_in_whatever_order() -> None:
    first = (
        b"2026/04/01 09:30:57,00:00:13,7,0355550101,I,4750,4750,,0,1000014160,1,E4750,Suzuki,T9002,LINE 1.2,11,0\r\n"
    )
    last = b"2026/04/01 09:30:57,00:00:21,0,0355550101,I,4750,4750,,0,1000014160,0,E4761,Sato,T9002,LINE 1.2,0,0\r\n"
    other = b"2026/04/01 09:31:00,00:00:00,9,0355550102,I,4750,4750,,0,1000014161,0,E4750,Suzuki,T9003,LINE 1.3,0,0\r\n"
    log, missed = folded("avaya-ipoffice", first + other + last)
    assert (log.answered_by_extension, log.transferred_to, log.final_extension) == ("4750", ["4761"], "4761")
    assert (log.ring_seconds, log.talk_seconds, log.hold_seconds) == (7, 34, 11)
    assert tokyo(log.ended_at) == "09:31:49" and log.marks == []
    assert missed.disposition == "missed"
    assert folded("avaya-ipoffice", last + other + first) == [log, missed]


def test_a_mailbox_is_nobody_who_answered() -> None:
    told = (
        b"2026/04/01 09:30:57,00:00:21,9,0355550101,I,4750,4750,,0,1000014162,0,V9502,VM Channel 2,T9002,LINE 1.2,0,0"
    )
    (log,) = folded("avaya-ipoffice", told)
    assert (log.answered, log.disposition, log.answered_by_extension) == (False, "voicemail", None)
    assert log.talk_seconds == 0
