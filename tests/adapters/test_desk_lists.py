"""The call log, the incoming report, the board and what has no identity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cti_adapters.storage import mapping
from cti_adapters.storage.outbox import watch
from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery
from cti_server.shared.errors import Invalid, NotAllowed, NotFound
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import NOW, customer, inbound, outbound

REP, MANAGER, REVIEWER = viewer("801"), viewer("700", "branch manager"), viewer("900", "compliance reviewer")
A, B = "+81311110001", "+81311110002"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    office.put(
        customer("100101", A), customer("100102", B, rep="802"), customer("200101", "+81611110003", branch="122")
    )
    return office


def numbers(desk: Desk, query: CallQuery) -> list[int]:
    """The calls that a query finds, by the number in their id."""
    return [int(row.id.rpartition(".")[2]) for row in desk.calls(query).rows]


def test_filters(office: Office) -> None:
    office.rings(
        inbound(1, "0311110001", at=NOW - 500),
        inbound(2, "0311110002", at=NOW - 400, taker="2002"),
        inbound(3, "0399990000", at=NOW - 300),
        outbound(4, "0311110002", at=NOW - 200, disposition="busy", answered=False, answered_at=None),
        inbound(5, None, at=NOW - 100),
    )
    with office.desk(MANAGER) as desk:
        assert numbers(desk, CallQuery()) == [5, 4, 3, 2, 1]
        assert numbers(desk, CallQuery(since=NOW - 400, until=NOW - 200)) == [3, 2]
        assert numbers(desk, CallQuery(direction="out")) == [4]
        assert numbers(desk, CallQuery(outcome="missed")) == [5, 3, 1]
        assert numbers(desk, CallQuery(rep="802")) == [4, 2]
        assert numbers(desk, CallQuery(rep="802", direction="in")) == [2]
        assert numbers(desk, CallQuery(customer="100101")) == [1]
        assert numbers(desk, CallQuery(customer="100101", rep="802")) == []
        assert numbers(desk, CallQuery(unregistered=True)) == [5, 3]
        assert numbers(desk, CallQuery(unregistered=False)) == [4, 2, 1]
        assert numbers(desk, CallQuery(branch="121", outcome="busy")) == [4]
        assert numbers(desk, CallQuery(branch="122")) == []
        assert numbers(desk, CallQuery(digits="０３-1111-0002")) == [4, 2]
        assert numbers(desk, CallQuery(digits="0002", direction="in")) == [2]
        assert numbers(desk, CallQuery(digits="xx")) == []
        desk.handle([desk.calls(CallQuery()).rows[2].id])
        assert numbers(desk, CallQuery(handled=True)) == [3]


def test_pages_join_without_gap_or_double(office: Office) -> None:
    office.put(customer("100103", "+81311110009"), customer("100104", "+81311110009", rep="802", confidentiality=1))
    office.rings(*(inbound(n, "0311110009", at=NOW - 1000 + n // 3) for n in range(40)))  # several in the same second
    with office.desk(MANAGER) as desk:
        everything = numbers(desk, CallQuery())
        for query in (CallQuery(), CallQuery(outcome="missed"), CallQuery(branch="121"), CallQuery(digits="0009")):
            found, cursor = [], None
            while True:
                page = desk.calls(query, cursor, 7)
                assert len(page.rows) <= 7
                found += [int(row.id.rpartition(".")[2]) for row in page.rows]
                cursor = page.next
                if cursor is None:
                    break
            assert found == everything and len(set(found)) == 40
        with pytest.raises(Invalid):
            desk.calls(CallQuery(), "AAAA")


def test_worklist_pages(office: Office) -> None:
    office.put(*(customer(f"3{n:05}", f"+8135555{n:04}") for n in range(23)))
    office.rings(*(inbound(n, f"035555{n:04}", at=NOW - 1000 + n // 2) for n in range(23)))
    with office.desk(REP) as desk:
        found, cursor = [], None
        while True:
            page = desk.worklist("open", None, None, cursor, 5)
            found += [row.latest.who[0].code for row in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert sorted(found) == [f"3{n:05}" for n in range(23)] and len(found) == 23
        assert desk.worklist("open", NOW - 1000 + 5, NOW - 1000 + 7).counts.open == 4


def test_live_calls_stand_on_the_first_page(office: Office) -> None:
    office.rings(
        inbound(1, "0311110001", state="ringing", ended_at=None, disposition=None, ringing_extensions=["2001"])
    )
    with office.desk(REP) as desk:
        page = desk.calls(CallQuery(since=NOW - 1000))
        assert [row.state for row in page.live] == ["ringing"] and page.live[0].extension == "2001"
        assert desk.calls(CallQuery(outcome="missed")).live == []


def test_the_incoming_report(office: Office) -> None:
    office.rings(
        inbound(1, "0311110001"), outbound(2, "0311110001"), inbound(3, "0611110003"), inbound(4, "0399990000")
    )
    with office.desk(MANAGER) as desk:
        rows = list(desk.report(NOW - 1000, NOW, "121"))
        assert sorted(row.id[-1] for row in rows) == ["1", "4"]
        assert len(list(desk.report(NOW - 1000, NOW, "121", export=True))) == 2
    assert [(row.user, row.detail["branch"]) for row in office.trail("exported")] == [("700", "121")]
    with office.desk(REP) as desk:
        assert sorted(row.id[-1] for row in desk.report(NOW - 1000, NOW)) == ["1", "3"]
        with pytest.raises(NotAllowed, match="export"):
            desk.report(NOW - 1000, NOW, export=True)


def test_a_long_report_is_streamed(office: Office) -> None:
    office.rings(*(inbound(n, "0311110001", at=NOW - 5000 + n) for n in range(1203)))
    with office.desk(REP) as desk:
        assert len({row.id for row in desk.report(NOW - 9000, NOW)}) == 1203


def test_a_call_taken_from_a_hidden_customer_is_only_that(office: Office) -> None:
    office.rings(inbound(1, "0311110002", taker="2001"))
    with office.desk(REP) as desk:
        assert desk.calls(CallQuery()).rows == []
        work = desk.worklist()
        assert [(one.started_at, one.extension, one.talk_seconds) for one in work.taken] == [(NOW - 600, "2001", 25.0)]
        with pytest.raises(NotFound):
            desk.call(inbound(1, "x").id)
    with office.desk(viewer("802")) as desk:
        assert desk.worklist().taken == [] and desk.calls(CallQuery()).rows[0].receiver_name == "name 801"


def test_the_board_has_no_identity(office: Office) -> None:
    now = 1_800_010_800.0  # some hours after midnight in Tokyo
    office.clock.at = now
    ringing = {"state": "ringing", "ended_at": None, "disposition": None, "ringing_extensions": ["2001"]}
    office.rings(
        inbound(1, "0311110001", at=now - 60),
        inbound(2, "0311110002", at=now - 50, taker="2002"),
        inbound(3, "0399990000", at=now - 40),
        inbound(4, "0311110001", at=now - 10, **ringing, caller_name="AA NNN"),
    )
    with office.desk(MANAGER) as desk:
        desk.handle([inbound(2, "x", at=now - 50).id])
        board = desk.board("121")
    assert (board.answered_today, board.missed_today) == (1, 2)
    assert board.open_per_rep == [("name 801", 1, 0), ("name 802", 0, 1), ("", 1, 0)]
    assert len(board.ringing) == 1 and board.ringing[0].extension == "2001"
    for secret in ("100101", "1111", "AA NNN", "name 1001"):
        assert secret not in repr(board)
    for who, branch in ((MANAGER, "122"), (REVIEWER, "999"), (viewer("803", branch="122"), "121")):
        with pytest.raises(NotFound, match="no such branch"), office.desk(who) as desk:
            desk.board(branch)


def test_gaps_and_exchanges_of_the_own_span(office: Office) -> None:
    office.put(
        mapping.Exchange(id="hq", branch="121", state="connected"),
        mapping.Exchange(id="yokohama", branch="122", state="lost", reason="silent"),
        mapping.Gap(exchange="hq", started_at=NOW - 300, ended_at=NOW - 200, reason="silent"),
        mapping.Gap(exchange="hq", started_at=NOW - 200_000, ended_at=NOW - 100_000, reason="old"),
        mapping.Gap(exchange="yokohama", started_at=NOW - 90_000, reason="lost"),
        mapping.UnreadableRow(exchange="hq", record=1, number=0, at=NOW, reason="garbage", raw=b"0311110001", size=10),
    )
    with office.desk(REP) as desk:
        assert [(gap.exchange, gap.branch_name) for gap in desk.worklist().gaps] == [("hq", "本店営業部")]
        assert [row.id for row in desk.exchanges()] == ["hq"]
        with pytest.raises(NotAllowed):
            desk.unread("hq")
    with office.desk(viewer("902", "PBX administrator")) as desk:
        assert [row.id for row in desk.exchanges()] == ["hq", "yokohama"]
        (record,) = desk.unread("hq")
        assert (record.reason, record.size) == ("garbage", 10) and "1111" not in repr(record)
    held = replace(viewer("902", "PBX administrator"), scope=replace(MANAGER.scope, user="902"))
    with office.desk(held) as desk:
        assert [row.id for row in desk.exchanges()] == ["hq"] and desk.exchange("hq").id == "hq"
        for look in (desk.exchange, desk.unread):
            with pytest.raises(NotFound):
                look("yokohama")


def test_how_many_calls_a_gap_gave_back_is_only_for_who_looks_after_exchanges(office: Office) -> None:
    """The count is of all calls, hidden customers' too."""
    gap = {"exchange": "hq", "reason": "silent", "source": "csv", "fetched_at": NOW - 50}
    office.put(
        mapping.Exchange(id="hq", branch="121", state="connected"),
        mapping.Gap(started_at=NOW - 300, ended_at=NOW - 200, recovered=3, completed=1, unread=2, **gap),
        mapping.Gap(started_at=NOW - 900, ended_at=NOW - 800, **gap),
    )

    def told(who: Viewer) -> list[tuple[int | None, ...]]:
        with office.desk(who) as desk:
            found = desk.gaps()
        assert [one.given_back for one in found] == ["fetched", "fetched"]
        return [(one.recovered, one.completed, one.unread) for one in found]

    assert told(viewer("902", "PBX administrator")) == [(3, 1, 2), (0, 0, 0)]
    for who in (REP, MANAGER, REVIEWER):
        assert told(who) == [(None, None, None), (None, None, None)]


def test_reps_of_the_own_span(office: Office) -> None:
    with office.desk(REP) as desk:
        assert [user for user, _name in desk.reps()] == ["700", "801", "802"]
    with office.desk(REVIEWER) as desk:
        assert [user for user, _name in desk.reps()] == ["700", "801", "802", "803"]


def test_the_daemon_is_woken_after_the_commit(office: Office) -> None:
    office.rings(inbound(1, "0311110001"))
    woken: list[int] = []
    with office.database.open(REP.scope) as work:
        watch(work, woken.extend)
        Desk(work, REP, office.clock).handle([inbound(1, "x").id])
        assert woken == []
    assert len(woken) == 1
