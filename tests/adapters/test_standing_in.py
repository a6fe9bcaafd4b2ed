"""Standing in for a colleague who is away: what one sees and does meanwhile, and nothing after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cti_adapters.storage import mapping
from cti_adapters.storage.accounts import accounts
from cti_adapters.storage.stand_ins import turning
from cti_server.calls.desk import Desk
from cti_server.calls.views import CallQuery
from cti_server.identity.accounts import User, Viewer
from cti_server.identity.desk import Accounts
from cti_server.identity.roles import role_state
from cti_server.shared.errors import Invalid, NotFound
from cti_server.shared.scope import EVERYTHING
from tests.adapters.desk_rig import Office
from tests.adapters.storage_rig import NOW, CheapHasher, customer, inbound

TODAY = datetime.fromtimestamp(NOW, UTC).date()
DAY = timedelta(days=1)
SECRET = {"confidentiality": 1}


class Firm(Office):
    """801 is away; 813 of the same branch may stand in. Of 801's customers one is of class 1."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.room: Accounts = accounts(self.database, self.clock, hasher=CheapHasher())
        role = self.room.roles()[[one.name for one in self.room.roles()].index("rep")]
        self.room.put_role(replace(role, name="junior", classes=frozenset({2, 3})))
        self.room.add_user(User("813", "u813", "代理 三郎", "121", "junior"), "correct horse")
        self.room.add_user(User("816", "u816", "Looks Only", "121", "compliance reviewer"), "correct horse")
        self.put(
            customer("100101", "+81355550142"),
            customer("100102", "+81355550143", **SECRET),
            customer("100103", "+81355550144", rep="802"),
        )
        self.rings(
            inbound(1, "0355550142", at=NOW - 600),
            inbound(2, "0355550143", at=NOW - 500),
            inbound(3, "0355550144", at=NOW - 400),
        )

    def who(self, user: str) -> Viewer:
        return self.room.viewer(user)

    def calls(self, user: str) -> list[str]:
        with self.desk(self.who(user)) as desk:
            return [row.id for row in desk.calls(CallQuery(), None, 50).rows]

    def away(self, first: date = TODAY, last: date = TODAY + DAY, user: str = "813", by: str = "801") -> None:
        self.room.name_stand_in(self.who(by), "801", user, (first, last), "休暇")


@pytest.fixture
def firm(tmp_path: Path) -> Iterator[Firm]:
    made = Firm(tmp_path)
    yield made
    made.database.close()


def test_it_begins_and_ends_by_itself_and_reaches_no_further_than_both_may_see(firm: Firm) -> None:
    assert firm.calls("813") == []
    firm.away(TODAY + DAY, TODAY + 2 * DAY)
    assert firm.calls("813") == []  # not yet
    firm.clock.at += 86_400
    assert len(firm.calls("813")) == 1  # not the class 1 customer, not the colleague's
    assert firm.who("813").scope.absent == {"801"}
    assert len(firm.calls("801")) == 2  # whoever is away keeps theirs
    firm.clock.at += 3 * 86_400
    assert firm.calls("813") == [] and firm.who("813").stands_in_for == ()


def test_the_screens_of_both_are_looked_at_as_it_begins_and_as_it_ends(firm: Firm) -> None:
    firm.away(TODAY + DAY, TODAY + DAY)
    ((one,), _colleagues) = firm.room.stand_ins(firm.who("801"), "801")

    def turning_at(at: float) -> list[str]:
        with firm.database.engine.connect() as connection:
            return turning(connection, at - 90, at)

    for moment in (one.since, one.until):
        assert turning_at(moment) == turning_at(moment + 60) == ["801", "813"]
        assert turning_at(moment - 1) == turning_at(moment + 90) == []
    assert one.since % 60 == one.until % 60 == 0  # the timetable looks at full minutes
    firm.room.end_stand_in(firm.who("801"), one.id)
    assert turning_at(one.until) == []


def test_the_worklist_and_the_record_say_for_whom(firm: Firm) -> None:
    firm.away()
    with firm.desk(firm.who("813")) as desk:
        (item,) = desk.worklist("open").items
        row = desk.record(item.id, [], None, "contact", "phone", "spoke", "伝言を預かった")
    assert (row.by, row.behalf, row.behalf_name) == ("813", "801", "name 801")
    noted = firm.trail("recorded")[-1]
    assert noted.user == "813" and noted.detail["for"] == "801"
    with firm.desk(firm.who("801")) as desk:  # who comes back reads what was done
        assert desk.customer("100101").history[0].behalf == "801"


def test_what_was_handed_to_who_is_away_is_the_stand_ins_too(firm: Firm) -> None:
    firm.put(customer("100104", "+81355550145", rep="813"))
    firm.rings(inbound(4, "0355550145", at=NOW - 300))
    with firm.database.open(EVERYTHING) as work:
        row = work.session.scalars(select(mapping.Item).order_by(mapping.Item.latest_at.desc())).first()
        assert row is not None
        row.assignee = "801"
    with firm.desk(firm.who("813")) as desk:
        assert len(desk.worklist("open").items) == 0
    firm.away()
    with firm.desk(firm.who("813")) as desk:
        assert [item.kind for item in desk.worklist("open").items].count("handed") == 1


def test_it_can_be_ended_at_once_by_either_and_by_nobody_else(firm: Firm) -> None:
    firm.away()
    stand_in = firm.room.stand_ins(firm.who("801"), "801")[0][0].id
    with pytest.raises(NotFound):
        firm.room.end_stand_in(firm.who("802"), stand_in)
    with pytest.raises(NotFound):
        firm.room.stand_ins(firm.who("802"), "801")
    told = len(firm.outbox("rights"))
    firm.room.end_stand_in(firm.who("813"), stand_in)
    assert firm.calls("813") == []
    assert firm.outbox("rights")[told:] == [{"users": ["801", "813"]}]
    assert [firm.trail(act)[-1].subject_id for act in ("stand-in-named", "stand-in-ended")] == ["801", "801"]
    with pytest.raises(NotFound):
        firm.room.end_stand_in(firm.who("813"), stand_in)


def test_nobody_passes_on_what_they_stand_in_for(firm: Firm) -> None:
    firm.room.add_user(User("817", "u817", "三人目", "121", "rep"), None)
    firm.away()
    firm.room.name_stand_in(firm.who("813"), "813", "817", (TODAY, TODAY))
    assert firm.calls("817") == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"first": TODAY + DAY, "last": TODAY}, "comes before the first"),
        ({"first": TODAY - 9 * DAY, "last": TODAY - 5 * DAY}, "are over"),
        ({"last": TODAY + 100 * DAY}, "three months at most"),
        ({"user": "816"}, "who handles calls"),
        ({"user": "801"}, "who handles calls"),
        ({"user": "nobody"}, "who handles calls"),
    ],
)
def test_what_cannot_be_gets_a_sentence(firm: Firm, wrong: dict[str, date], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        firm.away(**wrong)  # type: ignore[arg-type]
    assert firm.calls("813") == []


def test_days_do_not_overlap_and_the_stand_in_is_there(firm: Firm) -> None:
    firm.away()
    with pytest.raises(Invalid, match="already"):
        firm.away(TODAY + DAY, TODAY + 2 * DAY)
    firm.away(TODAY + 2 * DAY, TODAY + 3 * DAY)
    with pytest.raises(Invalid, match="is away on some of these days"):
        firm.room.name_stand_in(firm.who("813"), "813", "801", (TODAY, TODAY))


def test_a_preview_of_a_role_counts_whom_one_stands_in_for_and_their_change_is_told(firm: Firm) -> None:
    firm.put(mapping.User(id="990", login="u990", name="name 990", branch="122", role="administrator"))
    firm.away()
    chief, junior = firm.who("990"), firm.room.one_role(firm.who("990"), "junior").role
    wider = replace(junior, classes=frozenset({1, 2, 3}))
    (row,) = firm.room.preview_role(chief, wider).rows
    assert (row.before.customers, row.after.customers) == (1, 2)
    firm.room.save_role(chief, wider, role_state(junior))
    assert len(firm.calls("813")) == 2
    rep = firm.room.one_role(chief, "rep").role
    firm.room.save_role(chief, replace(rep, classes=frozenset({3})), role_state(rep))
    assert "813" in firm.outbox("rights")[-1]["users"] and len(firm.calls("813")) == 1


def test_a_role_that_handles_no_calls_any_more_stands_in_for_nobody(firm: Firm) -> None:
    firm.away()
    firm.room.set_role("813", "compliance reviewer")
    assert firm.who("813").scope.stands_in == frozenset()
    firm.room.set_role("813", "rep")
    assert len(firm.calls("813")) == 2  # a rep may see class 1, and so may 801


def test_a_session_and_a_desk_follow_without_a_new_sign_in(firm: Firm) -> None:
    firm.room.set_password("813", "correct horse")
    token = firm.room.sign_in("u813", "correct horse", "192.0.2.1")
    firm.away()
    found = firm.room.viewer_of(token)
    assert found is not None and [name for _id, name, _until in found.stands_in_for] == ["name 801"]
    with firm.database.open(found.scope) as work:
        assert [row.id for row in Desk(work, found, firm.clock).calls(CallQuery(), None, 9).rows] == firm.calls("813")
