"""From an exchange's records to the call log: what they say is there once, what they don't say is null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.calls.events import LinkUp, RecordRead, Swept
from cti_server.calls.folding import ExchangePlan
from cti_server.calls.log import AWAITED, SETTLING, CallLog, Settled, outside_party, shown_party
from cti_server.calls.record_folding import Patience, RecordFolder
from cti_server.calls.records import CallRecord, YearlessTime
from cti_server.shared.phone import Plan, reader
from cti_server.shared.positions import Position

PLAN = ExchangePlan(id="hq", branch="121", timezone="Asia/Tokyo")
HEARD = datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp()  # 21:00 in Tokyo


def incoming(**more: Any) -> CallRecord:
    known: dict[str, Any] = {
        "direction": "in",
        "started_at_local": datetime(2026, 11, 25, 20, 58, 11),
        "ring_seconds": 9,
        "duration_seconds": 40,
        "answered": True,
        "external_number": "0312345678",
        "extension": "2001",
        "continuation": False,
    }
    return CallRecord(**known | more)


def event(record: CallRecord, at: float = HEARD) -> RecordRead:
    return RecordRead(at, record, repr(record).encode())


class Desk:
    """A fold with the calls that it told of, as a store keeps them: an entry that is final never changes again."""

    def __init__(self, patience: Patience | None = None, **plan: Any) -> None:
        self.fold = RecordFolder(replace(PLAN, **plan), reader(Plan(area_code="03")), secret=b"key", patience=patience)
        self.place = 0
        self.calls: dict[str, CallLog] = {}

    def tell(self, *events: Any) -> Desk:
        for one in events:
            one = one if not isinstance(one, CallRecord) else event(one)
            self.fold.feed(one, Position(self.place, 0))
            self.place += 100
        for settled in self.fold.settled():
            if settled.id in self.calls and {AWAITED, SETTLING} & set(self.calls[settled.id].marks):
                self.calls[settled.id] = replace(self.calls[settled.id], marks=settled.marks)
        for log in self.fold.changed():
            before = self.calls.get(log.id)
            if before is None or {AWAITED, SETTLING} & set(before.marks):
                self.calls[log.id] = log
        return self

    @property
    def only(self) -> CallLog:
        (log,) = self.calls.values()
        return log


def at(hour: int, minute: int, second: int = 0, day: int = 25) -> float:
    """Tokyo time of November 2026."""
    return datetime(2026, 11, day, hour, minute, second).replace(tzinfo=UTC).timestamp() - 9 * 3600


def test_one_record_is_one_call_with_all_that_it_says() -> None:
    log = Desk().tell(incoming(further={"caller_name": "Sato", "called_number": "0355550000"})).only
    assert (log.state, log.direction, log.answered, log.disposition) == ("ended", "in", True, "answered")
    assert (log.started_at, log.answered_at, log.ended_at) == (at(20, 58, 11), at(20, 58, 20), at(20, 59))
    assert (log.ring_seconds, log.talk_seconds) == (9, 40)
    assert (log.caller_number, log.party_e164, log.caller_name) == ("0312345678", "+81312345678", "Sato")
    assert (log.answered_by_extension, log.final_extension, log.dialed_number) == ("2001", "2001", "0355550000")
    assert log.marks == [] and log.over_when_told


def test_what_a_record_does_not_say_is_null() -> None:
    record = CallRecord(started_at_local=datetime(2026, 11, 25, 20, 0), external_number="0312345678", extension="2001")
    log = Desk().tell(record._replace(continuation=False)).only
    assert (log.direction, log.answered, log.disposition, log.ended_at) == (None, None, None, None)
    assert (log.ring_seconds, log.talk_seconds, log.wait_seconds, log.hold_seconds) == (None, None, None, None)
    assert log.party_e164 == "+81312345678" and log.answered_by_extension is None


def test_a_missed_call_says_who_was_rung() -> None:
    log = Desk().tell(incoming(answered=False, duration_seconds=0)).only
    assert (log.disposition, log.rang_extensions, log.final_extension) == ("missed", ["2001"], None)
    assert (log.talk_seconds, log.ended_at) == (0, at(20, 58, 20))


@pytest.mark.parametrize(("said", "meant"), [("BUSY", "busy"), ("failed", "failed"), ("congestion", "failed")])
def test_outcomes_that_the_make_names(said: str, meant: str) -> None:
    log = Desk().tell(incoming(answered=False, duration_seconds=0, further={"disposition": said})).only
    assert log.disposition == meant


def test_a_call_that_only_a_mailbox_took() -> None:
    log = Desk().tell(incoming(extension=None, further={"disposition": "voicemail"})).only
    assert log.disposition == "voicemail"


def test_an_outgoing_call() -> None:
    log = Desk().tell(incoming(direction="out", answered=None, ring_seconds=None)).only
    assert (log.caller_number, log.dialed_number, log.party_e164) == ("2001", "0312345678", "+81312345678")
    assert (log.final_extension, log.answered, log.talk_seconds, log.ended_at) == ("2001", None, None, None)


def test_withheld_and_partly_shown_numbers_match_nobody() -> None:
    hidden = Desk().tell(incoming(external_number="anonymous")).only
    assert hidden.caller_number is None and hidden.party_e164 is None
    for shown in ("031234????", "031234XXXX", "0312......", "031234XX"):
        part = Desk().tell(incoming(external_number=shown)).only
        assert part.party_e164 is None and outside_party(part) is None
        assert part.marks == ["number-in-part"] and shown_party(part) == shown


# -- when


def test_a_start_that_is_worked_out_is_marked() -> None:
    ended = incoming(started_at_local=None, ended_at_local=datetime(2026, 11, 25, 20, 59, 0))
    log = Desk().tell(ended).only
    assert (log.started_at, log.answered_at, log.ended_at) == (at(20, 58, 11), at(20, 58, 20), at(20, 59))
    assert log.marks == ["start-worked-out"]


def test_a_start_that_can_not_be_worked_out_is_the_first_moment_that_is_certain() -> None:
    ended = incoming(
        direction="out",
        ring_seconds=None,
        answered=None,
        started_at_local=None,
        ended_at_local=datetime(2026, 11, 25, 20, 59, 0),
    )
    log = Desk().tell(ended).only
    assert (log.started_at, log.marks) == (at(20, 58, 20), ["start-not-said"])


def test_no_time_at_all() -> None:
    log = Desk().tell(incoming(started_at_local=None)).only
    assert (log.started_at, log.answered_at, log.marks) == (HEARD, None, ["no-time-said"])


@pytest.mark.parametrize(
    ("printed", "heard", "year"),
    [
        (YearlessTime(12, 31, 23, 59, 50), datetime(2027, 1, 1, 0, 0, 5, tzinfo=UTC), 2026),  # over New Year
        (YearlessTime(1, 1, 0, 0, 20), datetime(2026, 12, 31, 14, 59, 50, tzinfo=UTC), 2027),  # its clock is ahead
        (YearlessTime(12, 20, 9, 0), datetime(2027, 1, 8, 3, tzinfo=UTC), 2026),  # buffered
        (YearlessTime(3, 1, 9, 0), datetime(2026, 11, 25, 3, tzinfo=UTC), 2026),
        (YearlessTime(2, 29, 9, 0), datetime(2027, 3, 1, 3, tzinfo=UTC), 2024),
    ],
)
def test_the_reception_completes_the_year(printed: YearlessTime, heard: datetime, year: int) -> None:
    record = incoming(started_at_local=None, started_at_no_year=printed)
    log = Desk().tell(event(record, heard.timestamp())).only
    assert datetime.fromtimestamp(log.started_at + 9 * 3600, UTC).year == year


def test_an_hour_that_the_clock_showed_twice() -> None:
    twice = incoming(started_at_local=datetime(2026, 10, 25, 2, 30, 1))
    first, second = (datetime(2026, 10, 25, hour, 30, 1, tzinfo=UTC).timestamp() for hour in (0, 1))
    for heard, meant in ((first + 60, first), (second + 60, second), (second + 86400, second)):
        assert Desk(timezone="Europe/Berlin").tell(event(twice, heard)).only.started_at == meant


# -- several records of one call

SEGMENTS = [
    incoming(call_key="1000", continuation=True, extension="2001", duration_seconds=13),
    incoming(call_key="1000", continuation=True, extension="2002", duration_seconds=20, ring_seconds=0),
    incoming(call_key="1000", continuation=False, extension="2003", duration_seconds=7, ring_seconds=3),
]


def test_segments_are_one_call() -> None:
    desk = Desk().tell(*SEGMENTS, Swept(HEARD + 120))
    log = desk.only
    assert (log.answered_by_extension, log.transferred_to, log.final_extension) == ("2001", ["2002", "2003"], "2003")
    assert (log.ring_seconds, log.talk_seconds) == (9, 40)
    assert log.rang_extensions == ["2001", "2002", "2003"]
    assert log.marks == [] and desk.fold.low_water() is None


def test_the_entry_is_there_before_the_last_record() -> None:
    desk = Desk().tell(SEGMENTS[0])
    assert desk.only.marks == [AWAITED]
    desk.tell(event(SEGMENTS[1], HEARD + 3000), event(SEGMENTS[2], HEARD + 6000))
    assert desk.only.transferred_to == ["2002", "2003"]
    assert Desk().tell(SEGMENTS[0], Swept(HEARD + 7 * 3600)).only.marks == []


def test_the_same_records_again_are_the_same_call() -> None:
    desk = Desk().tell(*SEGMENTS, Swept(HEARD + 120))
    before = desk.only
    desk.tell(*(event(one, HEARD + 9000) for one in SEGMENTS), Swept(HEARD + 9200))
    assert desk.only == before


def test_a_key_that_is_used_again_is_another_call() -> None:
    other = incoming(call_key="1000", external_number="0355556666", started_at_local=datetime(2026, 11, 25, 20, 59, 30))
    assert len(Desk().tell(*SEGMENTS, other).calls) == 2


def test_a_line_that_only_adds_belongs_to_the_record_before() -> None:
    name = CallRecord(continuation=True, further={"caller_name": "Suzuki KK"})
    desk = Desk(Patience(additions=True)).tell(incoming(), name, incoming(external_number="0355556666"))
    assert [log.caller_name for log in desk.calls.values()] == ["Suzuki KK", None]


def test_a_transfer_within_one_record() -> None:
    log = Desk().tell(incoming(transferred=True, further={"third_party": "2009"})).only
    assert (log.answered_by_extension, log.transferred_to, log.final_extension) == ("2001", ["2009"], "2009")


# -- the same again, or another one

MINUTE = incoming(started_at_local=datetime(2026, 11, 25, 20, 58), answered=False, duration_seconds=0)


def test_two_that_look_alike_are_two_until_the_link_was_lost() -> None:
    desk = Desk().tell(MINUTE, MINUTE)
    assert len(desk.calls) == 2
    desk.tell(LinkUp(HEARD + 60), MINUTE, MINUTE)
    assert len(desk.calls) == 2
    desk.tell(MINUTE)
    assert len(desk.calls) == 3


def test_what_can_only_be_the_same_is_the_same() -> None:
    long = MINUTE._replace(answered=True, duration_seconds=107)
    exact = incoming()
    assert len(Desk().tell(long, long).calls) == 1
    assert len(Desk().tell(exact, exact).calls) == 1


def test_ids_do_not_depend_on_what_the_profile_makes_of_the_record() -> None:
    read, mended = (RecordRead(HEARD, one, b"the line") for one in (incoming(), incoming(extension="2002")))
    assert Desk().tell(read).only.id == Desk().tell(mended).only.id


def test_a_call_that_is_told_once_is_only_said_to_be_final_later() -> None:
    desk = Desk().tell(incoming(call_key="1"))
    assert desk.only.marks == [SETTLING]
    for told in (Swept(HEARD + 61), Swept(HEARD + 62)):
        desk.fold.feed(told, Position(900, 0))
    assert desk.fold.settled() == [Settled(desk.only.id, [])] and desk.fold.changed() == desk.fold.settled() == []


RECORDS = st.builds(
    lambda key, number, ring, more, second, extension: incoming(
        call_key=key,
        external_number=number,
        ring_seconds=ring,
        continuation=more,
        started_at_local=datetime(2026, 11, 25, 20, 58, second),
        extension=extension,
        answered=bool(ring % 2),
        duration_seconds=ring,
    ),
    st.sampled_from([None, None, "1", "2", "3"]),
    st.sampled_from(["0312345678", "0355556666", None]),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([0, 0, 7]),
    st.sampled_from(["2001", "2002"]),
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 30.0, 70.0, 700.0, 8000.0, 30000.0]),
        st.one_of(RECORDS, RECORDS, RECORDS, st.just("up"), st.just("swept")),
    ),
    max_size=40,
)


def as_events(steps: Sequence[tuple[float, Any]]) -> list[Any]:
    now, made = HEARD, []
    for pause, what in steps:
        now += pause
        made.append(LinkUp(now) if what == "up" else Swept(now) if what == "swept" else event(what, now))
    return made


@given(EVENTS, st.data())
def test_it_goes_on_from_its_low_water_as_if_nothing_had_been(
    steps: list[tuple[float, Any]], data: st.DataObject
) -> None:
    patience = Patience(calls=2)
    events = as_events(steps)
    stop = data.draw(st.integers(0, len(events)))
    whole = Desk(patience).tell(*events[:stop])
    low = whole.fold.low_water()
    begin = stop if low is None else low.record // 100
    again = Desk(patience)
    again.place = begin * 100
    again.tell(*events[begin:stop])
    again.calls = dict(whole.calls)
    assert whole.tell(*events[stop:]).calls == again.tell(*events[stop:]).calls


@given(st.lists(RECORDS.filter(lambda one: one.call_key is not None), max_size=12), st.data())
def test_the_order_of_a_calls_records_loses_none(records: list[CallRecord], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(records))
    told = Desk().tell(*mixed).calls
    numbers = {one.external_number for one in records if one.external_number}
    assert {log.caller_number for log in told.values() if log.caller_number} == numbers


def test_one_of_several_that_look_alike_is_the_same_call_when_reading_begins_anew() -> None:
    """Also when the link was lost since, and so none that comes now is counted with them."""
    minute = datetime(2026, 11, 25, 20, 58)
    alike = incoming(continuation=True, duration_seconds=0, answered=False, started_at_local=minute)
    steps = [LinkUp(HEARD), event(alike), event(alike), LinkUp(HEARD)]
    whole = Desk().tell(*steps)
    low = whole.fold.low_water()
    assert low is not None
    again = Desk()
    again.place = low.record
    again.tell(*steps[low.record // 100 :])
    assert [log.id for log in again.fold.open_calls()] == [log.id for log in whole.fold.open_calls()]
