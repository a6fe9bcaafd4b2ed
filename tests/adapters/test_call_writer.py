from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cti_adapters.storage import mapping
from cti_adapters.storage.call_rows import as_log
from cti_adapters.storage.call_writer import CallWriter
from cti_adapters.storage.mapping import Audit, Call, Dial, Draft, History, HistoryCall, Item, Sight, Taken
from cti_adapters.storage.work import Database
from cti_server.calls.log import CallLog
from cti_server.shared.feed import GapChange, UnreadableBytes
from cti_server.shared.notices import CallChanged, Notice, WorkChanged
from cti_server.shared.positions import Position
from cti_server.shared.scope import EVERYTHING, Label
from tests.adapters.storage_rig import NOW, FixedClock, customer, inbound, make_database, outbound, put

ANNA, BERT, HOUSE = "03-1111-0001", "03-1111-0002", "03-1111-0009"
E_ANNA, E_BERT, E_HOUSE = "+81311110001", "+81311110002", "+81311110009"


class Rig:
    """A database with customers: Anna (801, two numbers), Bert (802), two in one house, one of class 1."""

    def __init__(self, folder: Path) -> None:
        self.database: Database = make_database(folder)
        self.clock = FixedClock()
        self.writer = CallWriter(self.database.engine, self.clock)
        self.place = 0
        put(
            self.database,
            customer("anna", E_ANNA, "+819011110001"),
            customer("bert", E_BERT, rep="802", confidentiality=2),
            customer("mother", E_HOUSE, rep="802"),
            customer("father", E_HOUSE, rep="803", branch="122", confidentiality=1),
        )

    def commit(self, *logs: CallLog, **more: Any) -> list[Notice]:
        self.place += 1
        position = Position(self.place, 0)
        return self.writer.commit(
            "hq",
            list(logs),
            more.get("unread", []),
            more.get("gaps", []),
            position,
            position,
            more.get("fetch"),
            more.get("settled", ()),
        )

    def all(self, row: Any) -> list[Any]:
        with self.database.open(EVERYTHING) as work:
            return list(work.session.scalars(select(row)))

    def call(self, log: CallLog) -> Call:
        return next(row for row in self.all(Call) if row.id == log.id)

    def sights(self, log: CallLog) -> list[tuple[str | None, str, str | None, str]]:
        rows = [row for row in self.all(Sight) if row.call_id == log.id]
        return [(row.customer_code, row.kind, row.rep, row.match) for row in sorted(rows, key=lambda row: row.rank)]

    def items(self) -> list[tuple[str, str, str, int]]:
        return [(row.key, row.kind, row.state, row.calls) for row in self.all(Item)]

    def dump(self) -> dict[str, Any]:
        """Everything that a batch writes, but ids, versions and the times of the trail."""
        keys = {row.id: (row.key, row.latest_call) for row in self.all(Item)}
        links = {row.history_id: [] for row in self.all(HistoryCall)}  # type: ignore[var-annotated]
        for row in self.all(HistoryCall):
            links[row.history_id].append(row.call_id)
        return {
            "calls": sorted(
                (as_log(row).id, str(as_log(row)), row.open, row.handled, row.handled_at, keys.get(row.item_id))
                for row in self.all(Call)
            ),
            "sights": sorted(
                (
                    row.call_id,
                    row.rank,
                    row.customer_code or "",
                    row.match,
                    row.open,
                    row.handled,
                    keys.get(row.item_id),
                )
                for row in self.all(Sight)
            ),
            "items": sorted(
                (row.key, row.kind, row.state, row.calls, row.latest_call, row.closed_at or 0.0)
                for row in self.all(Item)
            ),
            "history": sorted((row.customer_code or "", row.at, sorted(links[row.id])) for row in self.all(History)),
            "taken": sorted((row.user, row.call_id, row.talk_seconds) for row in self.all(Taken)),
        }


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def live(log: CallLog, state: str = "ringing", **more: Any) -> CallLog:
    """How a call looked before it ended."""
    early = replace(
        log,
        state=state,
        ended_at=None,
        disposition=None,
        answered=False,
        answered_at=None,
        answered_by_extension=None,
        final_extension=None,
        talk_seconds=0.0,
        hangup_by=None,
        ringing_extensions=["2001"] if state == "ringing" else [],
    )
    return replace(early, **more)


# --- what is written


def test_every_field_of_the_log_comes_back(rig: Rig) -> None:
    log = inbound(
        1,
        ANNA,
        taker="2001",
        caller_name="安奈",
        queue="sales",
        transferred_to=["2002"],
        attempted_extensions=["2005"],
        ended_at=None,
        ended_between=(NOW - 500, NOW - 400),
        marks=["end-not-seen"],
        recording="a.wav",
        voicemail_left=False,
        fax=True,
    )
    rig.commit(log)
    assert as_log(rig.call(log)) == log


def test_the_position_is_that_of_the_last_commit(rig: Rig) -> None:
    assert rig.writer.positions("hq") is None
    rig.writer.commit("hq", [], [], [], Position(7, 3), Position(2, 0))
    rig.writer.commit("osaka", [], [], [], Position(1, 1), Position(1, 1))
    assert rig.writer.positions("hq") == (Position(7, 3), Position(2, 0))


def test_gaps_and_unreadable_bytes_are_written_once(rig: Rig) -> None:
    unread = UnreadableBytes(4, 0, NOW, "no-event", b"\xff\x00", 2)
    rig.commit(unread=[unread], gaps=[GapChange(NOW - 60, None, "lost")])
    rig.commit(unread=[unread], gaps=[GapChange(NOW - 60, None, "lost"), GapChange(NOW - 60, NOW, "lost")])
    assert [(row.record, row.number, row.raw) for row in rig.all(mapping.UnreadableRow)] == [(4, 0, b"\xff\x00")]
    assert [(row.started_at, row.ended_at) for row in rig.all(mapping.Gap)] == [(NOW - 60, NOW)]


def test_what_an_exchange_kept_while_it_was_not_heard_is_counted_once_with_the_gap(rig: Rig) -> None:
    def over(number: int, ended: float) -> CallLog:
        return inbound(number, ANNA, started_at=ended - 30, ended_at=ended, over_when_told=True)

    gap = GapChange(NOW - 600, NOW - 60, "lost", "buffer")
    before, hidden, live = over(1, NOW - 601), over(2, NOW - 300), over(3, NOW - 59)
    rig.commit(before, gaps=[gap._replace(ended_at=None)])
    rig.commit(hidden, live, gaps=[gap])
    rig.commit(hidden, over(4, NOW - 60))
    rig.commit(gaps=[gap])
    assert [(row.source, row.recovered) for row in rig.all(mapping.Gap)] == [("buffer", 2)]


def test_a_failed_commit_leaves_nothing(rig: Rig) -> None:
    broken = inbound(1, ANNA, linkedids=[object()])
    with pytest.raises(TypeError):
        rig.commit(inbound(2, ANNA), broken)
    assert rig.all(Call) == [] and rig.all(Item) == [] and rig.writer.positions("hq") is None


# --- who


def test_a_registered_customer_by_either_number(rig: Rig) -> None:
    first, second = inbound(1, ANNA), inbound(2, "09011110001")
    rig.commit(first, second)
    for log in (first, second):
        assert rig.sights(log) == [("anna", "customer", "801", "exact")]
        assert (rig.call(log).match, rig.call(log).customer_code) == ("exact", "anna")


def test_a_shared_number_keeps_all_and_attaches_nobody(rig: Rig) -> None:
    put(rig.database, History(customer_code="mother", kind="contact", channel="phone", at=NOW - 9999))
    log = inbound(1, HOUSE)
    rig.commit(log)
    assert [code for code, *_rest in rig.sights(log)] == ["mother", "father"]
    assert rig.call(log).customer_code is None


def test_same_last_digits_are_a_guess_beside_the_unregistered_caller(rig: Rig) -> None:
    log = inbound(1, "06-1111-0001")
    rig.commit(log)
    assert rig.sights(log) == [("anna", "customer", "801", "probable"), (None, "unregistered", None, "none")]
    assert (rig.call(log).match, rig.call(log).customer_code) == ("probable", None)
    assert rig.items() == [("u:121:+81611110001", "unregistered", "open", 1)]


def test_unregistered_withheld_and_internal_calls(rig: Rig) -> None:
    stranger, hidden = inbound(1, "03-2222-0001"), inbound(2, "anonymous")
    inside = inbound(3, "2002", direction="internal", party_e164=None)
    rig.commit(stranger, hidden, inside)
    assert rig.sights(stranger) == [(None, "unregistered", None, "none")]
    assert rig.sights(hidden) == [(None, "unregistered", None, "withheld")]
    assert rig.sights(inside) == [(None, "internal", "802", "internal")]
    assert [row.branch for row in rig.all(Sight)] == ["121"] * 3


def test_a_number_that_comes_late_is_matched_then(rig: Rig) -> None:
    log = inbound(1, ANNA)
    rig.commit(live(log, party_e164=None, caller_number=None))
    assert rig.sights(log) == [(None, "unregistered", None, "withheld")]
    rig.commit(live(log))
    assert rig.sights(log) == [("anna", "customer", "801", "exact")]
    assert rig.call(log).customer_code == "anna"


# --- final is final


def test_an_ended_call_is_not_changed_by_what_comes_later(rig: Rig) -> None:
    log = inbound(1, ANNA, taker="2001")
    rig.commit(log)
    before = rig.dump()
    notices = rig.commit(replace(log, disposition="missed", talk_seconds=1.0), live(log))
    rig.commit(replace(log, disposition="missed", talk_seconds=1.0))
    assert rig.dump() == before
    assert notices == []
    late = [row.detail for row in rig.all(Audit) if row.act == "said-late"]
    assert late[-1] == {"fields": ["disposition", "talk_seconds"]}


def test_the_same_again_changes_nothing_and_notes_nothing(rig: Rig) -> None:
    logs = [inbound(1, ANNA), inbound(2, HOUSE), outbound(3, BERT)]
    rig.commit(*logs)
    before, trail = rig.dump(), len(rig.all(Audit))
    assert rig.commit(*logs) == []
    assert rig.dump() == before and len(rig.all(Audit)) == trail


def test_what_turns_out_to_be_a_part_of_another_call_is_taken_back(rig: Rig) -> None:
    part = inbound(1, "2001", direction="internal", party_e164=None)
    rig.commit(live(part))
    notices = rig.commit(replace(part, merged_into="hq-other"))
    assert rig.all(Call) == [] and rig.all(Sight) == []
    assert [notice.call["state"] for notice in notices if isinstance(notice, CallChanged)] == ["ended"]
    assert rig.commit(replace(part, id="hq-never-stored", merged_into="hq-other")) == []


# --- what is to be done


def test_three_calls_of_one_caller_are_one_item(rig: Rig) -> None:
    logs = [inbound(number, caller, at=NOW - 600 + number) for number, caller in enumerate((ANNA, "09011110001", ANNA))]
    rig.commit(logs[0])
    rig.commit(logs[1], logs[2])
    assert rig.items() == [("c:anna", "missed", "open", 3)]
    item = rig.all(Item)[0]
    assert (item.latest_call, item.latest_at) == (logs[2].id, NOW - 598)
    assert {row.item_id for row in rig.all(Call)} == {row.item_id for row in rig.all(Sight)} == {item.id}
    assert all(row.open for row in rig.all(Call)) and all(row.open for row in rig.all(Sight))


def test_each_caller_has_an_item_of_their_own(rig: Rig) -> None:
    rig.commit(
        inbound(1, ANNA, taker="2001"),
        inbound(2, HOUSE),
        inbound(3, "03-2222-0001"),
        inbound(4, "anonymous"),
        inbound(5, None),
        inbound(6, "03-2222-0001", branch="122"),
    )
    assert sorted(rig.items()) == [
        ("c:anna", "answered", "open", 1),
        ("n:+81311110009", "missed", "open", 1),
        ("u:121:+81322220001", "unregistered", "open", 1),
        ("u:122:+81322220001", "unregistered", "open", 1),
        ("w:hq-1799999400.4", "unregistered", "open", 1),
        ("w:hq-1799999400.5", "unregistered", "open", 1),
    ]


def test_live_internal_and_outbound_calls_leave_nothing_to_be_done(rig: Rig) -> None:
    rig.commit(
        live(inbound(1, ANNA)),
        inbound(2, "2001", direction="internal", party_e164=None),
        outbound(3, ANNA, answered=False, disposition="missed"),
    )
    assert rig.items() == []
    assert not any(row.open for row in rig.all(Call))


def test_a_missed_call_turns_an_answered_item_into_a_missed_one_and_ends_a_snooze(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA, taker="2001"))
    with rig.database.open(EVERYTHING) as work:
        item = work.session.scalars(select(Item)).one()
        item.state, item.snoozed_until = "waiting", NOW + 9999
    rig.commit(inbound(2, ANNA, at=NOW - 100))
    assert rig.items() == [("c:anna", "missed", "open", 2)]
    assert rig.all(Item)[0].snoozed_until is None


def test_a_number_marked_as_no_customer_asks_for_nothing(rig: Rig) -> None:
    put(rig.database, mapping.NotCustomer(e164="+81322220001", branch="121", by="700", at=NOW))
    rig.commit(inbound(1, "03-2222-0001"), inbound(2, "03-2222-0001", branch="122"))
    assert rig.items() == [("u:122:+81322220001", "unregistered", "open", 1)]


# --- the call back


def test_a_call_back_that_connects_closes_the_item(rig: Rig) -> None:
    missed, back = inbound(1, ANNA), outbound(2, ANNA)
    rig.commit(missed)
    put(rig.database, Draft(item_id=rig.all(Item)[0].id, user="801", at=NOW, note="half a word"))
    notices = rig.commit(live(back, "talking", answered=True, answered_at=NOW - 295, final_extension="2001"))
    assert rig.items() == [("c:anna", "missed", "done", 1)]
    item, call = rig.all(Item)[0], rig.call(missed)
    assert (item.draft_state, item.closed_at) == ("closed", NOW - 295)
    assert (call.open, call.handled, call.handled_by, call.handled_at) == (False, True, "801", NOW - 295)
    assert [(row.open, row.handled) for row in rig.all(Sight) if row.call_id == missed.id] == [(False, True)]
    record = rig.all(History)[0]
    assert (record.customer_code, record.kind, record.channel, record.by, record.automatic) == (
        "anna",
        "contact",
        "phone",
        "801",
        True,
    )
    assert {row.call_id for row in rig.all(HistoryCall)} == {missed.id, back.id}
    told = [notice for notice in notices if isinstance(notice, WorkChanged)]
    assert told == [WorkChanged((Label("customer", "121", "801", 3),), (missed.id,), (item.id,))]
    rig.commit(back)
    assert len(rig.all(History)) == 1


def test_a_call_back_to_the_customers_other_number_counts(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA))
    rig.commit(outbound(2, "09011110001"))
    assert rig.items() == [("c:anna", "missed", "done", 1)]


def test_a_call_back_that_nobody_answers_closes_nothing(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA))
    rig.commit(outbound(2, ANNA, answered=False, answered_at=None, disposition="missed"))
    assert rig.items() == [("c:anna", "missed", "open", 1)]


def test_calls_that_come_after_the_call_back_stay_open(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA), outbound(2, ANNA, at=NOW - 300), inbound(3, ANNA, at=NOW - 200))
    assert sorted(rig.items()) == [("c:anna", "missed", "done", 1), ("c:anna", "missed", "open", 1)]


def test_a_call_that_ended_after_the_call_back_connected_stays_open_whichever_is_heard_of_first(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA, at=NOW - 200))
    rig.commit(outbound(2, ANNA, at=NOW - 300))
    assert rig.items() == [("c:anna", "missed", "open", 1)]


def test_a_call_back_to_a_shared_or_unknown_number_closes_what_came_from_it(rig: Rig) -> None:
    rig.commit(inbound(1, HOUSE), inbound(2, "03-2222-0001", branch="122"), inbound(3, ANNA))
    rig.commit(outbound(4, HOUSE), outbound(5, "03-2222-0001"))
    assert sorted(rig.items()) == [
        ("c:anna", "missed", "open", 1),
        ("n:+81311110009", "missed", "done", 1),
        ("u:122:+81322220001", "unregistered", "done", 1),
    ]
    assert [row.customer_code for row in rig.all(History)] == [None, None]


def test_the_call_back_is_credited_to_who_asked_for_it(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA))
    put(
        rig.database,
        Dial(user="802", exchange="hq", extension="2001", number=E_ANNA, asked_at=NOW - 303, customer_code="anna"),
        Dial(user="803", exchange="hq", extension="2003", number=E_ANNA, asked_at=NOW - 302, customer_code="anna"),
        Dial(user="700", exchange="hq", extension="2001", number=E_ANNA, asked_at=NOW - 9999, customer_code="anna"),
    )
    back = outbound(2, ANNA)
    rig.commit(back)
    assert rig.all(History)[0].by == "802"
    assert [row.made_call for row in rig.all(Dial)] == [back.id, None, None]


LOGS = [
    inbound(1, ANNA, at=NOW - 900),
    inbound(2, ANNA, at=NOW - 800, taker="2002"),
    outbound(3, ANNA, at=NOW - 700),
    inbound(4, ANNA, at=NOW - 600),
    inbound(5, HOUSE, at=NOW - 590),
    inbound(6, "03-2222-0001", at=NOW - 500),
    outbound(7, HOUSE, at=NOW - 400),
    inbound(8, HOUSE, at=NOW - 350),
    outbound(9, "03-2222-0001", at=NOW - 300),
    outbound(10, "09011110001", at=NOW - 200),
    inbound(11, "anonymous", at=NOW - 150),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rig = Rig(tmp_path_factory.mktemp("whole"))
    rig.commit(*LOGS)
    return rig.dump()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, len(LOGS) - 1)), again=st.integers(0, len(LOGS)))
def test_it_comes_out_the_same_however_the_calls_are_batched(
    tmp_path_factory: pytest.TempPathFactory, whole: dict[str, Any], cuts: set[int], again: int
) -> None:
    rig = Rig(tmp_path_factory.mktemp("cut"))
    edges = [0, *sorted(cuts), len(LOGS)]
    for first, last in itertools.pairwise(edges):
        rig.commit(*(live(log) for log in LOGS[first:last] if log.direction == "in"))
        rig.commit(*LOGS[first:last])
    rig.commit(*LOGS[:again])
    assert rig.dump() == whole


# --- who took it


def test_who_took_a_call_is_remembered_without_who_called(rig: Rig) -> None:
    log = inbound(1, ANNA, taker="2002")
    rig.commit(live(log, "talking", answered=True, answered_by_extension="2002", talking_extension="2002"))
    assert [(row.user, row.extension, row.talk_seconds) for row in rig.all(Taken)] == [("802", "2002", 0.0)]
    assert rig.call(log).receiver == "802"
    rig.commit(replace(log, transferred_to=["2001"], final_extension="2001"))
    assert sorted((row.user, row.talk_seconds) for row in rig.all(Taken)) == [("801", 25.0), ("802", 25.0)]


def test_a_receiver_entered_by_hand_stays(rig: Rig) -> None:
    log = inbound(1, ANNA, taker="2002")
    rig.commit(live(log, "talking", answered=True, answered_by_extension="2002"))
    with rig.database.open(EVERYTHING) as work:
        row = work.session.get(Call, log.id)
        assert row is not None
        row.receiver = "700"
    rig.commit(log)
    assert rig.call(log).receiver == "700"


# --- what is told


def test_a_ringing_call_is_told_with_a_card_for_each_candidate(rig: Rig) -> None:
    rig.commit(inbound(1, ANNA))
    put(
        rig.database,
        *(
            History(customer_code="anna", kind="contact", channel="mail", result=str(n), at=NOW - n, by="801")
            for n in range(5)
        ),
    )
    (notice,) = rig.commit(live(inbound(2, ANNA, at=NOW, caller_name="ANNA")))
    assert isinstance(notice, CallChanged)
    assert (notice.number, notice.name, notice.ringing, notice.receiver) == (E_ANNA, "ANNA", ("801",), None)
    assert notice.call["state"] == "ringing" and notice.call["ringing"] == ["2001"]
    (candidate,) = notice.candidates
    assert candidate.label == Label("customer", "121", "801", 3)
    card = candidate.card
    assert (card["code"], card["name"], card["class"], card["match"], card["open_calls"]) == (
        "anna",
        "name anna",
        3,
        "exact",
        1,
    )
    assert (card["branch_name"], card["rep_name"]) == ("本店営業部", "name 801")
    assert [contact["result"] for contact in card["contacts"]] == ["0", "1", "2"]


def test_candidates_are_told_each_with_their_own_label(rig: Rig) -> None:
    (notice,) = rig.commit(live(inbound(1, HOUSE, at=NOW)))
    assert isinstance(notice, CallChanged)
    told = {candidate.card["code"]: candidate.label for candidate in notice.candidates}
    assert told == {"father": Label("customer", "122", "803", 1), "mother": Label("customer", "121", "802", 3)}


def test_a_stranger_has_no_card(rig: Rig) -> None:
    (notice,) = rig.commit(live(inbound(1, "03-2222-0001", at=NOW)))
    assert isinstance(notice, CallChanged)
    assert [(one.label, one.card) for one in notice.candidates] == [(Label("unregistered", "121"), {})]


def test_the_card_stays_the_same_until_the_call_is_over(rig: Rig) -> None:
    log = inbound(1, ANNA, at=NOW, taker="2001")
    (first,) = rig.commit(live(log))
    put(rig.database, History(customer_code="anna", kind="contact", channel="mail", at=NOW))
    second, work = rig.commit(log)
    assert isinstance(first, CallChanged) and isinstance(second, CallChanged) and isinstance(work, WorkChanged)
    assert second.candidates == first.candidates


def test_calls_long_over_change_lists_but_pop_nothing_up(rig: Rig) -> None:
    notices = rig.commit(*LOGS)
    assert [type(notice) for notice in notices] == [WorkChanged]


# --- the trail


def test_the_trail_says_who_it_was_found_to_be_and_which_rep_was_told(rig: Rig) -> None:
    log = inbound(1, HOUSE)
    rig.commit(live(log))
    rig.commit(log)
    trail = {(row.act, row.customer_code, str(row.detail)) for row in rig.all(Audit)}
    assert trail == {
        ("matched", "father", "{'match': 'exact'}"),
        ("matched", "mother", "{'match': 'exact'}"),
        ("told", "father", "{'users': ['803']}"),
        ("told", "mother", "{'users': ['802']}"),
    }
    assert {row.subject_id for row in rig.all(Audit)} == {log.id}
