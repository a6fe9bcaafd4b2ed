"""Contact records that a reviewer asks for: who may be asked, by when, answered by the record itself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_adapters.storage import mapping
from cti_adapters.storage.directory import Directory, numbers_of
from cti_server.calls.log import CallLog
from cti_server.review.desk_requests import RequestDesk
from cti_server.review.requests import Done, Schedule, steps
from cti_server.review.views import RequestQuery, RequestView
from cti_server.shared.errors import Conflict, Invalid, NotAllowed, NotFound
from cti_server.shared.people import Customer
from cti_server.shared.phone import Plan
from cti_server.shared.scope import EVERYTHING
from cti_server.shared.viewer import Viewer
from tests.adapters.desk_rig import Office, viewer
from tests.adapters.storage_rig import customer, inbound

NUMBER, SHARED, UNKNOWN = "+81312340000", "+81377770000", "+81399990000"
REVIEWER = viewer("900", role="compliance reviewer", branch="122", extensions=())
MANAGER = viewer("700", role="branch manager", extensions=())
MONDAY = datetime(2024, 1, 15, 10, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
HOUR = 3600.0


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.clock.at = MONDAY
    made.put(
        mapping.Exchange(id="hq", name="HQ", kind="ami", branch="121"),
        mapping.User(id="900", login="900", name="name 900", branch="122", role="compliance reviewer"),
        customer("100101", NUMBER),
        customer("100102", SHARED),
        customer("100103", SHARED, rep="802"),
    )
    return made


def rings(office: Office, number: str = NUMBER, call: int = 1) -> str:
    log: CallLog = inbound(call, number, at=office.clock.at - 60, taker="2001")
    office.rings(log)
    return log.id


def ask(office: Office, call: str, to: str = "801", who: Viewer = REVIEWER, **more: str) -> int:
    with office.database.open(who.scope) as work:
        return RequestDesk(work, who, office.clock).ask(call, to, "what did they want?", 4, **more)


def asked(office: Office, who: Viewer = REVIEWER, **query: str) -> list[RequestView]:
    with office.database.open(who.scope) as work:
        return RequestDesk(work, who, office.clock).requests(RequestQuery(**query)).rows


def mine(office: Office, who: Viewer) -> list[RequestView]:
    with office.database.open(who.scope) as work:
        desk = RequestDesk(work, who, office.clock)
        found = desk.mine()
        assert desk.count() == len(found)
        return found


def record(office: Office, call: str, who: Viewer | None = None, code: str | None = None) -> int:
    with office.desk(who or viewer()) as desk:
        return desk.record(None, [call], code, "contact", "phone", "spoke", "said it").id


def test_a_record_answers_what_was_asked_for_in_its_transaction(office: Office) -> None:
    call = rings(office)
    ask(office, call)
    (one,) = mine(office, viewer())
    assert (one.standing, one.by_name, one.customer, one.note) == ("asked", "name 900", "100101", "what did they want?")
    assert one.due_at == MONDAY + 4 * HOUR
    assert office.outbox("work")[-1]["users"] == ["801"]

    history = record(office, call)
    assert mine(office, viewer()) == []
    (answered,) = asked(office, state="answered")
    assert (answered.closed_by_name, answered.closed_at) == ("name 801", MONDAY)
    assert office.outbox("work")[-1]["calls"] == [call]
    (entry,) = office.trail("record answered")
    assert (entry.subject_id, entry.user, entry.detail["history"]) == (call, "801", history)


def test_a_record_that_is_taken_back_is_asked_for_again(office: Office) -> None:
    call = rings(office)
    ask(office, call)
    first = record(office, call)
    with office.desk(viewer()) as desk:
        desk.undo_history(first)
    assert [one.standing for one in mine(office, viewer())] == ["asked"]
    first, _second = record(office, call), record(office, call)
    with office.desk(viewer()) as desk:
        desk.undo_history(first)
    assert [one.standing for one in asked(office, state="all")] == ["answered"]  # by the other one


def test_a_record_of_another_call_answers_nothing(office: Office) -> None:
    ask(office, rings(office))
    record(office, rings(office, call=2))
    assert len(mine(office, viewer())) == 1


def test_the_deadline_is_in_business_hours_of_the_branch(office: Office) -> None:
    office.clock.at = MONDAY + 4 * 24 * HOUR + 6 * HOUR  # Friday at four in the afternoon
    ask(office, rings(office))
    assert asked(office)[0].due_at == MONDAY + 7 * 24 * HOUR + 2 * HOUR  # an hour is left, the others are Monday's


def test_only_who_may_see_the_customer_can_be_asked_and_sees_it(office: Office) -> None:
    call = rings(office)
    with pytest.raises(Invalid):
        ask(office, call, to="802")
    ask(office, call)
    assert mine(office, viewer("802")) == [] and mine(office, MANAGER) == []
    with office.database.open(viewer().scope) as work:
        (one,) = RequestDesk(work, viewer(), office.clock).mine()
    for who in (viewer("802"), MANAGER):
        with office.database.open(who.scope) as work, pytest.raises(NotFound):
            RequestDesk(work, who, office.clock).asked(one.id)
    with pytest.raises(NotAllowed):
        ask(office, call, who=viewer())
    with office.database.open(EVERYTHING) as work:
        row = work.session.get(mapping.Customer, "100101")
        assert row is not None
        moved = Customer("100101", row.name, "121", "802", 3, numbers=numbers_of(["0312340000"], Plan(area_code="03")))
        moved.version = row.version
        Directory(work.session).change(moved, office.clock.at)
    assert mine(office, viewer()) == []  # the customer is another rep's now
    assert len(asked(office)) == 1


def test_a_call_is_asked_for_once_until_it_is_withdrawn(office: Office) -> None:
    call = rings(office)
    first = ask(office, call)
    with pytest.raises(Conflict):
        ask(office, call)
    with office.database.open(REVIEWER.scope) as work:
        RequestDesk(work, REVIEWER, office.clock).withdraw(first)
    assert mine(office, viewer()) == [] and [one.standing for one in asked(office, state="withdrawn")] == ["withdrawn"]
    with office.database.open(REVIEWER.scope) as work, pytest.raises(Conflict):
        RequestDesk(work, REVIEWER, office.clock).withdraw(first)
    ask(office, call)
    assert len(mine(office, viewer())) == 1


def test_where_several_may_have_called_the_reviewer_says_whom(office: Office) -> None:
    call = rings(office, SHARED)
    with pytest.raises(Invalid):
        ask(office, call)
    ask(office, call, to="802", customer="100103")
    assert [one.customer for one in mine(office, viewer("802"))] == ["100103"]
    assert mine(office, viewer()) == []  # who sees the other candidate is not told


def test_a_caller_who_becomes_known_takes_the_request_along(office: Office) -> None:
    call = rings(office, UNKNOWN)
    ask(office, call, to="700")
    assert [one.customer for one in mine(office, MANAGER)] == [""]
    with office.database.open(EVERYTHING) as work:
        new = Customer("100109", "new", "121", "801", 3, numbers=numbers_of(["0399990000"], Plan(area_code="03")))
        Directory(work.session).add(new)
    assert [one.customer for one in mine(office, MANAGER)] == ["100109"]


def test_pages_of_the_list_hold_every_request_once(office: Office) -> None:
    for number in range(7):
        office.clock.at += number % 2
        ask(office, rings(office, call=10 + number))
    found, cursor = [], None
    while True:
        with office.database.open(REVIEWER.scope) as work:
            page = RequestDesk(work, REVIEWER, office.clock).requests(RequestQuery(to="801"), cursor, 2)
        found += [one.id for one in page.rows]
        cursor = page.next
        if cursor is None:
            break
    assert found == sorted(found, reverse=True) and len(found) == 7


times = st.floats(0, 100)


@given(times, times, times, st.lists(times, min_size=1, max_size=6))
def test_each_step_is_done_once_and_never_early(a: float, b: float, c: float, looks: list[float]) -> None:
    remind, due, escalate = sorted((a, b, c))
    plan, done = Schedule(remind, due, escalate), Done()
    told: list[str] = []
    for now in sorted(looks):
        found = steps(plan, done, now)
        told += found
        done = Done(
            now if "reminder" in found else done.reminded_at,
            now if "deadline" in found else done.pressed_at,
            now if "escalation" in found else done.escalated_at,
        )
    assert len(told) == len(set(told))
    assert ("deadline" in told) == (max(looks) >= due) and ("escalation" in told) == (max(looks) >= escalate)
    assert "reminder" not in told or any(remind <= now < due for now in looks)
